// What an event says as an entry of a journey: whether it is well formed, what counts of it once it is
// amended, and which amendment counts. Pure functions; thread-safe.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "google/protobuf/timestamp.pb.h"
#include "profile/tables.h"
#include "tributary/events/v1/customer_event.pb.h"

namespace tributary::profile {

// Microseconds since the epoch, rounded down.
int64_t MicrosOf(const google::protobuf::Timestamp& time);
google::protobuf::Timestamp TimestampOf(int64_t micros);
// From the year 1 to 9999, as the type demands.
bool IsTime(const google::protobuf::Timestamp& time);

// OK, or Internal naming the field: ingestion and identity let none pass that is not, so the fault is ours.
absl::Status CheckEvent(const events::v1::CustomerEvent& event);

// Retractions and corrections: they tell about other events, not about the customer.
bool IsControl(events::v1::CustomerEvent::BodyCase body);

// The event that a retraction or a correction names; null for others.
const events::v1::EventRef* NamedEvent(const events::v1::CustomerEvent& event);

// Puts the correction that counts into `event`. False if there is none, or it is of another body type than the event,
// or the event is a retraction or correction itself: then nothing is changed.
bool Correct(const storage::v1::EntryAmendments& amendments, events::v1::CustomerEvent* event);

// The entry's event as it counts: parsed, and corrected. Empty if it does not parse, which was looked at before it was
// kept.
events::v1::CustomerEvent CountingEvent(const storage::v1::EntryRow& row);

// Of an event as it counts.
storage::v1::EntryFigures FiguresOf(const events::v1::CustomerEvent& event);

// Retracted, by a retraction that has effect.
bool IsRetracted(const storage::v1::EntryRow& row);
// Neither retracted nor a control event.
bool Counts(const storage::v1::EntryRow& row);

// What a retraction or correction does to the event that it names.
storage::v1::EntryAmendments AmendmentsBy(const events::v1::CustomerEvent& control);
// Both amendments in one: the result does not depend on which came first.
void MergeAmendments(const storage::v1::EntryAmendments& more, storage::v1::EntryAmendments* amendments);

}  // namespace tributary::profile
