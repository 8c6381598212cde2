// tributary.profile.v1.SegmentService on the tasks of this process.
#pragma once

#include "profile/definition_writes.h"
#include "profile/lookup.h"
#include "tributary/base/random.h"
#include "tributary/eventlog/event_log.h"
#include "tributary/profile/v1/segment.grpc.pb.h"
#include "tributary/rpc/call.h"

namespace tributary::profile {

// Thread-safe. Answers as ProfileFront does; changes are decided by the task of partition 0.
class SegmentFront final : public v1::SegmentService::CallbackService {
 public:
  // All must outlive the front and its calls.
  struct Deps {
    const rpc::CallGate* gate = nullptr;
    Places places;
    eventlog::EventLog* log = nullptr;
    Random* random = nullptr;
  };
  explicit SegmentFront(const Deps& deps)
      : deps_(deps), writes_({.places = deps.places, .log = deps.log, .random = deps.random}) {}

  grpc::ServerUnaryReactor* GetSegment(grpc::CallbackServerContext* context, const v1::GetSegmentRequest* request,
                                       v1::GetSegmentResponse* response) override;
  grpc::ServerUnaryReactor* ListSegments(grpc::CallbackServerContext* context, const v1::ListSegmentsRequest* request,
                                         v1::ListSegmentsResponse* response) override;
  grpc::ServerUnaryReactor* UpdateSegment(grpc::CallbackServerContext* context, const v1::UpdateSegmentRequest* request,
                                          v1::UpdateSegmentResponse* response) override;
  grpc::ServerUnaryReactor* DeleteSegment(grpc::CallbackServerContext* context, const v1::DeleteSegmentRequest* request,
                                          v1::DeleteSegmentResponse* response) override;
  grpc::ServerUnaryReactor* ListSegmentMembers(grpc::CallbackServerContext* context,
                                               const v1::ListSegmentMembersRequest* request,
                                               v1::ListSegmentMembersResponse* response) override;
  grpc::ServerUnaryReactor* ListProfileSegments(grpc::CallbackServerContext* context,
                                                const v1::ListProfileSegmentsRequest* request,
                                                v1::ListProfileSegmentsResponse* response) override;
  grpc::ServerUnaryReactor* CheckRule(grpc::CallbackServerContext* context, const v1::CheckRuleRequest* request,
                                      v1::CheckRuleResponse* response) override;
  grpc::ServerUnaryReactor* GetValueTiers(grpc::CallbackServerContext* context, const v1::GetValueTiersRequest* request,
                                          v1::GetValueTiersResponse* response) override;
  grpc::ServerUnaryReactor* UpdateValueTiers(grpc::CallbackServerContext* context,
                                             const v1::UpdateValueTiersRequest* request,
                                             v1::UpdateValueTiersResponse* response) override;

 private:
  const Deps deps_;
  const DefinitionWrites writes_;
};

}  // namespace tributary::profile
