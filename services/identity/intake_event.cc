#include "identity/intake_event.h"

#include <algorithm>
#include <utility>

#include "fmt/format.h"
#include "tributary/base/status.h"

namespace tributary::identity {
namespace {

using events::v1::CustomerEvent;

absl::Status CheckUsable(const CustomerEvent* event) {
  if (event == nullptr) return InvalidField("MALFORMED", "value", "is no customer event", "Send it again in whole");
  for (const auto& [field, value] :
       {std::pair{"workspace_id", &event->workspace_id()}, std::pair{"source_id", &event->source_id()},
        std::pair{"event_id", &event->event_id()}}) {
    if (value->empty()) return InvalidField("REQUIRED", field, "is empty", "Ingest the event through ingestion");
  }
  // What identity adds would merge with what is there.
  if (event->has_resolution()) {
    return InvalidField("UNEXPECTED", "resolution", "is set before the event was resolved", "Leave it unset");
  }
  if (event->identifiers_size() > kMaxEventIdentifiers) {
    return InvalidField("TOO_MANY", "identifiers", fmt::format("are more than {}", kMaxEventIdentifiers),
                        "Send those of the subject alone");
  }
  return absl::OkStatus();
}

bool IsSubject(const events::v1::Identifier& given) {
  return given.role() == events::v1::IDENTIFIER_ROLE_UNSPECIFIED || given.role() == events::v1::IDENTIFIER_ROLE_SUBJECT;
}

// Why there is no normal form, and what of the identifier may be told.
UnusableIdentifier Unusable(const events::v1::Identifier& given, const absl::Status& why) {
  const auto detail = DetailOf(why);
  const std::string_view reason = detail.has_value() ? std::string_view(detail->reason) : std::string_view();
  UnusableIdentifier result;
  result.reason = reason == identifier::reason::kBlockedValue ? events::v1::LINK_REFUSAL_REASON_BLOCKED_VALUE
                                                              : events::v1::LINK_REFUSAL_REASON_MALFORMED_VALUE;
  // A type that is none, or an issuer nobody checked, may be a value in the wrong field.
  if (reason != identifier::reason::kUnknownType) result.key.set_type(given.type());
  return result;
}

class Reader {
 public:
  Reader(const identifier::IdentifierRules& rules, const identifier::KeyMaker& keys, IntakeEvent& out)
      : rules_(rules), keys_(keys), out_(out) {}

  void Take(const events::v1::Identifier& given, int32_t ordinal) {
    const absl::StatusOr<identifier::Identifier> normal =
        identifier::Normalise({given.type(), given.issuer(), given.value()}, {.rules = &rules_});
    if (!normal.ok()) {
      out_.unusable.push_back(Unusable(given, normal.status()));
      return;
    }
    Candidate candidate;
    candidate.key.set_key(keys_.Make(out_.workspace_id, *normal).bytes());
    candidate.key.set_type(normal->type);
    candidate.key.set_issuer(normal->issuer);
    candidate.ordinal = ordinal;
    candidate.priority = rules_.For(normal->type).priority;
    const bool known = std::any_of(out_.candidates.begin(), out_.candidates.end(),
                                   [&](const Candidate& earlier) { return earlier.key.key() == candidate.key.key(); });
    if (!known) out_.candidates.push_back(std::move(candidate));
  }

  // One side of an IdentifiersLinked: the link was asked for expressly.
  void TakeLinked(const events::v1::Identifier& given, int32_t ordinal) {
    if (IsSubject(given)) return Take(given, ordinal);
    const absl::StatusOr<identifier::Identifier> normal =
        identifier::Normalise({given.type(), given.issuer(), given.value()}, {.rules = &rules_});
    if (!normal.ok()) {
      out_.unusable.push_back(Unusable(given, normal.status()));
      return;
    }
    UnusableIdentifier refused{events::v1::LINK_REFUSAL_REASON_ROLE_NOT_SUBJECT, {}};
    refused.key.set_key(keys_.Make(out_.workspace_id, *normal).bytes());
    refused.key.set_type(normal->type);
    refused.key.set_issuer(normal->issuer);
    out_.unusable.push_back(std::move(refused));
  }

 private:
  const identifier::IdentifierRules& rules_;
  const identifier::KeyMaker& keys_;
  IntakeEvent& out_;
};

}  // namespace

IntakeEvent ReadIntakeEvent(const CustomerEvent* event, const identifier::IdentifierRules& rules,
                            const identifier::KeyMaker& keys) {
  IntakeEvent result;
  result.usable = CheckUsable(event);
  if (!result.usable.ok()) return result;
  result.workspace_id = event->workspace_id();
  result.source_id = event->source_id();
  result.event_id = event->event_id();
  result.body_digest = event->body_digest();
  result.traceparent = event->traceparent();
  if (event->subject_kind() != events::v1::SUBJECT_KIND_UNSPECIFIED) result.subject_kind = event->subject_kind();
  result.has_recorded_at = event->has_recorded_at();
  if (result.has_recorded_at) result.recorded_at = event->recorded_at();

  Reader reader(rules, keys, result);
  for (int32_t i = 0; i < event->identifiers_size(); ++i) {
    if (IsSubject(event->identifiers(i))) reader.Take(event->identifiers(i), i);
  }
  if (event->has_identifiers_linked()) {
    reader.TakeLinked(event->identifiers_linked().a(), event->identifiers_size());
    reader.TakeLinked(event->identifiers_linked().b(), event->identifiers_size() + 1);
  }
  std::stable_sort(result.candidates.begin(), result.candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.priority < b.priority; });
  return result;
}

}  // namespace tributary::identity
