// tributary journey: what a customer did and said, as a timeline.
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "commands/commands.h"
#include "commands/selector.h"
#include "fmt/format.h"
#include "input/source_check.h"
#include "pages.h"
#include "text/format.h"
#include "text/table.h"
#include "text/timeline.h"
#include "tributary/base/status.h"
#include "tributary/profile/v1/profile.grpc.pb.h"

namespace tributary::cli {
namespace {

using profile::v1::ProfileService;

struct Flags {
  SelectorFlags selector;
  bool newest_first = false;
  bool retracted = false;
  std::vector<std::string> channels;
  std::vector<std::string> types;
  std::string from;
  std::string until;
  std::string time_zone;
  int64_t limit = 0;
};

absl::Status FillFilter(const Flags& flags, absl::TimeZone zone, profile::v1::JourneyFilter& filter) {
  for (const std::string& channel : flags.channels) {
    TRIBUTARY_ASSIGN_OR_RETURN(const int value, ParseEnum(*events::v1::Channel_descriptor(), channel, "--channel"));
    filter.add_channels(static_cast<events::v1::Channel>(value));
  }
  for (const std::string& type : flags.types) filter.add_body_types(type);
  if (!flags.from.empty()) {
    TRIBUTARY_ASSIGN_OR_RETURN(const absl::Time from, ParseMoment(flags.from, zone, "--from"));
    SetTime(from, filter.mutable_from());
  }
  if (!flags.until.empty()) {
    TRIBUTARY_ASSIGN_OR_RETURN(const absl::Time until, ParseMoment(flags.until, zone, "--until"));
    SetTime(until, filter.mutable_until());
  }
  filter.set_include_retracted(flags.retracted);
  return absl::OkStatus();
}

int Run(const Session& session, const Flags& flags) {
  const auto selector = SelectorOf(flags.selector);
  if (!selector.ok()) return FailUsage(session, FromAbsl(selector.status().message()));
  const auto client = Connect(session, Need::kWorkspace);
  if (!client.ok()) return Fail(session, client.status());
  const std::string zone_name = flags.time_zone.empty() ? WorkspaceZone(session, *client) : flags.time_zone;
  const auto zone = ZoneOf(zone_name);
  if (!zone.ok()) return FailUsage(session, FromAbsl(zone.status().message()));

  profile::v1::ListJourneyEntriesRequest request;
  request.set_workspace_id(session.workspace);
  *request.mutable_profile() = *selector;
  request.set_order(flags.newest_first ? profile::v1::JOURNEY_ORDER_DESCENDING : profile::v1::JOURNEY_ORDER_ASCENDING);
  request.set_page_size(flags.limit > 0 && flags.limit < 500 ? static_cast<int>(flags.limit) : 500);
  if (absl::Status filled = FillFilter(flags, *zone, *request.mutable_filter()); !filled.ok()) {
    return FailUsage(session, FromAbsl(filled.message()));
  }
  const auto stub = ProfileService::NewStub(client->channel());
  TimelinePrinter printer(session.out, *zone);
  int64_t shown = 0;
  const absl::Status listed = ForEachPage(
      request, [&](const auto& page) { return client->Call(*stub, &ProfileService::Stub::ListJourneyEntries, page); },
      [&](const profile::v1::ListJourneyEntriesResponse& page) {
        if (shown == 0 && !session.json) {
          session.out << fmt::format("profile {}, times in {}\n", page.profile_id(), zone_name);
        }
        for (const auto& entry : page.entries()) {
          if (flags.limit > 0 && shown == flags.limit) return false;
          ++shown;
          if (session.json) {
            session.out << ToJson(entry) << "\n";
          } else {
            printer.Print(entry);
          }
        }
        return true;
      });
  if (!listed.ok()) return Fail(session, listed);
  if (shown == 0 && !session.json) session.out << "no entries\n";
  return kOk;
}

}  // namespace

void AddJourney(CLI::App& app, Session& session) {
  auto* command = AddCommand(app, "journey", "What a customer did and said, oldest first",
                             "tributary journey --email somchai@example.com --channel store --from 2026-01-01");
  auto flags = std::make_shared<Flags>();
  AddSelector(*command, flags->selector);
  command->add_flag("--newest-first", flags->newest_first, "Latest first");
  command->add_option("--channel", flags->channels, "Only this channel, e.g. web; repeatable");
  command->add_option("--type", flags->types, "Only this type, e.g. order_stated; repeatable");
  command->add_option("--from", flags->from, "At or after this time or day");
  command->add_option("--until", flags->until, "Before this time or day");
  command->add_option("--limit", flags->limit, "At most so many; 0: all")->check(NonNegative())->capture_default_str();
  command->add_option("--time-zone", flags->time_zone, "Of all times [default: the workspace's]");
  command->add_flag("--retracted", flags->retracted, "Show retracted entries too");
  command->callback([flags, &session] { session.exit_code = Run(session, *flags); });
}

}  // namespace tributary::cli
