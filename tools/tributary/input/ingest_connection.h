// Ingest by way of IngestStream: one stream for many batches instead of a call for each.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "tributary/base/mutex.h"
#include "tributary/ingestion/v1/ingestion.grpc.pb.h"
#include "tributary/rpc/client.h"

namespace tributary::cli {

// Thread-safe.
class IngestConnection {
 public:
  struct Options {
    std::string workspace_id = "";  // as in IngestStreamOpen
    bool bulk = false;              // yield to live traffic
  };
  // Does not connect yet. `client` must outlive this.
  IngestConnection(const rpc::Client& client, Options options);
  // Calls that wait must be over.
  ~IngestConnection();
  IngestConnection(const IngestConnection&) = delete;
  IngestConnection& operator=(const IngestConnection&) = delete;

  // As the RPC Ingest for the request's events, but waits where that is refused: the server takes as long as quota,
  // overload and, for bulk, live traffic ask for. Several calls at once share the stream; one that ends with an error
  // may be repeated, and opens another.
  absl::StatusOr<ingestion::v1::IngestResponse> Ingest(const ingestion::v1::IngestRequest& request);

 private:
  class Stream;

  // The present one; a new one if that has ended.
  std::shared_ptr<Stream> Current();

  const rpc::Client& client_;
  const Options options_;
  const std::unique_ptr<ingestion::v1::IngestionService::Stub> stub_;
  Mutex mutex_;
  std::shared_ptr<Stream> stream_ TRIBUTARY_GUARDED_BY(mutex_);
};

}  // namespace tributary::cli
