// What identity takes from a customer event: its name, and opaque keys in place of its identifiers. Holds no
// identifier's value.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "google/protobuf/timestamp.pb.h"
#include "tributary/events/v1/customer_event.pb.h"
#include "tributary/events/v1/identity.pb.h"
#include "tributary/identifier/identifier.h"
#include "tributary/identifier/key.h"

namespace tributary::identity {

// An identifier of the subject, by which the event may find its profile.
struct Candidate {
  events::v1::IdentifierKey key;
  int32_t ordinal = 0;  // index in the event's identifiers; IdentifiersLinked's a and b come behind the last
  int priority = 0;     // 1 is the highest
};

// An identifier that was left out whatever is known of it.
struct UnusableIdentifier {
  events::v1::LinkRefusalReason reason;
  events::v1::IdentifierKey key;  // as LinkRefused.identifier
};

struct IntakeEvent {
  // InvalidArgument if the event cannot be used; then nothing else is set.
  absl::Status usable;
  std::string workspace_id;
  std::string source_id;
  std::string event_id;
  std::string body_digest;
  std::string traceparent;
  events::v1::SubjectKind subject_kind = events::v1::SUBJECT_KIND_PERSON;  // never UNSPECIFIED
  google::protobuf::Timestamp recorded_at;
  bool has_recorded_at = false;
  // Distinct, in order of priority; of equal priority, the event's order.
  std::vector<Candidate> candidates;
  std::vector<UnusableIdentifier> unusable;  // in the event's order
};

// More identifiers in one event than ingestion would ever let through.
inline constexpr int kMaxEventIdentifiers = 100;

// `event`: null if the record did not parse. Ingestion has normalised identifiers already; that is not relied on.
IntakeEvent ReadIntakeEvent(const events::v1::CustomerEvent* event, const identifier::IdentifierRules& rules,
                            const identifier::KeyMaker& keys);

}  // namespace tributary::identity
