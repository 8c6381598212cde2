#include "text/timeline.h"

#include "absl/strings/str_replace.h"
#include "fmt/format.h"
#include "text/format.h"
#include "text/table.h"

namespace tributary::cli {
namespace words {

std::string Quoted(const std::string& text) { return fmt::format("\"{}\"", OneLine(text, 100)); }

std::string InBrackets(std::initializer_list<std::string> parts) {
  std::string joined;
  for (const std::string& part : parts) {
    if (part.empty()) continue;
    if (!joined.empty()) joined += ", ";
    joined += part;
  }
  return joined.empty() ? "" : fmt::format(" ({})", OneLine(joined, 160));
}

}  // namespace words

namespace {

// For bodies that a newer server knows and this binary does not.
std::string TypeName(const events::v1::CustomerEvent& event) {
  const auto* field = events::v1::CustomerEvent::descriptor()->FindFieldByNumber(event.body_case());
  return field == nullptr ? "something that this version does not know"
                          : absl::StrReplaceAll(field->name(), {{"_", " "}});
}

}  // namespace

std::string InWords(const events::v1::CustomerEvent& event) {
  for (const auto& of : {words::OfCommerce, words::OfContact, words::OfPerson}) {
    std::string text = of(event);
    if (!text.empty()) return text;
  }
  return TypeName(event);
}

void TimelinePrinter::Print(const profile::v1::JourneyEntry& entry) {
  const absl::Time time = TimeOf(entry.occurred_at());
  const std::string day = absl::FormatTime("%a %E4Y-%m-%d", time, zone_);
  if (day != day_) out_ << "\n" << day << "\n";
  day_ = day;
  const auto& event = entry.event();
  std::string channel = EnumText(*events::v1::Channel_descriptor(), event.channel());
  if (channel.empty()) channel = "-";
  out_ << fmt::format("  {}  {:<8}  {}", absl::FormatTime("%H:%M:%S", time, zone_), channel, InWords(event));
  if (entry.retracted()) out_ << "  [retracted]";
  if (entry.corrected()) out_ << "  [corrected]";
  if (!entry.merged_from().empty()) out_ << fmt::format("  [from {}]", entry.merged_from());
  out_ << "\n";
}

}  // namespace tributary::cli
