// tributary clock: what time it is for a server, and moving a simulated one on.
#include <memory>
#include <optional>

#include "commands/commands.h"
#include "fmt/format.h"
#include "input/clock_connection.h"
#include "text/format.h"
#include "text/progress_bar.h"
#include "tributary/base/status.h"

namespace tributary::cli {
namespace {

struct Flags {
  std::string to;
  std::string time_zone = "UTC";
};

int Show(const Session& session, const Flags& flags) {
  const auto zone = ZoneOf(flags.time_zone);
  if (!zone.ok()) return FailUsage(session, FromAbsl(zone.status().message()));
  const auto client = Connect(session, Need::kOperator);
  if (!client.ok()) return Fail(session, client.status());
  const auto clock = ClockConnection(*client).Get();
  if (!clock.ok()) return Fail(session, clock.status());
  if (session.json) {
    session.out << ToJson(*clock, true) << "\n";
    return kOk;
  }
  const char* const kind = !clock->simulated()     ? "the wall's"
                           : clock->follows_wall() ? "simulated; it follows the wall's now"
                                                   : "simulated; it stands until it is moved";
  session.out << fmt::format("now         {}\nclock       {}\nnext timer  {}\nwall        {}\n",
                             TimeText(clock->now(), *zone), kind, TimeText(clock->next_timer(), *zone),
                             TimeText(clock->wall_now(), *zone));
  return kOk;
}

int Advance(const Session& session, const Flags& flags) {
  const auto zone = ZoneOf(flags.time_zone);
  if (!zone.ok()) return FailUsage(session, FromAbsl(zone.status().message()));
  std::optional<absl::Time> to;
  if (flags.to != "now") {
    const auto moment = ParseMoment(flags.to, *zone, "--to");
    if (!moment.ok()) return FailUsage(session, FromAbsl(moment.status().message()));
    to = *moment;
  }
  const auto client = Connect(session, Need::kOperator);
  if (!client.ok()) return Fail(session, client.status());
  const ClockConnection connection(*client);
  const auto before = connection.Get();
  if (!before.ok()) return Fail(session, before.status());
  const absl::Time from = TimeOf(before->now());
  const int64_t distance = absl::ToInt64Seconds(to.value_or(TimeOf(before->wall_now())) - from);
  ProgressBar bar(session.err, session.clock, session.interactive, "timers");
  const auto advanced = connection.Advance(to, [&](const operations::v1::AdvanceClockResponse& news) {
    bar.Update(news.timers_fired(), absl::ToInt64Seconds(TimeOf(news.now()) - from), distance);
  });
  bar.Clear();
  if (!advanced.ok()) return Fail(session, advanced.status());
  if (session.json) {
    session.out << ToJson(*advanced, true) << "\n";
    return kOk;
  }
  session.out << fmt::format("now           {}{}\ntimers fired  {}, at {} moments\n", TimeText(advanced->now(), *zone),
                             to.has_value() ? "" : ", and on with the wall's clock", Grouped(advanced->timers_fired()),
                             Grouped(advanced->stops()));
  return kOk;
}

}  // namespace

void AddClock(CLI::App& app, Session& session) {
  auto* command = AddCommand(app, "clock", "What time it is for the server; a simulated clock can be moved on",
                             "tributary clock advance --to 2026-05-31");
  command->require_subcommand(1);
  auto flags = std::make_shared<Flags>();
  const auto add_zone = [&](CLI::App& to) {
    to.add_option("--time-zone", flags->time_zone, "IANA zone of the times")->capture_default_str();
  };
  auto* show = AddCommand(*command, "show", "Show it, and when the next timer is due; needs an operator's credential",
                          "tributary clock show");
  add_zone(*show);
  show->callback([flags, &session] { session.exit_code = Show(session, *flags); });
  auto* advance = AddCommand(*command, "advance",
                             "Move a simulated clock from timer to timer; ends when nothing is left to do. Needs an "
                             "operator's credential",
                             "tributary clock advance --to now");
  advance->add_option("--to", flags->to, "A moment, or now: then the clock goes on with the wall's")->required();
  add_zone(*advance);
  advance->callback([flags, &session] { session.exit_code = Advance(session, *flags); });
}

}  // namespace tributary::cli
