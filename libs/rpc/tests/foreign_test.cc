#include "tributary/rpc/foreign.h"

#include <condition_variable>
#include <future>
#include <thread>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "grpcpp/impl/client_unary_call.h"
#include "grpcpp/support/sync_stream.h"
#include "gtest/gtest.h"
#include "tests/cluster.h"
#include "tributary/base/mutex.h"
#include "tributary/base/status.h"
#include "tributary/rpc/bidi_stream.h"
#include "tributary/rpc/server_stream.h"

namespace tributary::rpc::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kTraceparent[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
constexpr size_t kLarge = 1 << 20;
constexpr int kMany = 100;
// Messages of kLarge that may be in hand between a sender and a receiver that does not read: ours, and what gRPC and
// the sockets of two connections take in.
constexpr int kInHand = 40;

std::string ReasonOf(const absl::Status& status) { return DetailOf(status).value_or(ErrorDetail{}).reason; }

SayRequest Asking(const std::string& text) {
  SayRequest request;
  request.set_text(text);
  return request;
}

SayResponse Answer(const std::string& text) {
  SayResponse response;
  response.set_text(text);
  return response;
}

// A number that grows, to wait for.
class Count {
 public:
  void Inc() {
    const MutexLock lock(mutex_);
    ++value_;
    changed_.notify_all();
  }
  int value() {
    const MutexLock lock(mutex_);
    return value_;
  }
  void Await(int value) { EXPECT_TRUE(Reaches(value, absl::Seconds(60))); }
  bool Reaches(int value, absl::Duration within) {
    MutexLock lock(mutex_);
    return changed_.wait_for(lock.native(), absl::ToChronoMilliseconds(within), [&] { return value_ >= value; });
  }

 private:
  Mutex mutex_;
  std::condition_variable changed_;
  int value_ = 0;
};

// What the hosting process sees of its streams.
struct Seen {
  Count opened, read, sent, gone;
};

// Echoes, or does what it is told.
class ChatHandler : public BidiStream<SayRequest, SayResponse> {
 public:
  explicit ChatHandler(Seen& seen) : seen_(seen) {}
  void OnOpened() override {
    seen_.opened.Inc();
    Read();
  }
  void OnMessage(Received<SayRequest> message) override {
    seen_.read.Inc();
    if (message->text() == "end") return End(InvalidField("ENDED", "text", "was the end", "Send another"));
    if (message->text() == "wait") return;  // reads no more
    if (message->text().size() < kLarge) Send(Answer(message->text()));
    Read();
  }
  void OnHalfClosed() override {
    Send(Answer("bye"));
    End(absl::OkStatus());
  }
  void OnGone() override { seen_.gone.Inc(); }

 private:
  Seen& seen_;
};

// Sends kMany large messages, one after the other.
class Flood : public ServerStream<SayResponse> {
 public:
  explicit Flood(Seen& seen) : seen_(seen) {}
  void OnOpened() override { Send(Answer(std::string(kLarge, 'x'))); }
  void OnSent() override {
    seen_.sent.Inc();
    if (seen_.sent.value() == kMany) return End(absl::OkStatus());
    Send(Answer(std::string(kLarge, 'x')));
  }
  void OnGone() override { seen_.gone.Inc(); }

 private:
  Seen& seen_;
};

class Host final : public Echo::CallbackService {
 public:
  explicit Host(SayHandler say)
      : gate_(credentials_, {}), say_(std::move(say)), server_(Server::Start({}, {this}).value()) {}

  grpc::ServerUnaryReactor* Say(grpc::CallbackServerContext* context, const SayRequest* request,
                                SayResponse* response) override {
    return Handle(gate_, context, request, response, AccessRule::AnyOf({Role::kRead}), say_);
  }
  grpc::ServerBidiReactor<SayRequest, SayResponse>* Chat(grpc::CallbackServerContext* context) override {
    const auto handler = std::make_shared<ChatHandler>(seen);
    {
      const MutexLock lock(mutex_);
      chat_ = handler;
    }
    return Serve<SayRequest, SayResponse>(gate_, context, AccessRule::AnyOf({Role::kRead}), handler);
  }
  grpc::ServerWriteReactor<SayResponse>* Tell(grpc::CallbackServerContext* context, const SayRequest*) override {
    return Serve<SayResponse>(gate_, context, AccessRule::AnyOf({Role::kRead}), std::make_shared<Flood>(seen));
  }

  // Of the last one that was opened.
  std::shared_ptr<ChatHandler> chat() {
    const MutexLock lock(mutex_);
    return chat_;
  }
  std::string target() const { return fmt::format("127.0.0.1:{}", server_->port()); }
  void Stop() { server_->Shutdown(absl::ZeroDuration()); }

  Seen seen;

 private:
  Mutex mutex_;
  std::shared_ptr<ChatHandler> chat_;
  FixedCredentials credentials_;
  CallGate gate_;
  const SayHandler say_;
  std::unique_ptr<Server> server_;
};

// A process that hosts nothing, before those that do.
class Front {
 public:
  explicit Front(const std::vector<std::string>& targets, int64_t max_in_flight = 4096) {
    ForeignService service{.name = Echo::service_full_name()};
    for (const std::string& target : targets) {
      service.instances.push_back(Client::Open({.target = target}).value().channel());
    }
    foreign_ = std::make_unique<ForeignServices>(std::vector{std::move(service)},
                                                 ForeignOptions{.max_in_flight = max_in_flight, .metrics = &metrics_});
    server_ = Server::Start({.fallback = foreign_.get()}, {}).value();
    client_.emplace(Connect());
    stub = Echo::NewStub(client_->channel());
  }
  // Channels before the servers at their other end (of this process): see Cluster.
  ~Front() {
    stub.reset();
    client_.reset();
    server_.reset();
  }

  Client Connect(absl::Duration deadline = absl::Seconds(60)) {
    return Client::Open({.target = fmt::format("127.0.0.1:{}", server_->port()),
                         .bearer_secret = kReadSecret,
                         .deadline = deadline})
        .value();
  }
  const Client& client() { return *client_; }
  absl::StatusOr<SayResponse> Say(const std::string& text) {
    return client_->Call(*stub, &Echo::Stub::Say, Asking(text));
  }
  std::string Metrics() { return metrics_.Text(); }

  std::unique_ptr<Echo::Stub> stub;

 private:
  metrics::Registry metrics_;
  std::unique_ptr<ForeignServices> foreign_;
  std::unique_ptr<Server> server_;
  std::optional<Client> client_;
};

std::string Counted(std::string_view outcome, int count) {
  return fmt::format("tributary_rpc_passed_on_total{{outcome=\"{}\",service=\"tributary.rpc.testing.Echo\"}} {}\n",
                     outcome, count);
}

class ForeignTest : public ::testing::Test {
 protected:
  ForeignTest()
      : host_([this](const CallInfo& call, const SayRequest& request, const Reply<SayResponse>& reply) {
          say_(call, request, reply);
        }) {}

  SayHandler say_ = EchoText;
  Host host_;
  Front front_{{host_.target()}};
  grpc::ClientContext context_;
};

TEST_F(ForeignTest, AUnaryCallIsAnsweredByWhoHostsTheService) {
  CallInfo seen;
  say_ = [&](const CallInfo& call, const SayRequest& request, const Reply<SayResponse>& reply) {
    seen = call;
    reply.SendWithTrailer(Answer(request.text()), "tributary-extra", "7");
  };
  front_.client().Prepare(context_);
  context_.AddMetadata("traceparent", kTraceparent);
  const absl::Time deadline = absl::FromChrono(context_.deadline());
  SayResponse response;
  const grpc::Status status = front_.stub->Say(&context_, Asking("hello"), &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.text(), "hello");
  EXPECT_EQ(seen.principal.credential_id, "c1");
  EXPECT_EQ(seen.traceparent, kTraceparent);
  EXPECT_FALSE(seen.forwarded) << "it may still have to go to the owner";
  EXPECT_LT(absl::AbsDuration(seen.deadline - deadline), absl::Seconds(5));
  const auto& trailers = context_.GetServerTrailingMetadata();
  ASSERT_EQ(trailers.count("tributary-extra"), 1u);
  EXPECT_EQ(trailers.find("tributary-extra")->second, "7");
  EXPECT_THAT(front_.Metrics(), HasSubstr(Counted("ok", 1)));
}

TEST_F(ForeignTest, AnErrorArrivesWithItsDetails) {
  say_ = [](const CallInfo&, const SayRequest&, const Reply<SayResponse>& reply) {
    reply(WithRetryAfter(InvalidField("TEXT_TOO_LONG", "text", "is 900 bytes long", "Send at most 800"),
                         absl::Seconds(7)));
  };
  EXPECT_EQ(Describe(front_.Say("x").status()),
            "INVALID_ARGUMENT (TEXT_TOO_LONG): text: is 900 bytes long\nmend: Send at most 800\ntry again in 7s");
  EXPECT_THAT(front_.Metrics(), HasSubstr(Counted("error", 1)));
}

TEST_F(ForeignTest, CredentialsAreCheckedWhereTheServiceIs) {
  SayResponse response;
  const grpc::Status status = front_.stub->Say(&context_, Asking("x"), &response);
  EXPECT_EQ(ReasonOf(FromGrpc(status)), "CREDENTIAL_MISSING");
}

TEST_F(ForeignTest, MessagesOfBothSidesPassInOrderUntilTheClientHasHalfClosed) {
  front_.client().Prepare(context_);
  const auto stream = front_.stub->Chat(&context_);
  SayResponse response;
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(stream->Write(Asking(fmt::format("{}", i))));
    ASSERT_TRUE(stream->Read(&response));
    ASSERT_EQ(response.text(), fmt::format("{}", i));
  }
  stream->WritesDone();
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.text(), "bye");
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(ForeignTest, AStreamThatItsHostEndsEndsWhileTheClientStillSends) {
  front_.client().Prepare(context_);
  const auto stream = front_.stub->Chat(&context_);
  ASSERT_TRUE(stream->Write(Asking("end")));
  SayResponse response;
  EXPECT_FALSE(stream->Read(&response));
  while (stream->Write(Asking("more"))) {
  }
  EXPECT_EQ(ReasonOf(FromGrpc(stream->Finish())), "ENDED");
}

TEST_F(ForeignTest, AClientThatReadsSlowlyHoldsTheSenderBack) {
  front_.client().Prepare(context_);
  const auto stream = front_.stub->Tell(&context_, Asking(""));
  // Nobody reads: it must not get far, however long it takes.
  EXPECT_FALSE(host_.seen.sent.Reaches(kInHand, absl::Milliseconds(300)));
  SayResponse response;
  int read = 0;
  while (stream->Read(&response)) {
    ++read;
    ASSERT_EQ(response.text().size(), kLarge);
    ASSERT_LE(host_.seen.sent.value() - read, kInHand);
  }
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(read, kMany);
}

TEST_F(ForeignTest, AHostThatReadsSlowlyHoldsTheClientBack) {
  front_.client().Prepare(context_);
  const auto stream = front_.stub->Chat(&context_);
  ASSERT_TRUE(stream->Write(Asking("wait")));
  host_.seen.read.Await(1);
  Count written;
  auto writer = std::async(std::launch::async, [&] {
    for (int i = 0; i < kMany && stream->Write(Asking(std::string(kLarge, 'x'))); ++i) written.Inc();
    stream->WritesDone();
  });
  EXPECT_FALSE(written.Reaches(kInHand, absl::Milliseconds(300)));
  host_.chat()->Read();
  SayResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.text(), "bye");
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
  writer.get();
  EXPECT_EQ(host_.seen.read.value(), 1 + kMany);
}

TEST_F(ForeignTest, AClientThatGoesIsNoticedByTheHost) {
  front_.client().Prepare(context_);
  const auto stream = front_.stub->Chat(&context_);
  ASSERT_TRUE(stream->Write(Asking("wait")));
  host_.seen.read.Await(1);
  context_.TryCancel();
  host_.seen.gone.Await(1);
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(ForeignTest, AClientThatGoesBehindAFullPipeIsNoticedToo) {
  front_.client().Prepare(context_);
  const auto stream = front_.stub->Tell(&context_, Asking(""));
  SayResponse response;
  ASSERT_TRUE(stream->Read(&response));
  context_.TryCancel();
  host_.seen.gone.Await(1);
  while (stream->Read(&response)) {
  }
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(ForeignTest, TheDeadlineHoldsAtTheHostToo) {
  const Client hasty = front_.Connect(absl::Milliseconds(300));
  hasty.Prepare(context_);
  const auto stream = front_.stub->Chat(&context_);
  ASSERT_TRUE(stream->Write(Asking("wait")));
  SayResponse response;
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  host_.seen.gone.Await(1);
}

void ExpectUnreachable(const absl::Status& status) {
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_EQ(ReasonOf(status), "SERVICE_UNREACHABLE");
  EXPECT_THAT(std::string(status.message()), Not(HasSubstr("127.0.0.1"))) << "addresses are not for clients";
}

TEST_F(ForeignTest, AServiceWithoutAProcessIsUnavailable) {
  host_.Stop();
  ExpectUnreachable(front_.Say("x").status());
  EXPECT_THAT(front_.Metrics(), HasSubstr(Counted("unreachable", 1)));
}

TEST_F(ForeignTest, AHostThatGoesEndsItsStreams) {
  front_.client().Prepare(context_);
  const auto stream = front_.stub->Chat(&context_);
  ASSERT_TRUE(stream->Write(Asking("wait")));
  host_.seen.read.Await(1);
  host_.Stop();
  SayResponse response;
  EXPECT_FALSE(stream->Read(&response));
  ExpectUnreachable(FromGrpc(stream->Finish()));
}

TEST_F(ForeignTest, CallsGoToTheInstancesThatAreThere) {
  Host gone(EchoText);
  Front front({gone.target(), host_.target()});
  gone.Stop();
  while (!front.Say("until it is connected").ok()) {
  }
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(front.Say("x").ok());
}

TEST_F(ForeignTest, WhatIsNotListedIsUnimplementedAndHealthIsThisProcesssOwn) {
  front_.client().Prepare(context_);
  SayResponse response;
  const grpc::internal::RpcMethod other("/tributary.rpc.testing.Other/Say", grpc::internal::RpcMethod::NORMAL_RPC);
  const grpc::Status status = grpc::internal::BlockingUnaryCall<SayRequest, SayResponse>(
      front_.client().channel().get(), other, &context_, Asking("x"), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  grpc::ClientContext context;
  HealthResponse health;
  const grpc::internal::RpcMethod check("/grpc.health.v1.Health/Check", grpc::internal::RpcMethod::NORMAL_RPC);
  const grpc::Status answered = grpc::internal::BlockingUnaryCall<HealthRequest, HealthResponse>(
      front_.client().channel().get(), check, &context, HealthRequest(), &health);
  ASSERT_TRUE(answered.ok()) << answered.error_message();
  EXPECT_EQ(health.status(), HealthResponse::NOT_SERVING);
}

TEST_F(ForeignTest, ACallIsPassedOnOnce) {
  for (const char* header : {kPassedHeader, kHopHeader}) {
    grpc::ClientContext context;
    front_.client().Prepare(context);
    context.AddMetadata(header, "1");
    SayResponse response;
    EXPECT_EQ(ReasonOf(FromGrpc(front_.stub->Say(&context, Asking("x"), &response))), "WRONG_PROCESS") << header;
  }
}

TEST_F(ForeignTest, TooManyCallsAtOnceAreRefused) {
  Front front({host_.target()}, /*max_in_flight=*/1);
  front.client().Prepare(context_);
  const auto stream = front.stub->Chat(&context_);
  ASSERT_TRUE(stream->Write(Asking("x")));
  SayResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(ReasonOf(front.Say("y").status()), "TOO_MANY_CALLS");
  stream->WritesDone();
  while (stream->Read(&response)) {
  }
  EXPECT_TRUE(stream->Finish().ok());
  while (!front.Say("until the place is free").ok()) {
  }
}

TEST(ForeignClusterTest, APassedOnCallStillReachesTheOwnerOfItsPartition) {
  Cluster cluster({2, 2}, [](int32_t ordinal, const Routes& routes, const CallInfo&, const SayRequest& request,
                             const Reply<SayResponse>& reply) {
    if (routes.SentOn({"journey", PartitionOf(1, 2)}, request, reply)) return;
    reply(Answer(fmt::format("{}", ordinal)));
  });
  Front front({cluster.instance(0).target()});
  const auto answer = front.Say("x");
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->text(), "1");
}

// Ends that meet: each stream is broken off at another moment, by another side.
TEST_F(ForeignTest, StreamsThatBreakOffAtAnyMomentLeaveNothingBehind) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 100;
  std::vector<std::thread> clients;
  for (int t = 0; t < kThreads; ++t) {
    clients.emplace_back([&, t] {
      for (int i = 0; i < kRounds; ++i) {
        grpc::ClientContext context;
        front_.client().Prepare(context);
        const auto stream = front_.stub->Chat(&context);
        SayResponse response;
        for (int k = 0; k < i % 5; ++k) stream->Write(Asking("x"));
        const int way = (i + t) % 4;
        if (way == 1) stream->Write(Asking("end"));
        if (way == 0 || way == 3) context.TryCancel();
        if (way == 2 || way == 3) stream->WritesDone();
        while (stream->Read(&response)) {
        }
        stream->Finish();
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_TRUE(front_.Say("still there").ok());
}

}  // namespace
}  // namespace tributary::rpc::testing
