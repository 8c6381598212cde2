#include "standalone/fronts.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "tributary/base/status.h"

namespace tributary::standalone {
namespace {

absl::StatusOr<eventlog::Partition> PartitionOf(const ingestion::RegistryDirectory& directory,
                                                std::string_view workspace) {
  if (const auto partition = directory.IntakePartitionOf(workspace)) return *partition;
  return FieldError(absl::StatusCode::kNotFound, "WORKSPACE_NOT_FOUND", "workspace_id", "there is no such workspace",
                    "See `tributary workspace list`");
}

// Profile asks identity who an identifier belongs to; in one process, by a call.
class LocalResolver final : public profile::IdentifierResolver {
 public:
  explicit LocalResolver(const identity::IdentityFront& identity) : identity_(identity) {}
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

processor::ReadGate::Upstream Identity(Peer* elsewhere) {
  processor::ReadGate::Upstream upstream{kIntakeLog, "identity"};
  if (elsewhere != nullptr) {
    upstream.elsewhere = [elsewhere](const processor::TokenPosition& position, absl::Time deadline,
                                     std::function<void(absl::Status)> done) {
      elsewhere->AwaitRelayed(position, deadline, std::move(done));
    };
  }
  return upstream;
}

// On a log that processes share a record is on its way for some 50 ms, so that marks for one process, where it takes 5,
// would keep a bulk load at a tenth of what the services can do.
constexpr ingestion::BulkGate::Options kSharedLogBulk{.high_water_records = 2'000, .low_water_records = 1'000};

// In full, of a service of ours.
std::vector<std::string> GrpcServicesOf(std::string_view service) {
  if (service == "ingestion") return {ingestion::v1::IngestionService::service_full_name()};
  if (service == "identity") return {identity::v1::IdentityService::service_full_name()};
  return {profile::v1::ProfileService::service_full_name(), profile::v1::SegmentService::service_full_name()};
}

}  // namespace

Fronts::Fronts(const Deps& deps)
    : deps_(deps),
      read_gate_(deps.host, deps.log, {Identity(PeerOf("identity"))}),
      directory_(deps.host->Find("ingestion", {kRegistryLog, eventlog::Partition(0)})),
      verifier_(directory_, deps.peer_secret),
      call_gate_(verifier_, rpc::CallGateOptions{}) {
  if (Peer* const identity = PeerOf("identity")) identity_lag_.emplace(identity, deps_.clock);
  if (Peer* const profile = PeerOf("profile")) profile_lag_.emplace(profile, deps_.clock);
  const int32_t journey_partitions = eventlog::PartitionCount(*deps_.log, kJourneyLog);
  if (deps_.services->Has("ingestion")) {
    ingestion::StreamAdmission::Options admission;
    if (!deps_.peers.empty()) admission.bulk = kSharedLogBulk;
    ingestion_ = std::make_unique<ingestion::IngestionFront>(ingestion::IngestionFront::Deps{.gate = &call_gate_,
                                                                                             .host = deps_.host,
                                                                                             .read_gate = &read_gate_,
                                                                                             .log = deps_.log,
                                                                                             .directory = &directory_,
                                                                                             .clock = deps_.clock,
                                                                                             .random = deps_.random,
                                                                                             .metrics = deps_.metrics,
                                                                                             .lag = IntakeLag(),
                                                                                             .admission = admission});
  }
  if (deps_.services->Has("identity")) {
    identity_ = std::make_unique<identity::IdentityFront>(identity::IdentityFront::Deps{
        .gate = &call_gate_,
        .tasks = deps_.host,
        .reads = &read_gate_,
        .keys = &deps_.collaborators->keys,
        .rules = &deps_.collaborators->rules,
        .intake_partition_of = [this](std::string_view workspace) { return PartitionOf(directory_, workspace); }});
    local_resolver_ = std::make_unique<LocalResolver>(*identity_);
  }
  if (deps_.services->Has("profile")) {
    profile_ =
        std::make_unique<profile::ProfileFront>(profile::ProfileFront::Deps{.gate = &call_gate_,
                                                                            .host = deps_.host,
                                                                            .read_gate = &read_gate_,
                                                                            .journey_partitions = journey_partitions,
                                                                            .resolver = resolver(),
                                                                            .clock = deps_.clock,
                                                                            .metrics = deps_.metrics});
    segments_ = std::make_unique<profile::SegmentFront>(
        profile::SegmentFront::Deps{.gate = &call_gate_,
                                    .places = {deps_.host, &read_gate_, journey_partitions, resolver()},
                                    .log = deps_.log,
                                    .random = deps_.random});
  }
  operations_ = std::make_unique<OperationsFront>(OperationsFront::Deps{.gate = &call_gate_,
                                                                        .host = deps_.host,
                                                                        .log = deps_.log,
                                                                        .collaborators = deps_.collaborators,
                                                                        .clock = deps_.clock,
                                                                        .stepper = deps_.stepper,
                                                                        .scratch_dir = deps_.scratch_dir});
  peer_front_ = std::make_unique<PeerFront>(
      PeerFront::Deps{.gate = &call_gate_, .host = deps_.host, .log = deps_.log, .identity = identity_.get()});
  std::vector<rpc::ForeignService> foreign;
  for (const Peer* peer : deps_.peers) {
    for (std::string& name : GrpcServicesOf(peer->service())) foreign.push_back({std::move(name), {peer->channel()}});
  }
  if (foreign.empty()) return;
  foreign_ = std::make_unique<rpc::ForeignServices>(std::move(foreign), rpc::ForeignOptions{.metrics = deps_.metrics});
}

Fronts::~Fronts() = default;

Peer* Fronts::PeerOf(std::string_view service) const {
  const auto at = std::find_if(deps_.peers.begin(), deps_.peers.end(),
                               [&](const Peer* peer) { return peer->service() == service; });
  return at == deps_.peers.end() ? nullptr : *at;
}

std::vector<grpc::Service*> Fronts::services() {
  std::vector<grpc::Service*> services;
  if (ingestion_ != nullptr) services.push_back(ingestion_.get());
  if (identity_ != nullptr) services.push_back(identity_.get());
  if (profile_ != nullptr) services.push_back(profile_.get());
  if (segments_ != nullptr) services.push_back(segments_.get());
  services.push_back(operations_.get());
  services.push_back(peer_front_.get());
  return services;
}

void Fronts::StopStreams() {
  operations_->StopStreams();
  if (ingestion_ != nullptr) ingestion_->StopStreams();
  if (profile_ != nullptr) profile_->StopStreams();
}

profile::IdentifierResolver* Fronts::resolver() {
  return local_resolver_ != nullptr ? local_resolver_.get() : PeerOf("identity");
}

// Behind how many records an event waits that comes now: for identity, for its relay, and for profile where that is
// furthest behind.
ingestion::LagFn Fronts::IntakeLag() {
  return [this](eventlog::Partition partition) {
    const eventlog::PartitionRef intake{kIntakeLog, partition};
    const processor::Task* const identity = deps_.host->Find("identity", intake);
    int64_t lag = 0;
    if (identity != nullptr) {
      lag = LagOf(*identity, *deps_.log) + identity->status().relay_backlog;
    } else if (identity_lag_.has_value()) {
      lag = identity_lag_->Of(intake);
    }
    int64_t downstream = profile_lag_.has_value() ? profile_lag_->Most(kJourneyLog) : 0;
    for (int32_t i = 0; i < eventlog::PartitionCount(*deps_.log, kJourneyLog); ++i) {
      const processor::Task* const profile = deps_.host->Find("profile", {kJourneyLog, eventlog::Partition(i)});
      if (profile != nullptr) downstream = std::max(downstream, LagOf(*profile, *deps_.log));
    }
    return lag + downstream;
  };
}

}  // namespace tributary::standalone
