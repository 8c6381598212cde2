// Identity: finds for each customer event of `intake` the profile that it belongs to, joins profiles, and passes the
// event on to the profile's partition of `journey`. What it promises is in README.md.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "identity/intake_event.h"
#include "tributary/eventlog/record.h"
#include "tributary/events/v1/identity.pb.h"
#include "tributary/identifier/identifier.h"
#include "tributary/identifier/key.h"
#include "tributary/processor/processor.h"

namespace tributary::identity {

inline constexpr std::string_view kProcessorName = "identity";
inline constexpr std::string_view kIntakeLog = "intake";
inline constexpr std::string_view kJourneyLog = "journey";

struct IdentityOptions {
  // Of `intake`: the partition of the task that this is for. Part of every profile id.
  eventlog::Partition partition;
  // How many partitions `journey` was created with; above 0.
  int32_t journey_partitions = 0;
};

class IdentityProcessor final : public processor::Processor {
 public:
  // `keys` and `rules` must outlive this. Another secret in `keys` than the log was written with finds nobody again.
  IdentityProcessor(const IdentityOptions& options, const identifier::KeyMaker& keys,
                    const identifier::IdentifierRules& rules);

  std::string_view name() const override { return kProcessorName; }
  uint32_t format() const override { return 2; }
  processor::Handling Handles(std::string_view type) const override;
  void Prefetch(const processor::Fact& fact, processor::KeySet& keys) const override;
  absl::Status ApplyFact(const processor::Fact& fact, const processor::KindView<processor::Kind::kFacts>& facts,
                         processor::Writer<processor::Kind::kFacts>& out) override;
  void ApplyDecision(const processor::Decision& decision,
                     const processor::KindView<processor::Kind::kDecisions>& decisions,
                     processor::Writer<processor::Kind::kDecisions>& out) override;
  // There are no caches.
  void Derive(const processor::Changes&, const processor::View&,
              processor::Writer<processor::Kind::kCaches>&) override {}
  bool Derives() const override { return false; }
  processor::Decided Decide(const processor::Input& input, const processor::View& view, absl::Time now) override;

 private:
  processor::Decided DecideEvent(const processor::Fact& fact, const processor::View& view, absl::Time now) const;
  // The event, read once though Prefetch, ApplyFact and Decide all ask for it. Valid until the next call, or Decide.
  const IntakeEvent& Read(const processor::Fact& fact) const;

  const IdentityOptions options_;
  const identifier::KeyMaker& keys_;
  const identifier::IdentifierRules& rules_;

  // What Read has read, by offset: a record at an offset never changes. More slots than a task prefetches.
  struct Slot {
    processor::Offset offset{-1};
    IntakeEvent event;
  };
  mutable std::vector<Slot> recent_{1024};
  Slot& SlotOf(processor::Offset offset) const {
    return recent_[static_cast<uint64_t>(offset.value()) % recent_.size()];
  }
};

// How identity's decisions change its tables; see Processor::ApplyDecision.
using DecisionsView = processor::KindView<processor::Kind::kDecisions>;
using DecisionsWriter = processor::Writer<processor::Kind::kDecisions>;
void ApplyEventResolved(const events::v1::EventResolved& resolved, const DecisionsView& view, DecisionsWriter& out);
void ApplyProfilesMerged(const events::v1::ProfilesMerged& merged, const DecisionsView& view, DecisionsWriter& out);
void ApplyLinkRefused(const events::v1::LinkRefused& refused, DecisionsWriter& out);

}  // namespace tributary::identity
