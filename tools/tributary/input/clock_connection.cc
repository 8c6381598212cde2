#include "input/clock_connection.h"

#include "text/format.h"
#include "tributary/rpc/status.h"

namespace tributary::cli {

using operations::v1::AdvanceClockRequest;
using operations::v1::AdvanceClockResponse;
using operations::v1::GetClockRequest;
using operations::v1::GetClockResponse;
using operations::v1::OperationsService;

ClockConnection::ClockConnection(const rpc::Client& client)
    : client_(client), stub_(OperationsService::NewStub(client.channel())) {}

absl::StatusOr<GetClockResponse> ClockConnection::Get() const {
  return client_.Call(*stub_, &OperationsService::Stub::GetClock, GetClockRequest());
}

absl::StatusOr<AdvanceClockResponse> ClockConnection::Advance(std::optional<absl::Time> to, const NewsFn& news) const {
  AdvanceClockRequest request;
  if (to.has_value()) {
    SetTime(*to, request.mutable_to());
  } else {
    request.set_follow_wall(true);
  }
  grpc::ClientContext context;
  client_.Prepare(context);
  context.set_deadline(gpr_inf_future(GPR_CLOCK_REALTIME));
  const auto stream = stub_->AdvanceClock(&context, request);
  AdvanceClockResponse last;
  while (stream->Read(&last)) news(last);
  const absl::Status status = rpc::FromGrpc(stream->Finish());
  if (!status.ok()) return status;
  if (!last.done()) return absl::UnavailableError("the server ended the call");
  return last;
}

}  // namespace tributary::cli
