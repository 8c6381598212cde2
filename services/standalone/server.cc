#include "standalone/server.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <functional>
#include <future>
#include <utility>
#include <vector>

#include "identity/front.h"
#include "ingestion/directory.h"
#include "ingestion/first_workspace.h"
#include "ingestion/front.h"
#include "profile/front.h"
#include "profile/segment_front.h"
#include "standalone/clock_stepper.h"
#include "standalone/operations_front.h"
#include "standalone/tasks.h"
#include "tributary/base/status.h"
#include "tributary/eventlog/embedded/embedded_log.h"
#include "tributary/metrics/exposer.h"
#include "tributary/metrics/registry.h"
#include "tributary/processor/task_host.h"
#include "tributary/processor/token.h"
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

namespace {

absl::StatusOr<eventlog::Partition> PartitionOf(const ingestion::RegistryDirectory& directory,
                                                std::string_view workspace) {
  if (const auto partition = directory.IntakePartitionOf(workspace)) return *partition;
  return FieldError(absl::StatusCode::kNotFound, "WORKSPACE_NOT_FOUND", "workspace_id", "there is no such workspace",
                    "See `tributary workspace list`");
}

// Profile asks identity who an identifier belongs to; in one process, by a call.
class Resolver final : public profile::IdentifierResolver {
 public:
  explicit Resolver(const identity::IdentityFront& identity) : identity_(identity) {}
  void Resolve(profile::IdentifierLookup lookup,
               std::function<void(absl::StatusOr<profile::ResolvedIdentifier>)> done) override {
    identity_.Resolve({.workspace_id = std::move(lookup.workspace_id),
                       .subject_kind = lookup.subject_kind,
                       .identifier = std::move(lookup.identifier),
                       .token = std::move(lookup.token),
                       .field = std::move(lookup.field)},
                      lookup.deadline, [done = std::move(done)](absl::StatusOr<identity::ResolvedProfile> resolved) {
                        if (!resolved.ok()) return done(resolved.status());
                        done(profile::ResolvedIdentifier{std::move(resolved->profile_id), std::move(resolved->token)});
                      });
  }

  void KeysOf(profile::ProfileKeysLookup lookup,
              std::function<void(absl::StatusOr<std::vector<std::string>>)> done) override {
    identity_.KeysOf(lookup.workspace_id, lookup.profile_id, lookup.token, lookup.deadline, std::move(done));
  }

 private:
  const identity::IdentityFront& identity_;
};

}  // namespace

class Server::Impl {
 public:
  Impl(const Options& options, const Clock& clock, Random& random)
      : options_(options),
        simulated_(options.simulated_clock.has_value()
                       ? std::make_unique<SimulatedClock>(clock, *options.simulated_clock)
                       : nullptr),
        clock_(simulated_ != nullptr ? *simulated_ : clock),
        random_(random) {}
  ~Impl() { (void)Stop(); }  // whoever wants to know calls Stop() first

  absl::Status Start() {
    TRIBUTARY_RETURN_IF_ERROR(MakePrivateDirectory(options_.data_dir));
    TRIBUTARY_ASSIGN_OR_RETURN(const metrics::ExposerOptions exposer, ExposerAddress(options_.metrics_listen));
    if (options_.simulated_clock.value_or(absl::InfinitePast()) > clock_.WallNow()) {
      return InvalidField("BEYOND_WALL_CLOCK", "simulated_clock", "lies in the future",
                          "Start the clock at a time that has been");
    }
    TRIBUTARY_ASSIGN_OR_RETURN(log_, eventlog::OpenEmbeddedLog({.path = options_.data_dir + "/log",
                                                                .logs = LogSpecs(options_.partitions),
                                                                .clock = &clock_,
                                                                .random = &random_,
                                                                .sync = options_.sync}));
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
    rpc_->SetServing("", true);
    return absl::OkStatus();
  }

  absl::Status Stop() {
    if (stopped_) return absl::OkStatus();
    stopped_ = true;
    if (operations_ != nullptr) operations_->StopStreams();
    if (ingestion_ != nullptr) ingestion_->StopStreams();
    if (profile_ != nullptr) profile_->StopStreams();
    if (rpc_ != nullptr) rpc_->Shutdown(options_.drain);
    if (host_ != nullptr) {
      // What was acknowledged is applied and relayed, so that the next start has nothing to do.
      host_->WaitUntilQuiet(options_.drain);
      host_->Stop();
    }
    exposer_.reset();
    const absl::Status failure = host_ == nullptr ? absl::OkStatus() : host_->Failure();
    // In the order of use: fronts, tasks with their projections, log.
    rpc_.reset();
    operations_.reset();
    stepper_.reset();
    segments_.reset();
    profile_.reset();
    resolver_.reset();
    identity_.reset();
    ingestion_.reset();
    directory_.reset();
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
    std::vector<TaskName> names = AllTasks(*log_);
    // Opening waits for the disk: all at once.
    std::vector<std::future<absl::StatusOr<std::shared_ptr<projection::Store>>>> stores;
    for (const TaskName& name : names) {
      const std::string path = fmt::format("{}/projections/{}", options_.data_dir, name.ToString());
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
    for (size_t i = 0; i < names.size(); ++i) {
      const TaskName& name = names[i];
      auto processor = MakeProcessor(name, *log_, *collaborators_);
      TRIBUTARY_ASSIGN_OR_RETURN(
          auto task, processor::Task::Open(OptionsOf(name, false), {.log = log_.get(),
                                                                    .store = opened[i],
                                                                    .processor = processor.get(),
                                                                    .clock = &clock_,
                                                                    .random = &random_,
                                                                    .metrics = metrics::TaskMetrics(
                                                                        metrics_, name.processor, name.partition.log,
                                                                        name.partition.partition.value())}));
      host_->Add(std::move(processor), std::move(task));
    }
    return absl::OkStatus();
  }

  // What of a partition is not applied, counted from the log's end: what the task has not seen yet counts too.
  int64_t LagOf(const char* processor, const eventlog::PartitionRef& partition) const {
    const processor::Task* const task = host_->Find(processor, partition);
    const absl::StatusOr<eventlog::Offset> end = log_->End(partition);
    if (task == nullptr || !end.ok()) return 0;  // the log's failure shows where it is written
    return end->value() - 1 - task->status().visible.value();
  }

  // Behind how many records an event waits that comes now: for identity, for its relay, and for profile where that is
  // furthest behind.
  ingestion::LagFn IntakeLag() const {
    return [this](eventlog::Partition partition) {
      const eventlog::PartitionRef intake{kIntakeLog, partition};
      int64_t lag = LagOf("identity", intake);
      const processor::Task* const identity = host_->Find("identity", intake);
      if (identity != nullptr) lag += identity->status().relay_backlog;
      int64_t downstream = 0;
      for (int32_t i = 0; i < eventlog::PartitionCount(*log_, kJourneyLog); ++i) {
        downstream = std::max(downstream, LagOf("profile", {kJourneyLog, eventlog::Partition(i)}));
      }
      return lag + downstream;
    };
  }

  absl::Status StartFronts() {
    read_gate_ = std::make_unique<processor::ReadGate>(
        host_.get(), log_.get(), std::vector<processor::ReadGate::Upstream>{{kIntakeLog, "identity"}});
    processor::Task* registry = host_->Find("ingestion", {kRegistryLog, eventlog::Partition(0)});
    directory_ = std::make_unique<ingestion::RegistryDirectory>(registry);
    call_gate_ = std::make_unique<rpc::CallGate>(*directory_, rpc::CallGateOptions{});
    ingestion_ =
        std::make_unique<ingestion::IngestionFront>(ingestion::IngestionFront::Deps{.gate = call_gate_.get(),
                                                                                    .host = host_.get(),
                                                                                    .read_gate = read_gate_.get(),
                                                                                    .log = log_.get(),
                                                                                    .directory = directory_.get(),
                                                                                    .clock = &clock_,
                                                                                    .random = &random_,
                                                                                    .metrics = &metrics_,
                                                                                    .lag = IntakeLag()});
    identity_ = std::make_unique<identity::IdentityFront>(identity::IdentityFront::Deps{
        .gate = call_gate_.get(),
        .tasks = host_.get(),
        .reads = read_gate_.get(),
        .keys = &collaborators_->keys,
        .rules = &collaborators_->rules,
        .intake_partition_of = [directory = directory_.get()](std::string_view workspace) {
          return PartitionOf(*directory, workspace);
        }});
    resolver_ = std::make_unique<Resolver>(*identity_);
    profile_ = std::make_unique<profile::ProfileFront>(
        profile::ProfileFront::Deps{.gate = call_gate_.get(),
                                    .host = host_.get(),
                                    .read_gate = read_gate_.get(),
                                    .journey_partitions = eventlog::PartitionCount(*log_, kJourneyLog),
                                    .resolver = resolver_.get(),
                                    .clock = &clock_,
                                    .metrics = &metrics_});
    if (simulated_ != nullptr) {
      stepper_ = std::make_unique<ClockStepper>(
          ClockStepper::Deps{.clock = simulated_.get(), .host = host_.get(), .file = clock_file()});
    }
    segments_ = std::make_unique<profile::SegmentFront>(
        profile::SegmentFront::Deps{.gate = call_gate_.get(),
                                    .places = {.host = host_.get(),
                                               .read_gate = read_gate_.get(),
                                               .journey_partitions = eventlog::PartitionCount(*log_, kJourneyLog),
                                               .resolver = resolver_.get()},
                                    .log = log_.get(),
                                    .random = &random_});
    operations_ =
        std::make_unique<OperationsFront>(OperationsFront::Deps{.gate = call_gate_.get(),
                                                                .host = host_.get(),
                                                                .log = log_.get(),
                                                                .collaborators = collaborators_.get(),
                                                                .clock = &clock_,
                                                                .stepper = stepper_.get(),
                                                                .scratch_dir = options_.data_dir + "/scratch"});
    TRIBUTARY_ASSIGN_OR_RETURN(rpc_, rpc::Server::Start({.address = options_.listen,
                                                         .tls = {.certificate_file = options_.tls_certificate_file,
                                                                 .private_key_file = options_.tls_private_key_file},
                                                         .metrics = &metrics_},
                                                        {ingestion_.get(), identity_.get(), profile_.get(),
                                                         segments_.get(), operations_.get()}));
    const std::string host = options_.listen.substr(0, options_.listen.rfind(':'));
    return ingestion::EnsureFirstWorkspace({.registry = registry,
                                            .directory = directory_.get(),
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
  std::unique_ptr<eventlog::EventLog> log_;
  std::unique_ptr<Collaborators> collaborators_;
  std::unique_ptr<processor::TaskHost> host_;
  std::unique_ptr<processor::ReadGate> read_gate_;
  std::unique_ptr<ingestion::RegistryDirectory> directory_;
  std::unique_ptr<rpc::CallGate> call_gate_;
  std::unique_ptr<ingestion::IngestionFront> ingestion_;
  std::unique_ptr<identity::IdentityFront> identity_;
  std::unique_ptr<Resolver> resolver_;
  std::unique_ptr<profile::ProfileFront> profile_;
  std::unique_ptr<ClockStepper> stepper_;
  std::unique_ptr<profile::SegmentFront> segments_;
  std::unique_ptr<OperationsFront> operations_;
  std::unique_ptr<rpc::Server> rpc_;
  std::unique_ptr<metrics::Exposer> exposer_;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const Options& options, const Clock& clock, Random& random) {
  auto impl = std::make_unique<Impl>(options, clock, random);
  TRIBUTARY_RETURN_IF_ERROR(impl->Start());
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

uint16_t Server::port() const { return impl_->port(); }
uint16_t Server::metrics_port() const { return impl_->metrics_port(); }
absl::Time Server::Now() const { return impl_->Now(); }
std::string Server::client_file() const { return impl_->client_file(); }
absl::Status Server::Health() const { return impl_->Health(); }
absl::Status Server::Stop() { return impl_->Stop(); }

}  // namespace tributary::standalone
