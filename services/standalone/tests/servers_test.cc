// One service a server, as processes of an installation are, on a log that they share.
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "grpcpp/support/sync_stream.h"
#include "gtest/gtest.h"
#include "ingestion/first_workspace.h"
#include "standalone/server.h"
#include "tributary/base/clock.h"
#include "tributary/base/random.h"
#include "tributary/base/status.h"
#include "tributary/eventlog/testing/memory_log.h"
#include "tributary/identity/v1/identity.grpc.pb.h"
#include "tributary/ingestion/v1/ingestion.grpc.pb.h"
#include "tributary/operations/v1/operations.grpc.pb.h"
#include "tributary/peer/v1/peer.grpc.pb.h"
#include "tributary/profile/v1/profile.grpc.pb.h"
#include "tributary/rpc/client.h"

namespace tributary::standalone {
namespace {

using ingestion::v1::IngestionService;
using profile::v1::ProfileService;
using ::testing::HasSubstr;

constexpr char kSecret[] = "0123456789abcdef0123456789abcdef";

std::string ReasonOf(const absl::Status& status) { return DetailOf(status).value_or(ErrorDetail{}).reason; }

class ServersTest : public testing::Test {
 protected:
  ServersTest() {
    folder_ = std::filesystem::temp_directory_path() / fmt::format("tributary-servers-{}", ::getpid());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    std::ofstream(folder_ / "secret") << kSecret << "\n";
    log_ = *eventlog::MakeMemoryLog({.logs = LogSpecs(3), .clock = &clock_, .synchronous = false});
  }
  void SetUp() override {
    // Identity and profile ask each other, so one of the addresses must be known before: identity's is asked for last.
    Start(identity_, "identity", {{"profile", "127.0.0.1:1"}});
    Start(profile_, "profile", {{"identity", Address(identity_)}});
    Start(ingestion_, "ingestion", {{"identity", Address(identity_)}, {"profile", Address(profile_)}});
    access_ = *ingestion::ReadClientFile((folder_ / "ingestion/client.json").string());
    write_key_ = MakeSource();
  }
  ~ServersTest() override {
    ingestion_.reset();
    profile_.reset();
    identity_.reset();
    std::filesystem::remove_all(folder_);
  }

  Options OptionsFor(const std::string& service, std::vector<PeerOptions> peers) const {
    Options options;
    options.services = *ServiceSet::Of({service});
    options.peers = std::move(peers);
    options.peer_secret_file = (folder_ / "secret").string();
    options.data_dir = (folder_ / service).string();
    options.listen = "127.0.0.1:0";
    options.metrics_listen = "127.0.0.1:0";
    return options;
  }
  void Start(std::unique_ptr<Server>& server, const std::string& service, std::vector<PeerOptions> peers,
             const std::string& listen = "127.0.0.1:0") {
    Options options = OptionsFor(service, std::move(peers));
    options.listen = listen;
    absl::StatusOr<std::unique_ptr<Server>> started = Server::Start(options, clock_, random_, log_.get());
    ASSERT_TRUE(started.ok()) << started.status();
    server = *std::move(started);
  }
  static std::string Address(const std::unique_ptr<Server>& server) {
    return fmt::format("127.0.0.1:{}", server->port());
  }
  rpc::Client Client(const std::unique_ptr<Server>& server, const std::string& secret) const {
    return *rpc::Client::Open({.target = Address(server), .bearer_secret = secret});
  }

  std::string MakeSource() {
    const rpc::Client client = Client(ingestion_, access_.admin_secret);
    const auto stub = IngestionService::NewStub(client.channel());
    ingestion::v1::CreateSourceRequest request;
    request.mutable_source()->set_source_id("web");
    request.mutable_source()->set_display_name("Web");
    const auto response = client.Call(*stub, &IngestionService::Stub::CreateSource, request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response->write_key();
  }
  events::v1::CustomerEvent Event(const std::string& id, const std::string& mail) const {
    events::v1::CustomerEvent event;
    event.set_event_id(id);
    event.mutable_occurred_at()->set_seconds(absl::ToUnixSeconds(clock_.Now()) - 60);
    auto& identifier = *event.add_identifiers();
    identifier.set_type("email");
    identifier.set_value(mail);
    identifier.set_role(events::v1::IDENTIFIER_ROLE_SUBJECT);
    event.mutable_page_viewed()->set_url("https://shop.example/");
    return event;
  }
  // The token.
  std::string Ingest(const std::string& id, const std::string& mail) {
    const rpc::Client client = Client(ingestion_, write_key_);
    const auto stub = IngestionService::NewStub(client.channel());
    ingestion::v1::IngestRequest request;
    *request.add_events() = Event(id, mail);
    const auto response = client.Call(*stub, &IngestionService::Stub::Ingest, request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? response->token() : "";
  }
  absl::StatusOr<profile::v1::GetProfileResponse> Get(const profile::v1::ProfileSelector& selector,
                                                      const std::string& token) {
    const rpc::Client client = Client(profile_, access_.admin_secret);
    const auto stub = ProfileService::NewStub(client.channel());
    profile::v1::GetProfileRequest request;
    *request.mutable_profile() = selector;
    request.set_token(token);
    return client.Call(*stub, &ProfileService::Stub::GetProfile, request);
  }
  absl::StatusOr<profile::v1::GetProfileResponse> GetByMail(const std::string& mail, const std::string& token) {
    profile::v1::ProfileSelector selector;
    selector.mutable_identifier()->set_type("email");
    selector.mutable_identifier()->set_value(mail);
    return Get(selector, token);
  }

  const SystemClock clock_;
  SystemRandom random_;
  std::filesystem::path folder_;
  std::unique_ptr<eventlog::EventLog> log_;
  std::unique_ptr<Server> identity_;
  std::unique_ptr<Server> profile_;
  std::unique_ptr<Server> ingestion_;
  ingestion::ClientFile access_;
  std::string write_key_;
};

TEST_F(ServersTest, WhatOneTookIsReadAtAnotherByItsTokenAndAnIdentifier) {
  for (int i = 0; i < 20; ++i) {
    const std::string mail = fmt::format("m{}@home.example", i);
    const std::string token = Ingest(fmt::format("e{}", i), mail);
    const auto found = GetByMail(mail, token);
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(found->profile().entry_count(), 1);
  }
}

TEST_F(ServersTest, AClientMayTalkToAnyProcess) {
  const std::string token = Ingest("e1", "a@home.example");
  // Profile's service at ingestion's address.
  const rpc::Client client = Client(ingestion_, access_.admin_secret);
  const auto stub = ProfileService::NewStub(client.channel());
  profile::v1::ListProfilesRequest request;
  request.set_token(token);
  const auto profiles = client.Call(*stub, &ProfileService::Stub::ListProfiles, request);
  ASSERT_TRUE(profiles.ok()) << profiles.status();
  EXPECT_EQ(profiles->profiles_size(), 1);
}

TEST_F(ServersTest, APeersCallsAreForPeersAlone) {
  for (const std::string& secret : {access_.admin_secret, write_key_, std::string()}) {
    const rpc::Client client = Client(identity_, secret);
    const auto stub = peer::v1::PeerService::NewStub(client.channel());
    peer::v1::GetLagRequest request;
    request.set_processor("identity");
    const absl::Status status = client.Call(*stub, &peer::v1::PeerService::Stub::GetLag, request).status();
    EXPECT_TRUE(absl::IsPermissionDenied(status) || absl::IsUnauthenticated(status)) << status;
  }
  const rpc::Client client = Client(identity_, kSecret);
  const auto stub = peer::v1::PeerService::NewStub(client.channel());
  peer::v1::GetLagRequest request;
  request.set_processor("identity");
  const auto lags = client.Call(*stub, &peer::v1::PeerService::Stub::GetLag, request);
  ASSERT_TRUE(lags.ok()) << lags.status();
  EXPECT_EQ(lags->lags_size(), 3);
  // Identity follows the registry, which ingestion decides.
  const rpc::Client operator_client = Client(identity_, access_.operator_secret);
  const auto operations = operations::v1::OperationsService::NewStub(operator_client.channel());
  const auto tasks = operator_client.Call(*operations, &operations::v1::OperationsService::Stub::ListTasks, {});
  ASSERT_TRUE(tasks.ok()) << tasks.status();
  for (const operations::v1::Task& task : tasks->tasks()) {
    EXPECT_EQ(task.role(),
              task.log() == "registry" ? operations::v1::TASK_ROLE_STANDBY : operations::v1::TASK_ROLE_DECIDER);
  }
  request.set_processor("profile");
  EXPECT_EQ(ReasonOf(client.Call(*stub, &peer::v1::PeerService::Stub::GetLag, request).status()), "NOT_SERVED_HERE");
}

TEST_F(ServersTest, WithoutIdentityNothingIsFoundByIdentifierAndEventsAreStillTaken) {
  const std::string token = Ingest("e1", "a@home.example");
  const auto found = GetByMail("a@home.example", token);
  ASSERT_TRUE(found.ok()) << found.status();
  const std::string listen = Address(identity_);
  identity_.reset();
  const absl::Status away = GetByMail("a@home.example", "").status();
  EXPECT_EQ(ReasonOf(away), "PEER_UNREACHABLE") << away;
  EXPECT_THAT(std::string(FromAbsl(away.message())), HasSubstr("identity"));
  profile::v1::ProfileSelector by_id;
  by_id.set_profile_id(found->profile().profile_id());
  EXPECT_TRUE(Get(by_id, "").ok());
  const std::string later = Ingest("e2", "b@home.example");
  Start(identity_, "identity", {{"profile", Address(profile_)}}, listen);
  absl::StatusOr<profile::v1::GetProfileResponse> again;
  do {  // until the connection is made anew
    again = GetByMail("b@home.example", later);
  } while (absl::IsUnavailable(again.status()));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->profile().entry_count(), 1);
}

TEST_F(ServersTest, ABulkLoadGoesOnlyWhileThePeersTellHowFarTheyAre) {
  const rpc::Client client = Client(ingestion_, write_key_);
  const auto stub = IngestionService::NewStub(client.channel());
  grpc::ClientContext context;
  client.Prepare(context);
  const auto stream = stub->IngestStream(&context);
  ingestion::v1::IngestStreamRequest message;
  message.mutable_open()->set_bulk(true);
  stream->Write(message);
  ingestion::v1::IngestStreamResponse response;
  ASSERT_TRUE(stream->Read(&response));
  for (int batch = 1; batch <= 3; ++batch) {
    message.mutable_batch()->set_sequence(batch);
    message.mutable_batch()->clear_events();
    for (int i = 0; i < 200; ++i) {
      *message.mutable_batch()->add_events() = Event(fmt::format("{}-{}", batch, i), "bulk@home.example");
    }
    ASSERT_TRUE(stream->Write(message));
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.acknowledged().sequence(), batch);
  }
  const auto found = GetByMail("bulk@home.example", response.acknowledged().token());
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->profile().entry_count(), 600);
  profile_.reset();
  // Live ones pass while the bulk waits for a profile service that is away.
  message.mutable_batch()->set_sequence(4);
  ASSERT_TRUE(stream->Write(message));
  for (int i = 0; i < 5; ++i) EXPECT_NE(Ingest(fmt::format("live{}", i), "live@home.example"), "");
  context.TryCancel();
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(ServersTest, ARestartedServiceGoesOnWhereItWas) {
  Ingest("e1", "a@home.example");
  profile_.reset();
  const std::string token = Ingest("e2", "a@home.example");
  Start(profile_, "profile", {{"identity", Address(identity_)}});
  const auto found = GetByMail("a@home.example", token);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->profile().entry_count(), 2);
}

TEST_F(ServersTest, OptionsThatDoNotFitTogetherAreNamed) {
  const auto start = [&](const Options& options, eventlog::EventLog* log) {
    return ReasonOf(Server::Start(options, clock_, random_, log).status());
  };
  Options options = OptionsFor("profile", {{"identity", "127.0.0.1:1"}});
  options.data_dir = (folder_ / "other").string();
  EXPECT_EQ(start(options, nullptr), "LOG_NOT_SHARED");
  options.peers.clear();
  EXPECT_EQ(start(options, log_.get()), "PEER_MISSING");
  std::ofstream(folder_ / "secret") << "short\n";
  EXPECT_EQ(start(options, log_.get()), "PEER_SECRET_WEAK");
  options.peer_secret_file = (folder_ / "none").string();
  EXPECT_EQ(start(options, log_.get()), "PEER_SECRET_MISSING");
  EXPECT_EQ(ReasonOf(ServiceSet::Of({"profile", "prophet"}).status()), "INVALID_SERVICES");
  EXPECT_EQ(ReasonOf(ServiceSet::Of({}).status()), "INVALID_SERVICES");
  EXPECT_EQ(ReasonOf(ServiceSet::Of({"profile", "profile"}).status()), "INVALID_SERVICES");
}

}  // namespace
}  // namespace tributary::standalone
