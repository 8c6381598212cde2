#include "src/feed.h"

#include <algorithm>

#include "tributary/base/status.h"

namespace tributary::processor {
namespace {

// Types that the library itself records; other processors have no use for them.
bool IsInternal(std::string_view type) {
  static const std::vector<std::string_view> kTypes = {
      RecordType<events::v1::DeadLettered>(),  RecordType<events::v1::Redriven>(),
      RecordType<events::v1::TimerArmed>(),    RecordType<events::v1::TimerCancelled>(),
      RecordType<events::v1::TimerFired>(),    RecordType<events::v1::EffectRequested>(),
      RecordType<events::v1::EffectClaimed>(), RecordType<events::v1::EffectEnded>()};
  return std::find(kTypes.begin(), kTypes.end(), type) != kTypes.end();
}

constexpr size_t kPollRecords = 1024;

}  // namespace

Feed::Feed(const TaskOptions& options, eventlog::EventLog* log, const Processor* processor, const Clock* clock,
           Start start)
    : options_(options),
      log_(log),
      processor_(processor),
      clock_(clock),
      position_(Next(start.through)),
      // Rule 13: read from T+1, skip one's own batches up to L.
      ahead_(Next(start.last_batch)),
      own_tip_(start.last_batch),
      chains_(start.chains.begin(), start.chains.end()),
      origins_(std::move(start.origins)) {}

bool Feed::Full() const {
  return items_.size() >= options_.max_buffered_records || bytes_ >= options_.max_buffered_bytes;
}

void Feed::PopFront() {
  bytes_ -= items_.front().bytes;
  if (items_.front().fact || items_.front().checkpoint) --covering_;
  items_.pop_front();
}

std::optional<absl::Duration> Feed::OldestHole() const {
  std::optional<absl::Duration> oldest;
  for (const auto& [source, hole] : open_holes_) {
    if (!oldest.has_value() || hole.since < *oldest) oldest = hole.since;
  }
  return oldest;
}

absl::StatusOr<bool> Feed::Pump() {
  if (reader_ == nullptr) {
    TRIBUTARY_ASSIGN_OR_RETURN(reader_, log_->OpenReader(options_.partition, position_));
  }
  if (Full()) {
    // What is buffered can go on only when the batch that covers it is known, or the end is (rule 14).
    return batches_.empty() ? PumpAhead() : false;
  }
  // A standby that has what it was to follow reads no further.
  if (options_.stop_at.has_value() && position_ > *options_.stop_at) return false;
  TRIBUTARY_ASSIGN_OR_RETURN(const eventlog::ReadResult result,
                             Poll(*reader_, {.max_records = kPollRecords, .max_bytes = options_.max_buffered_bytes}));
  for (const eventlog::RecordPtr& record : result.records) {
    TRIBUTARY_RETURN_IF_ERROR(
        Annotate(Take(record), fmt::format("{}@{}", options_.partition.ToString(), record->offset)));
  }
  position_ = reader_->position();
  ahead_ = std::max(ahead_, position_);
  if (result.at_end) end_seen_ = std::max(end_seen_, position_);
  return !result.records.empty();
}

absl::StatusOr<eventlog::ReadResult> Feed::Poll(eventlog::PartitionReader& reader, const eventlog::ReadLimits& limits) {
  absl::StatusOr<eventlog::ReadResult> result = reader.Poll(limits);
  unreachable_ = absl::IsUnavailable(result.status());
  if (unreachable_) return eventlog::ReadResult{};  // nothing read, and the end not seen
  return result;
}

absl::StatusOr<bool> Feed::PumpAhead() {
  if (ahead_reader_ == nullptr) {
    TRIBUTARY_ASSIGN_OR_RETURN(ahead_reader_, log_->OpenReader(options_.partition, ahead_));
  }
  // It is behind when the other cursor was faster, and ahead when it stopped at a batch.
  if (ahead_reader_->position() != ahead_) ahead_reader_->Seek(ahead_);
  TRIBUTARY_ASSIGN_OR_RETURN(const eventlog::ReadResult result, Poll(*ahead_reader_, {.max_records = kPollRecords}));
  for (const eventlog::RecordPtr& record : result.records) {
    TRIBUTARY_ASSIGN_OR_RETURN(const RecordInfo info, ReadHeaders(record->record));
    if (info.batch.has_value() && info.batch->processor == processor_->name()) CheckOwn(record, *info.batch);
    ahead_ = Next(record->offset);
    if (!batches_.empty()) return true;  // the next valid one is enough
  }
  if (result.at_end) end_seen_ = std::max(end_seen_, ahead_);
  return !result.records.empty();
}

absl::Status Feed::Take(const eventlog::RecordPtr& record) {
  if (record->record.type == eventlog::kGenesisType) return absl::OkStatus();
  TRIBUTARY_ASSIGN_OR_RETURN(RecordInfo info, ReadHeaders(record->record));
  if (!info.batch.has_value()) return TakeRecord(record, std::move(info));
  if (info.batch->processor != processor_->name()) return TakeForeignBatch(record, *info.batch);
  if (record->offset >= ahead_) CheckOwn(record, *info.batch);
  return absl::OkStatus();
}

void Feed::CheckOwn(const eventlog::RecordPtr& record, const BatchInfo& info) {
  if (options_.stop_at.has_value() && record->offset > *options_.stop_at) return;
  // Rule 1.
  if (info.previous == own_tip_ || options_.faults.skip_compare_and_set) {
    own_tip_ = record->offset;
    batches_.push_back({record->offset, info.incarnation, info.counter, record});
  } else {
    ++void_batches_;
    voids_.push_back({info.incarnation, info.counter});
  }
}

absl::Status Feed::TakeForeignBatch(const eventlog::RecordPtr& record, const BatchInfo& info) {
  auto tip = chains_.find(info.processor);
  const int64_t last = tip == chains_.end() ? -1 : tip->second;
  if (info.previous.value() != last && !options_.faults.skip_compare_and_set) return absl::OkStatus();  // void: rule 1
  chains_.insert_or_assign(std::string(info.processor), record->offset.value());
  Item item;
  item.offset = record->offset;
  item.chain = info.processor;
  for (std::string_view rest = info.types; !rest.empty();) {
    const size_t comma = rest.find(',');
    const std::string_view type = rest.substr(0, comma);
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    if (IsInternal(type)) continue;
    switch (processor_->Handles(type)) {
      case Handling::kApplied:
        item.fact = true;
        break;
      case Handling::kIgnored:
        break;
      case Handling::kUnknown:
        return absl::FailedPreconditionError(
            fmt::format("{} does not know the decision type '{}' of {}: this binary is too old for the log",
                        processor_->name(), type, info.processor));
    }
  }
  if (item.fact) {
    auto batch = std::make_shared<events::v1::DecisionBatch>();
    if (!batch->ParseFromString(record->record.value)) return absl::DataLossError("a decision batch does not parse");
    item.batch = std::move(batch);
    item.record = record;
    item.bytes = 2 * record->record.Size();
  }
  Push(std::move(item));
  return absl::OkStatus();
}

absl::StatusOr<bool> Feed::InOrder(const RelayInfo& relay, Offset offset) {
  OutputPlace& tip = origins_[relay.source];
  if (options_.faults.high_water_mark ? relay.place > tip : relay.previous == tip) {
    tip = relay.place;
    auto hole = open_holes_.find(relay.source);
    if (hole != open_holes_.end() && tip >= hole->second.highest) open_holes_.erase(hole);
    return true;
  }
  if (relay.place <= tip) return false;  // a twin, or sent again
  if (relay.previous < tip) {
    return absl::DataLossError(
        fmt::format("the relay from {} contradicts itself at {}: an output names a predecessor "
                    "older than the last one applied",
                    relay.source, offset));
  }
  ++hole_records_;
  Hole& hole = open_holes_.try_emplace(relay.source, Hole{clock_->Monotonic(), relay.place}).first->second;
  hole.highest = std::max(hole.highest, relay.place);
  return false;
}

absl::Status Feed::TakeRecord(const eventlog::RecordPtr& record, RecordInfo info) {
  Item item;
  item.offset = record->offset;
  if (info.relay.has_value()) {
    TRIBUTARY_ASSIGN_OR_RETURN(const bool in_order, InOrder(*info.relay, record->offset));
    if (!in_order) return absl::OkStatus();
    item.source = std::move(info.relay->source);
    item.place = info.relay->place;
    item.relayed = true;
    // Who dead-lettered it wanted it again; the others have applied the original.
    if (info.redrive_of.has_value() && item.source != SourceName(processor_->name(), options_.partition)) {
      Push(std::move(item));
      return absl::OkStatus();
    }
  }
  switch (processor_->Handles(record->record.type)) {
    case Handling::kUnknown:
      return absl::FailedPreconditionError(
          fmt::format("{} does not know the record type '{}': this binary is too old for the log", processor_->name(),
                      record->record.type));
    case Handling::kIgnored:
      if (item.source.empty()) {
        // Nothing to store: only one in so many becomes an item, to be covered (rule 3).
        if (++ignored_ < CheckpointEvery()) return absl::OkStatus();
        item.checkpoint = true;
      }
      break;
    case Handling::kApplied:
      item.fact = true;
      item.record = record;
      item.depth = info.depth;
      item.redrive_of = info.redrive_of;
      item.bytes = record->record.Size();
      break;
  }
  Push(std::move(item));
  return absl::OkStatus();
}

int32_t Feed::CheckpointEvery() const {
  // Items without a fact must be covered before they fill the buffer.
  return std::min(options_.max_ignored_records, static_cast<int32_t>(options_.max_buffered_records / 2));
}

void Feed::Push(Item item) {
  if (!item.fact && !item.checkpoint && ++ignored_ >= CheckpointEvery()) item.checkpoint = true;
  if (item.fact || item.checkpoint) ignored_ = 0;
  item.bytes += sizeof(Item);
  bytes_ += item.bytes;
  if (item.fact || item.checkpoint) ++covering_;
  items_.push_back(std::move(item));
}

}  // namespace tributary::processor
