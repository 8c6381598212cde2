#include "input/ingest_connection.h"

#include <functional>
#include <future>
#include <mutex>
#include <set>
#include <vector>

#include "fmt/format.h"
#include "grpcpp/support/sync_stream.h"
#include "gtest/gtest.h"
#include "tributary/base/status.h"
#include "tributary/rpc/server.h"
#include "tributary/rpc/status.h"

namespace tributary::cli {
namespace {

using ingestion::v1::IngestRequest;
using ingestion::v1::IngestResult;
using ingestion::v1::IngestStreamOpen;
using ingestion::v1::IngestStreamRequest;
using ingestion::v1::IngestStreamResponse;
using ServerStream = grpc::ServerReaderWriter<IngestStreamResponse, IngestStreamRequest>;

// Runs what a test wants on each stream, and acknowledges the rest.
class FakeIngestion final : public ingestion::v1::IngestionService::Service {
 public:
  // False: the stream is to end with `status`.
  using OnBatch = std::function<bool(int stream, const IngestStreamRequest& batch, absl::Status* status)>;
  explicit FakeIngestion(OnBatch on_batch) : on_batch_(std::move(on_batch)) {}

  grpc::Status IngestStream(grpc::ServerContext*, ServerStream* stream) override {
    int number;
    IngestStreamRequest message;
    if (!stream->Read(&message)) return grpc::Status::OK;
    {
      const std::lock_guard lock(mutex_);
      number = static_cast<int>(opened_.size());
      opened_.push_back(message.open());
    }
    IngestStreamResponse window;
    window.mutable_opened()->set_batches(16);
    stream->Write(window);
    while (stream->Read(&message)) {
      absl::Status status;
      if (!on_batch_(number, message, &status)) return rpc::ToGrpc(status);
      IngestStreamResponse answer;
      auto& acknowledged = *answer.mutable_acknowledged();
      acknowledged.set_sequence(message.batch().sequence());
      acknowledged.set_token("after-" + message.batch().events(0).event_id());
      for (int i = 0; i < message.batch().events_size(); ++i) {
        acknowledged.add_results()->set_status(IngestResult::STATUS_ACCEPTED);
      }
      stream->Write(answer);
    }
    return grpc::Status::OK;
  }
  std::vector<IngestStreamOpen> opened() {
    const std::lock_guard lock(mutex_);
    return opened_;
  }

 private:
  const OnBatch on_batch_;
  std::mutex mutex_;
  std::vector<IngestStreamOpen> opened_;
};

IngestRequest Events(const std::string& first_id, int count) {
  IngestRequest request;
  for (int i = 0; i < count; ++i)
    request.add_events()->set_event_id(i == 0 ? first_id : fmt::format("{}-{}", first_id, i));
  return request;
}

class IngestConnectionTest : public testing::Test {
 protected:
  void Serve(FakeIngestion::OnBatch on_batch) {
    service_.emplace(std::move(on_batch));
    server_ = rpc::Server::Start({}, {&*service_}).value();
    client_.emplace(rpc::Client::Open({.target = fmt::format("127.0.0.1:{}", server_->port()),
                                       .bearer_secret = "s",
                                       .deadline = absl::Seconds(30)})
                        .value());
  }

  std::optional<FakeIngestion> service_;
  std::unique_ptr<rpc::Server> server_;
  std::optional<rpc::Client> client_;
};

TEST_F(IngestConnectionTest, ManyCallsAtOnceShareOneStreamAndEachGetsItsOwnAnswer) {
  Serve([](int, const IngestStreamRequest&, absl::Status*) { return true; });
  IngestConnection connection(*client_, {.workspace_id = "w", .bulk = true});
  std::vector<std::future<void>> senders;
  for (int t = 0; t < 4; ++t) {
    senders.push_back(std::async(std::launch::async, [&, t] {
      for (int i = 0; i < 50; ++i) {
        const std::string id = fmt::format("{}.{}", t, i);
        const auto response = connection.Ingest(Events(id, 1 + i % 3));
        ASSERT_TRUE(response.ok()) << response.status();
        ASSERT_EQ(response->token(), "after-" + id);
        ASSERT_EQ(response->results_size(), 1 + i % 3);
      }
    }));
  }
  for (auto& sender : senders) sender.get();
  ASSERT_EQ(service_->opened().size(), 1u);
  EXPECT_EQ(service_->opened()[0].workspace_id(), "w");
  EXPECT_TRUE(service_->opened()[0].bulk());
}

TEST_F(IngestConnectionTest, ABrokenStreamFailsItsCallsWithTheServersErrorAndTheNextCallOpensAnother) {
  Serve([](int stream, const IngestStreamRequest& message, absl::Status* status) {
    *status = FieldError(absl::StatusCode::kUnavailable, "SERVER_STOPPING", "", "the server is stopping", "");
    return stream > 0 || message.batch().events(0).event_id() != "bad";
  });
  IngestConnection connection(*client_, {});
  EXPECT_TRUE(connection.Ingest(Events("good", 1)).ok());
  const absl::Status status = connection.Ingest(Events("bad", 1)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(DetailOf(status)->reason, "SERVER_STOPPING");
  EXPECT_TRUE(connection.Ingest(Events("bad", 1)).ok());
  EXPECT_EQ(service_->opened().size(), 2u);
}

TEST_F(IngestConnectionTest, AnEndThatNobodyAskedForIsNoSuccess) {
  Serve([](int, const IngestStreamRequest&, absl::Status*) { return false; });
  IngestConnection connection(*client_, {});
  EXPECT_EQ(connection.Ingest(Events("e", 1)).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(IngestConnectionTest, AServerThatIsNotThereIsUnavailable) {
  Serve([](int, const IngestStreamRequest&, absl::Status*) { return true; });
  server_->Shutdown(absl::Seconds(1));
  IngestConnection connection(*client_, {});
  EXPECT_EQ(connection.Ingest(Events("e", 1)).status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace tributary::cli
