// The IngestionService on gRPC.
#pragma once

#include <string_view>

#include "ingestion/directory.h"
#include "ingestion/ingest_stream.h"
#include "ingestion/ingestor.h"
#include "ingestion/registry_writes.h"
#include "ingestion/stream_admission.h"
#include "tributary/base/clock.h"
#include "tributary/base/random.h"
#include "tributary/eventlog/event_log.h"
#include "tributary/ingestion/v1/ingestion.grpc.pb.h"
#include "tributary/metrics/registry.h"
#include "tributary/processor/task_host.h"
#include "tributary/processor/token.h"
#include "tributary/rpc/call.h"

namespace tributary::ingestion {

// Thread-safe. To be destroyed after the server that serves it, and after the host was stopped.
class IngestionFront final : public v1::IngestionService::CallbackService {
 public:
  struct Deps {
    const rpc::CallGate* gate = nullptr;
    // Runs the task of the IngestionProcessor.
    const processor::TaskHost* host = nullptr;
    const processor::ReadGate* read_gate = nullptr;
    eventlog::EventLog* log = nullptr;
    const RegistryDirectory* directory = nullptr;
    const Clock* clock = nullptr;  // the tasks'
    Random* random = nullptr;      // of secrets
    metrics::Registry* metrics = nullptr;
    // How far identity is behind, for bulk streams. Null: only what is on its way counts.
    LagFn lag = nullptr;
    Ingestor::Options ingest = {};
    StreamAdmission::Options admission = {};
    IngestStreams::Options streams = {};
  };
  // All of `deps` must outlive this.
  explicit IngestionFront(const Deps& deps);
  ~IngestionFront() override;

  grpc::ServerUnaryReactor* Ingest(grpc::CallbackServerContext* context, const v1::IngestRequest* request,
                                   v1::IngestResponse* response) override;
  IngestStreams::Reactor* IngestStream(grpc::CallbackServerContext* context) override;

  grpc::ServerUnaryReactor* CreateWorkspace(grpc::CallbackServerContext* context,
                                            const v1::CreateWorkspaceRequest* request,
                                            v1::CreateWorkspaceResponse* response) override;
  grpc::ServerUnaryReactor* GetWorkspace(grpc::CallbackServerContext* context, const v1::GetWorkspaceRequest* request,
                                         v1::GetWorkspaceResponse* response) override;
  grpc::ServerUnaryReactor* ListWorkspaces(grpc::CallbackServerContext* context,
                                           const v1::ListWorkspacesRequest* request,
                                           v1::ListWorkspacesResponse* response) override;

  grpc::ServerUnaryReactor* UpdateWorkspace(grpc::CallbackServerContext* context,
                                            const v1::UpdateWorkspaceRequest* request,
                                            v1::UpdateWorkspaceResponse* response) override;

  grpc::ServerUnaryReactor* CreateSource(grpc::CallbackServerContext* context, const v1::CreateSourceRequest* request,
                                         v1::CreateSourceResponse* response) override;
  grpc::ServerUnaryReactor* GetSource(grpc::CallbackServerContext* context, const v1::GetSourceRequest* request,
                                      v1::GetSourceResponse* response) override;
  grpc::ServerUnaryReactor* ListSources(grpc::CallbackServerContext* context, const v1::ListSourcesRequest* request,
                                        v1::ListSourcesResponse* response) override;
  grpc::ServerUnaryReactor* UpdateSource(grpc::CallbackServerContext* context, const v1::UpdateSourceRequest* request,
                                         v1::UpdateSourceResponse* response) override;
  grpc::ServerUnaryReactor* RotateSourceWriteKey(grpc::CallbackServerContext* context,
                                                 const v1::RotateSourceWriteKeyRequest* request,
                                                 v1::RotateSourceWriteKeyResponse* response) override;

  grpc::ServerUnaryReactor* CreateCredential(grpc::CallbackServerContext* context,
                                             const v1::CreateCredentialRequest* request,
                                             v1::CreateCredentialResponse* response) override;
  grpc::ServerUnaryReactor* ListCredentials(grpc::CallbackServerContext* context,
                                            const v1::ListCredentialsRequest* request,
                                            v1::ListCredentialsResponse* response) override;
  grpc::ServerUnaryReactor* RevokeCredential(grpc::CallbackServerContext* context,
                                             const v1::RevokeCredentialRequest* request,
                                             v1::RevokeCredentialResponse* response) override;

  // Before the server's shutdown, which would wait for them: ends the streams when what is on its way is acknowledged.
  void StopStreams() { streams_.Stop(); }

  // The same in process, without gRPC.
  Ingestor& ingestor() { return ingestor_; }

 private:
  // Answers with what `look(view)` finds once `token` is visible.
  template <typename Response, typename Look>
  void Read(const rpc::CallInfo& call, std::string_view token, rpc::Reply<Response> reply, Look look) const;

  const Deps deps_;
  processor::Task* const registry_;
  const RegistryWrites writes_;
  // In the order of use, backwards: the ingestor's end waits for callbacks, which use the others.
  IngestStreams streams_;
  StreamAdmission admission_;
  Ingestor ingestor_;
};

}  // namespace tributary::ingestion
