#include "tributary/rpc/route.h"

#include <atomic>
#include <future>

#include "absl/strings/numbers.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cluster.h"
#include "tributary/base/clock.h"
#include "tributary/base/status.h"

namespace tributary::rpc::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kTraceparent[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

SayResponse Text(std::string_view text) {
  SayResponse response;
  response.set_text(std::string(text));
  return response;
}

std::string ReasonOf(const absl::Status& status) { return DetailOf(status).value_or(ErrorDetail{}).reason; }

// The place that a request's text names.
Place PlaceOf(const SayRequest& request) {
  int32_t partition = -1;
  EXPECT_TRUE(absl::SimpleAtoi(request.text(), &partition));
  return {"journey", partition};
}

// Answers with the ordinal of who serves.
void TellWho(int32_t ordinal, const Routes& routes, const CallInfo&, const SayRequest& request,
             const Reply<SayResponse>& reply) {
  if (routes.SentOn(PlaceOf(request), request, reply)) return;
  reply(Text(fmt::format("{}", ordinal)));
}

// Keeps the reply of whoever serves, for the test to use.
class Keeper {
 public:
  InstanceHandler Handler() {
    return [this](int32_t, const Routes& routes, const CallInfo& call, const SayRequest& request,
                  const Reply<SayResponse>& reply) {
      if (routes.SentOn(PlaceOf(request), request, reply)) return;
      reply.call()->OnEnd([this] { ended.set_value(); });
      info = call;
      kept.set_value(reply);
    };
  }

  CallInfo info;
  std::promise<Reply<SayResponse>> kept;
  std::promise<void> ended;
};

std::string Counted(std::string_view outcome, int count) {
  return fmt::format("tributary_rpc_forwarded_total{{outcome=\"{}\",service=\"tributary.rpc.testing.Echo\"}} {}\n",
                     outcome, count);
}

TEST(RouteTest, AnyInstanceAnswersAnyCallWithTheOwnersAnswer) {
  Cluster cluster({3, 3, 3}, TellWho);
  const Ownership ownership("echo", 3);
  for (int32_t partition = 0; partition < 16; ++partition) {
    for (int32_t asked = 0; asked < 3; ++asked) {
      const auto who = cluster.Say(asked, fmt::format("{}", partition));
      ASSERT_TRUE(who.ok()) << who.status();
      EXPECT_EQ(*who, fmt::format("{}", ownership.OwnerOf("journey", partition)));
    }
  }
  const size_t foreign = 16 - ownership.OwnedBy(0, "journey", 16).size();
  EXPECT_THAT(cluster.Metrics(0), HasSubstr(Counted("ok", static_cast<int>(foreign))));
}

TEST(RouteTest, TheOwnerSeesTheCallersCredentialTraceAndANearerDeadline) {
  Keeper keeper;
  Cluster cluster({2, 2}, keeper.Handler());
  const Client client = cluster.instance(0).Connect();
  grpc::ClientContext context;
  client.Prepare(context);
  context.AddMetadata("traceparent", kTraceparent);
  const absl::Time deadline = absl::FromChrono(context.deadline());
  SayRequest request;
  request.set_text(fmt::format("{}", PartitionOf(1, 2)));
  auto status = std::async(std::launch::async, [&] {
    SayResponse response;
    return Echo::NewStub(client.channel())->Say(&context, request, &response);
  });
  keeper.kept.get_future().get()(Text(""));
  EXPECT_TRUE(status.get().ok());
  EXPECT_TRUE(keeper.info.forwarded);
  EXPECT_THAT(keeper.info.partitions, ElementsAre());
  EXPECT_EQ(keeper.info.principal.credential_id, "c1");
  EXPECT_EQ(keeper.info.traceparent, kTraceparent);
  EXPECT_LT(keeper.info.deadline, deadline - absl::Milliseconds(200));
  EXPECT_GT(keeper.info.deadline, deadline - absl::Seconds(5));
}

TEST(RouteTest, TheOwnersErrorArrivesWithItsDetails) {
  Cluster cluster({2, 2}, [](int32_t, const Routes& routes, const CallInfo&, const SayRequest& request,
                             const Reply<SayResponse>& reply) {
    if (routes.SentOn(PlaceOf(request), request, reply)) return;
    reply(WithRetryAfter(InvalidField("TEXT_TOO_LONG", "text", "is 900 bytes long", "Send at most 800"),
                         absl::Seconds(7)));
  });
  const absl::Status status = cluster.Say(0, fmt::format("{}", PartitionOf(1, 2))).status();
  EXPECT_EQ(Describe(status),
            "INVALID_ARGUMENT (TEXT_TOO_LONG): text: is 900 bytes long\nmend: Send at most 800\ntry again in 7s");
  EXPECT_THAT(cluster.Metrics(0), HasSubstr(Counted("error", 1)));
}

TEST(RouteTest, InstancesThatDisagreeRefuseInsteadOfSendingInCircles) {
  std::atomic<int> served = 0;
  Cluster cluster({2, 3, 3}, [&](int32_t ordinal, const Routes& routes, const CallInfo& call, const SayRequest& request,
                                 const Reply<SayResponse>& reply) {
    if (ordinal == 2) ++served;
    TellWho(ordinal, routes, call, request, reply);
  });
  const int32_t partition = PartitionOf(1, 2, 2, 3);  // moved from 1 to 2, which 0 does not know yet
  const absl::Status status = cluster.Say(0, fmt::format("{}", partition)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(status), "WRONG_OWNER");
  EXPECT_EQ(RetryAfterOf(status), kDefaultRetryAfter);
  EXPECT_THAT(std::string(status.message()), HasSubstr(fmt::format("journey/{}", partition)));
  EXPECT_EQ(served, 0);
  EXPECT_THAT(cluster.Metrics(0), HasSubstr(Counted("wrong_owner", 1)));
  EXPECT_THAT(cluster.Metrics(1),
              HasSubstr("tributary_rpc_wrong_owner_total{service=\"tributary.rpc.testing.Echo\"} 1\n"));
}

void ExpectUnreachable(const absl::Status& status, int32_t partition) {
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_EQ(ReasonOf(status), "OWNER_UNREACHABLE");
  EXPECT_THAT(std::string(status.message()), HasSubstr(fmt::format("journey/{}: instance 1", partition)));
  EXPECT_THAT(std::string(status.message()), Not(HasSubstr("127.0.0.1"))) << "addresses are not for clients";
  EXPECT_EQ(RetryAfterOf(status), kDefaultRetryAfter);
}

TEST(RouteTest, AnOwnerThatIsNotThereIsNamedByPartitionAndOrdinal) {
  Cluster cluster({2, 2}, TellWho);
  cluster.Stop(1);
  const int32_t partition = PartitionOf(1, 2);
  ExpectUnreachable(cluster.Say(0, fmt::format("{}", partition)).status(), partition);
  EXPECT_THAT(cluster.Metrics(0), HasSubstr(Counted("unreachable", 1)));
  EXPECT_EQ(*cluster.Say(0, fmt::format("{}", PartitionOf(0, 2))), "0") << "others are served";
}

TEST(RouteTest, AnOwnerThatGoesWhileItHasTheCallIsTheSame) {
  Keeper keeper;
  Cluster cluster({2, 2}, keeper.Handler());
  const int32_t partition = PartitionOf(1, 2);
  auto answer = std::async(std::launch::async, [&] { return cluster.Say(0, fmt::format("{}", partition)); });
  const Reply<SayResponse> reply = keeper.kept.get_future().get();
  cluster.Stop(1);
  ExpectUnreachable(answer.get().status(), partition);
}

TEST(RouteTest, AClientThatGoesEndsTheCallAtTheOwner) {
  Keeper keeper;
  Cluster cluster({2, 2}, keeper.Handler());
  const Client client = cluster.instance(0).Connect();
  grpc::ClientContext context;
  client.Prepare(context);
  SayRequest request;
  request.set_text(fmt::format("{}", PartitionOf(1, 2)));
  auto status = std::async(std::launch::async, [&] {
    SayResponse response;
    return Echo::NewStub(client.channel())->Say(&context, request, &response);
  });
  const Reply<SayResponse> reply = keeper.kept.get_future().get();
  context.TryCancel();
  keeper.ended.get_future().wait();
  EXPECT_EQ(status.get().error_code(), grpc::StatusCode::CANCELLED);
}

TEST(RouteTest, AnOwnerThatIsTooSlowMeansTheDeadline) {
  Keeper keeper;
  Cluster cluster({2, 2}, keeper.Handler());
  const Client client =
      Client::Open(
          {.target = cluster.instance(0).target(), .bearer_secret = kReadSecret, .deadline = absl::Milliseconds(300)})
          .value();
  SayRequest request;
  request.set_text(fmt::format("{}", PartitionOf(1, 2)));
  const auto stub = Echo::NewStub(client.channel());
  const absl::Status status = client.Call(*stub, &Echo::Stub::Say, request).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded) << status;
  keeper.ended.get_future().wait();
}

TEST(RouteTest, AMethodThatTheServiceHasNotIsOurFault) {
  const auto router =
      PeerRouter::Create({.service = "echo", .replicas = 2, .ordinal = 0, .peers = "127.0.0.1:1,127.0.0.1:2"}).value();
  const Routes routes("tributary.rpc.testing.Missing", *router, nullptr);
  EchoServer server([&](const CallInfo&, const SayRequest& request, const Reply<SayResponse>& reply) {
    EXPECT_TRUE(routes.SentOn({"journey", PartitionOf(1, 2)}, request, reply));
  });
  const absl::Status status = server.Say("x").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()), HasSubstr("tributary.rpc.testing.Missing has not one unary method"));
}

TEST(RouteTest, TheMarginIsSmallAndNeverMoreThanATenthOfWhatIsLeft) {
  const absl::Time now = SystemClock().Now();
  EXPECT_GT(SendMargin(now + absl::Seconds(30)), absl::Milliseconds(500));
  EXPECT_LE(SendMargin(now + absl::Seconds(30)), absl::Milliseconds(700));
  EXPECT_LE(SendMargin(now + absl::Milliseconds(100)), absl::Milliseconds(10));
  EXPECT_EQ(SendMargin(now - absl::Seconds(1)), absl::ZeroDuration());
}

TEST(RouteTest, WhoWaitsForTheEndOfACallIsToldOnceAndAtOnceIfItIsOver) {
  const std::shared_ptr<UnaryCall> call = UnaryCall::Create();
  int early = 0;
  int late = 0;
  call->OnEnd([&] { ++early; });
  EXPECT_EQ(early, 0);
  call->End(absl::CancelledError(""), nullptr);
  call->End(absl::CancelledError(""), nullptr);
  EXPECT_EQ(early, 1);
  call->OnEnd([&] { ++late; });
  EXPECT_EQ(late, 1);
  static_cast<grpc::internal::ServerReactor&>(*call).OnDone();
}

// What a server makes of the list of partitions that a call brings.
absl::StatusOr<std::vector<int32_t>> Listed(const std::string& partitions, bool hop) {
  std::vector<int32_t> seen;
  EchoServer server([&](const CallInfo& call, const SayRequest& request, const Reply<SayResponse>& reply) {
    seen = call.partitions;
    EchoText(call, request, reply);
  });
  const Client client = server.Connect();
  grpc::ClientContext context;
  client.Prepare(context);
  if (hop) context.AddMetadata(kHopHeader, "1");
  context.AddMetadata(kPartitionsHeader, partitions);
  SayResponse response;
  TRIBUTARY_RETURN_IF_ERROR(FromGrpc(Echo::NewStub(client.channel())->Say(&context, SayRequest(), &response)));
  return seen;
}

TEST(RouteTest, AListOfPartitionsIsReadOnlyFromAnotherInstance) {
  EXPECT_THAT(*Listed("3,17", /*hop=*/true), ElementsAre(3, 17));
  EXPECT_THAT(*Listed("3,17", /*hop=*/false), ElementsAre());
  for (const char* wrong : {"3,", "x", "-1", "17,3", "3,3", "99999999999"}) {
    const absl::Status status = Listed(wrong, /*hop=*/true).status();
    EXPECT_EQ(ReasonOf(status), "PARTITIONS_MALFORMED") << wrong;
  }
}

}  // namespace
}  // namespace tributary::rpc::testing
