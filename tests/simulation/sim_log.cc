#include "sim_log.h"

#include <algorithm>
#include <utility>

#include "xxhash.h"

namespace tributary::simulation {

using eventlog::RecordPtr;

uint64_t Mix(uint64_t hash, uint64_t value) {
  const uint64_t both[] = {hash, value};
  return XXH3_64bits(both, sizeof both);
}

uint64_t HashText(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }

class SimReader final : public eventlog::PartitionReader {
 public:
  SimReader(const SimLog* log, PartitionRef ref, Offset from) : log_(log), ref_(std::move(ref)), position_(from) {}

  absl::StatusOr<eventlog::ReadResult> Poll(const eventlog::ReadLimits& limits) override {
    const std::vector<RecordPtr>& records = log_->Records(ref_);
    const auto end = static_cast<int64_t>(records.size());
    if (position_.value() > end) return absl::DataLossError("the position is beyond the end");
    size_t most = limits.max_records;
    if (log_->small_reads_) most = std::min<size_t>(most, 1 + log_->random_->Below(log_->random_->Chance(40) ? 1 : 6));
    eventlog::ReadResult result;
    while (position_.value() < end && result.records.size() < most) {
      result.records.push_back(records[static_cast<size_t>(position_.value())]);
      position_ = eventlog::Next(position_);
    }
    result.at_end = position_.value() == end;
    return result;
  }
  Offset position() const override { return position_; }
  void Seek(Offset next) override { position_ = next; }

 private:
  const SimLog* const log_;
  const PartitionRef ref_;
  Offset position_;
};

class SimProducer final : public eventlog::Producer {
 public:
  SimProducer(SimLog* log, std::function<bool()> may_append) : log_(log), may_append_(std::move(may_append)) {}
  ~SimProducer() override {
    for (auto& [target, channel] : channels_) {
      log_->Fail(*channel, /*answer_now=*/true);
      log_->Forget(channel);
    }
  }

  void Append(const PartitionRef& target, eventlog::Record record, eventlog::AppendCallback done) override {
    auto& channel = channels_[target];
    if (channel == nullptr) {
      channel = std::make_shared<SimLog::Channel>();
      channel->target = target;
      log_->channels_.push_back(channel);
    }
    const absl::Status valid = eventlog::Validate(record);
    if (!valid.ok()) return done(valid);
    const bool alive = may_append_();
    // After a failure nothing of this session is tried any more; it may have been on its way all the same.
    if (channel->failed && alive && log_->faults_ && log_->random_->Chance(30)) {
      log_->late_.push_back({target, record});
    }
    channel->appends.push_back({std::move(record), std::move(done), false, Offset(-1)});
    if (!alive) channel->failed = true;
  }

 private:
  SimLog* const log_;
  const std::function<bool()> may_append_;
  std::map<PartitionRef, std::shared_ptr<SimLog::Channel>> channels_;
};

class SimProcessLog final : public eventlog::EventLog {
 public:
  SimProcessLog(SimLog* log, std::function<bool()> may_append) : log_(log), may_append_(std::move(may_append)) {}

  const std::string& id() const override { return log_->id_; }
  const std::vector<eventlog::LogSpec>& logs() const override { return log_->specs_; }
  absl::StatusOr<std::unique_ptr<eventlog::PartitionReader>> OpenReader(const PartitionRef& ref, Offset from) override {
    if (!log_->partitions_.contains(ref)) return absl::NotFoundError("no such partition");
    return std::make_unique<SimReader>(log_, ref, from);
  }
  absl::StatusOr<std::unique_ptr<eventlog::Producer>> OpenProducer(const eventlog::ProducerOptions&) override {
    return std::make_unique<SimProducer>(log_, may_append_);
  }
  absl::StatusOr<Offset> End(const PartitionRef& ref) override {
    return Offset(static_cast<int64_t>(log_->Records(ref).size()));
  }
  std::shared_ptr<void> Watch(const PartitionRef& ref, std::function<void()> wake) override {
    const uint64_t id = log_->next_watcher_++;
    log_->partitions_.at(ref).watchers[id] = std::move(wake);
    return {nullptr, [log = log_, ref, id](void*) { log->partitions_.at(ref).watchers.erase(id); }};
  }
  absl::Status Health() const override { return absl::OkStatus(); }

 private:
  SimLog* const log_;
  const std::function<bool()> may_append_;
};

SimLog::SimLog(std::vector<eventlog::LogSpec> specs, SeededRandom* random, std::function<absl::Time()> now)
    : specs_(std::move(specs)), random_(random), now_(std::move(now)) {
  for (const eventlog::LogSpec& spec : specs_) {
    for (int32_t i = 0; i < spec.partitions; ++i) {
      const PartitionRef ref{spec.name, Partition(i)};
      partitions_[ref];
      Put(ref, {.type = std::string(eventlog::kGenesisType), .value = id_});
    }
  }
}

std::unique_ptr<eventlog::EventLog> SimLog::ForProcess(std::function<bool()> may_append) {
  return std::make_unique<SimProcessLog>(this, std::move(may_append));
}

Offset SimLog::Put(const PartitionRef& ref, eventlog::Record record) {
  PartitionState& partition = partitions_.at(ref);
  const Offset offset(static_cast<int64_t>(partition.records.size()));
  hash_ = Mix(hash_, HashText(ref.ToString()));
  hash_ = Mix(hash_, HashText(record.type));
  hash_ = Mix(hash_, HashText(record.value));
  partition.records.push_back(std::make_shared<eventlog::StoredRecord>(
      eventlog::StoredRecord{.offset = offset, .appended_at = now_(), .record = std::move(record)}));
  for (auto& [id, wake] : partition.watchers) wake();
  return offset;
}

Offset SimLog::AppendNow(const PartitionRef& ref, eventlog::Record record) { return Put(ref, std::move(record)); }

const std::vector<RecordPtr>& SimLog::Records(const PartitionRef& ref) const { return partitions_.at(ref).records; }

std::vector<PartitionRef> SimLog::Partitions() const {
  std::vector<PartitionRef> refs;
  for (const auto& [ref, state] : partitions_) refs.push_back(ref);
  return refs;
}

template <typename Wanted>
std::shared_ptr<SimLog::Channel> SimLog::Pick(const Wanted& wanted) {
  std::vector<std::shared_ptr<Channel>> found;
  for (const auto& channel : channels_) {
    if (wanted(*channel)) found.push_back(channel);
  }
  return found.empty() ? nullptr : found[random_->Below(found.size())];
}

bool SimLog::Land() {
  const auto channel = Pick([](const Channel& c) { return !c.failed && c.landed < c.appends.size(); });
  if (channel == nullptr) return false;
  Append& append = channel->appends[channel->landed++];
  append.landed = true;
  append.offset = Put(channel->target, append.record);
  if (faults_ && random_->Chance(6)) {
    // Sent twice below the session: the second copy comes at once or later; either may be the one acknowledged.
    if (random_->Chance(50)) {
      const Offset second = Put(channel->target, append.record);
      if (random_->Chance(50)) append.offset = second;
    } else {
      late_.push_back({channel->target, append.record});
    }
  }
  return true;
}

bool SimLog::Acknowledge() {
  if (!timed_out_.empty() && (!faults_ || random_->Chance(30))) {
    const auto done = std::move(timed_out_.front());
    timed_out_.erase(timed_out_.begin());
    done(absl::AbortedError("no answer"));
    return true;
  }
  const auto channel = Pick([](const Channel& c) { return c.failed ? !c.appends.empty() : c.landed > 0; });
  if (channel == nullptr) return false;
  Append append = std::move(channel->appends.front());
  channel->appends.pop_front();
  if (channel->failed) {
    append.done(absl::AbortedError("the session has failed"));
  } else {
    --channel->landed;
    append.done(append.offset);
  }
  return true;
}

void SimLog::Fail(Channel& channel, bool answer_now) {
  size_t known = 0;  // whose acknowledgement makes it before the end
  if (!channel.failed) {
    channel.failed = true;
    if (answer_now && channel.landed > 0) known = random_->Below(channel.landed + 1);
    for (Append& append : channel.appends) {
      // Each for itself: a later one may land and an earlier one not.
      const bool on_its_way = !faults_ || random_->Chance(65);
      if (!append.landed && on_its_way) late_.push_back({channel.target, append.record});
    }
  }
  if (!answer_now) return;
  std::deque<Append> appends = std::move(channel.appends);
  channel.appends.clear();
  for (size_t i = 0; i < appends.size(); ++i) {
    if (i < known) {
      appends[i].done(appends[i].offset);
    } else {
      appends[i].done(absl::UnavailableError("the producer was closed"));
    }
  }
}

// More than the contract of a producer allows, and still no reason to lose anything (C5): one append has an
// unknown outcome and those behind it go on.
bool SimLog::FailOne() {
  const auto channel = Pick([](const Channel& c) { return !c.failed && c.landed < c.appends.size(); });
  if (channel == nullptr) return false;
  const auto lost = channel->appends.begin() + static_cast<std::ptrdiff_t>(channel->landed);
  Append append = std::move(*lost);
  channel->appends.erase(lost);
  if (random_->Chance(50)) late_.push_back({channel->target, append.record});
  timed_out_.push_back(std::move(append.done));
  return true;
}

void SimLog::Forget(const std::shared_ptr<Channel>& channel) {
  channels_.erase(std::remove(channels_.begin(), channels_.end(), channel), channels_.end());
}

bool SimLog::FailSession() {
  if (faithless_ && random_->Chance(50)) return FailOne();
  const auto channel = Pick([](const Channel& c) { return !c.failed && !c.appends.empty(); });
  if (channel == nullptr) return false;
  Fail(*channel, /*answer_now=*/false);
  return true;
}

bool SimLog::LandLate() {
  if (late_.empty()) return false;
  const size_t i = random_->Below(late_.size());
  Late late = std::move(late_[i]);
  late_.erase(late_.begin() + static_cast<std::ptrdiff_t>(i));
  if (faults_ && random_->Chance(10)) late_.push_back(late);
  Put(late.target, std::move(late.record));
  return true;
}

bool SimLog::LoseLate() {
  if (late_.empty()) return false;
  late_.erase(late_.begin() + static_cast<std::ptrdiff_t>(random_->Below(late_.size())));
  return true;
}

bool SimLog::Idle() const {
  for (const auto& channel : channels_) {
    if (!channel->appends.empty()) return false;
  }
  return late_.empty() && timed_out_.empty();
}

}  // namespace tributary::simulation
