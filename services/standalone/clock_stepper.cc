#include "standalone/clock_stepper.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "tributary/base/status.h"

namespace tributary::standalone {
namespace {

constexpr absl::Duration kTellEvery = absl::Milliseconds(100);

int64_t TimersFired(const processor::TaskHost& host) {
  int64_t fired = 0;
  for (const processor::Task* task : host.tasks()) fired += task->status().timers_fired;
  return fired;
}

absl::StatusOr<absl::Time> LastAppend(eventlog::EventLog& log) {
  absl::Time last = absl::InfinitePast();
  for (const eventlog::LogSpec& spec : log.logs()) {
    for (int32_t i = 0; i < spec.partitions; ++i) {
      const eventlog::PartitionRef partition{spec.name, eventlog::Partition(i)};
      TRIBUTARY_ASSIGN_OR_RETURN(const eventlog::Offset end, log.End(partition));
      TRIBUTARY_ASSIGN_OR_RETURN(auto reader, log.OpenReader(partition, eventlog::Offset(end.value() - 1)));
      TRIBUTARY_ASSIGN_OR_RETURN(const eventlog::ReadResult result, reader->Poll({.max_records = 1}));
      for (const eventlog::RecordPtr& record : result.records) last = std::max(last, record->appended_at);
    }
  }
  return last;
}

// What the file holds of a clock that follows the wall's.
constexpr char kWall[] = "wall";

std::string Read(const std::string& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

absl::StatusOr<absl::Time> Kept(const std::string& file) {
  const std::string text = Read(file);
  if (text == kWall || !std::filesystem::exists(file)) return absl::InfinitePast();
  absl::Time time;
  if (absl::ParseTime(absl::RFC3339_full, text, &time, nullptr)) return time;
  return FieldError(absl::StatusCode::kFailedPrecondition, "MALFORMED_FILE", "data_dir",
                    fmt::format("{} holds no time", file), "Delete it: the clock then goes on where the log ends");
}

std::string Text(absl::Time time) { return absl::FormatTime(absl::RFC3339_full, time, absl::UTCTimeZone()); }

}  // namespace

absl::StatusOr<absl::Time> ResumeClock(eventlog::EventLog& log, const std::string& file, absl::Time start,
                                       absl::Time wall_now) {
  TRIBUTARY_ASSIGN_OR_RETURN(const absl::Time last_append, LastAppend(log));
  TRIBUTARY_ASSIGN_OR_RETURN(const absl::Time kept, Kept(file));
  const absl::Time resumed = std::max({start, last_append, kept});
  if (resumed <= wall_now) return resumed;
  return FieldError(absl::StatusCode::kFailedPrecondition, "BEYOND_WALL_CLOCK", "simulated_clock",
                    fmt::format("the clock would stand at {}, but it is {}", Text(resumed), Text(wall_now)),
                    "Name an earlier time; for data with a later one set the machine's clock right");
}

bool FollowedWall(const std::string& file) { return Read(file) == kWall; }

absl::Time NextTimer(const processor::TaskHost& host) {
  absl::Time next = absl::InfiniteFuture();
  for (const processor::Task* task : host.tasks()) next = std::min(next, task->NextTimer());
  return next;
}

absl::StatusOr<ClockStepper::News> ClockStepper::Advance(std::optional<absl::Time> to, const TellFn& tell) {
  const std::unique_lock lock(advancing_, std::try_to_lock);
  if (!lock.owns_lock()) {
    return FieldError(absl::StatusCode::kAborted, "CLOCK_IS_MOVING", "", "another call moves the clock",
                      "Wait until it has ended");
  }
  if (to.has_value()) TRIBUTARY_RETURN_IF_ERROR(Check(*to));
  absl::StatusOr<News> news = Step(to.value_or(deps_.clock->WallNow()), tell);
  if (news.ok() && !to.has_value()) {
    deps_.clock->FollowWall();
    deps_.host->WakeDue(absl::InfiniteFuture());  // what waits for a timer waits by the wall now
    news->now = deps_.clock->Now();
  }
  const absl::Status saved = Save();
  if (news.ok() && !saved.ok()) return saved;
  return news;
}

absl::Status ClockStepper::Check(absl::Time to) const {
  if (to < deps_.clock->Now()) {
    return InvalidField("TIME_GOES_BACK", "to", fmt::format("is before the clock's {}", Text(deps_.clock->Now())),
                        "Name a later time: what was decided is not undone");
  }
  if (to > deps_.clock->WallNow()) {
    return InvalidField("BEYOND_WALL_CLOCK", "to", "lies in the future", "Go to the wall's now at the latest");
  }
  return absl::OkStatus();
}

absl::StatusOr<ClockStepper::News> ClockStepper::Step(absl::Time to, const TellFn& tell) {
  SimulatedClock& clock = *deps_.clock;
  const int64_t fired_before = TimersFired(*deps_.host);
  absl::Duration told = clock.Monotonic();
  News news;
  for (;;) {
    news.now = clock.Now();
    news.timers_fired = TimersFired(*deps_.host) - fired_before;
    TRIBUTARY_RETURN_IF_ERROR(Settle(news, tell, told));
    const absl::Time next = NextTimer(*deps_.host);
    // What came in since may have armed one that is due already: then the tasks see to it first.
    if (clock.Now() >= to && next > clock.Now()) break;
    if (next <= to) ++news.stops;
    clock.MoveTo(std::min(next, to));
    // The wall has been set back since: it stands as far as it can.
    if (clock.Now() < std::min(next, to)) to = clock.Now();
    deps_.host->WakeDue(clock.Now());
  }
  news.now = clock.Now();
  news.timers_fired = TimersFired(*deps_.host) - fired_before;
  return news;
}

absl::Status ClockStepper::Settle(const News& news, const TellFn& tell, absl::Duration& told) {
  for (;;) {
    const bool quiet = deps_.host->WaitUntilQuiet(kTellEvery);
    if (!deps_.host->Failure().ok()) {
      return absl::UnavailableError("a task has halted: `tributary tasks` says which, and why");
    }
    if (const absl::Duration now = deps_.clock->Monotonic(); now - told >= kTellEvery) {
      told = now;
      if (!tell(news)) return absl::CancelledError("moving the clock was given up");
    }
    if (quiet) return absl::OkStatus();
  }
}

absl::Status ClockStepper::Save() const {
  if (deps_.file.empty()) return absl::OkStatus();
  const std::string fresh = deps_.file + ".new";
  {
    std::ofstream out(fresh, std::ios::trunc);
    out << (deps_.clock->follows_wall() ? kWall : Text(deps_.clock->Now()));
    if (!out.flush()) return absl::UnavailableError(fmt::format("{} cannot be written", fresh));
  }
  std::error_code error;
  std::filesystem::rename(fresh, deps_.file, error);
  if (error) return absl::UnavailableError(fmt::format("{} cannot be replaced: {}", deps_.file, error.message()));
  return absl::OkStatus();
}

}  // namespace tributary::standalone
