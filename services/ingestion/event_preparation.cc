#include "ingestion/event_preparation.h"

#include <algorithm>
#include <utility>

#include "fmt/format.h"
#include "ingestion/checks.h"
#include "ingestion/event_checks.h"
#include "tributary/processor/record_type.h"
#include "xxhash.h"

namespace tributary::ingestion {
namespace {

using events::v1::CustomerEvent;
using google::protobuf::Timestamp;

std::string ToBytes(XXH128_hash_t hash) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, hash);
  return {reinterpret_cast<const char*>(canonical.digest), sizeof canonical.digest};
}

// The same for every record of one event, and nothing that a person could be known by. The source's id holds no ':'.
std::string KeyOf(const std::string& source_id, const std::string& event_id) {
  std::string name;
  name.reserve(source_id.size() + 1 + event_id.size());
  name.append(source_id).append(1, ':').append(event_id);
  return ToBytes(XXH3_128bits(name.data(), name.size()));
}

// `bytes` get the message at their end; its size must have been computed.
void AppendTo(const CustomerEvent& message, size_t size, std::string* bytes) {
  const size_t at = bytes->size();
  bytes->resize(at + size);
  message.SerializeWithCachedSizesToArray(reinterpret_cast<uint8_t*>(bytes->data() + at));
}

// Shifts by the error of the client's clock, clamps what lies ahead, keeps the claim.
void CorrectTime(Checks& c, CustomerEvent& event, const Timestamp* sent_at, absl::Time now, CustomerEvent& addition) {
  const Path at;
  c.Present(at["occurred_at"], event.has_occurred_at());
  c.Time(at["occurred_at"], event.occurred_at());
  if (sent_at != nullptr) c.Time(at["sent_at"], *sent_at);
  if (!c.ok()) return;
  const absl::Time claimed = FromProto(event.occurred_at());
  absl::Time occurred = claimed;
  if (sent_at != nullptr) {
    const absl::Duration shift = now - FromProto(*sent_at);
    if (absl::AbsDuration(shift) > kClockTolerance) occurred += shift;
  }
  CheckOccurred(c, at["occurred_at"], occurred, now);
  if (!c.ok()) return;
  occurred = std::min(occurred, now);
  if (occurred == claimed) return;
  SetProto(claimed, addition.mutable_claimed_occurred_at());
  SetProto(occurred, event.mutable_occurred_at());
  c.set_changed();
}

}  // namespace

EventPreparation::EventPreparation(std::shared_ptr<const WorkspaceEntry> workspace, std::string bound_source_id,
                                   absl::Time now, std::string traceparent)
    : workspace_(std::move(workspace)), bound_source_id_(std::move(bound_source_id)), now_(now) {
  addition_.set_workspace_id(workspace_->workspace_id);
  SetProto(now_, addition_.mutable_recorded_at());
  addition_.set_traceparent(std::move(traceparent));
}

const SourceEntry* EventPreparation::SourceOf(const CustomerEvent& event, v1::IngestError* error) const {
  const auto refuse = [&](const char* reason, const char* message, const char* mend) {
    error->set_reason(reason);
    error->set_field("source_id");
    error->set_message(message);
    error->set_mend(mend);
    return nullptr;
  };
  const std::string& wanted = event.source_id().empty() ? bound_source_id_ : event.source_id();
  if (wanted.empty()) return refuse("REQUIRED", "is missing", "Name the source, or send with its write key");
  if (!bound_source_id_.empty() && wanted != bound_source_id_) {
    return refuse("SOURCE_MISMATCH", "is not the source of the write key", "Leave it empty");
  }
  const SourceEntry* const source = workspace_->FindSource(wanted);
  if (source == nullptr) return refuse("UNKNOWN_SOURCE", "is no source of the workspace", "Create the source first");
  if (!source->active) return refuse("SOURCE_DISABLED", "is a disabled source", "Enable the source");
  return source;
}

bool EventPreparation::Prepare(CustomerEvent& event, eventlog::Record* record, v1::IngestError* error) {
  const SourceEntry* const source = SourceOf(event, error);
  if (source == nullptr) return false;
  Timestamp sent_at;
  const bool has_sent_at = event.has_sent_at();
  if (has_sent_at) {
    sent_at = event.sent_at();
    event.clear_sent_at();
  }
  ClearServerFields(event);
  Checks c(source->source_id, workspace_->default_currency);
  const size_t sent_size = event.ByteSizeLong();
  if (sent_size > kMaxEventBytes) {
    c.Refuse(Path(), "TOO_LARGE", fmt::format("has {} bytes", sent_size),
             fmt::format("Send at most {}; put files elsewhere and send their address", kMaxEventBytes));
    *error = c.error();
    return false;
  }
  std::string value;
  value.reserve(sent_size + 256);
  AppendTo(event, sent_size, &value);
  addition_.set_body_digest(ToBytes(XXH3_128bits(value.data(), value.size())));
  addition_.clear_claimed_occurred_at();
  CheckEvent(c, event, now_);
  CorrectTime(c, event, has_sent_at ? &sent_at : nullptr, now_, addition_);
  if (!c.ok()) {
    *error = c.error();
    return false;
  }
  if (c.changed()) {
    value.clear();
    AppendTo(event, event.ByteSizeLong(), &value);
  }
  addition_.set_source_id(event.source_id().empty() ? source->source_id : "");
  addition_.set_source_priority(source->priority);
  addition_.set_channel(event.channel() == events::v1::CHANNEL_UNSPECIFIED ? source->default_channel
                                                                           : events::v1::CHANNEL_UNSPECIFIED);
  if (has_sent_at) {
    *addition_.mutable_sent_at() = sent_at;
  } else {
    addition_.clear_sent_at();
  }
  AppendTo(addition_, addition_.ByteSizeLong(), &value);
  record->key = KeyOf(source->source_id, event.event_id());
  record->type = processor::RecordType<CustomerEvent>();
  record->value = std::move(value);
  return true;
}

}  // namespace tributary::ingestion
