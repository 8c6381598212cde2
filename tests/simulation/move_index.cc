#include "move_index.h"

#include "mover.h"
#include "tributary/base/status.h"

namespace tributary::simulation {

void MoveIndex::Update() {
  for (int i = 0; i < partitions_; ++i) {
    const auto& records = log_->Records({"journey", Partition(i)});
    Cursor& cursor = cursors_[i];
    for (; cursor.next < records.size(); ++cursor.next) {
      const eventlog::Record& record = records[cursor.next]->record;
      if (!cursor.origins.Takes(record)) continue;
      if (record.type == kPiece) {
        Note(record.value);
      } else if (record.type == processor::RecordType<events::v1::FactForwarded>()) {
        events::v1::FactForwarded forwarded;
        forwarded.ParseFromString(record.value);
        if (forwarded.processor() == processor_ && forwarded.type() == kPiece) Note(forwarded.value());
      } else if (record.type == processor::RecordType<events::v1::ProfilesMerged>()) {
        events::v1::ProfilesMerged merged;
        merged.ParseFromString(record.value);
        if (PartitionOfProfile(merged.loser_id(), partitions_) == Partition(i))
          known_[merged.loser_id()].retired = true;
      }
    }
  }
}

void MoveIndex::Note(std::string_view value) {
  v1::Piece piece;
  piece.ParseFromArray(value.data(), static_cast<int>(value.size()));
  if (piece.malformed()) return;
  Known& known = known_[piece.profile_id()];
  (known.retired ? known.late : known.own).insert(piece.id());
}

std::vector<std::string> MoveIndex::GroupOf(const std::string& profile, const std::vector<Merge>& merges) const {
  std::vector<std::string> group = {profile};
  for (size_t i = 0; i < group.size(); ++i) {
    for (const Merge& merge : merges) {
      if (merge.winner == group[i]) group.push_back(merge.loser);
    }
  }
  return group;
}

absl::Status MoveIndex::CheckAllOf(const std::string& profile, const std::set<std::string>& seen,
                                   const std::vector<Merge>& merges) const {
  for (const std::string& member : GroupOf(profile, merges)) {
    const auto known = known_.find(member);
    if (known == known_.end()) continue;
    REFEREE_EXPECT(known->second.retired, "something of {} was seen elsewhere before it had lost", member);
    for (const std::string& id : known->second.own)
      REFEREE_EXPECT(seen.contains(id), "{} of {} is missing", id, member);
  }
  return absl::OkStatus();
}

absl::Status MoveIndex::CheckWhole(const std::string& profile, const std::set<std::string>& seen,
                                   const std::vector<Merge>& merges) const {
  for (const Merge& merge : merges) {
    if (merge.winner != profile) continue;
    bool any = false;
    for (const std::string& member : GroupOf(merge.loser, merges)) {
      const auto known = known_.find(member);
      if (known == known_.end()) continue;
      for (const std::string& id : known->second.own) any = any || seen.contains(id);
      for (const std::string& id : known->second.late) any = any || seen.contains(id);
    }
    if (!any) continue;
    TRIBUTARY_RETURN_IF_ERROR(
        Annotate(CheckAllOf(merge.loser, seen, merges), fmt::format("merge {} is seen in part", merge.id)));
  }
  return absl::OkStatus();
}

}  // namespace tributary::simulation
