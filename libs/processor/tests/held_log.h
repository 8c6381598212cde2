// A log between a task and the shared one, whose appends land, fail, come twice or never, as a test says.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tributary/eventlog/testing/memory_log.h"

namespace tributary::processor {

// One thread. `base` outlives it.
class HeldLog final : public eventlog::EventLog {
 public:
  using Which = std::function<bool(const eventlog::PartitionRef&, const eventlog::Record&)>;

  explicit HeldLog(eventlog::MemoryLog* base) : base_(base) {}

  // From now on appends that `which` picks are held; null: none. Those that are held stay held.
  void Hold(Which which) { which_ = std::move(which); }
  void HoldBatches() {
    Hold([](const auto&, const eventlog::Record& record) { return record.type == "decision_batch"; });
  }
  void HoldTo(const std::string& log) {
    Hold([log](const eventlog::PartitionRef& target, const auto&) { return target.log == log; });
  }

  // Held appends, oldest first; whose session is gone too: such records are still on their way.
  size_t held() const { return held_.size(); }
  const eventlog::Record& record(size_t i) const { return held_.at(i).record; }

  // The record lands; its sender does not hear of it yet. Again: a copy lands.
  eventlog::Offset Land(size_t i) {
    auto producer = *base_->OpenProducer();
    eventlog::Offset landed{-1};
    producer->Append(held_.at(i).target, held_.at(i).record, [&](auto offset) { landed = offset.value(); });
    held_.at(i).landed = landed;
    return landed;
  }
  // The sender hears that it landed.
  void Acknowledge(size_t i) {
    Held held = Take(i);
    held.done(*held.landed);
  }
  eventlog::Offset Deliver(size_t i = 0) {
    const eventlog::Offset landed = Land(i);
    Acknowledge(i);
    return landed;
  }
  // The sender hears that the outcome is unknown.
  void Fail(size_t i = 0) { Take(i).done(absl::UnavailableError("no answer")); }
  // Nobody hears of it.
  void Forget(size_t i = 0) { Take(i); }
  void DeliverAll() {
    while (!held_.empty()) Deliver();
  }

  // While it is, every poll is Unavailable.
  void SetUnreachable(bool unreachable) { unreachable_ = unreachable; }
  // The last position that was reported.
  eventlog::Offset reported() const { return reported_; }

  const std::string& id() const override { return base_->id(); }
  const std::vector<eventlog::LogSpec>& logs() const override { return base_->logs(); }
  absl::StatusOr<std::unique_ptr<eventlog::PartitionReader>> OpenReader(const eventlog::PartitionRef& ref,
                                                                        eventlog::Offset from) override {
    auto reader = base_->OpenReader(ref, from);
    if (!reader.ok()) return reader.status();
    return std::make_unique<Reader>(this, *std::move(reader));
  }
  absl::StatusOr<std::unique_ptr<eventlog::Producer>> OpenProducer(const eventlog::ProducerOptions& options) override {
    return std::make_unique<Session>(this, *base_->OpenProducer(options));
  }
  absl::StatusOr<eventlog::Offset> End(const eventlog::PartitionRef& ref) override { return base_->End(ref); }
  std::shared_ptr<void> Watch(const eventlog::PartitionRef& ref, std::function<void()> wake) override {
    return base_->Watch(ref, std::move(wake));
  }
  absl::Status Health() const override { return base_->Health(); }
  void ReportPosition(std::string_view, const eventlog::PartitionRef&, eventlog::Offset next) override {
    reported_ = next;
  }

 private:
  class Reader final : public eventlog::PartitionReader {
   public:
    Reader(const HeldLog* log, std::unique_ptr<eventlog::PartitionReader> base) : log_(log), base_(std::move(base)) {}
    absl::StatusOr<eventlog::ReadResult> Poll(const eventlog::ReadLimits& limits) override {
      if (log_->unreachable_) return absl::UnavailableError("no broker");
      return base_->Poll(limits);
    }
    eventlog::Offset position() const override { return base_->position(); }
    void Seek(eventlog::Offset next) override { base_->Seek(next); }

   private:
    const HeldLog* const log_;
    const std::unique_ptr<eventlog::PartitionReader> base_;
  };
  struct Held {
    eventlog::PartitionRef target;
    eventlog::Record record;
    eventlog::AppendCallback done;
    std::optional<eventlog::Offset> landed;
  };
  class Session final : public eventlog::Producer {
   public:
    Session(HeldLog* log, std::unique_ptr<eventlog::Producer> base) : log_(log), base_(std::move(base)) {}
    void Append(const eventlog::PartitionRef& target, eventlog::Record record, eventlog::AppendCallback done) override {
      if (log_->which_ && log_->which_(target, record)) {
        log_->held_.push_back({target, std::move(record), std::move(done), std::nullopt});
      } else {
        base_->Append(target, std::move(record), std::move(done));
      }
    }

   private:
    HeldLog* const log_;
    std::unique_ptr<eventlog::Producer> base_;
  };

  Held Take(size_t i) {
    Held held = std::move(held_.at(i));
    held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(i));
    return held;
  }

  eventlog::MemoryLog* const base_;
  Which which_;
  bool unreachable_ = false;
  eventlog::Offset reported_{-1};
  std::deque<Held> held_;
};

}  // namespace tributary::processor
