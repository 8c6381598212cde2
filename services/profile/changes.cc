#include "profile/changes.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "profile/computed.h"
#include "profile/processor.h"
#include "profile/request.h"
#include "tributary/processor/token.h"
#include "xxhash.h"

namespace tributary::profile {
namespace {

using projection::Row;
using projection::View;
using storage::v1::EntryPlace;
using storage::v1::EntryRow;

uint64_t Fingerprint(const std::string& bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

uint64_t MergedIn(const storage::v1::ProfileRow& row) {
  uint64_t fingerprint = 0;
  for (const std::string& id : row.retired_profile_ids()) fingerprint = Fingerprint(id, fingerprint);
  return fingerprint;
}

uint64_t FiguresOf(const View& view, const std::string& profile, bool traits) {
  uint64_t fingerprint = 0;
  if (const Row<storage::v1::SummaryRow> row = view.Get(kSummaries, {profile}); row != nullptr) {
    fingerprint = Fingerprint(row->SerializeAsString(), fingerprint);
  }
  if (const Row<storage::v1::MembershipsRow> row = view.Get(kMemberships, {profile}); row != nullptr) {
    fingerprint = Fingerprint(row->SerializeAsString(), fingerprint);
  }
  if (!traits) return fingerprint;
  if (const Row<storage::v1::TraitsRow> row = view.Get(kTraits, {profile}); row != nullptr) {
    fingerprint = Fingerprint(row->SerializeAsString(), fingerprint);
  }
  return fingerprint;
}

// The offset of the newest entry; -1 if there is none that did not come in a merge.
int64_t LastArrival(const View& view, const std::string& profile) {
  int64_t last = -1;
  view.Scan(kArrivals, std::tuple(profile),
            [&](const ArrivalKey& key, const Row<EntryPlace>&) {
              last = std::get<1>(key);
              return false;
            },
            {.from = std::nullopt, .reverse = true});
  return last;
}

// Entries behind watch->through, as they arrived.
void AddEntries(const View& view, Watch* watch, Change* change) {
  size_t bytes = 0;
  view.Scan(kArrivals, std::tuple(watch->profile_id),
            [&](const ArrivalKey& key, const Row<EntryPlace>& place) {
              const auto& [profile, offset, source, event] = key;
              const bool full = change->response.entries_size() >= watch->max_entries || bytes >= watch->max_bytes;
              change->more = full && offset != watch->through;
              if (change->more) return false;
              const EntryKey entry{profile, absl::FromUnixMicros(place->occurred_at_micros()), place->source_priority(),
                                   event, source};
              if (const Row<EntryRow> row = view.Get(kEntries, entry); row != nullptr) {
                *change->response.add_entries() = EntryOf(entry, *row);
                bytes += change->response.entries().rbegin()->ByteSizeLong();
              }
              watch->through = offset;
              return true;
            },
            {.from = ArrivalKey{watch->profile_id, watch->through + 1, "", ""}});
}

// What was entered and left, unless it is the first answer.
void AddSegments(bool first, Watch* watch, v1::WatchProfileResponse* response) {
  const auto& now = response->profile().segment_ids();  // sorted
  const std::vector<std::string> before =
      std::exchange(watch->segments, std::vector<std::string>(now.begin(), now.end()));
  if (first) return;
  std::set_difference(now.begin(), now.end(), before.begin(), before.end(),
                      google::protobuf::RepeatedFieldBackInserter(response->mutable_entered_segment_ids()));
  std::set_difference(before.begin(), before.end(), now.begin(), now.end(),
                      google::protobuf::RepeatedFieldBackInserter(response->mutable_left_segment_ids()));
}

// Where this stream starts; false if what an earlier one told cannot be gone on with.
bool Start(const View& view, uint64_t merged, Watch* watch) {
  watch->started = true;
  watch->merged = merged;
  if (!watch->resume.has_value()) {
    watch->through = LastArrival(view, watch->profile_id);
    return true;
  }
  const auto& [profile, through, merged_then] = *watch->resume;
  if (profile == watch->profile_id && merged_then == merged) {
    watch->through = through;
    return true;
  }
  if (profile != watch->profile_id) watch->merged_into = watch->profile_id;
  return false;
}

}  // namespace

std::optional<Change> NextChange(const View& view, const FoundProfile& found, absl::Time now, Watch* watch) {
  const uint64_t merged = MergedIn(*found.row);
  const bool first = !watch->started;
  // Another profile is in another partition, whose offsets say nothing of where this stream was.
  const bool resynchronise =
      first ? !Start(view, merged, watch) : watch->merged != merged || !watch->merged_into.empty();
  if (resynchronise) {
    watch->merged = merged;
    watch->through = LastArrival(view, watch->profile_id);
  }
  const uint64_t figures = FiguresOf(view, watch->profile_id, watch->traits);
  const bool snapshot = first || resynchronise;
  const bool figures_changed = snapshot || figures != watch->figures;
  watch->figures = figures;
  Change change;
  if (watch->entries) AddEntries(view, watch, &change);
  if (!figures_changed && change.response.entries_size() == 0) return std::nullopt;
  if (!watch->entries) watch->through = LastArrival(view, watch->profile_id);
  v1::WatchProfileResponse& response = change.response;
  response.set_profile_id(watch->profile_id);
  response.set_snapshot(snapshot);
  response.set_resynchronise(resynchronise);
  response.set_merged_into(std::exchange(watch->merged_into, ""));
  if (figures_changed) {
    *response.mutable_profile() = ReadProfile(view, watch->workspace_id, found, watch->requested_id);
    AddSegments(first, watch, &response);
    if (watch->traits) *response.mutable_traits() = ReadTraits(view, watch->profile_id, now);
  }
  response.set_resume_token(ResumeToken({watch->profile_id, watch->through, watch->merged}));
  if (watch->through >= 0) {
    response.set_token(
        processor::EncodeToken({{{std::string(ProfileProcessor::kLog), processor::Partition(watch->partition)},
                                 processor::Offset(watch->through)}}));
  }
  return change;
}

}  // namespace tributary::profile
