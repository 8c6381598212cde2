#include "identity/evidence.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "google/protobuf/util/time_util.h"
#include "identity/tables.h"

namespace tributary::identity {

using google::protobuf::util::TimeUtil;

v1::EvidenceEvent LinkEvidenceOf(const storage::v1::IdentifierRow& row,
                                 const storage::v1::ProfileIdentifierRow& of_profile) {
  v1::EvidenceEvent event;
  event.set_source_id(of_profile.source_id());
  event.set_event_id(of_profile.event_id());
  event.set_intake_offset(row.first_offset());
  *event.mutable_decided_at() = TimeUtil::MicrosecondsToTimestamp(row.linked_at_micros());
  if (row.first_recorded_at_micros() != 0) {
    *event.mutable_recorded_at() = TimeUtil::MicrosecondsToTimestamp(row.first_recorded_at_micros());
  }
  return event;
}

v1::MergeEvidence MergeEvidenceOf(const projection::View& view, const storage::v1::MergeRow& row) {
  const events::v1::ProfilesMerged& merged = row.merged();
  v1::MergeEvidence merge;
  merge.set_merge_id(merged.merge_id());
  merge.set_loser_id(merged.loser_id());
  merge.set_winner_id(merged.winner_id());
  v1::EvidenceEvent& event = *merge.mutable_evidence();
  event.set_source_id(merged.evidence_source_id());
  event.set_event_id(merged.evidence_event_id());
  *event.mutable_decided_at() = merged.decided_at();
  const auto first =
      view.Get(kDedupe, {merged.workspace_id(), merged.evidence_source_id(), merged.evidence_event_id()});
  if (first != nullptr) event.set_intake_offset(first->offset());
  *merge.mutable_identifiers() = merged.evidence();
  return merge;
}

EvidenceGraph::EvidenceGraph(const projection::View& view, const std::string& workspace_id,
                             const std::vector<std::string>& ids) {
  std::map<int64_t, v1::EvidenceEvent> events;
  for (const std::string& id : ids) LoadProfile(view, id, events);
  for (auto& [offset, evidence] : events) events_.push_back({std::move(evidence), {}});
  LoadCarried(view, workspace_id);
}

void EvidenceGraph::LoadProfile(const projection::View& view, const std::string& profile_id,
                                std::map<int64_t, v1::EvidenceEvent>& events) {
  const auto profile = view.Get(kProfiles, {profile_id});
  if (profile == nullptr) return;
  created_offsets_[profile_id] = profile->created_offset();
  if (!profile->merge_id().empty()) {
    if (const auto row = view.Get(kMerges, {profile->merge_id()}); row != nullptr) {
      v1::MergeEvidence merge = MergeEvidenceOf(view, *row);
      events.try_emplace(merge.evidence().intake_offset(), merge.evidence());
      merge_of_loser_.emplace(profile_id, std::move(merge));
    }
  }
  view.Scan(kProfileIdentifiers, std::tuple(profile_id), [&](const auto& key, const auto& of_profile) {
    const auto row = view.Get(kIdentifiers, {profile->subject_kind(), std::get<1>(key)});
    if (row == nullptr) return true;
    events[row->first_offset()] = LinkEvidenceOf(*row, *of_profile);
    node_of_key_.emplace(std::get<1>(key), nodes_.size());
    nodes_.push_back({of_profile->identifier(), profile_id, row->first_offset(), {}});
    return true;
  });
}

void EvidenceGraph::LoadCarried(const projection::View& view, const std::string& workspace_id) {
  std::multimap<uint64_t, size_t> nodes_of_prefix;
  std::map<int64_t, std::set<size_t>> carried;  // by offset
  for (size_t i = 0; i < nodes_.size(); ++i) {
    nodes_of_prefix.emplace(PrefixOf(nodes_[i].key.key()), i);
    carried[nodes_[i].offset].insert(i);
  }
  for (const auto& [loser, merge] : merge_of_loser_) {
    for (const events::v1::IdentifierKey& key : merge.identifiers()) {
      if (const auto node = node_of_key_.find(key.key()); node != node_of_key_.end()) {
        carried[merge.evidence().intake_offset()].insert(node->second);
      }
    }
  }
  for (size_t i = 0; i < events_.size(); ++i) {
    const v1::EvidenceEvent& event = events_[i].evidence;
    std::set<size_t>& nodes = carried[event.intake_offset()];
    std::set<std::string> refused;
    view.Scan(kRefusals, std::tuple(workspace_id, event.intake_offset()), [&](const auto&, const auto& row) {
      refused.insert(row->refused().identifier().key());
      return true;
    });
    if (const auto row = view.Get(kDedupe, {workspace_id, event.source_id(), event.event_id()}); row != nullptr) {
      for (const uint64_t prefix : row->identifier_prefixes()) {
        const auto [begin, end] = nodes_of_prefix.equal_range(prefix);
        for (auto node = begin; node != end; ++node) {
          if (!refused.contains(nodes_[node->second].key.key())) nodes.insert(node->second);
        }
      }
    }
    for (const size_t node : nodes) {
      events_[i].nodes.push_back(node);
      nodes_[node].events.push_back(i);
    }
  }
}

EvidenceGraph::Place EvidenceGraph::OfIdentifier(const std::string& opaque_key) const {
  const auto node = node_of_key_.find(opaque_key);
  return node == node_of_key_.end() ? Place() : Place(node->second);
}

EvidenceGraph::Place EvidenceGraph::OfProfile(const std::string& profile_id) const {
  const auto created = created_offsets_.find(profile_id);
  if (created == created_offsets_.end()) return {};
  const auto event = std::lower_bound(events_.begin(), events_.end(), created->second,
                                      [](const Event& a, int64_t b) { return a.evidence.intake_offset() < b; });
  if (event == events_.end() || event->evidence.intake_offset() != created->second) return {};
  return nodes_.size() + static_cast<size_t>(event - events_.begin());
}

std::vector<v1::EvidenceStep> EvidenceGraph::Chain(const Place& from, const Place& to) const {
  if (!from.has_value() || !to.has_value() || from == to) return {};
  // Breadth first; a place's neighbours in order of age, so that older evidence comes first.
  constexpr size_t kUnseen = SIZE_MAX;
  std::vector<size_t> came_from(nodes_.size() + events_.size(), kUnseen);
  came_from[*from] = *from;
  std::vector<size_t> queue = {*from};
  for (size_t next = 0; next < queue.size() && came_from[*to] == kUnseen; ++next) {
    const size_t place = queue[next];
    const bool is_event = place >= nodes_.size();
    for (const size_t index : is_event ? events_[place - nodes_.size()].nodes : nodes_[place].events) {
      const size_t neighbour = is_event ? index : nodes_.size() + index;
      if (came_from[neighbour] != kUnseen) continue;
      came_from[neighbour] = place;
      queue.push_back(neighbour);
    }
  }
  if (came_from[*to] == kUnseen) return {};
  std::vector<size_t> path = {*to};
  while (path.back() != *from) path.push_back(came_from[path.back()]);
  std::reverse(path.begin(), path.end());

  std::vector<v1::EvidenceStep> steps;
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] < nodes_.size()) continue;
    const Node* before = i == 0 ? nullptr : &nodes_[path[i - 1]];
    const Node* after = i + 1 == path.size() ? nullptr : &nodes_[path[i + 1]];
    steps.push_back(Step(before, events_[path[i] - nodes_.size()], after));
  }
  return steps;
}

std::string EvidenceGraph::ProfileBefore(const Node& node, int64_t offset) const {
  std::string profile_id = node.linked_profile_id;
  while (true) {
    const auto merge = merge_of_loser_.find(profile_id);
    if (merge == merge_of_loser_.end() || merge->second.evidence().intake_offset() >= offset) return profile_id;
    profile_id = merge->second.winner_id();
  }
}

v1::EvidenceStep EvidenceGraph::Step(const Node* from, const Event& event, const Node* to) const {
  const int64_t offset = event.evidence.intake_offset();
  v1::EvidenceStep step;
  *step.mutable_event() = event.evidence;
  step.set_profile_id(ProfileBefore(from != nullptr ? *from : *to, offset + 1));
  const auto is_new = [&](const Node* node) { return node == nullptr || node->offset == offset; };
  const auto created = created_offsets_.find(step.profile_id());
  std::set<std::string> before;
  if (from != nullptr) {
    *step.mutable_from() = from->key;
    before.insert(ProfileBefore(*from, offset));
  }
  if (to != nullptr) {
    *step.mutable_to() = to->key;
    before.insert(ProfileBefore(*to, offset));
  }
  if (is_new(from) && is_new(to) && created != created_offsets_.end() && created->second == offset) {
    step.set_kind(v1::EVIDENCE_KIND_CREATED);
  } else if (is_new(from) || is_new(to)) {
    step.set_kind(v1::EVIDENCE_KIND_LINKED);
  } else {
    step.set_kind(before.size() > 1 ? v1::EVIDENCE_KIND_MERGED : v1::EVIDENCE_KIND_SEEN_TOGETHER);
  }
  if (before.size() < 2) return step;
  for (const std::string& profile_id : before) {
    const auto merge = merge_of_loser_.find(profile_id);
    if (merge != merge_of_loser_.end() && merge->second.evidence().intake_offset() == offset) {
      *step.add_merges() = merge->second;
    }
  }
  return step;
}

}  // namespace tributary::identity
