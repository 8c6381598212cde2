#include "input/history_check.h"

#include "fmt/format.h"
#include "text/format.h"
#include "tributary/base/status.h"

namespace tributary::cli {

absl::Time ArrivalOf(const events::v1::CustomerEvent& event) {
  if (event.has_sent_at()) return TimeOf(event.sent_at());
  return event.has_occurred_at() ? TimeOf(event.occurred_at()) : absl::InfinitePast();
}

absl::StatusOr<std::set<std::string>> CheckHistory(EventReader& reader, absl::Duration step) {
  std::set<std::string> source_ids;
  absl::Time latest = absl::InfinitePast();
  int64_t latest_line = 0;
  for (ReadEvent read; reader.Next(read); read = ReadEvent()) {
    if (!read.status.ok()) continue;
    source_ids.insert(read.event.source_id());
    const absl::Time arrival = ArrivalOf(read.event);
    if (arrival == absl::InfinitePast()) continue;
    if (arrival < latest - step) {
      return InvalidField("NOT_BY_TIME", fmt::format("line {}", read.line),
                          fmt::format("lies before line {} by more than --step", latest_line),
                          "Sort the file by occurred_at, or by sent_at where an event has one");
    }
    if (arrival <= latest) continue;
    latest = arrival;
    latest_line = read.line;
  }
  if (reader.failed()) return absl::DataLossError("the file could not be read to its end");
  return source_ids;
}

}  // namespace tributary::cli
