// The clock of a server, asked and moved.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tributary/operations/v1/operations.grpc.pb.h"
#include "tributary/rpc/client.h"

namespace tributary::cli {

// Not thread-safe.
class ClockConnection {
 public:
  // `client` needs an operator's credential and must outlive this.
  explicit ClockConnection(const rpc::Client& client);

  absl::StatusOr<operations::v1::GetClockResponse> Get() const;
  using NewsFn = std::function<void(const operations::v1::AdvanceClockResponse&)>;
  // As the RPC AdvanceClock: to that time, or, if there is none, to the wall's now, which the clock then follows. Takes
  // as long as the tasks need. The last answer.
  absl::StatusOr<operations::v1::AdvanceClockResponse> Advance(std::optional<absl::Time> to, const NewsFn& news) const;

 private:
  const rpc::Client& client_;
  const std::unique_ptr<operations::v1::OperationsService::Stub> stub_;
};

}  // namespace tributary::cli
