#include "sim_channels.h"

#include <utility>

#include "sim_processor.h"

namespace tributary::simulation {

class SimChannels final : public processor::EffectChannels {
 public:
  SimChannels(SimOutside* outside, std::string task, uint64_t incarnation, std::function<bool()> may_call)
      : outside_(outside), task_(std::move(task)), incarnation_(incarnation), may_call_(std::move(may_call)) {}
  bool Idempotent(std::string_view channel) const override { return channel == kSureChannel; }
  void Call(processor::EffectCall call, std::function<void(processor::EffectOutcome)> done) override {
    if (!may_call_()) return;
    outside_->calls_.push_back({task_, incarnation_, std::move(call)});
    outside_->open_.push_back(std::move(done));
  }

 private:
  SimOutside* const outside_;
  const std::string task_;
  const uint64_t incarnation_;
  const std::function<bool()> may_call_;
};

std::unique_ptr<processor::EffectChannels> SimOutside::ForProcess(std::string task, uint64_t incarnation,
                                                                  std::function<bool()> may_call) {
  return std::make_unique<SimChannels>(this, std::move(task), incarnation, std::move(may_call));
}

bool SimOutside::Finish() {
  if (open_.empty()) return false;
  const size_t i = random_->Below(open_.size());
  auto done = std::move(open_[i]);
  open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(i));
  done({processor::EffectStatus::kDelivered, "SIM_DONE"});
  return true;
}

}  // namespace tributary::simulation
