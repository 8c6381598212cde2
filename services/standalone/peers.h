// The services that run in other processes of the installation, as the fronts of this one see them.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "profile/identifier_resolver.h"
#include "tributary/base/clock.h"
#include "tributary/base/mutex.h"
#include "tributary/peer/v1/peer.grpc.pb.h"
#include "tributary/processor/token.h"
#include "tributary/rpc/client.h"
#include "tributary/rpc/credentials.h"

namespace tributary::standalone {

// The secret that the processes of an installation share, from a file of one line. Errors: NotFound, InvalidArgument
// (fewer than 32 characters), both naming `peer_secret_file`.
absl::StatusOr<std::string> ReadPeerSecret(const std::string& path);

// Verifies the peers' secret itself, as an operator's, and all others by `credentials`.
class PeerVerifier final : public rpc::CredentialVerifier {
 public:
  // An empty secret is nobody's. `credentials` must outlive this.
  PeerVerifier(const rpc::CredentialVerifier& credentials, std::string_view secret);
  absl::StatusOr<rpc::Principal> Verify(std::string_view bearer_secret) const override;

 private:
  const rpc::CredentialVerifier& credentials_;
  const std::string digest_;
};

// One other service. Thread-safe; its calls do not block. Nothing is retried here: who waits for an answer asks again.
class Peer final : public profile::IdentifierResolver {
 public:
  // `service`: of this name errors tell. `client` as rpc::Client::Open() gives.
  Peer(std::string service, rpc::Client client);
  // Stop().
  ~Peer() override;
  // Cancels the calls in flight and waits for their callbacks; later calls end at once. Idempotent.
  void Stop();
  const std::string& service() const { return service_; }
  const std::shared_ptr<grpc::Channel>& channel() const { return client_.channel(); }

  // Of identity.
  void Resolve(profile::IdentifierLookup lookup,
               std::function<void(absl::StatusOr<profile::ResolvedIdentifier>)> done) override;
  void KeysOf(profile::ProfileKeysLookup lookup,
              std::function<void(absl::StatusOr<std::vector<std::string>>)> done) override;
  void AwaitRelayed(const processor::TokenPosition& position, absl::Time deadline,
                    std::function<void(absl::Status)> done);
  // Of any.
  void GetLag(absl::Time deadline, std::function<void(absl::StatusOr<peer::v1::GetLagResponse>)> done);

 private:
  class Calls;
  // start(async stub, context, request, response, callback).
  template <typename Response, typename Request, typename Start, typename Done>
  void Call(absl::Time deadline, Request request, Start start, Done done);

  const std::string service_;
  const rpc::Client client_;
  const std::unique_ptr<peer::v1::PeerService::Stub> stub_;
  const std::shared_ptr<Calls> calls_;
};

// How far the tasks of a peer are behind, as told in the last 10 ms while somebody asks, so that the answer needs no
// wait. Thread-safe.
class PeerLag {
 public:
  // Where it is unknown because the peer does not answer: enough to hold up bulk loads, too little to refuse live
  // events, which the log keeps for the peer.
  static constexpr int64_t kUnknown = 10'000;

  // Both must outlive this.
  PeerLag(Peer* peer, const Clock* clock);
  ~PeerLag();

  // Records of the partition that are not applied, with those that are not relayed; kUnknown.
  int64_t Of(const processor::PartitionRef& partition);
  // The most of any partition of the log.
  int64_t Most(std::string_view log);

 private:
  using Lags = absl::flat_hash_map<processor::PartitionRef, int64_t>;

  std::shared_ptr<const Lags> Current();
  void Run();

  Peer* const peer_;
  const Clock* const clock_;
  Mutex mutex_;
  std::condition_variable asked_;
  std::shared_ptr<const Lags> lags_ TRIBUTARY_GUARDED_BY(mutex_);  // null: unknown
  absl::Duration wanted_until_ TRIBUTARY_GUARDED_BY(mutex_) = -absl::InfiniteDuration();
  bool stopping_ TRIBUTARY_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace tributary::standalone
