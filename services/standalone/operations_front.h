// OperationsService: tasks, log, verification, dead letters, the clock. For operators.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "standalone/clock_stepper.h"
#include "standalone/tasks.h"
#include "tributary/operations/v1/operations.grpc.pb.h"
#include "tributary/processor/task_host.h"
#include "tributary/rpc/call.h"

namespace tributary::standalone {

class OperationsFront final : public operations::v1::OperationsService::CallbackService {
 public:
  struct Deps {
    const rpc::CallGate* gate = nullptr;
    processor::TaskHost* host = nullptr;
    eventlog::EventLog* log = nullptr;
    const Collaborators* collaborators = nullptr;
    const Clock* clock = nullptr;
    ClockStepper* stepper = nullptr;  // null: the clock is the wall's
    std::string scratch_dir;
  };
  explicit OperationsFront(Deps deps);
  // Ends running verifications and tails.
  ~OperationsFront() override;

  grpc::ServerUnaryReactor* ListTasks(grpc::CallbackServerContext* context,
                                      const operations::v1::ListTasksRequest* request,
                                      operations::v1::ListTasksResponse* response) override;
  grpc::ServerWriteReactor<operations::v1::TailLogResponse>* TailLog(
      grpc::CallbackServerContext* context, const operations::v1::TailLogRequest* request) override;
  grpc::ServerWriteReactor<operations::v1::VerifyResponse>* Verify(
      grpc::CallbackServerContext* context, const operations::v1::VerifyRequest* request) override;
  grpc::ServerUnaryReactor* ListDeadLetters(grpc::CallbackServerContext* context,
                                            const operations::v1::ListDeadLettersRequest* request,
                                            operations::v1::ListDeadLettersResponse* response) override;
  grpc::ServerUnaryReactor* RedriveDeadLetter(grpc::CallbackServerContext* context,
                                              const operations::v1::RedriveDeadLetterRequest* request,
                                              operations::v1::RedriveDeadLetterResponse* response) override;
  grpc::ServerUnaryReactor* GetClock(grpc::CallbackServerContext* context,
                                     const operations::v1::GetClockRequest* request,
                                     operations::v1::GetClockResponse* response) override;
  grpc::ServerWriteReactor<operations::v1::AdvanceClockResponse>* AdvanceClock(
      grpc::CallbackServerContext* context, const operations::v1::AdvanceClockRequest* request) override;

  // Not part of the service: tells streams to end, before the server shuts down.
  void StopStreams() { stopping_.store(true); }

 private:
  // NotFound if something is named and no task is that.
  absl::StatusOr<std::vector<TaskName>> Selected(const operations::v1::TaskSelector& selector) const;

  const Deps deps_;
  std::atomic<bool> stopping_{false};
};

}  // namespace tributary::standalone
