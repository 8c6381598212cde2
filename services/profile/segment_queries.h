// What can be asked of a projection about segments and value tiers. As queries.h: functions over a view.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "profile/tables.h"
#include "tributary/profile/v1/segment.pb.h"

namespace tributary::profile {

// A segment or the value tiers, to which each partition adds what it knows.
struct ToldSegment {
  v1::Segment segment;
  int64_t rule_revision = 0;
};
struct ToldTiers {
  v1::ValueTiers tiers;
  int64_t rule_revision = 0;
};

// As partition 0 has decided it; nothing if there is none, or it was deleted.
std::optional<ToldSegment> ReadSegment(const projection::View& view, const std::string& workspace,
                                       const std::string& segment);
// By id.
struct SegmentsPage {
  std::vector<ToldSegment> segments;
  std::optional<std::string> next_after;  // continue behind this id; unset: the last page
};
SegmentsPage ReadSegments(const projection::View& view, const std::string& workspace, const std::string& after,
                          int32_t limit);
// As partition 0 has decided them; revision 0 if it never has.
ToldTiers ReadTiers(const projection::View& view, const std::string& workspace);

// Adds members and progress of the partition that `view` is of.
void AddPartition(const projection::View& view, const std::string& workspace, ToldSegment* told);
void AddPartition(const projection::View& view, const std::string& workspace, ToldTiers* told);

// Members that live in this partition, by id; profiles whose pieces are on their way are left out.
struct MembersPage {
  std::vector<v1::SegmentMember> members;
  std::optional<std::string> next_after;  // unset: the last page of this view
};
MembersPage ReadMembers(const projection::View& view, const std::string& workspace, const std::string& segment,
                        const std::string& after, int32_t limit);

// The segments that a profile is in, behind the id `after`, and its tier; fills at most `limit` and the page's token
// with the last id if there are more.
v1::ListProfileSegmentsResponse ReadProfileSegments(const projection::View& view, const std::string& workspace,
                                                    const std::string& profile, const std::string& after,
                                                    int32_t limit);

// Gone as far as this partition knows, though members may still be on their way out.
bool IsDeleted(const projection::View& view, const std::string& workspace, const std::string& segment);

}  // namespace tributary::profile
