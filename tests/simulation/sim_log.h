// A log whose appends land when the simulation says so: late, twice, out of order once their session has
// failed, or never; acknowledgements come late or are lost.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tributary/base/random.h"
#include "tributary/eventlog/event_log.h"

namespace tributary::simulation {

using eventlog::Offset;
using eventlog::Partition;
using eventlog::PartitionRef;

// One thread. Outlives all readers, producers and watches.
class SimLog {
 public:
  SimLog(std::vector<eventlog::LogSpec> specs, SeededRandom* random, std::function<absl::Time()> now);

  // What one process sees. `may_append` is asked before each append: false, and it never lands (the process
  // dies at this moment).
  std::unique_ptr<eventlog::EventLog> ForProcess(std::function<bool()> may_append);

  // Each moves one random thing; false if there is nothing to move.
  bool Land();         // the next append of a healthy session
  bool Acknowledge();  // the oldest landed append of a session, and the failures of failed ones
  bool FailSession();  // what it has not acknowledged has an unknown outcome
  bool LandLate();     // an append whose session has failed, in any order
  bool LoseLate();     // it never lands
  bool Idle() const;   // none of the above would move anything but FailSession

  // Appends at once, past every fault.
  Offset AppendNow(const PartitionRef& ref, eventlog::Record record);
  const std::vector<eventlog::RecordPtr>& Records(const PartitionRef& ref) const;
  std::vector<PartitionRef> Partitions() const;
  // Over everything in the log, in order.
  uint64_t Hash() const { return hash_; }
  // From now on no append is duplicated and nothing is lost.
  void StopFaults() { faults_ = false; }
  // Readers return few records at a time.
  void SetSmallReads(bool small) { small_reads_ = small; }
  // An append may be lost in the midst of its session.
  void SetFaithless(bool faithless) { faithless_ = faithless; }

 private:
  friend class SimReader;
  friend class SimProducer;
  friend class SimProcessLog;

  struct Append {
    eventlog::Record record;
    eventlog::AppendCallback done;
    bool landed = false;
    Offset offset{-1};
  };
  // The appends of one session to one partition.
  struct Channel {
    PartitionRef target;
    std::deque<Append> appends;
    size_t landed = 0;  // of appends, from the front
    bool failed = false;
  };
  struct Late {
    PartitionRef target;
    eventlog::Record record;
  };
  struct PartitionState {
    std::vector<eventlog::RecordPtr> records;
    std::map<uint64_t, std::function<void()>> watchers;
  };

  Offset Put(const PartitionRef& ref, eventlog::Record record);
  void Fail(Channel& channel, bool answer_now);
  bool FailOne();
  void Forget(const std::shared_ptr<Channel>& channel);
  template <typename Wanted>
  std::shared_ptr<Channel> Pick(const Wanted& wanted);

  const std::string id_ = "simulated";
  const std::vector<eventlog::LogSpec> specs_;
  SeededRandom* const random_;
  const std::function<absl::Time()> now_;
  std::map<PartitionRef, PartitionState> partitions_;
  std::vector<std::shared_ptr<Channel>> channels_;
  std::vector<Late> late_;
  std::vector<eventlog::AppendCallback> timed_out_;  // lost in the midst of a session that goes on
  uint64_t next_watcher_ = 1;
  uint64_t hash_ = 0;
  bool faults_ = true;
  bool small_reads_ = false;
  bool faithless_ = false;
};

// Mixes `value` into `hash`; order matters.
uint64_t Mix(uint64_t hash, uint64_t value);
uint64_t HashText(std::string_view text);

}  // namespace tributary::simulation
