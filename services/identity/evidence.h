// Which events tie the identifiers of one profile together.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tributary/identity/v1/identity.pb.h"
#include "tributary/projection/table.h"
#include "tributary/storage/v1/identity.pb.h"

namespace tributary::identity {

// The event that linked an identifier.
v1::EvidenceEvent LinkEvidenceOf(const storage::v1::IdentifierRow& row,
                                 const storage::v1::ProfileIdentifierRow& of_profile);
// A merge with the event that showed it.
v1::MergeEvidence MergeEvidenceOf(const projection::View& view, const storage::v1::MergeRow& row);

// A profile's identifiers, and the events that linked them or merged its parts. Two identifiers are tied by an event
// that carried both and left out neither; so every two identifiers of a profile are tied by a chain of such events.
// Keeps nothing of the view it was read from. Not thread-safe.
class EvidenceGraph {
 public:
  // `ids`: a surviving profile and all that were merged into it. Memory and reads are proportional to their
  // identifiers; errors of the disk are the snapshot's status().
  EvidenceGraph(const projection::View& view, const std::string& workspace_id, const std::vector<std::string>& ids);

  // Where a chain may begin or end: an identifier, or the event that a profile began with. Nothing for an identifier
  // that is not of these profiles, and for a profile that began without any.
  using Place = std::optional<size_t>;
  Place OfIdentifier(const std::string& opaque_key) const;
  Place OfProfile(const std::string& profile_id) const;

  // The fewest events that lead from one to the other; of equally many, older ones. Empty if both are the same place,
  // or nowhere.
  std::vector<v1::EvidenceStep> Chain(const Place& from, const Place& to) const;

 private:
  struct Node {
    events::v1::IdentifierKey key;
    std::string linked_profile_id;
    int64_t offset = 0;  // of the event that linked it
    std::vector<size_t> events;
  };
  struct Event {
    v1::EvidenceEvent evidence;
    std::vector<size_t> nodes;  // identifiers that it carried
  };

  void LoadProfile(const projection::View& view, const std::string& profile_id,
                   std::map<int64_t, v1::EvidenceEvent>& events);
  void LoadCarried(const projection::View& view, const std::string& workspace_id);
  // Of an identifier, as of just before the event at `offset`.
  std::string ProfileBefore(const Node& node, int64_t offset) const;
  v1::EvidenceStep Step(const Node* from, const Event& event, const Node* to) const;

  // A place is an index into nodes_, or behind them into events_.
  std::vector<Node> nodes_;
  std::vector<Event> events_;  // by offset
  std::map<std::string, size_t> node_of_key_;
  std::map<std::string, v1::MergeEvidence> merge_of_loser_;
  std::map<std::string, int64_t> created_offsets_;  // by profile id
};

}  // namespace tributary::identity
