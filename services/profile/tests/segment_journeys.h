// Journey partitions with profile's tasks on them, a clock that is moved by hand, and definitions of segments and
// tiers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "profile/definition_commands.h"
#include "profile/segment_queries.h"
#include "profile/segment_request.h"
#include "profile/tests/journey.h"
#include "tributary/base/partitioning.h"
#include "tributary/base/random.h"
#include "tributary/eventlog/testing/memory_log.h"
#include "tributary/events/v1/decision_batch.pb.h"
#include "tributary/processor/task.h"

namespace tributary::profile::testing {

inline constexpr int64_t kDay = 24 * 60 * 60;
// The clock's start.
inline constexpr int64_t kStart = 1'767'225'600;

class Journeys {
 public:
  explicit Journeys(int32_t partitions = 1) : partitions_(partitions) {
    log_ = eventlog::MakeMemoryLog({.logs = {{"journey", partitions}}, .clock = &clock_}).value();
    producer_ = log_->OpenProducer().value();
    parts_.resize(static_cast<size_t>(partitions));
    for (int32_t i = 0; i < partitions; ++i) {
      parts_[i].store = projection::Store::Open({.in_memory = true}).value();
      Open(i);
    }
    Run();
  }

  FakeClock& clock() { return clock_; }
  int32_t PartitionOf(const std::string& profile) const { return JourneyPartitionOf(profile, partitions_); }
  // Seconds since the epoch.
  int64_t now() const { return absl::ToUnixSeconds(clock_.Now()); }

  // Appends without running.
  template <typename M>
  void Append(const std::string& profile, const M& message) {
    const processor::PartitionRef to{"journey", processor::Partition(PartitionOf(profile))};
    producer_->Append(
        to, {.key = profile, .type = std::string(processor::RecordType<M>()), .value = message.SerializeAsString()},
        [](const absl::StatusOr<eventlog::Offset>& offset) { ASSERT_TRUE(offset.ok()); });
  }
  void Append(const CustomerEvent& event) { Append(event.resolution().profile_id(), event); }
  void Put(const CustomerEvent& event) {
    Append(event);
    Run();
  }
  // To both, as identity does; without running.
  void AppendMerge(const std::string& winner, const std::string& loser) {
    Append(loser, Merge(winner, loser));
    if (PartitionOf(winner) != PartitionOf(loser)) Append(winner, Merge(winner, loser));
  }

  // One step of each task. False if none had work, or one has halted, which fails the test.
  bool Step() {
    bool worked = false;
    for (Part& part : parts_) {
      const processor::Progress progress = part.task->Step();
      if (progress.kind == processor::Progress::Kind::kHalted) {
        ADD_FAILURE() << part.task->status().halted;
        return false;
      }
      worked = worked || progress.kind == processor::Progress::Kind::kWorked;
    }
    return worked;
  }
  void Run() {
    while (Step()) {
    }
  }
  void Advance(int64_t seconds) {
    clock_.Advance(absl::Seconds(seconds));
    Run();
  }
  // To the moment of each timer, until there is none before the end.
  void AdvanceStepwise(int64_t seconds) {
    const absl::Time end = clock_.Now() + absl::Seconds(seconds);
    for (;;) {
      absl::Time next = end;
      for (Part& part : parts_) next = std::min(next, part.task->NextTimer());
      if (next > clock_.Now()) clock_.Set(next);
      Run();
      if (next >= end) return;
    }
  }

  absl::StatusOr<processor::Reply> Send(std::string_view type, const google::protobuf::MessageLite& body,
                                        const std::string& request_id = "") {
    const auto answer = std::make_shared<absl::StatusOr<processor::Reply>>(absl::UnavailableError("not answered"));
    parts_[0].task->Submit({request_id.empty() ? fmt::format("r{}", ++requests_) : request_id, std::string(type),
                            body.SerializeAsString()},
                           [answer](absl::StatusOr<processor::Reply> reply) { *answer = std::move(reply); });
    Run();
    return *answer;
  }
  absl::StatusOr<processor::Reply> Update(const std::string& id, const std::string& rule,
                                          const std::string& request_id = "") {
    v1::UpdateSegmentRequest request;
    request.set_allow_missing(true);
    request.mutable_segment()->set_segment_id(id);
    request.mutable_segment()->set_rule_text(rule);
    const auto body = CommandOf(request, kWorkspace);
    if (!body.ok()) return body.status();
    return Send(kUpdateSegment, *body, request_id);
  }
  // Until the command is answered; what follows comes with further steps.
  void BeginUpdate(const std::string& id, const std::string& rule) {
    v1::UpdateSegmentRequest request;
    request.set_allow_missing(true);
    request.mutable_segment()->set_segment_id(id);
    request.mutable_segment()->set_rule_text(rule);
    bool answered = false;
    parts_[0].task->Submit({fmt::format("r{}", ++requests_), std::string(kUpdateSegment),
                            CommandOf(request, kWorkspace).value().SerializeAsString()},
                           [&](const absl::StatusOr<processor::Reply>& reply) {
                             answered = true;
                             ASSERT_TRUE(reply.ok()) << reply.status();
                           });
    while (!answered && Step()) {
    }
  }
  void Define(const std::string& id, const std::string& rule) {
    const auto reply = Update(id, rule);
    ASSERT_TRUE(reply.ok()) << reply.status();
    ASSERT_EQ(reply->code, absl::StatusCode::kOk) << reply->message;
  }
  void Delete(const std::string& id) {
    v1::DeleteSegmentRequest request;
    request.set_workspace_id(kWorkspace);
    request.set_segment_id(id);
    ASSERT_EQ(Send(kDeleteSegment, request).value().code, absl::StatusCode::kOk);
  }
  // "gold=5000 THB" and so on, lowest first.
  void DefineTiers(const std::string& measure, const std::vector<std::pair<std::string, std::string>>& tiers) {
    v1::UpdateValueTiersRequest request;
    request.mutable_value_tiers()->set_measure_text(measure);
    for (const auto& [id, bound] : tiers) {
      v1::ValueTier& tier = *request.mutable_value_tiers()->add_tiers();
      tier.set_tier_id(id);
      tier.set_at_least_text(bound);
    }
    const auto body = CommandOf(request, kWorkspace);
    ASSERT_TRUE(body.ok()) << body.status();
    ASSERT_EQ(Send(kUpdateValueTiers, *body).value().code, absl::StatusCode::kOk);
  }

  // Ids of the members over all partitions, sorted, space-separated.
  std::string Members(const std::string& segment) {
    std::vector<std::string> ids;
    for (Part& part : parts_) {
      const auto snapshot = part.task->TakeSnapshot();
      for (const auto& member : ReadMembers(snapshot->view(), kWorkspace, segment, "", 1'000).members) {
        ids.push_back(member.profile_id());
      }
    }
    std::sort(ids.begin(), ids.end());
    return fmt::format("{}", fmt::join(ids, " "));
  }
  // With size and progress over all partitions; empty if there is none.
  v1::Segment Segment(const std::string& id) {
    auto told = ReadSegment(parts_[0].task->TakeSnapshot()->view(), kWorkspace, id);
    if (!told.has_value()) return {};
    for (Part& part : parts_) AddPartition(part.task->TakeSnapshot()->view(), kWorkspace, &*told);
    return told->segment;
  }
  v1::ValueTiers Tiers() {
    ToldTiers told = ReadTiers(parts_[0].task->TakeSnapshot()->view(), kWorkspace);
    for (Part& part : parts_) AddPartition(part.task->TakeSnapshot()->view(), kWorkspace, &told);
    return told.tiers;
  }
  v1::ListProfileSegmentsResponse SegmentsOf(const std::string& profile) {
    return ReadProfileSegments(PartOf(profile).task->TakeSnapshot()->view(), kWorkspace, profile, "", 1'000);
  }
  std::string TierOf(const std::string& profile) { return SegmentsOf(profile).value_tier(); }
  std::unique_ptr<projection::Snapshot> Snapshot(const std::string& profile) {
    return PartOf(profile).task->TakeSnapshot();
  }

  // Decisions about memberships since the last call, as text, by partition.
  std::vector<std::string> TakeDecisions() {
    std::vector<std::string> texts;
    for (int32_t i = 0; i < partitions_; ++i) {
      auto reader = log_->OpenReader({"journey", processor::Partition(i)}, parts_[i].taken).value();
      for (bool more = true; more;) {
        const eventlog::ReadResult result = reader->Poll({}).value();
        for (const eventlog::RecordPtr& record : result.records) {
          parts_[i].taken = eventlog::Offset(record->offset.value() + 1);
          if (record->record.type != processor::RecordType<events::v1::DecisionBatch>()) continue;
          events::v1::DecisionBatch batch;
          batch.ParseFromString(record->record.value);
          for (const events::v1::Decision& decision : batch.decisions()) Tell(decision, &texts);
        }
        more = !result.at_end;
      }
    }
    return texts;
  }

  void Restart() {
    for (int32_t i = 0; i < partitions_; ++i) Open(i);
    Run();
  }

  // The caches equal a recomputation, and a rebuild gives the same bytes.
  void ExpectSound() {
    for (int32_t i = 0; i < partitions_; ++i) {
      const auto snapshot = parts_[i].task->TakeSnapshot();
      const CacheCheck check = CheckCaches(snapshot->view());
      EXPECT_TRUE(check.differences.empty()) << check.differences.front();
      const auto store = projection::Store::Open({.in_memory = true}).value();
      auto processor = MakeProcessor(processor::Partition(i), partitions_);
      auto standby = OpenTask(i, store, processor.get(), true);
      while (standby->Step().kind == processor::Progress::Kind::kWorked) {
      }
      EXPECT_EQ(standby->status().last_batch, parts_[i].task->status().last_batch);
      const projection::Digest live = snapshot->ComputeDigest().value();
      const projection::Digest rebuilt = store->TakeSnapshot()->ComputeDigest().value();
      EXPECT_EQ(live.facts_and_decisions, rebuilt.facts_and_decisions);
      EXPECT_EQ(live.caches, rebuilt.caches);
    }
  }

 private:
  struct Part {
    std::shared_ptr<projection::Store> store;
    std::unique_ptr<processor::Processor> processor;
    std::unique_ptr<processor::Task> task;
    eventlog::Offset taken{0};
  };

  Part& PartOf(const std::string& profile) { return parts_[static_cast<size_t>(PartitionOf(profile))]; }

  std::unique_ptr<processor::Task> OpenTask(int32_t partition, std::shared_ptr<projection::Store> store,
                                            processor::Processor* processor, bool standby) {
    processor::TaskOptions options;
    options.partition = {"journey", processor::Partition(partition)};
    options.empty_batch_age = absl::ZeroDuration();
    options.standby = standby;
    return processor::Task::Open(options, {.log = log_.get(),
                                           .store = std::move(store),
                                           .processor = processor,
                                           .clock = &clock_,
                                           .random = &random_})
        .value();
  }

  void Open(int32_t partition) {
    Part& part = parts_[static_cast<size_t>(partition)];
    part.task.reset();
    part.processor = MakeProcessor(processor::Partition(partition), partitions_);
    part.task = OpenTask(partition, part.store, part.processor.get(), false);
  }

  static std::string ReasonText(events::v1::MembershipReason reason, bool historical) {
    const std::string name = events::v1::MembershipReason_Name(reason);
    return name.substr(std::string_view("MEMBERSHIP_REASON_").size()) + (historical ? " historical" : "");
  }

  static void Tell(const events::v1::Decision& decision, std::vector<std::string>* texts) {
    events::v1::SegmentEntered entered;
    events::v1::SegmentLeft left;
    events::v1::ValueTierChanged changed;
    if (decision.type() == processor::RecordType<events::v1::SegmentEntered>()) {
      entered.ParseFromString(decision.value());
      texts->push_back(fmt::format("{} enters {} {}", entered.profile_id(), entered.segment_id(),
                                   ReasonText(entered.reason(), entered.historical())));
    } else if (decision.type() == processor::RecordType<events::v1::SegmentLeft>()) {
      left.ParseFromString(decision.value());
      texts->push_back(fmt::format("{} leaves {} {}", left.profile_id(), left.segment_id(),
                                   ReasonText(left.reason(), left.historical())));
    } else if (decision.type() == processor::RecordType<events::v1::ValueTierChanged>()) {
      changed.ParseFromString(decision.value());
      texts->push_back(fmt::format("{} '{}' to '{}' {}", changed.profile_id(), changed.from(), changed.to(),
                                   ReasonText(changed.reason(), changed.historical())));
    }
  }

  const int32_t partitions_;
  FakeClock clock_;
  SeededRandom random_{1};
  std::unique_ptr<eventlog::MemoryLog> log_;
  std::unique_ptr<eventlog::Producer> producer_;
  std::vector<Part> parts_;
  int requests_ = 0;
};

// A profile id of a partition.
inline std::string ProfileIn(int32_t partition, int32_t partitions, int skip = 0) {
  for (int i = 1;; ++i) {
    const std::string id = fmt::format("p0-{}-0", i);
    if (JourneyPartitionOf(id, partitions) == partition && skip-- == 0) return id;
  }
}

}  // namespace tributary::profile::testing
