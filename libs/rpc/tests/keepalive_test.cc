#include <future>
#include <optional>
#include <thread>

#include "gtest/gtest.h"
#include "tests/echo_server.h"
#include "tests/proxy.h"

namespace tributary::rpc::testing {
namespace {

// A server that answers when it is told to, behind a network; one call is open.
class KeepaliveTest : public ::testing::Test {
 protected:
  KeepaliveTest()
      : server_([this](const CallInfo&, const SayRequest&, Reply<SayResponse> reply) { held_.set_value(reply); }, {},
                {.min_ping_interval = absl::Milliseconds(10)}),
        proxy_(server_.server().port()),
        client_(Client::Open({.target = proxy_.target(),
                              .bearer_secret = kReadSecret,
                              .deadline = absl::Minutes(5),
                              .keepalive_time = absl::Milliseconds(50),
                              .keepalive_timeout = absl::Milliseconds(500)})
                    .value()),
        answer_(std::async(std::launch::async,
                           [this] {
                             const auto stub = Echo::NewStub(client_.channel());
                             return client_.Call(*stub, &Echo::Stub::Say, SayRequest());
                           })),
        reply_(held_.get_future().get()) {}

  std::promise<Reply<SayResponse>> held_;
  EchoServer server_;
  Proxy proxy_;
  const Client client_;
  std::future<absl::StatusOr<SayResponse>> answer_;
  std::optional<Reply<SayResponse>> reply_;
};

TEST_F(KeepaliveTest, ANetworkThatDiesEndsTheCallLongBeforeItsDeadline) {
  proxy_.Cut();
  EXPECT_EQ(answer_.get().status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(KeepaliveTest, ASilentCallIsKeptAsLongAsProbesAreAnswered) {
  proxy_.AwaitFromClient(5);
  (*reply_)(SayResponse());
  const auto answer = answer_.get();
  EXPECT_TRUE(answer.ok()) << answer.status();
}

}  // namespace
}  // namespace tributary::rpc::testing
