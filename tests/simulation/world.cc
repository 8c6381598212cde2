#include "world.h"

#include <algorithm>
#include <utility>

#include "sim_processor.h"
#include "tributary/events/v1/decision_batch.pb.h"
#include "tributary/processor/dead_letters.h"

namespace tributary::simulation {
namespace {

constexpr absl::Duration kLook = absl::Microseconds(20);
const absl::Time kStart = absl::FromUnixSeconds(1'767'225'600);  // 2026-01-01T00:00:00Z

Mood DrawMood(SeededRandom& random) {
  const auto vary = [&](int usual) {  // off, rare, usual, frequent
    const int times[] = {0, 1, 2, 2, 3, 6};
    return usual * times[random.Below(6)] / 2;
  };
  Mood mood;
  mood.partitions = 1 + static_cast<int>(random.Below(2));
  mood.beta = random.Chance(60);
  mood.replicas = 1 + static_cast<int>(random.Below(3));
  mood.actions = 200 + static_cast<int>(random.Below(900));
  mood.facts = 5 + static_cast<int>(random.Below(40));
  mood.commands = static_cast<int>(random.Below(16));
  mood.max_depth = 2 + static_cast<int32_t>(random.Below(4));
  mood.buffered_records = random.Chance(50) ? 6 + static_cast<int>(random.Below(8)) : 0;
  mood.digests = random.Chance(30);
  mood.week_passes = random.Chance(8);
  mood.fail_session = vary(2);
  mood.late = 1 + vary(3);
  mood.lose = vary(1);
  mood.crash = vary(2);
  mood.land = 6 + vary(20);
  mood.acknowledge = 5 + vary(18);
  mood.step = 40 + vary(30);
  mood.clock = vary(2);
  mood.wait = 1 + vary(4);
  mood.moves = random.Chance(50);
  if (!mood.moves) return mood;
  mood.partitions = 3 + static_cast<int>(random.Below(2));
  mood.beta = random.Chance(20);
  mood.other_mover = random.Chance(40);
  mood.actions += static_cast<int>(random.Below(1200));
  mood.profiles = 3 + static_cast<int>(random.Below(8));
  mood.fact = 6 + vary(6);
  mood.merge = 1 + static_cast<int>(random.Below(3));
  mood.tell_merge = 1 + static_cast<int>(random.Below(6));
  mood.look = 2 + vary(4);
  return mood;
}

}  // namespace

absl::Time SimClock::Now() const {
  *elapsed_ += kLook;
  return kStart + *leap_ + offset_ + *elapsed_ + *elapsed_ * drift_per_mille_ / 1000;
}

absl::Duration SimClock::Monotonic() const {
  *elapsed_ += kLook;
  return *elapsed_ + *elapsed_ * drift_per_mille_ / 1000;
}

World::World(uint64_t seed, const Plants& plants)
    : random_(seed * 0x9e3779b97f4a7c15ULL + 1), plants_(plants), mood_(DrawMood(random_)), outside_(&random_) {
  std::vector<eventlog::LogSpec> specs = {{"journey", mood_.partitions}, {"side", 1}, {"dead_letter", 1}};
  log_ = std::make_unique<SimLog>(std::move(specs), &random_, [this] { return kStart + leap_ + elapsed_; });
  log_->SetSmallReads(random_.Chance(60));
  log_->SetFaithless(random_.Chance(25));
  for (int i = 0; i < mood_.partitions; ++i) {
    const PartitionRef partition{"journey", Partition(i)};
    // Where profiles move others only look on, if any.
    if (mood_.moves) slots_.push_back({{std::string(kMover), partition}, {}});
    if (mood_.other_mover) slots_.push_back({{std::string(kOtherMover), partition}, {}});
    if (!mood_.moves || (mood_.beta && i == 0)) slots_.push_back({{std::string(kAlpha), partition}, {}});
    if (!mood_.moves && mood_.beta && (i == 0 || random_.Chance(50)))
      slots_.push_back({{std::string(kBeta), partition}, {}});
  }
  for (const std::string_view mover : {kMover, kOtherMover}) {
    if (mood_.moves && (mover == kMover || mood_.other_mover)) {
      indexes_.emplace(mover, MoveIndex(log_.get(), mood_.partitions, std::string(mover)));
    }
  }
  for (Slot& slot : slots_) slot.replicas.resize(static_cast<size_t>(mood_.replicas));
}

World::~World() {
  for (Slot& slot : slots_) {
    for (Replica& replica : slot.replicas) Crash(replica);
  }
}

void World::Fail(std::string what) {
  if (failure_.empty()) failure_ = std::move(what);
}

void World::Tell(std::string what) {
  trace_ = Mix(trace_, HashText(what));
  if (keep_story_) story_.push_back(fmt::format("{:>9} {}", absl::ToInt64Microseconds(elapsed_), what));
}

void World::Play() {
  // Some history that is older than every processor.
  for (uint64_t i = random_.Below(8); i > 0; --i) AppendFact();
  for (int i = 0; i < mood_.actions && failure_.empty(); ++i) {
    elapsed_ += absl::Microseconds(random_.Below(2000));
    Act();
  }
  if (failure_.empty()) Finish();
  TellLog();
}

// For whoever replays a seed.
void World::TellLog() {
  if (!keep_story_) return;
  for (const PartitionRef& ref : log_->Partitions()) {
    for (const eventlog::RecordPtr& record : log_->Records(ref)) {
      std::string line = fmt::format("{}@{} {}", ref.ToString(), record->offset.value(), record->record.type);
      for (const eventlog::Header& header : record->record.headers)
        line += fmt::format(" {}={}", header.key, header.value);
      events::v1::DecisionBatch batch;
      if (record->record.type == "decision_batch" && batch.ParseFromString(record->record.value)) {
        line += " " + batch.ShortDebugString();
      }
      story_.push_back(std::move(line));
    }
  }
}

void World::Act() {
  const std::pair<int, void (World::*)()> own[] = {
      {mood_.step, &World::StepSome},         {mood_.start, &World::StartSomeProcess},
      {mood_.crash, &World::CrashSome},       {mood_.clock, &World::MoveClocks},
      {mood_.fact, &World::AppendFact},       {mood_.command, &World::SendCommand},
      {mood_.wait, &World::WaitForSomething}, {mood_.merge, &World::MergeSome},
      {mood_.tell_merge, &World::TellMerge},  {mood_.look, &World::LookAtSomeProfile}};
  const std::pair<int, bool (SimLog::*)()> logs[] = {{mood_.land, &SimLog::Land},
                                                     {mood_.acknowledge, &SimLog::Acknowledge},
                                                     {mood_.fail_session, &SimLog::FailSession},
                                                     {mood_.late, &SimLog::LandLate},
                                                     {mood_.lose, &SimLog::LoseLate}};
  int sum = mood_.effect;
  for (const auto& [weight, act] : own) sum += weight;
  for (const auto& [weight, act] : logs) sum += weight;
  int pick = static_cast<int>(random_.Below(static_cast<uint64_t>(sum)));
  for (const auto& [weight, act] : own) {
    if ((pick -= weight) < 0) return (this->*act)();
  }
  for (const auto& [weight, act] : logs) {
    if ((pick -= weight) < 0) {
      const bool moved = (log_.get()->*act)();
      if (moved) Tell(fmt::format("the log moves: {:x}", log_->Hash()));
      return;
    }
  }
  outside_.Finish();
}

Replica* World::SomeReplica(size_t* slot) {
  *slot = random_.Below(slots_.size());
  auto& replicas = slots_[*slot].replicas;
  return &replicas[random_.Below(replicas.size())];
}

void World::StartSomeProcess() {
  size_t slot = 0;
  Replica* replica = SomeReplica(&slot);
  if (replica->process == nullptr) Start(slot, *replica, random_.Chance(20));
}

processor::TaskOptions World::DrawOptions(const Slot& slot, bool standby) {
  processor::TaskOptions options;
  options.partition = slot.name.partition;
  options.standby = standby;
  options.dead_letter = PartitionRef{"dead_letter", Partition(0)};
  options.max_depth = mood_.max_depth;
  options.claim_timeout = absl::Milliseconds(300);
  options.max_hole_age = absl::Hours(1);
  options.empty_batch_age = absl::Milliseconds(random_.Below(11));
  options.max_pending_segments = 1 + static_cast<int32_t>(random_.Below(3));
  options.faults = plants_.task;
  if (random_.Chance(60)) options.max_facts_per_batch = 1 + static_cast<int32_t>(random_.Below(4));
  if (random_.Chance(20)) options.max_batch_bytes = 100 + random_.Below(800);
  if (random_.Chance(30)) options.max_inputs_per_step = 1 + static_cast<int32_t>(random_.Below(3));
  if (random_.Chance(50)) options.max_ignored_records = 3 + static_cast<int32_t>(random_.Below(6));
  if (random_.Chance(10)) options.max_waiting_commands = 1 + random_.Below(2);
  if (mood_.buffered_records > 0) options.max_buffered_records = static_cast<size_t>(mood_.buffered_records);
  return options;
}

void World::Start(size_t slot_index, Replica& replica, bool standby) {
  Slot& slot = slots_[slot_index];
  if (replica.store == nullptr) {
    auto opened = projection::Store::Open({.in_memory = true});
    if (!opened.ok()) return Fail(opened.status().ToString());
    replica.store = *std::move(opened);
  }
  replica.process = std::make_unique<Process>();
  Process* process = replica.process.get();
  process->number = next_process_++;
  process->standby = standby;
  process->clock = std::make_unique<SimClock>(&elapsed_, &leap_);
  process->clock->Step(absl::Milliseconds(static_cast<int64_t>(random_.Below(400)) - 200));
  process->clock->SetDrift(static_cast<int64_t>(random_.Below(21)) - 10);
  process->random = std::make_unique<SeededRandom>(random_.Next64());
  SeededRandom foresight = *process->random;
  const uint64_t incarnation = foresight.Next64();  // the first that a task draws
  const auto alive = [process] {
    if (process->dies_after == 0) process->dying = true;
    if (process->dies_after > 0) --process->dies_after;
    return !process->dying;
  };
  process->log = log_->ForProcess(alive);
  process->channels = outside_.ForProcess(slot.name.ToString(), incarnation, alive);
  if (IsMover(slot.name.processor)) {
    processor::MoveBounds bounds;
    if (random_.Chance(60)) {
      bounds.things_per_part = 1 + random_.Below(3);
      bounds.held_per_round = 1 + random_.Below(2);
    }
    process->processor =
        MakeMover({.name = slot.name.processor == kMover ? kMover : kOtherMover,
                   .partition = slot.name.partition,
                   .partitions = mood_.partitions,
                   .rows_per_part = random_.Chance(80) ? 1 + static_cast<int32_t>(random_.Below(3)) : 50,
                   .bounds = bounds,
                   .faults = plants_.moves,
                   .random = process->random.get()});
  } else {
    process->processor =
        MakeSimProcessor(slot.name.processor == kAlpha ? kAlpha : kBeta, slot.name.partition,
                         static_cast<uint32_t>(process->number), mood_.partitions, process->random.get());
  }
  auto task = processor::Task::Open(DrawOptions(slot, standby), {.log = process->log.get(),
                                                                 .store = replica.store,
                                                                 .processor = process->processor.get(),
                                                                 .clock = process->clock.get(),
                                                                 .random = process->random.get(),
                                                                 .effects = process->channels.get()});
  if (!task.ok()) return Fail(fmt::format("process {} does not open: {}", process->number, task.status().ToString()));
  process->task = *std::move(task);
  process->task->OnWake([process] { process->woken = true; });
  Tell(fmt::format("process {} starts as {}{}", process->number, slot.name.ToString(), standby ? ", standing by" : ""));
}

void World::StepSome() {
  size_t slot = 0;
  Replica* replica = SomeReplica(&slot);
  for (uint64_t i = 1 + random_.Below(4); i > 0 && replica->process != nullptr; --i) StepProcess(slot, *replica);
}

void World::StepProcess(size_t slot, Replica& replica) {
  Process& process = *replica.process;
  const Offset before = process.task->status().last_batch;
  process.woken = false;
  const processor::Progress progress = process.task->Step();
  if (process.dying) {
    Tell(fmt::format("process {} dies in the midst of a step", process.number));
    return Crash(replica);
  }
  const processor::TaskStatus status = process.task->status();
  Tell(fmt::format("process {} steps: {} L={} T={}", process.number, static_cast<int>(progress.kind),
                   status.last_batch.value(), status.through.value()));
  if (progress.kind == processor::Progress::Kind::kHalted) {
    return Fail(fmt::format("process {} ({}) halted: {}", process.number, slots_[slot].name.ToString(),
                            status.halted.ToString()));
  }
  process.step_at = elapsed_;
  if (progress.kind == processor::Progress::Kind::kIdle) process.step_at += progress.idle_for;
  if (mood_.digests && status.last_batch != before) NoteDigest(slot, replica);
}

void World::NoteDigest(size_t slot, Replica& replica) {
  const auto digest = replica.process->task->TakeSnapshot()->ComputeDigest();
  if (!digest.ok()) return Fail(digest.status().ToString());
  const std::string place =
      fmt::format("{}@{}", slots_[slot].name.ToString(), replica.process->task->status().last_batch.value());
  const auto [known, first] = digests_.try_emplace(place, digest->facts_and_decisions + digest->caches);
  if (!first && known->second != digest->facts_and_decisions + digest->caches) {
    Fail(fmt::format("process {} has another state at {} than one before it", replica.process->number, place));
  }
}

void World::CrashSome() {
  size_t slot = 0;
  Replica* replica = SomeReplica(&slot);
  if (replica->process == nullptr) return;
  Process& process = *replica->process;
  if (random_.Chance(60)) {
    // In the midst of some later step, after so many appends, calls and answers.
    process.dies_after = static_cast<int>(random_.Below(4));
    return;
  }
  if (random_.Chance(20)) {
    const absl::Status closed = process.task->Close();
    if (!closed.ok()) Fail(fmt::format("process {} does not close: {}", process.number, closed.ToString()));
  }
  Crash(*replica);
}

void World::Crash(Replica& replica) {
  if (replica.process == nullptr) return;
  Tell(fmt::format("process {} ends", replica.process->number));
  replica.process->dying = true;
  replica.process->task.reset();
  replica.process.reset();
  if (!calm_ && random_.Chance(25)) replica.store.reset();
}

void World::MoveClocks() {
  if (random_.Chance(30)) elapsed_ += absl::Milliseconds(random_.Below(random_.Chance(10) ? 3000 : 60));
  size_t slot = 0;
  Replica* replica = SomeReplica(&slot);
  if (replica->process == nullptr) return;
  replica->process->clock->Step(absl::Milliseconds(static_cast<int64_t>(random_.Below(600)) - 300));
  if (mood_.week_passes && random_.Chance(10)) leap_ += absl::Hours(24 * 8);
}

void World::AppendFact() {
  if (next_fact_ > mood_.facts) return;
  if (mood_.moves && random_.Chance(90)) return AppendPiece();
  const PartitionRef target{"journey",
                            Partition(static_cast<int32_t>(random_.Below(static_cast<uint64_t>(mood_.partitions))))};
  v1::Event event;
  const bool again = next_fact_ > 1 && random_.Chance(10);
  event.set_id(fmt::format(
      "e{}", again ? random_.Below(static_cast<uint64_t>(next_fact_)) : static_cast<uint64_t>(next_fact_++)));
  event.set_key(fmt::format("k{}", random_.Below(4)));
  event.set_amount(static_cast<int64_t>(random_.Below(100)));
  event.set_malformed(random_.Chance(7));
  eventlog::Record record{.key = event.key(),
                          .type = std::string(random_.Chance(80) ? kEvent : kNoise),
                          .value = event.SerializeAsString()};
  const bool garbage = random_.Chance(3);
  if (garbage) record.value = "\xff\xff\xff";
  const Offset offset = log_->AppendNow(target, std::move(record));
  if (event.malformed() || garbage) malformed_.push_back(offset.value());
}

void World::SendCommand() {
  const bool retry = !requests_.empty() && random_.Chance(40);
  if (retry) return Submit(random_.Below(requests_.size()));
  if (requests_.size() >= static_cast<size_t>(mood_.commands)) return;
  Request request;
  request.id = fmt::format("r{}", requests_.size());
  request.slot = random_.Below(slots_.size());
  request.type = std::string(kWatchCommand);
  request.body = fmt::format("k{}", random_.Below(4));
  if (IsMover(slots_[request.slot].name.processor)) {
    const int home = slots_[request.slot].name.partition.partition.value();
    request.type = std::string(kMarkCommand);
    request.body = fmt::format("p{}", home + mood_.partitions * static_cast<int>(random_.Below(2)));
  } else if (!malformed_.empty() && random_.Chance(30)) {
    const processor::Command redrive =
        processor::RedriveCommand(request.id, Offset(malformed_[random_.Below(malformed_.size())]));
    request.type = redrive.type;
    request.body = redrive.body;
  }
  requests_.push_back(std::move(request));
  Submit(requests_.size() - 1);
}

// To any process of its task; in the end to the one that decides.
void World::Submit(size_t index) {
  Request& request = requests_[index];
  std::vector<Process*> candidates;
  for (Replica& replica : slots_[request.slot].replicas) {
    if (replica.process != nullptr && !(calm_ && replica.process->standby)) candidates.push_back(replica.process.get());
  }
  if (candidates.empty()) return;
  Process* process = candidates[random_.Below(candidates.size())];
  ++request.open;
  process->task->Submit({request.id, request.type, request.body},
                        [this, index, process](absl::StatusOr<processor::Reply> reply) {
                          --requests_[index].open;
                          if (process->dies_after == 0) process->dying = true;
                          if (process->dies_after > 0) --process->dies_after;
                          if (!process->dying) Answered(index, std::move(reply));
                        });
}

void World::Answered(size_t index, absl::StatusOr<processor::Reply> reply) {
  const Request& request = requests_[index];
  Tell(fmt::format(
      "request {} gets {}", request.id,
      reply.ok() ? fmt::format("{} {:x}", reply->reason, HashText(reply->body)) : reply.status().ToString()));
  if (!reply.ok()) {
    if (!absl::IsUnavailable(reply.status()) && !absl::IsResourceExhausted(reply.status())) {
      Fail(fmt::format("request {} got {}", request.id, reply.status().ToString()));
    }
    return;
  }
  if (reply->retry) return;
  answers_.push_back({request.id, slots_[request.slot].name, *std::move(reply)});
}

// Who was told an answer finds it wherever the batch that holds it is visible; what is said to be relayed is.
void World::WaitForSomething() {
  size_t slot = 0;
  Replica* replica = SomeReplica(&slot);
  if (replica->process == nullptr) return;
  const TaskName& task = slots_[slot].name;
  if (random_.Chance(30)) {
    const Offset position(static_cast<int64_t>(random_.Below(log_->Records(task.partition).size())));
    return replica->process->task->WhenRelayed(position, absl::InfiniteFuture(),
                                               [this, task, position](absl::Status status) {
                                                 if (status.ok()) status = CheckRelayedUpTo(*log_, task, position);
                                                 if (!status.ok() && !absl::IsUnavailable(status))
                                                   Fail(status.ToString());
                                               });
  }
  if (answers_.empty()) return;
  const AnswerSeen& answer = answers_[random_.Below(answers_.size())];
  if (IsMover(task.processor)) return CheckMarkIsVisible(slot, *replica, answer);
  v1::Watched watched;
  if (answer.task != task || answer.reply.code != absl::StatusCode::kOk ||
      !watched.ParseFromString(answer.reply.body) || watched.request_id() != answer.request_id) {
    return;
  }
  const int64_t batch = BatchThatAnswers(*log_, task, answer.request_id);
  if (batch < 0) return Fail(fmt::format("request {} was answered but no valid batch holds it", answer.request_id));
  replica->process->task->WhenVisible(
      Offset(batch), absl::InfiniteFuture(),
      [this, id = answer.request_id](absl::StatusOr<std::unique_ptr<projection::Snapshot>> snapshot) {
        if (!snapshot.ok() || (*snapshot)->view().Contains(kCommands, {id})) return;
        Fail(fmt::format("request {} is not found where its batch is visible", id));
      });
}

}  // namespace tributary::simulation
