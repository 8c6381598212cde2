#include "plan.h"

#include <algorithm>
#include <array>

#include "distributions.h"
#include "scenes.h"

namespace tributary::generator {
namespace {

// Weights of the hours of the day, from midnight.
using Hours = std::array<int, 24>;
constexpr Hours kOnline = {2, 1, 0, 0, 0, 0, 1, 3, 4, 4, 5, 7, 9, 6, 4, 4, 4, 5, 6, 8, 10, 10, 8, 5};
constexpr Hours kMeals = {0, 0, 0, 0, 0, 0, 0, 1, 2, 1, 3, 9, 10, 6, 2, 1, 2, 6, 10, 10, 7, 2, 0, 0};
constexpr Hours kOffice = {0, 0, 0, 0, 0, 0, 0, 0, 3, 8, 10, 7, 4, 7, 8, 7, 6, 4, 2, 0, 0, 0, 0, 0};
constexpr Hours kChatting = {0, 0, 0, 0, 0, 0, 0, 1, 3, 6, 7, 7, 8, 6, 5, 5, 5, 6, 7, 8, 8, 5, 2, 0};

// In percent, by month from January: the cool season and Songkran fill the tables and, more so, the rooms.
using Months = std::array<int, 12>;
constexpr Months kEvenly = {100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100};
constexpr Months kTables = {90, 85, 85, 100, 80, 70, 75, 75, 65, 75, 85, 100};
constexpr Months kNights = {100, 95, 75, 90, 50, 45, 55, 60, 40, 55, 80, 100};

// In percent, from Monday.
using Weekdays = std::array<int, 7>;
constexpr Weekdays kAllWeek = {100, 100, 100, 100, 100, 90, 90};
constexpr Weekdays kWeekEnds = {50, 50, 55, 60, 85, 100, 100};
constexpr Weekdays kWorkdays = {100, 90, 90, 90, 85, 35, 20};

struct Occasion {
  void (*scene)(Stage&);
  // How often in 30 days, for each habit: regular, club member, hotel guest, web visitor, tourist.
  std::array<double, kHabits> rates;
  const Hours* hours;
  const Months* months;
  const Weekdays* weekdays;
};

constexpr std::array kOccasions = std::to_array<Occasion>({
    {scene::VisitWebsite, {0.5, 0.7, 0.6, 1.3, 3.2}, &kOnline, &kEvenly, &kAllWeek},
    {scene::OpenApp, {0.3, 1.0, 0.1, 0.0, 0.0}, &kOnline, &kEvenly, &kAllWeek},
    {scene::EatOut, {1.6, 1.1, 0.45, 0.05, 2.8}, &kMeals, &kTables, &kWeekEnds},
    {scene::OrderDelivery, {0.14, 0.25, 0.03, 0.07, 0.2}, &kMeals, &kEvenly, &kAllWeek},
    {scene::CallUs, {0.14, 0.15, 0.25, 0.05, 0.5}, &kOffice, &kEvenly, &kWorkdays},
    {scene::ChatOnLine, {0.3, 0.4, 0.2, 0.05, 0.1}, &kChatting, &kEvenly, &kAllWeek},
    {scene::WriteMail, {0.05, 0.1, 0.25, 0.05, 0.8}, &kOffice, &kEvenly, &kWorkdays},
    {scene::BookStay, {0.02, 0.07, 0.24, 0.02, 1.2}, &kOnline, &kNights, &kAllWeek},
    {scene::UseTablet, {0.2, 0.15, 0.1, 0.0, 0.4}, &kMeals, &kTables, &kWeekEnds},
});

constexpr int kCampaignEveryDays = 14;

int Weight(absl::CivilDay day, const Months& months, const Weekdays& weekdays) {
  const int month = months[static_cast<size_t>(day.month() - 1)];
  return month * weekdays[static_cast<size_t>(absl::GetWeekday(day))] / 100;
}

absl::Time AtHour(absl::CivilDay day, const Hours& hours, SeededRandom& random) {
  int total = 0;
  for (const int weight : hours) total += weight;
  auto left = static_cast<int>(random.Below(static_cast<uint64_t>(total)));
  int64_t hour = 0;
  while (left >= hours[static_cast<size_t>(hour)]) left -= hours[static_cast<size_t>(hour++)];
  const auto second = static_cast<int64_t>(random.Below(3'600));
  return absl::FromCivil(absl::CivilSecond(day) + hour * 3'600 + second, Bangkok());
}

// Comes as by a Poisson process, of which the season and the weekday thin out the days.
void PlanOccasion(Stage& stage, const Occasion& occasion, const HistoryOptions& options) {
  const Character& who = stage.who();
  SeededRandom& random = stage.random();
  const double rate = occasion.rates[static_cast<size_t>(who.habit)] * who.activity / 30;
  if (rate <= 0) return;
  constexpr double kMeanWeight = 0.68;  // what thinning leaves, roughly
  for (double day = who.first_day + Exponential(random, rate / kMeanWeight); day < who.last_day;
       day += Exponential(random, rate / kMeanWeight)) {
    const absl::CivilDay date = options.first_day + static_cast<absl::civil_diff_t>(day);
    if (!stage.Chance(Weight(date, *occasion.months, *occasion.weekdays))) continue;
    stage.Later(AtHour(date, *occasion.hours, random), occasion.scene);
  }
}

void PlanJoining(Stage& stage, const HistoryOptions& options) {
  const Character& who = stage.who();
  const auto on = [&](int64_t day) { return AtHour(options.first_day + day, kOnline, stage.random()); };
  switch (who.joining) {
    case Joining::kBefore:
      // A file that is read in before the doors open.
      stage.Later(stage.start() + absl::Seconds(stage.Between(0, 5 * 3'600)), scene::BringOver);
      break;
    case Joining::kWeb:
    case Joining::kStore:
    case Joining::kApp:
    case Joining::kLine:
      stage.Later(on(who.first_day + stage.Between(0, 40)), scene::SignUp);
      break;
    case Joining::kNever:
    case Joining::kCheckIn:
      break;
  }
  if (who.has_line && stage.Chance(80)) stage.Later(on(who.first_day + stage.Between(0, 60)), scene::LinkLine);
}

}  // namespace

void Plan(Stage& stage, const HistoryOptions& options) {
  const Character& who = stage.who();
  PlanJoining(stage, options);
  for (const Occasion& occasion : kOccasions) PlanOccasion(stage, occasion, options);
  for (int32_t day = 9; day < who.last_day; day += kCampaignEveryDays) {
    if (day < who.first_day) continue;
    const absl::Time sent = absl::FromCivil(absl::CivilHour(options.first_day + day) + 10, Bangkok());
    const int campaign = day / kCampaignEveryDays + 1;
    stage.Later(sent + absl::Seconds(stage.Between(0, 1'800)),
                [campaign](Stage& later) { scene::GetNewsletter(later, campaign); });
  }
  const int32_t some_day = who.first_day + static_cast<int32_t>(stage.Between(30, 200));
  if (stage.Chance(6)) stage.Later(AtHour(options.first_day + some_day, kOnline, stage.random()), scene::WithdrawNews);
  if (stage.Chance(8)) stage.Later(AtHour(options.first_day + some_day, kOnline, stage.random()), scene::StateWishes);
}

}  // namespace tributary::generator
