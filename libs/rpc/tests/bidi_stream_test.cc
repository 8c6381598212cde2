#include "tributary/rpc/bidi_stream.h"

#include <functional>
#include <future>
#include <latch>
#include <thread>
#include <vector>

#include "fmt/format.h"
#include "grpcpp/support/sync_stream.h"
#include "gtest/gtest.h"
#include "tests/echo_server.h"
#include "tributary/base/status.h"
#include "tributary/rpc/server.h"

namespace tributary::rpc::testing {
namespace {

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

// Greets, echoes, and does what each test says besides.
class Chat : public BidiStream<SayRequest, SayResponse> {
 public:
  void OnOpened() override {
    Send(Answer(fmt::format("hello {}", call().principal.workspace_id)));
    Read();
  }
  void OnMessage(Received<SayRequest> message) override {
    if (message->text() == "end") return End(InvalidField("ENDED", "text", "was the end", "Send another"));
    if (message->text() == "wait") return waiting.set_value();
    Send(Answer(message->text()));
    Read();
  }
  void OnHalfClosed() override {
    Send(Answer("bye"));
    End(absl::OkStatus());
  }
  void OnSent() override { ++sent; }
  void OnGone() override { gone.set_value(); }

  std::promise<void> waiting;
  std::promise<void> gone;
  std::atomic<int> sent = 0;
};

class ChatServer final : public Echo::CallbackService {
 public:
  ChatServer() : gate_(credentials_, {}), server_(Server::Start({}, {this}).value()) {}

  grpc::ServerBidiReactor<SayRequest, SayResponse>* Chat(grpc::CallbackServerContext* context) override {
    const std::shared_ptr<BidiStream<SayRequest, SayResponse>> stream = chat;
    return Serve(gate_, context, AccessRule::AnyOf({Role::kRead}), stream);
  }

  Server& server() { return *server_; }
  std::shared_ptr<testing::Chat> chat = std::make_shared<testing::Chat>();

 private:
  FixedCredentials credentials_;
  CallGate gate_;
  std::unique_ptr<Server> server_;
};

class BidiStreamTest : public ::testing::Test {
 protected:
  using Stream = grpc::ClientReaderWriter<SayRequest, SayResponse>;

  std::unique_ptr<Stream> Open(std::string_view secret = kReadSecret) {
    const Client client = Client::Open({.target = fmt::format("127.0.0.1:{}", service_.server().port()),
                                        .bearer_secret = std::string(secret)})
                              .value();
    client.Prepare(context_);
    stub_ = Echo::NewStub(client.channel());
    return stub_->Chat(&context_);
  }
  static std::string Next(Stream& stream) {
    SayResponse response;
    return stream.Read(&response) ? response.text() : "(end)";
  }

  ChatServer service_;
  grpc::ClientContext context_;
  std::unique_ptr<Echo::Stub> stub_;
};

TEST_F(BidiStreamTest, AnswersComeInOrderAndAHalfCloseEndsIt) {
  const auto stream = Open();
  EXPECT_EQ(Next(*stream), "hello w1");
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(stream->Write(Asking(fmt::format("{}", i))));
  stream->WritesDone();
  for (int i = 0; i < 500; ++i) ASSERT_EQ(Next(*stream), fmt::format("{}", i));
  EXPECT_EQ(Next(*stream), "bye");
  EXPECT_EQ(Next(*stream), "(end)");
  EXPECT_TRUE(stream->Finish().ok());
  service_.server().Shutdown(absl::Seconds(60));
  EXPECT_EQ(service_.chat->sent, 502);
  EXPECT_EQ(service_.chat.use_count(), 1) << "gRPC has let go of it";
}

TEST_F(BidiStreamTest, AnErrorArrivesAfterWhatWasSentBeforeItWithItsDetails) {
  const auto stream = Open();
  ASSERT_TRUE(stream->Write(Asking("a")));
  ASSERT_TRUE(stream->Write(Asking("end")));
  EXPECT_EQ(Next(*stream), "hello w1");
  EXPECT_EQ(Next(*stream), "a");
  EXPECT_EQ(Next(*stream), "(end)");
  EXPECT_EQ(Describe(FromGrpc(stream->Finish())), "INVALID_ARGUMENT (ENDED): text: was the end\nmend: Send another");
}

TEST_F(BidiStreamTest, WithoutACredentialOfARoleThatMayNoHookRuns) {
  const auto stream = Open(kIngestSecret);
  EXPECT_EQ(Next(*stream), "(end)");
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(service_.chat->sent, 0);
}

TEST_F(BidiStreamTest, AClientThatGoesIsNoticedAndAnswersToItDoNothing) {
  const auto stream = Open();
  ASSERT_TRUE(stream->Write(Asking("wait")));
  service_.chat->waiting.get_future().wait();
  context_.TryCancel();
  service_.chat->gone.get_future().wait();
  service_.chat->Send(Answer("too late"));
  service_.chat->Read();
  service_.chat->End(absl::OkStatus());
  service_.server().Shutdown(absl::Seconds(60));
  service_.chat->Send(Answer("much too late"));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(BidiStreamTest, AnswersMayComeFromManyThreadsAtOnceAndTheFirstEndCounts) {
  constexpr int kThreads = 8;
  constexpr int kAnswers = 200;
  const auto stream = Open();
  ASSERT_TRUE(stream->Write(Asking("wait")));
  service_.chat->waiting.get_future().wait();
  std::latch all_sent(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kAnswers; ++i) service_.chat->Send(Answer("x"));
      all_sent.arrive_and_wait();
      service_.chat->End(absl::AbortedError("enough"));
    });
  }
  EXPECT_EQ(Next(*stream), "hello w1");
  for (int i = 0; i < kThreads * kAnswers; ++i) ASSERT_EQ(Next(*stream), "x");
  EXPECT_EQ(Next(*stream), "(end)");
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::ABORTED);
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace tributary::rpc::testing
