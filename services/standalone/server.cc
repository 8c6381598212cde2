#include "standalone/server.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <functional>
#include <future>
#include <utility>
#include <vector>

#include "ingestion/first_workspace.h"
#include "standalone/clock_stepper.h"
#include "standalone/fronts.h"
#include "standalone/peers.h"
#include "standalone/tasks.h"
#include "tributary/base/status.h"
#include "tributary/eventlog/embedded/embedded_log.h"
#include "tributary/metrics/exposer.h"
#include "tributary/metrics/registry.h"
#include "tributary/processor/task_host.h"
#include "tributary/rpc/server.h"

namespace tributary::standalone {

absl::Status MakePrivateDirectory(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error) std::filesystem::permissions(path, std::filesystem::perms::owner_all, error);
  if (!error) return absl::OkStatus();
  return FieldError(absl::StatusCode::kFailedPrecondition, "DATA_DIR_UNUSABLE", "data_dir",
                    fmt::format("cannot make '{}': {}", path, error.message()), "Choose a folder that you may write");
}

namespace {

absl::StatusOr<metrics::ExposerOptions> ExposerAddress(const std::string& listen) {
  const size_t colon = listen.rfind(':');
  int port = -1;
  if (colon != std::string::npos) {
    const auto [end, error] = std::from_chars(listen.data() + colon + 1, listen.data() + listen.size(), port);
    if (error != std::errc() || end != listen.data() + listen.size()) port = -1;
  }
  if (port < 0 || port > 65535) {
    return InvalidField("INVALID_ADDRESS", "metrics_listen", "is not address:port", "Use for example 127.0.0.1:7071");
  }
  return metrics::ExposerOptions{.bind_address = listen.substr(0, colon), .port = static_cast<uint16_t>(port)};
}

}  // namespace

class Server::Impl {
 public:
  Impl(const Options& options, const Clock& clock, Random& random, eventlog::EventLog* log)
      : options_(options),
        simulated_(options.simulated_clock.has_value()
                       ? std::make_unique<SimulatedClock>(clock, *options.simulated_clock)
                       : nullptr),
        clock_(simulated_ != nullptr ? *simulated_ : clock),
        random_(random),
        log_(log) {}
  ~Impl() { (void)Stop(); }  // whoever wants to know calls Stop() first

  absl::Status Start() {
    TRIBUTARY_RETURN_IF_ERROR(MakePrivateDirectory(options_.data_dir));
    TRIBUTARY_ASSIGN_OR_RETURN(const metrics::ExposerOptions exposer, ExposerAddress(options_.metrics_listen));
    if (options_.simulated_clock.value_or(absl::InfinitePast()) > clock_.WallNow()) {
      return InvalidField("BEYOND_WALL_CLOCK", "simulated_clock", "lies in the future",
                          "Start the clock at a time that has been");
    }
    TRIBUTARY_RETURN_IF_ERROR(OpenPeers());
    TRIBUTARY_RETURN_IF_ERROR(OpenLog());
    TRIBUTARY_RETURN_IF_ERROR(ResumeSimulatedClock());
    TRIBUTARY_ASSIGN_OR_RETURN(identifier::KeyMaker keys, identifier::KeyMaker::Create());
    collaborators_ =
        std::make_unique<Collaborators>(Collaborators{std::move(keys), identifier::IdentifierRules::Default()});
    host_ = std::make_unique<processor::TaskHost>(processor::TaskHost::Options{.threads = options_.threads});
    TRIBUTARY_RETURN_IF_ERROR(OpenTasks());
    host_->Start();
    TRIBUTARY_RETURN_IF_ERROR(StartFronts());
    TRIBUTARY_ASSIGN_OR_RETURN(exposer_, metrics::Exposer::Start(metrics_, exposer));
    std::error_code error;
    std::filesystem::remove_all(options_.data_dir + "/scratch", error);  // of a verification that was killed
    return Tend();
  }

  absl::Status Tend() {
    const absl::Status health = Health();
    rpc_->SetServing("", health.ok() && fronts_->directory().caught_up() && AllDecide());
    return health;
  }

  absl::Status Stop() {
    if (stopped_) return absl::OkStatus();
    stopped_ = true;
    if (fronts_ != nullptr) fronts_->StopStreams();
    if (rpc_ != nullptr) rpc_->Shutdown(options_.drain);
    for (const std::unique_ptr<Peer>& peer : peers_) peer->Stop();
    if (host_ != nullptr) {
      // What was acknowledged is applied and relayed, so that the next start has nothing to do.
      host_->WaitUntilQuiet(options_.drain);
      host_->Stop();
    }
    exposer_.reset();
    const absl::Status failure = host_ == nullptr ? absl::OkStatus() : host_->Failure();
    // In the order of use: fronts, tasks with their projections, log.
    rpc_.reset();
    fronts_.reset();
    stepper_.reset();
    host_.reset();
    return failure;
  }

  uint16_t port() const { return rpc_->port(); }
  uint16_t metrics_port() const { return exposer_->port(); }
  std::string client_file() const { return options_.data_dir + "/client.json"; }
  absl::Status Health() const {
    TRIBUTARY_RETURN_IF_ERROR(log_->Health());
    return host_->Failure();
  }

  absl::Time Now() const { return clock_.Now(); }

 private:
  // Other processes, or other servers of this one, have the log open too.
  bool shares_log() const { return options_.kafka.has_value() || (log_ != nullptr && own_log_ == nullptr); }

  std::string clock_file() const { return options_.data_dir + "/simulated_clock"; }

  absl::Status ResumeSimulatedClock() {
    if (simulated_ == nullptr) return absl::OkStatus();
    TRIBUTARY_ASSIGN_OR_RETURN(const absl::Time start,
                               ResumeClock(*log_, clock_file(), simulated_->Now(), simulated_->WallNow()));
    simulated_->MoveTo(start);
    if (FollowedWall(clock_file())) simulated_->FollowWall();
    return absl::OkStatus();
  }

  absl::Status OpenTasks() {
    const auto resources = projection::SharedResources::Create({});
    const std::vector<PlacedTask> tasks = TasksOf(*log_, options_.services);
    // Opening waits for the disk: all at once.
    std::vector<std::future<absl::StatusOr<std::shared_ptr<projection::Store>>>> stores;
    for (const PlacedTask& task : tasks) {
      const std::string path = fmt::format("{}/projections/{}", options_.data_dir, task.name.ToString());
      TRIBUTARY_RETURN_IF_ERROR(MakePrivateDirectory(path));
      stores.push_back(std::async(std::launch::async, [path, resources] {
        return projection::Store::Open({.path = path, .resources = resources});
      }));
    }
    absl::Status failed;
    std::vector<std::shared_ptr<projection::Store>> opened;
    for (auto& store : stores) {
      absl::StatusOr<std::shared_ptr<projection::Store>> result = store.get();
      if (!result.ok()) {
        failed = result.status();
      } else {
        opened.push_back(*std::move(result));
      }
    }
    TRIBUTARY_RETURN_IF_ERROR(failed);
    const bool alone = !shares_log();
    for (size_t i = 0; i < tasks.size(); ++i) {
      const TaskName& name = tasks[i].name;
      auto processor = MakeProcessor(name, *log_, *collaborators_);
      TRIBUTARY_ASSIGN_OR_RETURN(
          auto task,
          processor::Task::Open(OptionsOf(name, tasks[i].standby, alone),
                                {.log = log_,
                                 .store = opened[i],
                                 .processor = processor.get(),
                                 .clock = &clock_,
                                 .random = &random_,
                                 .metrics = metrics::TaskMetrics(metrics_, name.processor, name.partition.log,
                                                                 name.partition.partition.value())}));
      host_->Add(std::move(processor), std::move(task));
    }
    return absl::OkStatus();
  }

  absl::Status OpenLog() {
    if (log_ != nullptr) return absl::OkStatus();
    if (options_.kafka.has_value()) {
      eventlog::KafkaOptions kafka = *options_.kafka;
      kafka.logs = LogSpecs(options_.partitions);
      kafka.clock = &clock_;
      kafka.random = &random_;
      kafka.client_id = fmt::format("tributary-{}", fmt::join(options_.services.names(), "-"));
      TRIBUTARY_ASSIGN_OR_RETURN(own_log_, eventlog::OpenKafkaLog(kafka));
      log_ = own_log_.get();
      return absl::OkStatus();
    }
    TRIBUTARY_ASSIGN_OR_RETURN(own_log_, eventlog::OpenEmbeddedLog({.path = options_.data_dir + "/log",
                                                                    .logs = LogSpecs(options_.partitions),
                                                                    .clock = &clock_,
                                                                    .random = &random_,
                                                                    .sync = options_.sync}));
    log_ = own_log_.get();
    return absl::OkStatus();
  }

  absl::Status OpenPeers() {
    if (options_.services.all()) return absl::OkStatus();
    if (!shares_log()) {
      return InvalidField("LOG_NOT_SHARED", "services", "are not all here, and the embedded log has one process",
                          "Name a Kafka, or run all services");
    }
    TRIBUTARY_ASSIGN_OR_RETURN(peer_secret_, ReadPeerSecret(options_.peer_secret_file));
    for (const std::string_view service : kServices) {
      if (options_.services.Has(service)) continue;
      const auto at = std::find_if(options_.peers.begin(), options_.peers.end(),
                                   [&](const PeerOptions& peer) { return peer.service == service; });
      if (at == options_.peers.end() && service == "ingestion") continue;  // nobody asks it; calls are not passed on
      if (at == options_.peers.end()) {
        return InvalidField("PEER_MISSING", "peers", fmt::format("does not name {}, which does not run here", service),
                            fmt::format("Name where it is: {}=host:port", service));
      }
      TRIBUTARY_ASSIGN_OR_RETURN(rpc::Client client,
                                 rpc::Client::Open({.target = at->address, .bearer_secret = peer_secret_}));
      peers_.push_back(std::make_unique<Peer>(std::string(service), std::move(client)));
    }
    return absl::OkStatus();
  }

  std::vector<Peer*> peers() const {
    std::vector<Peer*> all;
    for (const std::unique_ptr<Peer>& peer : peers_) all.push_back(peer.get());
    return all;
  }

  // Every task that decides has seen the end of the log.
  bool AllDecide() const {
    for (const PlacedTask& task : TasksOf(*log_, options_.services)) {
      if (task.standby) continue;
      const processor::Task* const found = host_->Find(task.name.processor, task.name.partition);
      if (found == nullptr || found->status().state != processor::TaskState::kDeciding) return false;
    }
    return true;
  }

  absl::Status StartFronts() {
    if (simulated_ != nullptr) {
      stepper_ = std::make_unique<ClockStepper>(
          ClockStepper::Deps{.clock = simulated_.get(), .host = host_.get(), .file = clock_file()});
    }
    fronts_ = std::make_unique<Fronts>(Fronts::Deps{.services = &options_.services,
                                                    .host = host_.get(),
                                                    .log = log_,
                                                    .collaborators = collaborators_.get(),
                                                    .clock = &clock_,
                                                    .random = &random_,
                                                    .metrics = &metrics_,
                                                    .stepper = stepper_.get(),
                                                    .scratch_dir = options_.data_dir + "/scratch",
                                                    .peers = peers(),
                                                    .peer_secret = peer_secret_});
    TRIBUTARY_ASSIGN_OR_RETURN(rpc_, rpc::Server::Start({.address = options_.listen,
                                                         .tls = {.certificate_file = options_.tls_certificate_file,
                                                                 .private_key_file = options_.tls_private_key_file},
                                                         .metrics = &metrics_,
                                                         .fallback = fronts_->foreign()},
                                                        fronts_->services()));
    if (!options_.services.Has("ingestion")) return absl::OkStatus();
    const std::string host = options_.listen.substr(0, options_.listen.rfind(':'));
    return ingestion::EnsureFirstWorkspace(
        {.registry = host_->Find("ingestion", {kRegistryLog, eventlog::Partition(0)}),
         .directory = &fronts_->directory(),
         .random = &random_,
         .workspace_id = options_.workspace_id,
         .file = client_file(),
         .address = fmt::format("{}:{}", host, rpc_->port())});
  }

  const Options options_;
  const std::unique_ptr<SimulatedClock> simulated_;  // null: the wall's
  const Clock& clock_;                               // the tasks'
  Random& random_;
  bool stopped_ = false;
  metrics::Registry metrics_;
  std::unique_ptr<eventlog::EventLog> own_log_;
  eventlog::EventLog* log_;
  std::unique_ptr<Collaborators> collaborators_;
  std::unique_ptr<processor::TaskHost> host_;
  std::string peer_secret_;
  std::vector<std::unique_ptr<Peer>> peers_;
  std::unique_ptr<ClockStepper> stepper_;
  std::unique_ptr<Fronts> fronts_;
  std::unique_ptr<rpc::Server> rpc_;
  std::unique_ptr<metrics::Exposer> exposer_;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const Options& options, const Clock& clock, Random& random,
                                                      eventlog::EventLog* log) {
  auto impl = std::make_unique<Impl>(options, clock, random, log);
  TRIBUTARY_RETURN_IF_ERROR(impl->Start());
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

uint16_t Server::port() const { return impl_->port(); }
uint16_t Server::metrics_port() const { return impl_->metrics_port(); }
absl::Time Server::Now() const { return impl_->Now(); }
std::string Server::client_file() const { return impl_->client_file(); }
absl::Status Server::Tend() { return impl_->Tend(); }
absl::Status Server::Health() const { return impl_->Health(); }
absl::Status Server::Stop() { return impl_->Stop(); }

}  // namespace tributary::standalone
