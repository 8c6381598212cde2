#include "profile/copy.h"

#include <optional>
#include <tuple>
#include <utility>

#include "profile/tables.h"
#include "tributary/events/v1/customer_event.pb.h"
#include "tributary/processor/record_type.h"

namespace tributary::profile {
namespace {

using events::v1::MovedRow;
using projection::Row;

MovedRow RowOf(std::string_view kind, const google::protobuf::MessageLite& value) {
  MovedRow row;
  row.set_kind(std::string(kind));
  row.set_value(value.SerializeAsString());
  return row;
}

MovedRow ProfileRowOf(const projection::View& view, const std::string& workspace, const std::string& profile) {
  storage::v1::MovedProfile moved;
  moved.set_profile_id(profile);
  if (const auto row = view.Get(kProfiles, {workspace, profile}); row != nullptr) *moved.mutable_row() = *row;
  return RowOf(kMovedProfile, moved);
}

MovedRow EntryRowOf(const projection::View& view, const EntryIdKey& key, const storage::v1::EntryIdRow& id) {
  const auto& [profile, source, event] = key;
  storage::v1::MovedEntry moved;
  moved.set_source_id(source);
  moved.set_event_id(event);
  if (!id.has_place()) {
    *moved.mutable_waiting() = id.waiting();
  } else if (const auto row = view.Get(kEntries, {profile, absl::FromUnixMicros(id.place().occurred_at_micros()),
                                                  id.place().source_priority(), event, source});
             row != nullptr) {
    *moved.mutable_entry() = *row;
  }
  return RowOf(kMovedEntry, moved);
}

}  // namespace

processor::CopiedRows CopyProfile(const projection::View& view, const std::string& workspace,
                                  const std::string& profile, std::string_view cursor, int32_t max_rows,
                                  size_t max_bytes) {
  processor::CopiedRows copied;
  projection::ScanRange<EntryIdKey> range;
  if (cursor.empty()) {
    copied.rows.push_back(ProfileRowOf(view, workspace, profile));
  } else {
    std::tuple<std::string, std::string> from;  // written by this function: decodes
    projection::DecodeKey(cursor, &from);
    range.from = EntryIdKey{profile, std::get<0>(from), std::get<1>(from)};
  }
  size_t bytes = 0;
  view.Scan(
      kEntryIds, std::tuple(profile),
      [&](const EntryIdKey& key, const Row<storage::v1::EntryIdRow>& id) {
        if (static_cast<int32_t>(copied.rows.size()) >= max_rows || bytes >= max_bytes) {
          copied.next = projection::EncodeKey(std::tuple(std::get<1>(key), std::get<2>(key)));
          return false;
        }
        copied.rows.push_back(EntryRowOf(view, key, *id));
        bytes += copied.rows.back().ByteSizeLong();
        return true;
      },
      range);
  return copied;
}

std::string ForwardEvent(const processor::Fact& fact, const std::string& winner) {
  // Appended bytes are merged into the message (ADR 6): only the profile changes.
  events::v1::CustomerEvent patch;
  patch.mutable_resolution()->set_profile_id(winner);
  return fact.value.Bytes() + patch.SerializeAsString();
}

}  // namespace tributary::profile
