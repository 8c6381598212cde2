// Where simulated effects go; remembers who called what.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tributary/base/random.h"
#include "tributary/processor/effects.h"

namespace tributary::simulation {

struct EffectCallSeen {
  std::string task;  // processor and partition
  uint64_t incarnation = 0;
  processor::EffectCall call;
};

// The outside, for all processes.
class SimOutside {
 public:
  explicit SimOutside(SeededRandom* random) : random_(random) {}
  // `may_call` is asked before each call: false, and the process has died before it was made.
  std::unique_ptr<processor::EffectChannels> ForProcess(std::string task, uint64_t incarnation,
                                                        std::function<bool()> may_call);
  // Ends a random call; false if none is open. The answer of a dead process's call goes nowhere.
  bool Finish();
  const std::vector<EffectCallSeen>& calls() const { return calls_; }

 private:
  friend class SimChannels;
  SeededRandom* const random_;
  std::vector<EffectCallSeen> calls_;
  std::vector<std::function<void(processor::EffectOutcome)>> open_;
};

}  // namespace tributary::simulation
