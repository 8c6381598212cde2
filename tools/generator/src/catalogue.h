// What the imaginary group sells, shows and hears: dishes, rooms, places, pages, and what people say in Thai and
// English.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "tributary/base/random.h"

namespace tributary::generator {

struct Dish {
  std::string_view id;
  std::string_view name;
  std::string_view category;
  int64_t satang;
};

struct Room {
  std::string_view type;
  std::string_view rate_plan;
  int64_t satang;  // a night
};

struct Page {
  std::string_view path;
  std::string_view title;
};

// One thing to say, in both languages.
struct Talk {
  std::string_view topic;
  std::string_view thai;
  std::string_view english;

  std::string_view In(std::string_view language) const { return language == "th" ? thai : english; }
};

std::span<const Dish> Menu();
std::span<const Room> Rooms();
std::span<const std::string_view> Restaurants();
std::span<const std::string_view> Hotels();
std::span<const Page> Pages();
std::span<const Talk> Questions();
std::span<const Talk> StaffAnswers();
std::span<const Talk> Thanks();
// What guests of a restaurant, and what guests of a hotel, are displeased and pleased with.
std::span<const Talk> TableComplaints();
std::span<const Talk> RoomComplaints();
std::span<const Talk> TablePraise();
std::span<const Talk> RoomPraise();
std::span<const Talk> Suggestions();

template <typename T>
const T& Pick(std::span<const T> choices, SeededRandom& random) {
  return choices[random.Below(choices.size())];
}

}  // namespace tributary::generator
