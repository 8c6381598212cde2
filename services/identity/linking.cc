#include "identity/linking.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "identity/tables.h"

namespace tributary::identity {
namespace {

using storage::v1::IdentityProfileRow;

class Linker {
 public:
  Linker(const IntakeEvent& event, const projection::View& view, const identifier::IdentifierRules& rules)
      : view_(view), rules_(rules) {
    for (const UnusableIdentifier& unusable : event.unusable) {
      result_.refusals.push_back({unusable.reason, unusable.key, {}, "", 0});
    }
    for (const Candidate& candidate : event.candidates) {
      const auto row = view.Get(kIdentifiers, {event.subject_kind, candidate.key.key()});
      remaining_.push_back({&candidate, row == nullptr ? std::string() : row->profile_id()});
    }
  }

  Linking Run() {
    std::optional<Limit> broken;
    while (!remaining_.empty() && (broken = BrokenLimit()).has_value()) {
      over_limit_.push_back({std::move(remaining_.back()), *broken});
      remaining_.pop_back();
    }
    ChooseProfile();
    RefuseOverLimit();
    std::stable_sort(remaining_.begin(), remaining_.end(),
                     [](const Member& a, const Member& b) { return Rank(a) < Rank(b); });
    for (Member& member : remaining_) {
      result_.counted.push_back(member.candidate);
      if (member.profile_id.empty()) result_.linked.push_back(member.candidate);
      result_.was_of.push_back(std::move(member.profile_id));
    }
    return std::move(result_);
  }

 private:
  struct Member {
    const Candidate* candidate;
    std::string profile_id;  // empty: of none
  };
  struct Limit {
    std::string type;
    int32_t limit;
  };

  static std::pair<int, int32_t> Rank(const Member& member) {
    return {member.candidate->priority, member.candidate->ordinal};
  }

  std::vector<std::string> KnownProfiles() const {
    std::vector<std::string> ids;
    for (const Member& member : remaining_) {
      if (member.profile_id.empty() || std::find(ids.begin(), ids.end(), member.profile_id) != ids.end()) continue;
      ids.push_back(member.profile_id);
    }
    return ids;
  }

  // A row that cannot be read counts as empty: the reader's error is latched and stops the task.
  const IdentityProfileRow& Profile(const std::string& id) {
    auto [found, inserted] = profiles_.try_emplace(id);
    if (inserted) found->second = view_.Get(kProfiles, {id});
    return found->second == nullptr ? IdentityProfileRow::default_instance() : *found->second;
  }

  // Of the types that the union would have more of than any of its parts, the one of the highest priority whose
  // limit would break.
  std::optional<Limit> BrokenLimit() {
    const std::vector<std::string> ids = KnownProfiles();
    const bool all_known = std::none_of(remaining_.begin(), remaining_.end(),
                                        [](const Member& member) { return member.profile_id.empty(); });
    if (all_known && ids.size() <= 1) return std::nullopt;
    struct Count {
      int64_t sum = 0;
      int64_t largest_part = 0;
    };
    std::map<std::string, Count> counts;
    for (const std::string& id : ids) {
      for (const storage::v1::TypeCount& of_type : Profile(id).counts()) {
        Count& count = counts[of_type.type()];
        count.sum += of_type.count();
        count.largest_part = std::max<int64_t>(count.largest_part, of_type.count());
      }
    }
    for (const Member& member : remaining_) {
      if (member.profile_id.empty()) ++counts[member.candidate->key.type()].sum;
    }
    std::optional<Limit> broken;
    int broken_priority = 0;
    for (const auto& [type, count] : counts) {
      const identifier::TypeRule& rule = rules_.For(type);
      if (count.sum == count.largest_part || count.sum <= rule.limit_per_profile) continue;
      if (broken.has_value() && broken_priority <= rule.priority) continue;
      broken = Limit{type, rule.limit_per_profile};
      broken_priority = rule.priority;
    }
    return broken;
  }

  // The oldest of those that are left.
  void ChooseProfile() {
    std::vector<std::string> ids = KnownProfiles();
    if (ids.empty()) return;
    if (ids.size() > 1) {
      const auto age = [this](const std::string& id) {
        const IdentityProfileRow& row = Profile(id);
        return std::tuple(row.created_offset(), row.created_ordinal());
      };
      std::sort(ids.begin(), ids.end(), [&](const std::string& a, const std::string& b) { return age(a) < age(b); });
    }
    result_.profile_id = std::move(ids.front());
    result_.losers.assign(std::make_move_iterator(ids.begin() + 1), std::make_move_iterator(ids.end()));
  }

  // What was left out on the way but is of the profile chosen, or of one that joins it, has no link to refuse.
  void RefuseOverLimit() {
    for (auto& [member, broken] : over_limit_) {
      const bool of_chosen = !member.profile_id.empty() && (member.profile_id == result_.profile_id ||
                                                            std::find(result_.losers.begin(), result_.losers.end(),
                                                                      member.profile_id) != result_.losers.end());
      if (of_chosen) {
        remaining_.push_back(std::move(member));
        continue;
      }
      Refusal refusal{
          events::v1::LINK_REFUSAL_REASON_LIMIT_EXCEEDED, member.candidate->key, {}, broken.type, broken.limit};
      if (!member.profile_id.empty()) refusal.wanted.push_back(std::move(member.profile_id));
      result_.refusals.push_back(std::move(refusal));
    }
  }

  const projection::View& view_;
  const identifier::IdentifierRules& rules_;
  std::vector<Member> remaining_;  // in order of priority
  std::vector<std::pair<Member, Limit>> over_limit_;
  std::map<std::string, projection::Row<IdentityProfileRow>> profiles_;
  Linking result_;
};

}  // namespace

Linking Link(const IntakeEvent& event, const projection::View& view, const identifier::IdentifierRules& rules) {
  return Linker(event, view, rules).Run();
}

}  // namespace tributary::identity
