#include "input/ingest_connection.h"

#include <condition_variable>
#include <map>
#include <optional>
#include <thread>
#include <utility>

#include "absl/time/time.h"
#include "tributary/rpc/status.h"

namespace tributary::cli {

using ingestion::v1::IngestionService;
using ingestion::v1::IngestRequest;
using ingestion::v1::IngestResponse;
using ingestion::v1::IngestStreamRequest;
using ingestion::v1::IngestStreamResponse;

// Acknowledgements are read by a thread of its own and handed to those who wait for them.
class IngestConnection::Stream {
 public:
  Stream(const rpc::Client& client, IngestionService::Stub& stub, const Options& options) {
    client.Prepare(context_);
    // It lasts as long as there is something to send.
    context_.set_deadline(absl::ToChronoTime(absl::InfiniteFuture()));
    stream_ = stub.IngestStream(&context_);
    IngestStreamRequest open;
    open.mutable_open()->set_workspace_id(options.workspace_id);
    open.mutable_open()->set_bulk(options.bulk);
    (void)stream_->Write(open);  // if it fails, the reader learns why
    reader_ = std::thread([this] { ReadAll(); });
  }

  ~Stream() {
    stream_->WritesDone();
    reader_.join();
  }

  absl::StatusOr<IngestResponse> Ingest(const IngestRequest& request) {
    IngestStreamRequest message;
    *message.mutable_batch()->mutable_events() = request.events();
    Waiter waiter;
    {
      // Batches must be written in the order of their numbers; a full window holds up all who write.
      const MutexLock writing(write_mutex_);
      const int64_t sequence = ++last_sequence_;
      message.mutable_batch()->set_sequence(sequence);
      {
        const MutexLock lock(mutex_);
        if (ended_.has_value()) return *ended_;
        waiters_.emplace(sequence, &waiter);
      }
      (void)stream_->Write(message);
    }
    MutexLock lock(mutex_);
    changed_.wait(lock.native(), [&] { return waiter.answer.has_value(); });
    return *std::move(waiter.answer);
  }

  bool ended() {
    const MutexLock lock(mutex_);
    return ended_.has_value();
  }

 private:
  struct Waiter {
    std::optional<absl::StatusOr<IngestResponse>> answer;
  };

  void ReadAll() {
    for (IngestStreamResponse message; stream_->Read(&message);) {
      if (!message.has_acknowledged()) continue;
      auto& acknowledged = *message.mutable_acknowledged();
      IngestResponse response;
      response.mutable_results()->Swap(acknowledged.mutable_results());
      response.set_token(std::move(*acknowledged.mutable_token()));
      const MutexLock lock(mutex_);
      const auto waiter = waiters_.find(acknowledged.sequence());
      if (waiter == waiters_.end()) continue;
      waiter->second->answer = std::move(response);
      waiters_.erase(waiter);
      changed_.notify_all();
    }
    absl::Status status = rpc::FromGrpc(stream_->Finish());
    // An end that nobody asked for is one that the server will have reasons for: another stream may do.
    if (status.ok()) status = absl::UnavailableError("the server ended the stream");
    const MutexLock lock(mutex_);
    ended_ = status;
    for (auto& [sequence, waiter] : waiters_) waiter->answer = status;
    waiters_.clear();
    changed_.notify_all();
  }

  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<IngestStreamRequest, IngestStreamResponse>> stream_;
  Mutex write_mutex_;  // before mutex_
  int64_t last_sequence_ TRIBUTARY_GUARDED_BY(write_mutex_) = 0;
  Mutex mutex_;
  std::condition_variable changed_;
  std::map<int64_t, Waiter*> waiters_ TRIBUTARY_GUARDED_BY(mutex_);
  std::optional<absl::Status> ended_ TRIBUTARY_GUARDED_BY(mutex_);
  std::thread reader_;
};

IngestConnection::IngestConnection(const rpc::Client& client, Options options)
    : client_(client), options_(std::move(options)), stub_(IngestionService::NewStub(client.channel())) {}

IngestConnection::~IngestConnection() = default;

std::shared_ptr<IngestConnection::Stream> IngestConnection::Current() {
  std::shared_ptr<Stream> former;  // its end waits for its reader, without the lock
  const MutexLock lock(mutex_);
  if (stream_ == nullptr || stream_->ended()) {
    former = std::move(stream_);
    stream_ = std::make_shared<Stream>(client_, *stub_, options_);
  }
  return stream_;
}

absl::StatusOr<IngestResponse> IngestConnection::Ingest(const IngestRequest& request) {
  return Current()->Ingest(request);
}

}  // namespace tributary::cli
