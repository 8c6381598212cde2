#include "standalone/peers.h"

#include <algorithm>
#include <fstream>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "fmt/format.h"
#include "grpcpp/client_context.h"
#include "ingestion/secrets.h"
#include "tributary/base/status.h"
#include "tributary/rpc/status.h"

namespace tributary::standalone {
namespace {

constexpr size_t kMinSecretChars = 32;
// How old a lag may be, and how long after the last question it is still followed.
constexpr absl::Duration kLagAge = absl::Milliseconds(10);
constexpr absl::Duration kLagInterest = absl::Seconds(1);
constexpr absl::Duration kLagTimeout = absl::Seconds(1);

}  // namespace

absl::StatusOr<std::string> ReadPeerSecret(const std::string& path) {
  std::ifstream file(path);
  std::string secret;
  if (!std::getline(file, secret)) {
    return FieldError(absl::StatusCode::kNotFound, "PEER_SECRET_MISSING", "peer_secret_file",
                      fmt::format("cannot read '{}'", path), "Name a file of one line, the same for all processes");
  }
  if (secret.size() < kMinSecretChars) {
    return InvalidField("PEER_SECRET_WEAK", "peer_secret_file", fmt::format("has {} characters", secret.size()),
                        fmt::format("Draw at least {}, for example with `openssl rand -hex 32`", kMinSecretChars));
  }
  return secret;
}

PeerVerifier::PeerVerifier(const rpc::CredentialVerifier& credentials, std::string_view secret)
    : credentials_(credentials), digest_(secret.empty() ? "" : ingestion::SecretDigest(secret)) {}

absl::StatusOr<rpc::Principal> PeerVerifier::Verify(std::string_view bearer_secret) const {
  if (!digest_.empty() && ingestion::SecretDigest(bearer_secret) == digest_) {
    return rpc::Principal{.role = rpc::Role::kOperator, .credential_id = "peer"};
  }
  return credentials_.Verify(bearer_secret);
}

// Those in flight.
class Peer::Calls {
 public:
  struct Context {
    grpc::ClientContext grpc;
  };
  // Null once the end has begun.
  std::shared_ptr<Context> Begin() {
    const MutexLock lock(mutex_);
    if (ending_) return nullptr;
    auto context = std::make_shared<Context>();
    contexts_.insert(context.get());
    return context;
  }
  void Done(const Context* context) {
    const MutexLock lock(mutex_);
    contexts_.erase(const_cast<Context*>(context));
    if (contexts_.empty()) idle_.notify_all();
  }
  void CancelAll() {
    MutexLock lock(mutex_);
    ending_ = true;
    for (Context* context : contexts_) context->grpc.TryCancel();
    idle_.wait(lock.native(), [this] { return contexts_.empty(); });
  }

 private:
  Mutex mutex_;
  std::condition_variable idle_;
  absl::flat_hash_set<Context*> contexts_ TRIBUTARY_GUARDED_BY(mutex_);
  bool ending_ TRIBUTARY_GUARDED_BY(mutex_) = false;
};

Peer::Peer(std::string service, rpc::Client client)
    : service_(std::move(service)),
      client_(std::move(client)),
      stub_(peer::v1::PeerService::NewStub(client_.channel())),
      calls_(std::make_shared<Calls>()) {}

Peer::~Peer() { Stop(); }

void Peer::Stop() { calls_->CancelAll(); }

template <typename Response, typename Request, typename Start, typename Done>
void Peer::Call(absl::Time deadline, Request request, Start start, Done done) {
  struct State {
    std::shared_ptr<Calls::Context> context;
    Request request;
    Response response;
    Done done;
  };
  std::shared_ptr<Calls::Context> context = calls_->Begin();
  if (context == nullptr) return done(absl::UnavailableError("the server is stopping"));
  auto state = std::make_shared<State>(State{std::move(context), std::move(request), {}, std::move(done)});
  client_.Prepare(state->context->grpc);
  state->context->grpc.set_deadline(absl::ToChronoTime(deadline));
  start(stub_->async(), &state->context->grpc, &state->request, &state->response,
        [state, calls = calls_, service = service_](const grpc::Status& ended) {
          absl::Status status = rpc::FromGrpc(ended);
          // Nobody there, as opposed to what the peer itself says.
          if (absl::IsUnavailable(status) && !DetailOf(status).has_value()) {
            status = FieldError(absl::StatusCode::kUnavailable, "PEER_UNREACHABLE", "",
                                fmt::format("the {} service cannot be reached", service), "Try again");
          }
          if (status.ok()) {
            state->done(std::move(state->response));
          } else {
            state->done(std::move(status));
          }
          calls->Done(state->context.get());
        });
}

void Peer::Resolve(profile::IdentifierLookup lookup,
                   std::function<void(absl::StatusOr<profile::ResolvedIdentifier>)> done) {
  using Response = peer::v1::ResolveProfileResponse;
  peer::v1::ResolveProfileRequest request;
  request.set_workspace_id(std::move(lookup.workspace_id));
  request.set_subject_kind(lookup.subject_kind);
  *request.mutable_identifier() = std::move(lookup.identifier);
  request.set_token(std::move(lookup.token));
  request.set_field(std::move(lookup.field));
  Call<Response>(
      lookup.deadline, std::move(request), [](auto* stub, auto... call) { stub->ResolveProfile(call...); },
      [done = std::move(done)](absl::StatusOr<Response> response) {
        if (!response.ok()) return done(response.status());
        done(profile::ResolvedIdentifier{std::move(*response->mutable_profile_id()),
                                         std::move(*response->mutable_profile_token())});
      });
}

void Peer::KeysOf(profile::ProfileKeysLookup lookup,
                  std::function<void(absl::StatusOr<std::vector<std::string>>)> done) {
  using Response = peer::v1::GetProfileKeysResponse;
  peer::v1::GetProfileKeysRequest request;
  request.set_workspace_id(std::move(lookup.workspace_id));
  request.set_profile_id(std::move(lookup.profile_id));
  request.set_token(std::move(lookup.token));
  Call<Response>(
      lookup.deadline, std::move(request), [](auto* stub, auto... call) { stub->GetProfileKeys(call...); },
      [done = std::move(done)](absl::StatusOr<Response> response) {
        if (!response.ok()) return done(response.status());
        done(std::vector<std::string>(response->keys().begin(), response->keys().end()));
      });
}

void Peer::AwaitRelayed(const processor::TokenPosition& position, absl::Time deadline,
                        std::function<void(absl::Status)> done) {
  using Response = peer::v1::AwaitRelayedResponse;
  peer::v1::AwaitRelayedRequest request;
  request.set_partition(position.partition.partition.value());
  request.set_offset(position.offset.value());
  Call<Response>(
      deadline, std::move(request), [](auto* stub, auto... call) { stub->AwaitRelayed(call...); },
      [done = std::move(done)](absl::StatusOr<Response> response) { done(response.status()); });
}

void Peer::GetLag(absl::Time deadline, std::function<void(absl::StatusOr<peer::v1::GetLagResponse>)> done) {
  using Response = peer::v1::GetLagResponse;
  peer::v1::GetLagRequest request;
  request.set_processor(service_);
  Call<Response>(
      deadline, std::move(request), [](auto* stub, auto... call) { stub->GetLag(call...); }, std::move(done));
}

PeerLag::PeerLag(Peer* peer, const Clock* clock) : peer_(peer), clock_(clock), thread_([this] { Run(); }) {}

PeerLag::~PeerLag() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  asked_.notify_all();
  thread_.join();
}

std::shared_ptr<const PeerLag::Lags> PeerLag::Current() {
  const MutexLock lock(mutex_);
  wanted_until_ = clock_->Monotonic() + kLagInterest;
  asked_.notify_all();
  return lags_;
}

int64_t PeerLag::Of(const processor::PartitionRef& partition) {
  const std::shared_ptr<const Lags> lags = Current();
  if (lags == nullptr) return kUnknown;
  const auto at = lags->find(partition);
  return at == lags->end() ? kUnknown : at->second;
}

int64_t PeerLag::Most(std::string_view log) {
  const std::shared_ptr<const Lags> lags = Current();
  if (lags == nullptr) return kUnknown;
  int64_t most = 0;
  for (const auto& [partition, lag] : *lags) {
    if (partition.log == log) most = std::max(most, lag);
  }
  return most;
}

void PeerLag::Run() {
  struct Answer {
    Mutex mutex;
    std::condition_variable came;
    bool done TRIBUTARY_GUARDED_BY(mutex) = false;
    std::shared_ptr<const Lags> lags TRIBUTARY_GUARDED_BY(mutex);
  };
  for (;;) {
    {
      MutexLock lock(mutex_);
      const auto wanted = [this] { return stopping_ || clock_->Monotonic() < wanted_until_; };
      if (!wanted()) lags_ = nullptr;  // what is not followed is not known
      asked_.wait(lock.native(), wanted);
      if (stopping_) return;
    }
    Answer answer;
    peer_->GetLag(clock_->WallNow() + kLagTimeout, [&answer](absl::StatusOr<peer::v1::GetLagResponse> response) {
      std::shared_ptr<Lags> lags;
      if (response.ok()) {
        lags = std::make_shared<Lags>();
        for (const peer::v1::TaskLag& lag : response->lags()) {
          (*lags)[{lag.log(), eventlog::Partition(lag.partition())}] = lag.records() + lag.relay_backlog();
        }
      }
      const MutexLock lock(answer.mutex);
      answer.lags = std::move(lags);
      answer.done = true;
      answer.came.notify_all();
    });
    std::shared_ptr<const Lags> lags;
    {
      MutexLock lock(answer.mutex);
      answer.came.wait(lock.native(), [&answer] { return answer.done; });
      lags = answer.lags;
    }
    MutexLock lock(mutex_);
    lags_ = std::move(lags);
    asked_.wait_for(lock.native(), absl::ToChronoNanoseconds(kLagAge), [this] { return stopping_; });
    if (stopping_) return;
  }
}

}  // namespace tributary::standalone
