// Segments and value tiers as they are defined: how definitions reach the facts' tables, and rules made ready.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "profile/apply.h"
#include "profile/tables.h"
#include "tributary/events/v1/segment.pb.h"
#include "tributary/rules/rule.h"

namespace tributary::profile {

inline constexpr int32_t kMaxSegments = 200;  // of a workspace
inline constexpr int32_t kMaxTiers = 10;      // of a workspace
inline constexpr std::string_view kTierField = "value_tier";

// A definition as it comes to this partition at `offset`; an older one than the row's changes nothing.
void ApplySegmentDefined(const events::v1::SegmentDefined& defined, int64_t offset, const FactsView& facts,
                         FactsWriter& out);
void ApplyValueTiersDefined(const events::v1::ValueTiersDefined& defined, int64_t offset, const FactsView& facts,
                            FactsWriter& out);

struct ReadySegment {
  std::string id;
  int64_t revision = 0;
  rules::CompiledRule rule;
  bool uses_tier = false;  // its rule looks at the value tier
};

struct ReadyTier {
  std::string id;
  rules::CompiledRule reached;  // "what is measured >= bound"
};

struct ReadyTiers {
  int64_t revision = 0;
  std::vector<ReadyTier> highest_first;
};

// The rule that says whether a customer reaches a tier.
events::v1::Rule RuleOf(const events::v1::RuleOperand& measure, const events::v1::ValueTierDefinition& tier);

// OK if this release knows the rules.
absl::Status CheckRules(const events::v1::SegmentDefined& defined);
absl::Status CheckRules(const events::v1::ValueTiersDefined& defined);

// The definitions of one workspace, whose rules are known: CheckRules() stood before the tables.
class Definitions {
 public:
  Definitions(const projection::View& view, const std::string& workspace);

  // By id.
  const std::vector<ReadySegment>& segments() const { return segments_; }
  // Null: not defined.
  const ReadyTiers* tiers() const { return tiers_ ? &*tiers_ : nullptr; }
  // Null: not defined, or deleted.
  const ReadySegment* Find(std::string_view id) const;

  // What an event of one type, that is no correction nor retraction, may change.
  struct Touched {
    std::vector<const ReadySegment*> segments;
    bool tiers = false;
  };
  const Touched& TouchedBy(int body) const;

 private:
  std::vector<ReadySegment> segments_;
  std::optional<ReadyTiers> tiers_;
  mutable std::map<int, Touched> touched_;  // as asked for
};

// Keeps what was made ready until a definition changes. Follows from the tables alone. One thread at a time.
class ReadyDefinitions {
 public:
  // Null: the workspace has none. Valid until the next call.
  const Definitions* Of(const projection::View& view, const std::string& workspace);
  // Whether the last answer for the workspace was not null.
  bool Has(const std::string& workspace) const { return ready_.contains(workspace); }

 private:
  struct Ready {
    int64_t stamp = -1;
    std::unique_ptr<const Definitions> definitions;
  };
  std::map<std::string, Ready> ready_;  // by workspace
};

}  // namespace tributary::profile
