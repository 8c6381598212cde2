// What comes into a processor and what goes out of it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "tributary/eventlog/record.h"
#include "tributary/processor/record_type.h"

namespace tributary::processor {

using eventlog::Offset;
using eventlog::Partition;
using eventlog::PartitionRef;

// A message in its bytes, parsed at most once. Copies share the parsed message. One thread at a time.
class Payload {
 public:
  Payload() = default;
  // `bytes` must outlive the payload and its copies.
  explicit Payload(std::string_view bytes) : bytes_(bytes) {}
  template <typename M>
  static Payload Of(M message) {
    Payload payload;
    payload.parsed_ = std::make_shared<M>(std::move(message));
    payload.descriptor_ = M::descriptor();
    return payload;
  }

  // The message, or null if the bytes are not one. Every caller asks for the same M.
  template <typename M>
  const M* As() const {
    if (parsed_ == nullptr) {
      auto message = std::make_shared<M>();
      if (!message->ParseFromArray(bytes_.data(), static_cast<int>(bytes_.size()))) return nullptr;
      parsed_ = std::move(message);
      descriptor_ = M::descriptor();
    }
    return descriptor_ == M::descriptor() ? static_cast<const M*>(parsed_.get()) : nullptr;
  }
  // The bytes as given, or the message's (deterministic: messages hold no maps).
  std::string Bytes() const {
    return parsed_ != nullptr && bytes_.empty() ? parsed_->SerializeAsString() : std::string(bytes_);
  }

 private:
  std::string_view bytes_;
  mutable std::shared_ptr<const google::protobuf::Message> parsed_;
  mutable const google::protobuf::Descriptor* descriptor_ = nullptr;
};

// A record that somebody else wrote, or one decision of another processor's batch.
struct Fact {
  Offset offset;
  // The decision's place in its batch; -1 for a record.
  int32_t index = -1;
  std::string_view type;
  std::string_view key;  // of the record
  Payload value;
  absl::Time appended_at;
  // How many decisions led to it; 0 for what came from outside.
  int32_t depth = 0;
  // Older than this processor: it changes state but starts nothing.
  bool historical = false;
  // Came through a relay (it has an origin): not from outside.
  bool relayed = false;
  // It was dead-lettered at that offset before, and an operator sent it again.
  std::optional<Offset> redrive_of;
};

// A timer whose time has come. Arming is a decision: see ArmTimer below.
struct DueTimer {
  std::string key;
  std::string id;
  absl::Time due;
  std::string payload;
};

// What somebody asks the owner of a partition to do (DESIGN section 5).
struct Command {
  std::string request_id;  // 1..128 bytes; the same id within 7 days gets the same answer
  std::string type;        // record_type of the body's message, or any name of the service's
  std::string body;        // serialised message
};

// An effect that nobody has claimed yet, or whose claim is to be tried again: may it be done now?
struct ReadyEffect {
  std::string effect_id;
  std::string channel;
  std::string payload;
  int32_t attempt = 1;  // the one that would be claimed
};

enum class EffectStatus { kDelivered, kFailed, kUnknown, kWithheld };

// What became of an effect; the task has recorded it already.
struct EndedEffect {
  std::string effect_id;
  std::string channel;
  EffectStatus status = EffectStatus::kUnknown;
  std::string reason;
};

using Input = std::variant<Fact, DueTimer, Command, ReadyEffect, EndedEffect>;

// One conclusion.
struct Decision {
  std::string_view type;  // static: a record_type
  Payload value;

  template <typename M>
  static Decision Of(M message) {
    return {RecordType<M>(), Payload::Of(std::move(message))};
  }
};

// "That record, with this added": the value of the fact being decided followed by `patch`, a serialised
// message of the same type; needs no copy in the batch.
struct FactPatch {
  std::string patch;
};

// A record for some partition, sent in order once the batch is valid.
struct Output {
  PartitionRef to;
  std::string type;
  std::string key;
  // FactPatch only while a record fact (index -1) is decided.
  std::variant<std::string, FactPatch> value;
  // The task's own, of a copy in the dead-letter log.
  std::string dead_letter_reason = {};
  // It is the fact that is being decided, sent on, and no conclusion of it: it gets no deeper.
  bool forwards = false;
};

// The answer to a command; recorded, unless `retry`.
struct Reply {
  absl::StatusCode code = absl::StatusCode::kOk;
  std::string reason;  // machine-readable, of a rejection
  std::string field;
  std::string message;  // for people; no personal values
  std::string body;     // serialised message of ids and revision; no resource
  // The caller shall try again; nothing was decided (PROFILE_MOVING, unavailable).
  bool retry = false;

  static Reply Ok(const google::protobuf::MessageLite& body) { return {.body = body.SerializeAsString()}; }
  static Reply Reject(absl::StatusCode code, std::string reason, std::string field, std::string message) {
    return {code, std::move(reason), std::move(field), std::move(message), "", false};
  }
};

// Everything that follows from one input. Bounds: 10,000 decisions, 10,000 outputs and 512 KiB.
struct Decided {
  std::vector<Decision> decisions;
  std::vector<Output> outputs;
  // Exactly for commands.
  std::optional<Reply> reply;
  // For a ReadyEffect: do not do it, for this machine-readable reason. Otherwise it is claimed.
  std::optional<std::string> withhold;
  // How many decisions led to the input, where the input does not say: a fact that was held is decided by a timer.
  // Unset: as deep as the fact, 0 for other inputs.
  std::optional<int32_t> depth;
};

// Decisions that the task itself applies.

// At most one timer per (key, id) in a task; arming it again moves it. One that is due already fires in
// a later step.
Decision ArmTimer(std::string key, std::string id, absl::Time due, std::string payload = "");
Decision CancelTimer(std::string key, std::string id);
// `effect_id` is unique for ever in the task and is the provider's idempotency key; a second request
// with the same id is ignored.
Decision RequestEffect(std::string effect_id, std::string channel, std::string payload);

}  // namespace tributary::processor
