#include "text/rule_text.h"

#include <algorithm>

#include "fmt/format.h"
#include "text/format.h"
#include "text/table.h"
#include "tributary/rules/rule.h"

namespace tributary::cli {
namespace {

// The first `count` characters of `line`.
std::string_view Characters(std::string_view line, int count) {
  size_t bytes = 0;
  while (bytes < line.size()) {
    const bool begins = (static_cast<unsigned char>(line[bytes]) & 0xC0) != 0x80;
    if (begins && count-- == 0) break;
    ++bytes;
  }
  return line.substr(0, bytes);
}

}  // namespace

void PrintPlace(const absl::Status& error, std::string_view text, std::ostream& out) {
  const auto position = rules::PositionOf(error);
  if (!position.has_value()) return;
  for (int line = 1; line < position->line && text.find('\n') != std::string_view::npos; ++line) {
    text.remove_prefix(text.find('\n') + 1);
  }
  const std::string_view line = text.substr(0, text.find('\n'));
  // Control characters become one blank each, so what stands before the place keeps its width.
  const size_t width = DisplayWidth(OneLine(Characters(line, position->column - 1)));
  out << fmt::format("  {}\n  {:{}}^\n", OneLine(line), "", width);
}

std::string ProgressText(const profile::v1::TakeInProgress& progress) {
  if (progress.done()) return "done";
  const int64_t total = progress.profiles_total();
  const int64_t percent = total > 0 ? std::min<int64_t>(progress.profiles_done() * 100 / total, 99) : 0;
  return fmt::format("{} % ({} of {})", percent, Grouped(progress.profiles_done()), Grouped(total));
}

std::string ReasonText(events::v1::MembershipReason reason) {
  return EnumText(*events::v1::MembershipReason_descriptor(), reason);
}

}  // namespace tributary::cli
