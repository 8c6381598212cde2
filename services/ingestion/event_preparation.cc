#include "ingestion/event_preparation.h"

#include <algorithm>
#include <array>
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

void SetHash(XXH128_hash_t hash, std::string* bytes) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, hash);
  bytes->assign(reinterpret_cast<const char*>(canonical.digest), sizeof canonical.digest);
}

// The same for every record of one event, and nothing that a person could be known by. Both ids were checked; the
// source's holds no ':'.
void SetKey(const std::string& source_id, const std::string& event_id, std::string* key) {
  std::array<char, 256> name;  // 63 + 1 + 128 bytes at most
  const auto end = fmt::format_to_n(name.begin(), name.size(), "{}:{}", source_id, event_id);
  SetHash(XXH3_128bits(name.data(), std::min(end.size, name.size())), key);
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
  c.ClockTime(at["occurred_at"], event.occurred_at());
  if (sent_at != nullptr) c.ClockTime(at["sent_at"], *sent_at);
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
  client_bytes_.clear();
  AppendTo(event, sent_size, &client_bytes_);
  SetHash(XXH3_128bits(client_bytes_.data(), client_bytes_.size()), addition_.mutable_body_digest());
  addition_.clear_claimed_occurred_at();
  CheckEvent(c, event, now_);
  CorrectTime(c, event, has_sent_at ? &sent_at : nullptr, now_, addition_);
  if (!c.ok()) {
    *error = c.error();
    return false;
  }
  if (c.changed()) {
    client_bytes_.clear();
    AppendTo(event, event.ByteSizeLong(), &client_bytes_);
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
  SetKey(source->source_id, event.event_id(), &record->key);
  record->type = processor::RecordType<CustomerEvent>();
  // Exactly as large as needed: the log keeps recent records in memory.
  const size_t addition_size = addition_.ByteSizeLong();
  record->value.reserve(client_bytes_.size() + addition_size);
  record->value = client_bytes_;
  AppendTo(addition_, addition_size, &record->value);
  return true;
}

}  // namespace tributary::ingestion
