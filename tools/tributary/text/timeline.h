// A journey in words.
#pragma once

#include <ostream>
#include <string>

#include "absl/time/time.h"
#include "tributary/profile/v1/profile.pb.h"

namespace tributary::cli {

// What happened, on one line: "ordered 2 × Pad Thai for 180.00 THB (order pos/1042, completed)".
std::string InWords(const events::v1::CustomerEvent& event);

// Prints entries one below the other; a line with the day whenever it changes.
class TimelinePrinter {
 public:
  // `out` must outlive it.
  TimelinePrinter(std::ostream& out, absl::TimeZone zone) : out_(out), zone_(zone) {}
  void Print(const profile::v1::JourneyEntry& entry);

 private:
  std::ostream& out_;
  const absl::TimeZone zone_;
  std::string day_;
};

namespace words {
// One for each family of bodies; empty if the body is of another.
std::string OfCommerce(const events::v1::CustomerEvent& event);
std::string OfContact(const events::v1::CustomerEvent& event);
std::string OfPerson(const events::v1::CustomerEvent& event);
// Text of others, shortened and without what could steer the terminal, in quotes.
std::string Quoted(const std::string& text);
// " (a, b)" of those that are not empty.
std::string InBrackets(std::initializer_list<std::string> parts);
}  // namespace words

}  // namespace tributary::cli
