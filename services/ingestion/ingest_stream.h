// The RPC IngestStream.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "ingestion/directory.h"
#include "ingestion/ingestor.h"
#include "ingestion/stream_admission.h"
#include "tributary/base/mutex.h"
#include "tributary/ingestion/v1/ingestion.pb.h"
#include "tributary/metrics/registry.h"
#include "tributary/rpc/call.h"

namespace tributary::ingestion {

// The streams that are open. Thread-safe; to be destroyed after the server, the ingestor and the admission.
//
// A stream holds at most its window and one batch more; a batch counts from when it was read until its acknowledgement
// has left, so that a client that reads none is not read from either. Batches are admitted one after the other and
// acknowledged in the order sent, each once its accepted events are durable. Whatever ends a stream (half-close, a bad
// batch, Stop(), a log that fails), what is on its way is acknowledged first, up to the first that failed.
class IngestStreams {
 public:
  struct Options {
    int32_t window_batches = 16;
    int64_t window_bytes = 8 << 20;
    // Batches of bulk streams are let in by slices of so many events, so that a large one holds up what comes live no
    // longer than a small one.
    int32_t bulk_slice_events = 100;
    // More are refused.
    size_t max_streams = 256;
  };
  struct Deps {
    const rpc::CallGate* gate = nullptr;
    const RegistryDirectory* directory = nullptr;
    Ingestor* ingestor = nullptr;
    StreamAdmission* admission = nullptr;
    metrics::Registry* metrics = nullptr;  // null: not counted
  };
  // Deps must outlive the server.
  IngestStreams(const Deps& deps, const Options& options);

  using Reactor = grpc::ServerBidiReactor<v1::IngestStreamRequest, v1::IngestStreamResponse>;
  // One more stream, admitted by `rule`.
  Reactor* Open(grpc::CallbackServerContext* context, rpc::AccessRule rule);

  // Ends all with UNAVAILABLE, those that come later too. Idempotent; does not wait.
  void Stop();

 private:
  class Stream;

  const Deps deps_;
  const Options options_;
  metrics::Gauge live_;
  metrics::Gauge bulk_;
  Mutex mutex_;
  std::map<Stream*, std::weak_ptr<Stream>> streams_ TRIBUTARY_GUARDED_BY(mutex_);
  bool stopping_ TRIBUTARY_GUARDED_BY(mutex_) = false;
};

}  // namespace tributary::ingestion
