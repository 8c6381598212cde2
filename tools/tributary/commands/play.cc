// tributary play: a history as it happened, by a server's simulated clock.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "commands/commands.h"
#include "fmt/format.h"
#include "input/clock_connection.h"
#include "input/event_json.h"
#include "input/file_digest.h"
#include "input/history_check.h"
#include "input/ingest_connection.h"
#include "input/sender.h"
#include "input/source_check.h"
#include "nlohmann/json.hpp"
#include "text/format.h"
#include "text/progress_bar.h"
#include "tributary/base/status.h"

namespace tributary::cli {
namespace {

using operations::v1::AdvanceClockResponse;
using operations::v1::GetClockResponse;

constexpr size_t kMaxBatchEvents = 1'000;
constexpr size_t kMaxBatchBytes = 3 << 20;
constexpr absl::Duration kGiveUpAfter = absl::Seconds(60);

struct Flags {
  std::string file;
  std::string step = "6h";
  std::string source_id;
  std::string rejects_file;
};

absl::StatusOr<absl::Duration> StepOf(const std::string& text) {
  const auto refuse = [] {
    return InvalidField("MALFORMED", "--step", "is no span of time", "Write for example 6h, 1d or 30m; 1s to 31d");
  };
  absl::Duration step;
  // Days are no unit of absl's.
  if (text.ends_with("d")) {
    if (!absl::ParseDuration(text.substr(0, text.size() - 1) + "h", &step)) return refuse();
    step *= 24;
  } else if (!absl::ParseDuration(text, &step)) {
    return refuse();
  }
  if (step < absl::Seconds(1) || step > absl::Hours(31 * 24)) return refuse();
  return step;
}

// Sends slice by slice, the clock ahead of it: what is sent has happened, and has been decided before the next.
class Player {
 public:
  Player(const Session& session, const ClockConnection& clock, const GetClockResponse& now, absl::Duration step,
         int64_t file_bytes)
      : session_(session),
        clock_(clock),
        base_(TimeOf(now.now())),
        wall_now_(TimeOf(now.wall_now())),
        step_(step),
        file_bytes_(file_bytes),
        slice_end_(base_),
        report_(session.err),
        bar_(session.err, session.clock, session.interactive, "events") {}

  absl::Status Start(const std::string& rejects_file) {
    return rejects_file.empty() ? absl::OkStatus() : report_.OpenFile(rejects_file, false);
  }

  absl::Status Play(EventReader& reader, Sender& sender) {
    TRIBUTARY_RETURN_IF_ERROR(Advance(slice_end_));
    for (ReadEvent read; reader.Next(read);) {
      const absl::Time arrival = read.status.ok() ? ArrivalOf(read.event) : absl::InfinitePast();
      if (arrival > slice_end_ && slice_end_ < wall_now_) {
        TRIBUTARY_RETURN_IF_ERROR(Flush(sender));
        TRIBUTARY_RETURN_IF_ERROR(sender.Finish());
        slice_end_ = std::min(wall_now_, base_ + Slices(arrival) * step_);
        TRIBUTARY_RETURN_IF_ERROR(Advance(slice_end_));
        ++slices_;
      }
      TRIBUTARY_RETURN_IF_ERROR(Add(std::move(read), reader.bytes_read(), sender));
      read = ReadEvent();
    }
    if (reader.failed()) return absl::DataLossError("the file could not be read to its end");
    TRIBUTARY_RETURN_IF_ERROR(Flush(sender));
    TRIBUTARY_RETURN_IF_ERROR(sender.Finish());
    return Advance(slice_end_);  // waits until all is applied
  }

  // On a thread of the sender's, while this one waits or reads: each has its own members.
  void Acknowledge(const Acknowledged& batch) {
    accepted_ += batch.accepted;
    refused_ += static_cast<int64_t>(batch.rejected.size());
    if (!batch.rejected.empty()) bar_.Clear();
    for (const Rejection& rejection : batch.rejected) report_.Add(rejection);
    bar_.Update(accepted_ + refused_, batch.bytes_through, file_bytes_);
  }

  absl::Status Finish() {
    bar_.Clear();
    return report_.Finish();
  }

  void Print(absl::Duration elapsed) const {
    const double seconds = std::max(1e-3, absl::ToDoubleSeconds(elapsed));
    const double rate = static_cast<double>(accepted_ + refused_) / seconds;
    if (session_.json) {
      session_.out << nlohmann::ordered_json(
                          {{"events", accepted_ + refused_},
                           {"accepted", accepted_},
                           {"refused", refused_},
                           {"seconds", seconds},
                           {"per_second", rate},
                           {"slices", slices_},
                           {"timers_fired", timers_fired_},
                           {"clock", absl::FormatTime(absl::RFC3339_full, slice_end_, absl::UTCTimeZone())}})
                          .dump()
                   << "\n";
      return;
    }
    session_.out << fmt::format("accepted   {}\nrefused    {}\ntook       {}, {} events/s, applied and decided\n",
                                Grouped(accepted_), Grouped(refused_), DurationText(elapsed),
                                Grouped(static_cast<int64_t>(rate)));
    session_.out << fmt::format("slices     {}; {} timers fired\nclock      {}\n", Grouped(slices_),
                                Grouped(timers_fired_),
                                absl::FormatTime("%Y-%m-%d %H:%M:%S", slice_end_, absl::UTCTimeZone()));
  }

  int64_t refused() const { return refused_; }

 private:
  // So many slices after the base ends the one that `arrival` falls into.
  int64_t Slices(absl::Time arrival) const {
    absl::Duration rest;
    const int64_t whole = absl::IDivDuration(arrival - base_, step_, &rest);
    return rest > absl::ZeroDuration() ? whole + 1 : whole;
  }

  absl::Status Add(ReadEvent read, int64_t bytes_read, Sender& sender) {
    const size_t size = read.status.ok() ? read.event.ByteSizeLong() : 0;
    if (batch_.lines.size() + batch_.unreadable.size() >= kMaxBatchEvents ||
        (!batch_.lines.empty() && batch_bytes_ + size > kMaxBatchBytes)) {
      TRIBUTARY_RETURN_IF_ERROR(Flush(sender));
    }
    batch_bytes_ += size;
    batch_.through = read.line;
    batch_.bytes_through = bytes_read;
    if (!read.status.ok()) {
      batch_.unreadable.push_back(RejectionOf(read.line, read.status));
      return absl::OkStatus();
    }
    // It tells a client's clock from the server's at the moment of sending, which is not now.
    read.event.clear_sent_at();
    batch_.lines.push_back(read.line);
    *batch_.request.add_events() = std::move(read.event);
    return absl::OkStatus();
  }

  absl::Status Flush(Sender& sender) {
    batch_bytes_ = 0;
    if (batch_.through == 0) return absl::OkStatus();
    return sender.Submit(std::exchange(batch_, Batch()));
  }

  // A server that is started anew goes on where its clock stood: that is waited for.
  absl::Status Advance(absl::Time to) {
    const absl::Duration start = session_.clock.Monotonic();
    for (;;) {
      const auto now = clock_.Get();
      absl::Status status = now.status();
      if (now.ok()) {
        // A later run, or somebody else, has been here.
        const absl::Time target = std::max(to, TimeOf(now->now()));
        const auto advanced = clock_.Advance(target, [](const AdvanceClockResponse&) {});
        status = advanced.status();
        if (advanced.ok()) timers_fired_ += advanced->timers_fired();
      }
      if (status.code() != absl::StatusCode::kUnavailable) return status;
      if (session_.clock.Monotonic() - start >= kGiveUpAfter) return status;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));  // between tries, until kGiveUpAfter
    }
  }

  const Session& session_;
  const ClockConnection& clock_;
  const absl::Time base_;
  const absl::Time wall_now_;
  const absl::Duration step_;
  const int64_t file_bytes_;
  absl::Time slice_end_;
  int64_t slices_ = 0;
  int64_t timers_fired_ = 0;
  Batch batch_;
  size_t batch_bytes_ = 0;

  // Acknowledge()'s until the sender has finished.
  RejectionReport report_;
  ProgressBar bar_;
  int64_t accepted_ = 0;
  int64_t refused_ = 0;
};

absl::Status CheckClock(const GetClockResponse& now) {
  if (now.simulated() && !now.follows_wall()) return absl::OkStatus();
  return FieldError(absl::StatusCode::kFailedPrecondition, "WALL_CLOCK", "", "the server's clock is the wall's",
                    "Start it with --simulated-clock, at the beginning of the history; or send the file with `ingest`");
}

// Before the first move: the clock never goes back, so a history that does not fit cannot be played a second time.
absl::Status CheckFile(const Session& session, const rpc::Client& client, const Flags& flags, absl::Duration step) {
  std::ifstream in(flags.file, std::ios::binary);
  // Ids are not looked at, so those that it gives to events without one may be any.
  NdjsonReader reader(in, {.source_id = flags.source_id, .file_digest = "any"});
  TRIBUTARY_ASSIGN_OR_RETURN(const std::set<std::string> source_ids, CheckHistory(reader, step));
  return CheckSources(session, client, source_ids);
}

int Run(const Session& session, const Flags& flags) {
  const auto step = StepOf(flags.step);
  if (!step.ok()) return FailUsage(session, FromAbsl(step.status().message()));
  const auto digest = DigestOfFile(flags.file);
  if (!digest.ok()) return Fail(session, digest.status());
  const auto client = Connect(session, Need::kWorkspace);
  if (!client.ok()) return Fail(session, client.status());
  const auto operator_client = Connect(session, Need::kOperator);
  if (!operator_client.ok()) return Fail(session, operator_client.status());
  const ClockConnection clock(*operator_client);
  const auto now = clock.Get();
  if (!now.ok()) return Fail(session, now.status());
  if (absl::Status ready = CheckClock(*now); !ready.ok()) return Fail(session, ready);
  if (absl::Status ready = CheckFile(session, *client, flags, *step); !ready.ok()) return Fail(session, ready);

  std::error_code ignored;
  Player player(session, clock, *now, *step, static_cast<int64_t>(std::filesystem::file_size(flags.file, ignored)));
  if (absl::Status started = player.Start(flags.rejects_file); !started.ok()) return Fail(session, started);
  std::ifstream in(flags.file, std::ios::binary);
  NdjsonReader reader(in, {.source_id = flags.source_id, .file_digest = *digest});
  const absl::Duration start = session.clock.Monotonic();
  absl::Status played;
  {
    IngestConnection connection(*client, {.workspace_id = session.workspace});
    // One batch at a time: the log has the file's order, whatever the step.
    Sender sender(
        {.in_flight = 1, .give_up_after = kGiveUpAfter},
        [&](const ingestion::v1::IngestRequest& request) { return connection.Ingest(request); },
        [&](const Acknowledged& batch) { player.Acknowledge(batch); }, session.clock, session.random);
    played = player.Play(reader, sender);
  }
  const absl::Duration elapsed = session.clock.Monotonic() - start;
  const absl::Status finished = player.Finish();
  if (!played.ok()) {
    const int code = Fail(session, played);
    session.err << "Run it again: it goes on from where the clock stands, and what was sent is not counted twice.\n";
    return code;
  }
  if (!finished.ok()) return Fail(session, finished);
  player.Print(elapsed);
  return player.refused() > 0 ? kSomeRejected : kOk;
}

}  // namespace

void AddPlay(CLI::App& app, Session& session) {
  auto* command = AddCommand(app, "play",
                             "Send a history as it happened, slice by slice, by the simulated clock of `serve "
                             "--simulated-clock`; needs an operator's and an admin's credential, as client.json has",
                             "tributary play history.ndjson --step 6h");
  auto flags = std::make_shared<Flags>();
  command->add_option("FILE", flags->file, "Lines of JSON, by time, as `generate --kind history` writes them")
      ->required();
  command
      ->add_option("--step", flags->step,
                   "The clock goes on by so much, then what happened meanwhile is sent: 30m, 6h, 1d; 1s to 31d")
      ->capture_default_str();
  command->add_option("--source", flags->source_id, "Source of events that name none");
  command->add_option("--rejects", flags->rejects_file, "Write refused lines and reasons there, as JSON lines");
  command->callback([flags, &session] { session.exit_code = Run(session, *flags); });
}

}  // namespace tributary::cli
