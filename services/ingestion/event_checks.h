// Checks of a customer event as a whole: envelope and body.
#pragma once

#include "absl/time/time.h"
#include "ingestion/checks.h"
#include "tributary/events/v1/customer_event.pb.h"

namespace tributary::ingestion {

// Events and times further ahead of the clock than this are refused.
inline constexpr absl::Duration kMaxAhead = absl::Hours(24);

// The client's fields but source_id, occurred_at and sent_at.
void CheckEvent(Checks& c, events::v1::CustomerEvent& event, absl::Time now);

// Years 1970 to `now` + kMaxAhead. A year that looks like the Buddhist era gets the Gregorian one as mend.
void CheckOccurred(Checks& c, const Path& at, absl::Time occurred, absl::Time now);

// Clears what the server sets (fields from 30 on, and those that this release does not know); whether there was any.
bool ClearServerFields(events::v1::CustomerEvent& event);

absl::Time FromProto(const google::protobuf::Timestamp& time);
void SetProto(absl::Time time, google::protobuf::Timestamp* proto);

}  // namespace tributary::ingestion
