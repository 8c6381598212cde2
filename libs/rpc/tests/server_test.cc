#include "tributary/rpc/server.h"

#include <future>
#include <mutex>
#include <optional>
#include <string>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "grpcpp/impl/client_unary_call.h"
#include "grpcpp/support/sync_stream.h"
#include "gtest/gtest.h"
#include "tests/echo_server.h"
#include "tributary/base/clock.h"
#include "tributary/base/status.h"

namespace tributary::rpc::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

std::string RequestsLine(std::string_view method, std::string_view code, int count) {
  return fmt::format(
      "tributary_rpc_requests_total{{code=\"{}\",method=\"{}\",service=\"tributary.rpc.testing.Echo\"}} {}\n", code,
      method, count);
}

// A call's end is counted just after its answer has left: waits for the answer and reads until it shows.
void ExpectCounted(EchoServer& server, std::string_view line) {
  const absl::Time limit = SystemClock().Now() + absl::Seconds(30);
  while (server.metrics().Text().find(line) == std::string::npos && SystemClock().Now() < limit)
    std::this_thread::yield();
  EXPECT_THAT(server.metrics().Text(), HasSubstr(std::string(line)));
}

TEST(ServerTest, NothingIsServingUntilItsOwnerSaysSo) {
  EchoServer server(EchoText);
  EXPECT_EQ(*Health(server, ""), HealthResponse::NOT_SERVING);
  EXPECT_EQ(Health(server, "tributary.profile").status().code(), absl::StatusCode::kNotFound);
  server.server().SetServing("", true);
  server.server().SetServing("tributary.profile", true);
  EXPECT_EQ(*Health(server, ""), HealthResponse::SERVING);
  EXPECT_EQ(*Health(server, "tributary.profile"), HealthResponse::SERVING);
  server.server().SetServing("", false);
  EXPECT_EQ(*Health(server, ""), HealthResponse::NOT_SERVING);
}

TEST(ServerTest, ReflectionNamesTheServices) {
  EchoServer server(EchoText);
  const Client client = server.Connect(/*secret=*/"");
  grpc::ClientContext context;
  client.Prepare(context);
  const grpc::internal::RpcMethod info("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                                       grpc::internal::RpcMethod::BIDI_STREAMING);
  const std::unique_ptr<grpc::ClientReaderWriter<ReflectionRequest, ReflectionResponse>> stream(
      grpc::internal::ClientReaderWriterFactory<ReflectionRequest, ReflectionResponse>::Create(client.channel().get(),
                                                                                               info, &context));
  ReflectionRequest request;
  request.set_list_services("*");
  ASSERT_TRUE(stream->Write(request));
  stream->WritesDone();
  ReflectionResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
  std::vector<std::string> names;
  for (const auto& service : response.list_services_response().service()) names.push_back(service.name());
  EXPECT_THAT(names, Contains("tributary.rpc.testing.Echo"));
}

TEST(ServerTest, ARequestThatIsTooLargeReachesNoHandler) {
  std::atomic<int> reached = 0;
  EchoServer server(
      [&](const CallInfo& call, const SayRequest& request, Reply<SayResponse> reply) {
        ++reached;
        EchoText(call, request, std::move(reply));
      },
      {}, {.max_receive_bytes = 1000});
  EXPECT_TRUE(server.Say(std::string(900, 'x')).ok());
  EXPECT_EQ(server.Say(std::string(1100, 'x')).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(reached, 1);
}

TEST(ServerTest, InventedMethodNamesAppearInNoMetric) {
  EchoServer server(EchoText);
  const Client client = server.Connect();
  grpc::ClientContext context;
  client.Prepare(context);
  SayResponse response;
  const grpc::internal::RpcMethod invented("/tributary.rpc.testing.Echo/Invented",
                                           grpc::internal::RpcMethod::NORMAL_RPC);
  const grpc::Status status = grpc::internal::BlockingUnaryCall<SayRequest, SayResponse>(
      client.channel().get(), invented, &context, SayRequest(), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  ExpectCounted(server, "tributary_rpc_requests_total{code=\"UNIMPLEMENTED\",method=\"other\",service=\"other\"} 1\n");
  EXPECT_THAT(server.metrics().Text(), Not(HasSubstr("Invented")));
}

TEST(ServerTest, CallsAreCountedByMethodAndCode) {
  EchoServer server([](const CallInfo& call, const SayRequest& request, Reply<SayResponse> reply) {
    if (request.text() == "missing") return reply(absl::NotFoundError("none"));
    EchoText(call, request, std::move(reply));
  });
  EXPECT_TRUE(server.Say("x").ok());
  EXPECT_TRUE(server.Say("x").ok());
  EXPECT_FALSE(server.Say("missing").ok());
  EXPECT_FALSE(server.Say("x", "guessed").ok());
  ExpectCounted(server, RequestsLine("Say", "OK", 2));
  ExpectCounted(server, RequestsLine("Say", "NOT_FOUND", 1));
  ExpectCounted(server, RequestsLine("Say", "UNAUTHENTICATED", 1));
  ExpectCounted(server,
                "tributary_rpc_duration_seconds_count{method=\"Say\",service=\"tributary.rpc.testing.Echo\"} 4\n");
  ExpectCounted(server, "tributary_rpc_in_flight{method=\"Say\",service=\"tributary.rpc.testing.Echo\"} 0\n");
}

TEST(ServerTest, OurOwnFaultsAreLoggedAndOthersAreNot) {
  std::mutex mutex;
  std::string logged;
  ServerOptions options;
  options.log = [&](std::string_view line) {
    const std::lock_guard lock(mutex);
    logged += fmt::format("{}\n", line);
  };
  EchoServer server(
      [](const CallInfo&, const SayRequest& request, Reply<SayResponse> reply) {
        if (request.text() == "broken") return reply(absl::InternalError("the index is broken"));
        reply(absl::NotFoundError("no such thing"));
      },
      {}, options);
  EXPECT_FALSE(server.Say("missing").ok());
  EXPECT_FALSE(server.Say("broken").ok());
  const std::lock_guard lock(mutex);
  EXPECT_EQ(logged, "/tributary.rpc.testing.Echo/Say ended with INTERNAL: the index is broken\n");
}

TEST(ServerTest, APortInUseIsAnError) {
  EchoServer server(EchoText);
  const absl::Status status = Server::Start({.address = server.target()}, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr(server.target()));
}

// Holds one call in its handler.
class ShutdownTest : public ::testing::Test {
 protected:
  ShutdownTest()
      : server_([this](const CallInfo&, const SayRequest&, Reply<SayResponse> reply) {
          held_.set_value(std::move(reply));
        }),
        call_(std::async(std::launch::async, [this] { return server_.Say("x"); })),
        reply_(held_.get_future().get()) {}

  std::promise<Reply<SayResponse>> held_;
  EchoServer server_;
  std::future<absl::StatusOr<std::string>> call_;
  std::optional<Reply<SayResponse>> reply_;
};

TEST_F(ShutdownTest, FinishesTheCallsThatRunAndTakesNoMore) {
  server_.server().SetServing("", true);
  auto shutdown = std::async(std::launch::async, [&] { server_.server().Shutdown(absl::Seconds(60)); });
  absl::Status refused;
  do {
    refused = Health(server_, "").status();
  } while (refused.ok());
  EXPECT_TRUE(absl::IsUnavailable(refused) || absl::IsCancelled(refused)) << refused;
  SayResponse response;
  response.set_text("finished");
  (*reply_)(std::move(response));
  const auto answer = call_.get();
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(*answer, "finished");
  shutdown.get();
}

TEST_F(ShutdownTest, CutsOffWhatOutlastsTheDrain) {
  server_.server().Shutdown(absl::Milliseconds(50));
  EXPECT_FALSE(call_.get().ok());
  (*reply_)(SayResponse());  // does nothing
}

TEST(ServerTest, AHealthWatchDoesNotHoldUpTheShutdown) {
  EchoServer server(EchoText);
  const Client client = server.Connect(/*secret=*/"");
  grpc::ClientContext context;  // no deadline: it would watch for ever
  const grpc::internal::RpcMethod watch("/grpc.health.v1.Health/Watch", grpc::internal::RpcMethod::SERVER_STREAMING);
  const std::unique_ptr<grpc::ClientReader<HealthResponse>> stream(
      grpc::internal::ClientReaderFactory<HealthResponse>::Create(client.channel().get(), watch, &context,
                                                                  HealthRequest()));
  HealthResponse health;
  ASSERT_TRUE(stream->Read(&health));
  EXPECT_EQ(health.status(), HealthResponse::NOT_SERVING);
  const absl::Time before = SystemClock().Now();
  server.server().Shutdown(absl::Seconds(60));
  EXPECT_LT(SystemClock().Now() - before, absl::Seconds(30));
  while (stream->Read(&health)) {
  }
  EXPECT_FALSE(stream->Finish().ok());
}

TEST(ServerTest, ShutdownTwiceIsOnce) {
  EchoServer server(EchoText);
  server.server().Shutdown(absl::Seconds(1));
  server.server().Shutdown(absl::Seconds(1));
  EXPECT_EQ(server.Say("x").status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace tributary::rpc::testing
