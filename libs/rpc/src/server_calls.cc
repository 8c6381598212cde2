#include "src/server_calls.h"

#include <string>
#include <utility>

#include "fmt/format.h"
#include "google/protobuf/descriptor.h"

namespace tributary::rpc {
namespace {

using grpc::experimental::InterceptionHookPoints;

constexpr std::string_view kHealthCheck = "/grpc.health.v1.Health/Check";
constexpr std::string_view kHealthWatch = "/grpc.health.v1.Health/Watch";

// Whether this program has such a method, not whether this server serves it: gRPC does not tell.
bool IsKnown(std::string_view full_method) {
  // Health is compiled into gRPC without a descriptor.
  if (full_method == kHealthWatch || full_method == kHealthCheck) return true;
  const size_t slash = full_method.rfind('/');
  if (slash == 0 || slash == std::string_view::npos) return false;
  const std::string name = fmt::format("{}.{}", full_method.substr(1, slash - 1), full_method.substr(slash + 1));
  return google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(name) != nullptr;
}

bool IsOurFault(grpc::StatusCode code) {
  return code == grpc::StatusCode::INTERNAL || code == grpc::StatusCode::UNKNOWN || code == grpc::StatusCode::DATA_LOSS;
}

}  // namespace

// Lives as long as one call.
class Server::Calls::Observer final : public grpc::experimental::Interceptor {
 public:
  Observer(Calls& calls, grpc::experimental::ServerRpcInfo& info)
      : calls_(calls), method_(info.method()), context_(info.server_context()), start_(calls.clock_.Monotonic()) {
    if (calls_.metrics_.has_value()) calls_.metrics_->Started(method_);
  }

  ~Observer() override {
    if (watching_) calls_.WatchWent(context_);
    if (calls_.metrics_.has_value()) calls_.metrics_->Finished(method_, code_, calls_.clock_.Monotonic() - start_);
  }

  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_INITIAL_METADATA) &&
        method_ == kHealthWatch && !watching_) {
      watching_ = true;
      calls_.WatchCame(context_);
    }
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
      const grpc::Status status = methods->GetSendStatus();
      code_ = static_cast<absl::StatusCode>(status.error_code());
      if (IsOurFault(status.error_code()) && calls_.log_) {
        calls_.log_(
            fmt::format("{} ended with {}: {}", method_, absl::StatusCodeToString(code_), status.error_message()));
      }
    }
    methods->Proceed();
  }

 private:
  Calls& calls_;
  const std::string method_;
  grpc::ServerContextBase* const context_;
  const absl::Duration start_;
  bool watching_ = false;
  // What a call is that ends before a status was sent.
  absl::StatusCode code_ = absl::StatusCode::kCancelled;
};

class Server::Calls::Factory final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit Factory(Calls& calls) : calls_(calls) {}
  grpc::experimental::Interceptor* CreateServerInterceptor(grpc::experimental::ServerRpcInfo* info) override {
    return new Observer(calls_, *info);
  }

 private:
  Calls& calls_;
};

Server::Calls::Calls(metrics::Registry* registry, std::function<void(std::string_view)> log) : log_(std::move(log)) {
  if (registry != nullptr) metrics_.emplace(*registry, IsKnown);
}

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> Server::Calls::Interceptors() {
  return std::make_unique<Factory>(*this);
}

void Server::Calls::WatchCame(grpc::ServerContextBase* watch) {
  MutexLock lock(mutex_);
  watches_.insert(watch);
  if (ending_) watch->TryCancel();
}

void Server::Calls::WatchWent(grpc::ServerContextBase* watch) {
  MutexLock lock(mutex_);
  watches_.erase(watch);
}

void Server::Calls::EndWatches() {
  MutexLock lock(mutex_);
  ending_ = true;
  for (grpc::ServerContextBase* watch : watches_) watch->TryCancel();
}

}  // namespace tributary::rpc
