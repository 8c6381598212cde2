// Profile's part of the journey: entries as they come, merges, and the caches that follow from them.
#pragma once

#include <cstdint>
#include <string_view>

#include "tributary/processor/processor.h"

namespace tributary::profile {

// On the log `journey`; its tables are in tables.h. Decides nothing yet.
//
// An entry is known by (profile, source, event id): the same again, also as a copy that a merge brings, changes
// nothing. Retractions and corrections may come before what they name. A profile that a merge retired becomes a
// pointer; its rows stay, hidden, and were copied to the survivor, to which later events of it go as well.
//
// A record that is malformed halts the task (Internal): it was derived by identity, so the fault is ours.
class ProfileProcessor final : public processor::Processor {
 public:
  static constexpr std::string_view kName = "profile";
  static constexpr std::string_view kLog = "journey";

  std::string_view name() const override { return kName; }
  uint32_t format() const override { return 1; }
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
};

}  // namespace tributary::profile
