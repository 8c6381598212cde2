// Profile's part of the journey: entries as they come, merges, and the caches that follow from them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "profile/segments.h"
#include "tributary/processor/moves.h"

namespace tributary::profile {

// On the log `journey`; its tables are in tables.h. Decides who is in which segment and value tier (segments.h), and on
// partition 0 what those are (definition_commands.h).
//
// An entry is known by (profile, source, event id): the same again, also as a copy that a merge brings, changes
// nothing. Retractions and corrections may come before what they name. To be run as a processor::MovingProcessor, which
// moves the rows of profiles that a merge retired.
//
// A record that is malformed halts the task (Internal): it was derived by identity, so the fault is ours.
class ProfileProcessor final : public processor::MovableProcessor {
 public:
  static constexpr std::string_view kName = "profile";
  static constexpr std::string_view kLog = "journey";

  ProfileProcessor(processor::Partition partition, int32_t journey_partitions)
      : partition_(partition), journey_partitions_(journey_partitions) {}

  std::string_view name() const override { return kName; }
  uint32_t format() const override { return 4; }
  processor::Handling Handles(std::string_view type) const override;
  void Prefetch(const processor::Fact& fact, processor::KeySet& keys) const override;
  absl::Status ApplyFact(const processor::Fact& fact, const processor::KindView<processor::Kind::kFacts>& facts,
                         processor::Writer<processor::Kind::kFacts>& out) override;
  void ApplyDecision(const processor::Decision& decision,
                     const processor::KindView<processor::Kind::kDecisions>& decisions,
                     processor::Writer<processor::Kind::kDecisions>& out) override;
  void Derive(const processor::Changes& changes, const processor::View& view,
              processor::Writer<processor::Kind::kCaches>& out) override;
  processor::Decided Decide(const processor::Input& input, const processor::View& view, absl::Time now) override;

  absl::Status CheckFact(const processor::Fact& fact) const override;
  std::optional<std::string> ProfileOf(const processor::Fact& fact) const override;
  std::optional<std::string> ProfileOf(const processor::Command& command) const override;
  bool MustBeHeld(const processor::Fact& fact) const override;
  absl::Status ApplyMerge(const events::v1::ProfilesMerged& merged, bool loser_is_here, bool winner_is_here,
                          const processor::KindView<processor::Kind::kFacts>& facts,
                          processor::Writer<processor::Kind::kFacts>& out) override;
  processor::CopiedRows CopyRows(const processor::View& view, const std::string& workspace, const std::string& profile,
                                 std::string_view cursor, int32_t max_rows, size_t max_bytes) const override;
  absl::Status ApplyMovedRow(const events::v1::MovedRow& row, const std::string& workspace, const std::string& winner,
                             const processor::KindView<processor::Kind::kFacts>& facts,
                             processor::Writer<processor::Kind::kFacts>& out) override;
  std::vector<processor::Decision> Adopt(const events::v1::MovedRow& row, const std::string& winner,
                                         const processor::View& view, absl::Time now) override;
  processor::Decided DecideLost(const events::v1::ProfilesMerged& merged, const processor::View& view,
                                absl::Time now) override;
  processor::Decided DecideWhole(const std::string& workspace, const std::string& profile, const processor::View& view,
                                 absl::Time now) override;
  std::string Forward(const processor::Fact& fact, const std::string& winner) const override;

 private:
  processor::Decided DecideFact(const processor::Fact& fact, const processor::View& view, absl::Time now);

  const processor::Partition partition_;
  const int32_t journey_partitions_;
  SegmentDecider segments_;
};

// The processor as a task runs it, on one partition of `journey`.
std::unique_ptr<processor::Processor> MakeProcessor(processor::Partition partition, int32_t journey_partitions);

}  // namespace tributary::profile
