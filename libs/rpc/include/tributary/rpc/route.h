// Calls that go on to the owner of their partition, one hop, in their caller's name.
//
//   [this](const rpc::CallInfo& call, const GetProfileRequest& asked, rpc::Reply<GetProfileResponse> reply) {
//     ...
//     if (routes_.SentOn({"journey", JourneyPartitionOf(asked.profile_id(), partitions_)}, asked, reply)) return;
//     reply(Look(call, asked));
//   }
//
// So a front says when it knows the partition, at once or after a question to another service.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "tributary/metrics/registry.h"
#include "tributary/rpc/call.h"
#include "tributary/rpc/router.h"

namespace tributary::rpc {

struct Place {
  std::string log;
  int32_t partition = 0;  // >= 0
  // "journey/3"
  std::string ToString() const;
};

// UNAVAILABLE with the reason WRONG_OWNER and a retry delay: what an instance answers that was sent a call for a place
// which is not its own. Instances that restart with another number of replicas disagree for a moment.
absl::Status WrongOwner(const Place& place);

// What came back of a question to another instance.
template <typename Response>
struct Answered {
  Response response;
  // The trailing metadata kMissingTrailer (router.h); empty if there is none.
  std::string missing;
};

// The routes of one service's calls. Thread-safe.
//
// Sent on are the caller's credential and trace, so that the owner decides what the caller may see, and a deadline that
// lies SendMargin() before the caller's, so that the owner's word arrives before it. A caller that goes takes the call
// at the owner with it. What the owner answers is passed as it is, errors with their details. An owner that cannot be
// reached, or that dies meanwhile, gives UNAVAILABLE with the reason OWNER_UNREACHABLE: the call may have had its
// effect. Metrics:
//   tributary_rpc_forwarded_total{service, outcome}  outcome: ok, error (the owner's), wrong_owner (it says that it is
//                                                    not), unreachable, gone (the caller, or its time)
//   tributary_rpc_wrong_owner_total{service}         calls sent here by another instance for what is not ours
class Routes {
 public:
  // `service`: the full name as generated, v1::ProfileService::service_full_name(). `router` and `metrics` (null: not
  // counted) must outlive this.
  Routes(std::string_view service, const Router& router, metrics::Registry* metrics);

  // False: the place is served here, go on. True: it is not, and the reply is taken care of: the call was sent on, or,
  // if it was sent here by another instance, refused with WrongOwner().
  template <typename Request, typename Response>
  bool SentOn(const Place& place, const Request& request, const Reply<Response>& reply) const {
    const Owner owner = router_.OwnerOf(place.log, place.partition);
    if (owner.local()) return false;
    if (reply.call()->info().forwarded) {
      reply(Refuse(place));
      return true;
    }
    Ask<Response>(reply.call(), owner, {.what = place.ToString()}, request,
                  [reply](absl::StatusOr<Answered<Response>> answer) {
                    if (!answer.ok()) return reply(answer.status());
                    reply(std::move(answer->response));
                  });
    return true;
  }

  struct Question {
    // Whose owner is asked, for the error: "journey/3".
    std::string what;
    // Sent along as kPartitionsHeader, if there are any.
    std::vector<int32_t> partitions = {};
  };

  // Asks `owner`, a remote one, the method of this service that takes a Request and gives a Response, in the name of
  // `caller`; for answers that are put together from several. `done` is called once, on a thread of gRPC or within.
  // `request` is needed only until this returns.
  template <typename Response, typename Request>
  void Ask(const std::shared_ptr<UnaryCall>& caller, const Owner& owner, const Question& question,
           const Request& request, std::function<void(absl::StatusOr<Answered<Response>>)> done) const {
    auto response = std::make_shared<Response>();
    Send(caller, owner, question, request, response,
         [response, done = std::move(done)](const absl::Status& status, std::string missing) {
           if (!status.ok()) return done(status);
           done(Answered<Response>{std::move(*response), std::move(missing)});
         });
  }

  const Router& router() const { return router_; }
  // WrongOwner(), counted.
  absl::Status Refuse(const Place& place) const;

 private:
  using Done = std::function<void(const absl::Status&, std::string missing)>;

  void Send(const std::shared_ptr<UnaryCall>& caller, const Owner& owner, const Question& question,
            const google::protobuf::Message& request, const std::shared_ptr<google::protobuf::Message>& response,
            Done done) const;
  // "/tributary.profile.v1.ProfileService/GetProfile"; empty if there is none, or more than one.
  std::string MethodOf(const google::protobuf::Message& request, const google::protobuf::Message& response) const;

  struct Counters {
    metrics::Counter ok, error, wrong_owner, unreachable, gone;
  };

  const Router& router_;
  const std::string service_;
  const google::protobuf::ServiceDescriptor* const descriptor_;
  Counters forwarded_;
  metrics::Counter refused_;
};

// By how much sooner a call that is sent on has to end than the caller's, which has until `deadline`: 100 ms and a
// fiftieth of what is left (gRPC rounds a deadline on the wire up by as much as a hundredth), but no more than a tenth.
absl::Duration SendMargin(absl::Time deadline);

}  // namespace tributary::rpc
