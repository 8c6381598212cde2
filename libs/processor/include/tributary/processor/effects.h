// Doing something outside once (rule 21).
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "tributary/processor/fact.h"

namespace tributary::processor {

struct EffectCall {
  std::string effect_id;  // the provider's idempotency key
  std::string channel;
  std::string payload;
  int32_t attempt = 1;
};

struct EffectOutcome {
  EffectStatus status = EffectStatus::kUnknown;  // never kWithheld
  std::string reason;                            // machine-readable
};

// Where effects go. Thread-safe.
class EffectChannels {
 public:
  virtual ~EffectChannels() = default;
  // The provider takes the effect's id for what it is: the same call twice is done once. A claim
  // without outcome is then tried again, else it is recorded as unknown and never repeated.
  virtual bool Idempotent(std::string_view channel) const = 0;
  // Returns at once; `done` is called once, on any thread, also when it failed.
  virtual void Call(EffectCall call, std::function<void(EffectOutcome)> done) = 0;
};

}  // namespace tributary::processor
