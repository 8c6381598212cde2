#include "profile/membership_list.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "profile/affiliations.h"
#include "profile/entry.h"
#include "profile/request.h"
#include "tributary/base/status.h"

namespace tributary::profile {
namespace {

class Listing : public std::enable_shared_from_this<Listing> {
 public:
  Listing(const Places& places, const rpc::CallInfo& call, const v1::ListMembershipsRequest& request,
          rpc::Reply<v1::ListMembershipsResponse> reply)
      : places_(places), deadline_(call.deadline), request_(request), reply_(std::move(reply)) {}

  void Start(const rpc::CallInfo& call, absl::Time now) {
    if (absl::Status status = Read(call, now); !status.ok()) return reply_(status);
    Locate(places_,
           {.workspace_id = workspace_id_,
            .selector = request_.profile(),
            .token = request_.token(),
            .deadline = deadline_},
           [self = shared_from_this()](const absl::StatusOr<Located>& located) {
             if (!located.ok()) return self->reply_(located.status());
             self->Found(*located);
           });
  }

 private:
  absl::Status Read(const rpc::CallInfo& call, absl::Time now) {
    TRIBUTARY_ASSIGN_OR_RETURN(workspace_id_, WorkspaceOf(call, request_.workspace_id()));
    TRIBUTARY_RETURN_IF_ERROR(CheckSelector(request_.profile()));
    if (!v1::MembershipSide_IsValid(request_.side())) {
      return InvalidField("UNKNOWN_SIDE", "side", "is no side", "Use a value of tributary.profile.v1.MembershipSide");
    }
    TRIBUTARY_ASSIGN_OR_RETURN(left_, PageSize(request_.page_size()));
    TRIBUTARY_ASSIGN_OR_RETURN(as_of_, MomentOf(request_, now));
    *response_.mutable_as_of() = TimestampOf(absl::ToUnixMicros(as_of_));
    return absl::OkStatus();
  }

  void Found(const Located& located) {
    const events::v1::SubjectKind kind = located.profile.row->subject_kind();
    response_.set_profile_id(located.profile.id);
    const bool by = request_.side() == v1::MEMBERSHIP_SIDE_STATED_BY ||
                    (request_.side() == v1::MEMBERSHIP_SIDE_UNSPECIFIED && kind == events::v1::SUBJECT_KIND_PERSON);
    if (by) return AnswerStatedBy(located, kind);
    absl::StatusOr<ProfilesPosition> position = StatedAboutPositionOf(request_, places_.journey_partitions);
    if (!position.ok()) return reply_(position.status());
    position_ = *std::move(position);
    places_.resolver->KeysOf({.workspace_id = workspace_id_,
                              .profile_id = located.profile.id,
                              .token = request_.token(),
                              .deadline = deadline_},
                             [self = shared_from_this()](absl::StatusOr<std::vector<std::string>> keys) {
                               if (!keys.ok()) return self->reply_(keys.status());
                               self->keys_ = *std::move(keys);
                               self->Next();
                             });
  }

  void AnswerStatedBy(const Located& located, events::v1::SubjectKind kind) {
    const absl::StatusOr<std::optional<AffiliationPosition>> after = StatedByPositionOf(request_);
    if (!after.ok()) return reply_(after.status());
    AffiliationsPage page = ReadAffiliations(located.snapshot.view(), located.profile.id, kind, as_of_, *after, left_);
    if (!located.snapshot.status().ok()) return reply_(located.snapshot.status());
    for (v1::Membership& membership : page.memberships) *response_.add_memberships() = std::move(membership);
    if (page.next_after.has_value()) response_.set_next_page_token(PageToken(*page.next_after));
    reply_(std::move(response_));
  }

  void Next() {
    places_.Read(std::get<0>(position_), request_.token(), deadline_,
                 [self = shared_from_this()](absl::StatusOr<std::unique_ptr<projection::Snapshot>> snapshot) {
                   if (!snapshot.ok()) return self->reply_(snapshot.status());
                   self->Take(**snapshot);
                 });
  }

  void Take(projection::Snapshot& snapshot) {
    const projection::View view = snapshot.view();
    auto& [partition, after] = position_;
    const std::vector<std::string> members = ReadAffiliates(view, keys_, after, left_);
    for (const std::string& member : members) {
      const auto row = view.Get(kProfiles, {workspace_id_, member});
      if (row == nullptr || !row->merged_into().empty()) continue;  // it is told of the winner
      for (v1::Membership& membership : ReadAffiliationsWith(view, member, row->subject_kind(), keys_, as_of_)) {
        *response_.add_memberships() = std::move(membership);
      }
    }
    if (!snapshot.status().ok()) return reply_(snapshot.status());
    if (static_cast<int32_t>(members.size()) == left_) {
      after = members.back();
      return End();
    }
    left_ -= static_cast<int32_t>(members.size());
    position_ = {partition + 1, ""};
    if (std::get<0>(position_) == places_.journey_partitions) return reply_(std::move(response_));
    Next();
  }

  // There may be more.
  void End() {
    response_.set_next_page_token(StatedAboutPageToken(position_));
    reply_(std::move(response_));
  }

  const Places places_;
  const absl::Time deadline_;
  const v1::ListMembershipsRequest request_;
  const rpc::Reply<v1::ListMembershipsResponse> reply_;
  std::string workspace_id_;
  absl::Time as_of_;
  int32_t left_ = 0;
  ProfilesPosition position_;
  std::vector<std::string> keys_;
  v1::ListMembershipsResponse response_;
};

}  // namespace

void ListMemberships(const Places& places, const rpc::CallInfo& call, const v1::ListMembershipsRequest& request,
                     absl::Time now, rpc::Reply<v1::ListMembershipsResponse> reply) {
  std::make_shared<Listing>(places, call, request, std::move(reply))->Start(call, now);
}

}  // namespace tributary::profile
