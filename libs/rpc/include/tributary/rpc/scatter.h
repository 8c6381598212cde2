// Calls about many partitions: each owner is asked once for its own, and what they say is merged.
//
//   [this](const rpc::CallInfo& call, const GetSegmentRequest& asked, rpc::Reply<GetSegmentResponse> reply) {
//     ...
//     rpc::Scatter<GetSegmentResponse>(routes_, asked, reply, {
//         .log = "journey",
//         .partitions = 64,
//         .local = [=](const std::vector<int32_t>& partitions, absl::Time deadline, auto done) { ... },
//         .merge = [](rpc::Gathered<GetSegmentResponse> gathered) -> absl::StatusOr<GetSegmentResponse> {
//           if (!gathered.missing.empty()) return rpc::PartialError("journey", gathered.missing);
//           ...
//         }});
//   }
//
// The same method serves the caller and the asking instance: a part has the shape of the whole (router.h says how the
// instances talk).
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/alarm.h"
#include "tributary/base/clock.h"
#include "tributary/base/mutex.h"
#include "tributary/rpc/route.h"

namespace tributary::rpc {

struct MissingPartition {
  int32_t partition = 0;
  std::string reason = "";  // an error's reason, "OWNER_UNREACHABLE", or the name of its code
  friend bool operator==(const MissingPartition&, const MissingPartition&) = default;
};

// What one instance has to say of the partitions that it was asked for.
template <typename Response>
struct Part {
  Response response = {};
  // Those that `response` says nothing of; all others are in it.
  std::vector<MissingPartition> missing = {};
};

template <typename Response>
struct Gathered {
  // By the ordinal of who answered.
  std::map<int32_t, Response> parts = {};
  // Which partitions are in no part, ascending. Not among them: those that were left out because there was enough.
  std::vector<MissingPartition> missing = {};
};

template <typename Response>
struct Scattering {
  std::string log;
  int32_t partitions = 0;  // how many the log has: [1, kMaxScatterPartitions]
  // Answers for those of the given partitions, all of them this process's own, within the call or later, from any
  // thread, at the latest at the deadline: what it says later is not heard. An error is about all of them.
  std::function<void(const std::vector<int32_t>& partitions, absl::Time deadline,
                     std::function<void(absl::StatusOr<Part<Response>>)> done)>
      local;
  // The answer to the caller, from what came in time. Returns PartialError() if something is missing, unless the
  // request allows that.
  std::function<absl::StatusOr<Response>(Gathered<Response>)> merge;
  // Whether no more is needed; asked after each part, with a lock held. Null: all are.
  std::function<bool(const Gathered<Response>&)> enough = nullptr;
};

// UNAVAILABLE with the reason PARTIAL, naming the partitions that are missing:
//   no answer from journey/5 (DEADLINE_EXCEEDED), journey/3, journey/17 (OWNER_UNREACHABLE)
// No more than 64 are named. `missing` must not be empty.
absl::Status PartialError(std::string_view log, const std::vector<MissingPartition>& missing);

namespace internal {

// Whether an error is a word on the request, the same everywhere, and not on the instance's state.
bool IsVerdict(const absl::Status& status);
// `partitions`, all with the reason of `status`.
std::vector<MissingPartition> MissingFor(const std::vector<int32_t>& partitions, const absl::Status& status);
// kMissingTrailer. Of one that cannot be read all of `asked` are missing; what it names besides `asked` is left out.
std::string FormatMissing(const std::vector<MissingPartition>& missing);
std::vector<MissingPartition> ParseMissing(std::string_view text, const std::vector<int32_t>& asked);
// To an instance that asks for no partition at all.
absl::Status UnnamedPartitions();
// What one instance is asked for; SharesOf() gives them by ordinal.
struct Share {
  Owner owner;
  std::vector<int32_t> partitions;
};
std::map<int32_t, Share> SharesOf(const Router& router, std::string_view log, int32_t partitions);

// What is under way of one call. Ends once: when all have answered, or enough, at the first verdict or at the deadline.
// Thread-safe.
template <typename Response>
class Gathering : public std::enable_shared_from_this<Gathering<Response>> {
 public:
  Gathering(const Reply<Response>& reply, Scattering<Response> spec, std::map<int32_t, Share> shares)
      : reply_(reply), spec_(std::move(spec)), shares_(std::move(shares)) {
    for (const auto& [ordinal, share] : shares_) open_[ordinal] = share.partitions;
  }

  template <typename Request>
  void Start(const Routes& routes, const Request& request) {
    // Between the deadline of the parts and that of the caller.
    const absl::Time deadline = reply_.call()->info().deadline;
    const absl::Duration margin = SendMargin(deadline);
    {
      const MutexLock lock(mutex_);
      alarm_.emplace();
      alarm_->Set(absl::ToChronoTime(deadline - margin / 2), [weak = this->weak_from_this()](bool fired) {
        if (const auto self = weak.lock(); fired && self != nullptr) self->TimeIsUp();
      });
    }
    const Share* own = nullptr;
    int32_t own_ordinal = 0;
    for (const auto& [ordinal, share] : shares_) {
      if (share.owner.local()) {
        own = &share;
        own_ordinal = ordinal;
      } else {
        AskRemote(routes, request, ordinal, share);
      }
    }
    // Last, for it may do its work at once.
    if (own == nullptr) return;
    spec_.local(own->partitions, deadline - margin,
                [self = this->shared_from_this(), own_ordinal](absl::StatusOr<Part<Response>> part) {
                  self->Take(own_ordinal, std::move(part));
                });
  }

 private:
  template <typename Request>
  void AskRemote(const Routes& routes, const Request& request, int32_t ordinal, const Share& share) {
    routes.Ask<Response>(
        reply_.call(), share.owner,
        {.what = Place{spec_.log, share.partitions.front()}.ToString(), .partitions = share.partitions}, request,
        [self = this->shared_from_this(), ordinal, &asked = share.partitions](absl::StatusOr<Answered<Response>> came) {
          if (!came.ok()) return self->Take(ordinal, came.status());
          self->Take(ordinal, Part<Response>{std::move(came->response), ParseMissing(came->missing, asked)});
        });
  }

  void Take(int32_t ordinal, absl::StatusOr<Part<Response>> part) {
    {
      const MutexLock lock(mutex_);
      const auto asked = open_.find(ordinal);
      if (over_ || asked == open_.end()) return;
      if (part.ok()) {
        gathered_.parts[ordinal] = std::move(part->response);
        Miss(part->missing);
      } else if (IsVerdict(part.status())) {
        verdict_ = part.status();
      } else {
        Miss(MissingFor(asked->second, part.status()));
      }
      open_.erase(asked);
      over_ = !verdict_.ok() || open_.empty() || (part.ok() && spec_.enough != nullptr && spec_.enough(gathered_));
      if (!over_) return;
    }
    Answer();
  }

  void TimeIsUp() {
    {
      const MutexLock lock(mutex_);
      if (std::exchange(over_, true)) return;
      for (const auto& [ordinal, partitions] : open_) {
        Miss(MissingFor(partitions, absl::DeadlineExceededError("")));
      }
    }
    Answer();
  }

  void Miss(const std::vector<MissingPartition>& missing) TRIBUTARY_REQUIRES(mutex_) {
    gathered_.missing.insert(gathered_.missing.end(), missing.begin(), missing.end());
  }

  // Once, after over_ was set: nobody else touches the state any more. The reply ends the call, and with it what is
  // still under way at other instances.
  void Answer() {
    {
      const MutexLock lock(mutex_);
      if (alarm_.has_value()) alarm_->Cancel();
    }
    if (reply_.call()->ended()) return;
    if (!verdict_.ok()) return reply_(verdict_);
    std::sort(gathered_.missing.begin(), gathered_.missing.end(),
              [](const MissingPartition& a, const MissingPartition& b) { return a.partition < b.partition; });
    reply_(spec_.merge(std::move(gathered_)));
  }

  const Reply<Response> reply_;
  const Scattering<Response> spec_;
  const std::map<int32_t, Share> shares_;
  Mutex mutex_;
  std::optional<grpc::Alarm> alarm_ TRIBUTARY_GUARDED_BY(mutex_);
  std::map<int32_t, std::vector<int32_t>> open_ TRIBUTARY_GUARDED_BY(mutex_);  // who has not answered yet
  bool over_ TRIBUTARY_GUARDED_BY(mutex_) = false;
  // Changed with the lock held until over_ is set.
  Gathered<Response> gathered_;
  absl::Status verdict_;
};

// What another instance asks of this one.
template <typename Response>
void AnswerPart(const Routes& routes, const Reply<Response>& reply, const Scattering<Response>& spec) {
  const CallInfo& call = reply.call()->info();
  std::vector<int32_t> own;
  std::vector<int32_t> foreign;
  for (const int32_t partition : call.partitions) {
    const bool ours = partition < spec.partitions && routes.router().OwnerOf(spec.log, partition).local();
    (ours ? own : foreign).push_back(partition);
  }
  std::vector<MissingPartition> missing;
  if (!foreign.empty()) {
    const absl::Status refused = routes.Refuse({spec.log, foreign.front()});
    if (own.empty()) return reply(refused);
    missing = MissingFor(foreign, refused);
  }
  if (own.empty()) return reply(UnnamedPartitions());
  spec.local(own, call.deadline - SendMargin(call.deadline),
             [reply, missing = std::move(missing)](absl::StatusOr<Part<Response>> part) mutable {
               if (!part.ok()) return reply(part.status());
               for (MissingPartition& of : part->missing) missing.push_back(std::move(of));
               if (missing.empty()) return reply(std::move(part->response));
               reply.SendWithTrailer(std::move(part->response), kMissingTrailer, FormatMissing(missing));
             });
}

}  // namespace internal

// Answers `reply`, the reply to `request`, by asking the owners of all partitions. Each is asked once; a part that does
// not come by SendMargin() before the caller's deadline is missing, and so is one whose instance cannot be reached or
// has no answer now. An error that is a word on the request (INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS,
// FAILED_PRECONDITION, OUT_OF_RANGE, PERMISSION_DENIED) ends the whole call with it. `routes` must outlive the call,
// `request` is needed only until this returns.
template <typename Response, typename Request>
void Scatter(const Routes& routes, const Request& request, const Reply<Response>& reply,
             Scattering<Response> scattering) {
  if (reply.call()->info().forwarded) return internal::AnswerPart(routes, reply, scattering);
  std::map<int32_t, internal::Share> shares =
      internal::SharesOf(routes.router(), scattering.log, scattering.partitions);
  std::make_shared<internal::Gathering<Response>>(reply, std::move(scattering), std::move(shares))
      ->Start(routes, request);
}

}  // namespace tributary::rpc
