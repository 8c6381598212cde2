// From what a client sends to what `intake` holds.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "ingestion/directory.h"
#include "tributary/eventlog/record.h"
#include "tributary/events/v1/customer_event.pb.h"
#include "tributary/ingestion/v1/ingestion.pb.h"

namespace tributary::ingestion {

// Of one event as the client sends it.
inline constexpr size_t kMaxEventBytes = 256 << 10;
// A clock that differs by less is taken to be right: a call takes its time.
inline constexpr absl::Duration kClockTolerance = absl::Seconds(10);

// Checks events of one call and makes records of them. One thread.
class EventPreparation {
 public:
  // `bound_source_id`: of the write key; empty: events name their source. `now`: the server's clock.
  EventPreparation(std::shared_ptr<const WorkspaceEntry> workspace, std::string bound_source_id, absl::Time now,
                   std::string traceparent);

  // Fills in `record`, or says why not and returns false. `event` is used up.
  //
  // The record's value is the client's bytes followed by those that the server adds (messages that stand one behind the
  // other merge), so that an event in which nothing had to be put right is serialised once.
  bool Prepare(events::v1::CustomerEvent& event, eventlog::Record* record, v1::IngestError* error);

 private:
  const SourceEntry* SourceOf(const events::v1::CustomerEvent& event, v1::IngestError* error) const;

  const std::shared_ptr<const WorkspaceEntry> workspace_;
  const std::string bound_source_id_;
  const absl::Time now_;
  // What the server adds; kept so that only what differs is set for each event.
  events::v1::CustomerEvent addition_;
  std::string client_bytes_;  // of the event at hand; kept for its memory
};

}  // namespace tributary::ingestion
