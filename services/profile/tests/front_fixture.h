// The service over real gRPC, on a log of two partitions in memory.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "profile/front.h"
#include "profile/tests/journey.h"
#include "tributary/base/partitioning.h"
#include "tributary/base/status.h"
#include "tributary/rpc/client.h"
#include "tributary/rpc/server.h"

namespace tributary::profile::testing {

using v1::ProfileService;
inline constexpr int32_t kPartitions = 2;
inline constexpr char kAgentSecret[] = "secret-of-an-agent";
inline constexpr char kReadSecret[] = "secret-of-a-report";
inline constexpr char kIngestSecret[] = "secret-of-a-write-key";
inline constexpr char kForeignSecret[] = "secret-of-another-workspace";

class FixedCredentials final : public rpc::CredentialVerifier {
 public:
  absl::StatusOr<rpc::Principal> Verify(std::string_view secret) const override {
    if (secret == withdrawn.load()) return absl::UnauthenticatedError("withdrawn");
    if (secret == kReadSecret) return rpc::Principal{kWorkspace, rpc::Role::kRead, "c4", ""};
    if (secret == kAgentSecret) return rpc::Principal{kWorkspace, rpc::Role::kAgent, "c1", ""};
    if (secret == kIngestSecret) return rpc::Principal{kWorkspace, rpc::Role::kIngest, "c2", "shop"};
    if (secret == kForeignSecret) return rpc::Principal{"w2", rpc::Role::kAdmin, "c3", ""};
    return absl::UnauthenticatedError("unknown");
  }
  std::atomic<std::string_view> withdrawn{};
};

// Knows one mail address, of workspace w1.
class OneMailAddress final : public IdentifierResolver {
 public:
  void Resolve(IdentifierLookup lookup, std::function<void(absl::StatusOr<ResolvedIdentifier>)> done) override {
    if (lookup.identifier.value().empty()) {
      return done(InvalidField("REQUIRED", lookup.field + ".value", "is empty", "Send the value"));
    }
    if (lookup.workspace_id == kWorkspace && lookup.identifier.value() == "a@example.com")
      return done(ResolvedIdentifier{"p0-1-0", ""});
    done(absl::NotFoundError("nobody's"));
  }
  void KeysOf(ProfileKeysLookup lookup, std::function<void(absl::StatusOr<std::vector<std::string>>)> done) override {
    done(keys[lookup.profile_id]);
  }
  std::map<std::string, std::vector<std::string>> keys;
};

class ProfileFrontTest : public ::testing::Test {
 protected:
  explicit ProfileFrontTest(const ProfileWatches::Options& watches = {}) {
    log_ =
        eventlog::MakeMemoryLog({.logs = {{"journey", kPartitions}}, .clock = &clock_, .synchronous = false}).value();
    producer_ = log_->OpenProducer().value();
    for (int32_t i = 0; i < kPartitions; ++i) {
      auto processor = MakeProcessor(processor::Partition(i), kPartitions);
      processor::TaskOptions options;
      options.partition = {"journey", processor::Partition(i)};
      auto task = processor::Task::Open(options, {.log = log_.get(),
                                                  .store = projection::Store::Open({.in_memory = true}).value(),
                                                  .processor = processor.get(),
                                                  .clock = &clock_,
                                                  .random = &random_});
      host_.Add(std::move(processor), *std::move(task));
    }
    read_gate_ =
        std::make_unique<processor::ReadGate>(&host_, log_.get(), std::vector<processor::ReadGate::Upstream>());
    front_ = std::make_unique<ProfileFront>(ProfileFront::Deps{.gate = &gate_,
                                                               .host = &host_,
                                                               .read_gate = read_gate_.get(),
                                                               .journey_partitions = kPartitions,
                                                               .resolver = &resolver_,
                                                               .clock = &now_,
                                                               .metrics = &metrics_},
                                            watches);
    host_.Start();
    server_ = rpc::Server::Start({}, {front_.get()}).value();
  }

  ~ProfileFrontTest() override {
    server_->Shutdown(absl::Seconds(5));
    host_.Stop();
  }

  // Appends a record where its profile lives and adds its place to the token of the next calls.
  template <typename M>
  void Put(const std::string& profile, const M& message) {
    const processor::PartitionRef ref{"journey", processor::Partition(JourneyPartitionOf(profile, kPartitions))};
    std::promise<eventlog::Offset> appended;
    producer_->Append(
        ref, {.key = profile, .type = std::string(processor::RecordType<M>()), .value = message.SerializeAsString()},
        [&](absl::StatusOr<eventlog::Offset> offset) { appended.set_value(offset.value()); });
    written_[ref.partition.value()] = {ref, appended.get_future().get()};
  }

  std::string Token() const {
    std::vector<processor::TokenPosition> positions;
    for (const auto& [partition, position] : written_) positions.push_back(position);
    return processor::EncodeToken(positions);
  }

  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (ProfileService::Stub::*method)(grpc::ClientContext*, const Request&,
                                                                             Response*),
                                std::type_identity_t<Request> request, const std::string& secret = kAgentSecret) {
    if (request.token().empty()) request.set_token(Token());
    const rpc::Client client =
        rpc::Client::Open({.target = fmt::format("127.0.0.1:{}", server_->port()), .bearer_secret = secret}).value();
    return client.Call(*ProfileService::NewStub(client.channel()), method, request);
  }

  absl::StatusOr<v1::GetProfileResponse> Get(const std::string& id, const std::string& secret = kAgentSecret) {
    v1::GetProfileRequest request;
    request.mutable_profile()->set_profile_id(id);
    return Call(&ProfileService::Stub::GetProfile, request, secret);
  }

  SystemClock clock_;
  FakeClock now_{absl::FromUnixSeconds(1'000)};  // of what is asked as of now
  SystemRandom random_;
  metrics::Registry metrics_;
  std::unique_ptr<eventlog::MemoryLog> log_;
  std::unique_ptr<eventlog::Producer> producer_;
  processor::TaskHost host_{{.threads = 1}};
  std::unique_ptr<processor::ReadGate> read_gate_;
  FixedCredentials credentials_;
  rpc::CallGate gate_{credentials_, {}};
  OneMailAddress resolver_;
  std::unique_ptr<ProfileFront> front_;
  std::unique_ptr<rpc::Server> server_;
  std::map<int32_t, processor::TokenPosition> written_;
};

inline void ExpectError(const absl::Status& status, absl::StatusCode code, const std::string& reason,
                        const std::string& field) {
  EXPECT_EQ(status.code(), code) << status;
  const std::optional<ErrorDetail> detail = DetailOf(status);
  ASSERT_TRUE(detail.has_value()) << status;
  EXPECT_EQ(detail->reason, reason);
  EXPECT_EQ(detail->field, field);
  EXPECT_NE(detail->mend, "");
}

// A profile id of each partition.
inline std::string IdIn(int32_t partition, int skip = 0) {
  for (int i = 1;; ++i) {
    const std::string id = fmt::format("p0-{}-0", i);
    if (JourneyPartitionOf(id, kPartitions) == partition && skip-- == 0) return id;
  }
}

}  // namespace tributary::profile::testing
