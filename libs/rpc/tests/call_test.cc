#include "tributary/rpc/call.h"

#include <atomic>
#include <future>
#include <latch>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/echo_server.h"
#include "tributary/base/clock.h"
#include "tributary/base/mutex.h"
#include "tributary/base/status.h"
#include "tributary/rpc/router.h"

namespace tributary::rpc::testing {
namespace {

using ::testing::HasSubstr;

constexpr char kTraceparent[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

SayResponse Text(std::string_view text) {
  SayResponse response;
  response.set_text(std::string(text));
  return response;
}

std::string ReasonOf(const absl::Status& status) { return DetailOf(status).value_or(ErrorDetail{}).reason; }

// A handler that keeps its replies; the test takes them one by one.
class Held {
 public:
  SayHandler Handler() {
    return [this](const CallInfo&, const SayRequest&, Reply<SayResponse> reply) {
      MutexLock lock(mutex_);
      replies_.push_back(std::move(reply));
      came_.notify_all();
    };
  }
  // Waits for it.
  Reply<SayResponse> Take() {
    MutexLock lock(mutex_);
    came_.wait(lock.native(), [this] { return !replies_.empty(); });
    Reply<SayResponse> reply = std::move(replies_.back());
    replies_.pop_back();
    return reply;
  }

 private:
  Mutex mutex_;
  std::condition_variable came_;
  std::vector<Reply<SayResponse>> replies_;
};

TEST(CallTest, AHandlersAnswerReachesTheClient) {
  EchoServer server(EchoText);
  const auto answer = server.Say("hello");
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(*answer, "hello");
}

TEST(CallTest, WithoutAValidCredentialNoHandlerIsReached) {
  std::atomic<int> reached = 0;
  EchoServer server([&](const CallInfo&, const SayRequest&, Reply<SayResponse> reply) {
    ++reached;
    reply(Text(""));
  });
  const absl::Status missing = server.Say("x", /*secret=*/"").status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(ReasonOf(missing), "CREDENTIAL_MISSING");
  const absl::Status unknown = server.Say("x", "guessed").status();
  EXPECT_EQ(unknown.code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(ReasonOf(unknown), "CREDENTIAL_UNKNOWN");
  const absl::Status role = server.Say("x", kIngestSecret).status();
  EXPECT_EQ(role.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(ReasonOf(role), "ROLE_NOT_ALLOWED");
  EXPECT_EQ(reached, 0);
  EXPECT_TRUE(server.Say("x", kAdminSecret).ok());
  EXPECT_EQ(reached, 1);
}

TEST(CallTest, TwoCredentialsInOneCallAreNone) {
  EchoServer server(EchoText);
  const Client client = server.Connect();
  grpc::ClientContext context;
  client.Prepare(context);
  context.AddMetadata("authorization", std::string("Bearer ") + kAdminSecret);
  SayResponse response;
  const grpc::Status status = Echo::NewStub(client.channel())->Say(&context, SayRequest(), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

TEST(CallTest, AHandlerKnowsWhoCallsUntilWhenAndUnderWhichTrace) {
  CallInfo seen;
  EchoServer server([&](const CallInfo& call, const SayRequest&, Reply<SayResponse> reply) {
    seen = call;
    reply(Text(""));
  });
  const Client client = server.Connect();
  const auto stub = Echo::NewStub(client.channel());
  const absl::Time before = SystemClock().Now();
  {
    grpc::ClientContext context;
    client.Prepare(context);  // 30 s
    context.AddMetadata("traceparent", kTraceparent);
    context.AddMetadata(kHopHeader, "1");
    SayResponse response;
    ASSERT_TRUE(stub->Say(&context, SayRequest(), &response).ok());
  }
  EXPECT_EQ(seen.principal.workspace_id, "w1");
  EXPECT_EQ(seen.principal.role, Role::kRead);
  EXPECT_EQ(seen.principal.credential_id, "c1");
  EXPECT_EQ(seen.traceparent, kTraceparent);
  EXPECT_TRUE(seen.forwarded);
  EXPECT_GT(seen.deadline, before + absl::Seconds(25));
  EXPECT_LT(seen.deadline, SystemClock().Now() + absl::Seconds(31));
  {
    grpc::ClientContext context;
    client.Prepare(context);
    context.AddMetadata("traceparent", "00-NOT-A-TRACE");
    SayResponse response;
    ASSERT_TRUE(stub->Say(&context, SayRequest(), &response).ok());
  }
  EXPECT_EQ(seen.traceparent, "");
  EXPECT_FALSE(seen.forwarded);
}

TEST(CallTest, AnErrorArrivesWithReasonFieldMendAndRetryDelay) {
  EchoServer server([](const CallInfo&, const SayRequest&, Reply<SayResponse> reply) {
    reply(WithRetryAfter(InvalidField("TEXT_TOO_LONG", "text", "is 900 bytes long", "Send at most 800"),
                         absl::Seconds(7)));
  });
  const absl::Status status = server.Say("x").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Describe(status),
            "INVALID_ARGUMENT (TEXT_TOO_LONG): text: is 900 bytes long\nmend: Send at most 800\ntry again in 7s");
}

TEST(CallTest, AnAnswerMayComeLaterFromAnotherThread) {
  Held held;
  EchoServer server(held.Handler());
  auto answer = std::async(std::launch::async, [&] { return server.Say("x"); });
  held.Take()(Text("later"));
  EXPECT_EQ(*answer.get(), "later");
}

TEST(CallTest, OnlyTheFirstAnswerCounts) {
  EchoServer server([](const CallInfo&, const SayRequest&, Reply<SayResponse> reply) {
    reply(Text("first"));
    reply(Text("second"));
    reply(absl::InternalError("third"));
  });
  EXPECT_EQ(*server.Say("x"), "first");
}

// Without gRPC, so that ThreadSanitizer sees it all: the response stands in for the one on the wire.
TEST(CallTest, OfManyAnswersAtOnceOneIsSent) {
  for (int round = 0; round < 1000; ++round) {
    const std::shared_ptr<UnaryCall> call = UnaryCall::Create();
    std::atomic<int> written = 0;
    std::string response;
    std::latch start(4);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        start.arrive_and_wait();
        call->End(absl::OkStatus(), [&] {
          ++written;
          response.assign(100, static_cast<char>('a' + t));
        });
      });
    }
    for (std::thread& thread : threads) thread.join();
    ASSERT_EQ(written, 1);
    ASSERT_EQ(response, std::string(100, response.at(0)));
    static_cast<grpc::internal::ServerReactor&>(*call).OnDone();
    ASSERT_EQ(call.use_count(), 1);
  }
}

TEST(CallTest, AReplyThatIsDroppedEndsTheCall) {
  EchoServer server([](const CallInfo&, const SayRequest&, Reply<SayResponse>) {});
  const absl::Status status = server.Say("x").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()), HasSubstr("no answer"));
}

TEST(CallTest, ACallWithoutADeadlineEndsAtTheDefaultOne) {
  Held held;
  EchoServer server(held.Handler(), {.default_deadline = absl::Milliseconds(50)});
  const Client client = server.Connect();
  grpc::ClientContext context;
  context.AddMetadata("authorization", std::string("Bearer ") + kReadSecret);
  SayResponse response;
  const grpc::Status status = Echo::NewStub(client.channel())->Say(&context, SayRequest(), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  held.Take()(Text("too late"));  // does nothing
}

TEST(CallTest, ALongerDeadlineIsCutToTheLongestAllowed) {
  Held held;
  EchoServer server(held.Handler(), {.max_deadline = absl::Milliseconds(50)});
  const absl::Time before = SystemClock().Now();
  EXPECT_EQ(server.Say("x").status().code(), absl::StatusCode::kDeadlineExceeded);  // asks for 30 s
  EXPECT_LT(SystemClock().Now() - before, absl::Seconds(20));
  held.Take()(Text("too late"));
}

TEST(CallTest, AnAnswerToAClientThatHasGoneDoesNothing) {
  Held held;
  EchoServer server(held.Handler());
  const Client client = server.Connect();
  const auto stub = Echo::NewStub(client.channel());
  grpc::ClientContext context;
  client.Prepare(context);
  auto status = std::async(std::launch::async, [&] {
    SayResponse response;
    return stub->Say(&context, SayRequest(), &response);
  });
  const Reply<SayResponse> reply = held.Take();
  context.TryCancel();
  EXPECT_EQ(status.get().error_code(), grpc::StatusCode::CANCELLED);
  // The server has seen it too: no call is left to wait for.
  server.server().Shutdown(absl::Seconds(60));
  reply(Text("too late"));
}

TEST(CallTest, TooManyCallsAtOnceAreRefusedWithADelay) {
  Held held;
  EchoServer server(held.Handler(), {.max_in_flight = 1});
  auto first = std::async(std::launch::async, [&] { return server.Say("x"); });
  {
    const Reply<SayResponse> reply = held.Take();
    const absl::Status refused = server.Say("y").status();
    EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(ReasonOf(refused), "TOO_MANY_CALLS");
    EXPECT_EQ(RetryAfterOf(refused), kDefaultRetryAfter);
    reply(Text("done"));
    EXPECT_EQ(*first.get(), "done");
    // Its work is not over yet while the reply is held: the place is still taken.
    EXPECT_EQ(server.Say("z").status().code(), absl::StatusCode::kResourceExhausted);
  }
  auto next = std::async(std::launch::async, [&] {
    absl::StatusOr<std::string> answer;
    do {
      answer = server.Say("again");  // until gRPC, too, has let go of the first call
    } while (absl::IsResourceExhausted(answer.status()));
    return answer;
  });
  held.Take()(Text("place free"));
  EXPECT_EQ(*next.get(), "place free");
}

TEST(RouterTest, OneProcessOwnsEverything) {
  const LocalRouter router;
  EXPECT_TRUE(router.OwnerOf("journey", 7).local());
}

}  // namespace
}  // namespace tributary::rpc::testing
