// tributary profile: customers and their figures.
#include <memory>

#include "commands/commands.h"
#include "commands/selector.h"
#include "fmt/format.h"
#include "input/source_check.h"
#include "pages.h"
#include "text/format.h"
#include "text/table.h"
#include "tributary/profile/v1/profile.grpc.pb.h"

namespace tributary::cli {
namespace {

using profile::v1::ProfileService;

std::string NetText(const profile::v1::Profile& profile) {
  std::string text;
  for (const auto& revenue : profile.revenues()) {
    if (!text.empty()) text += ", ";
    text += MoneyText(revenue.net());
  }
  return text.empty() ? "-" : text;
}

void PrintProfile(const Session& session, const profile::v1::Profile& profile, absl::TimeZone zone) {
  const auto line = [&](std::string_view name, const std::string& value) {
    session.out << fmt::format("{:<12}{}\n", name, value);
  };
  line("profile", profile.profile_id());
  if (!profile.requested_profile_id().empty()) line("asked for", profile.requested_profile_id() + " (merged into it)");
  line("kind", EnumText(*events::v1::SubjectKind_descriptor(), profile.subject_kind()));
  line("first seen", TimeText(profile.first_seen_at(), zone));
  line("last seen", TimeText(profile.last_seen_at(), zone));
  line("entries", Grouped(profile.entry_count()));
  line("orders", Grouped(profile.order_count()));
  for (const auto& revenue : profile.revenues()) {
    line("revenue",
         fmt::format("{} ({} less {} returned; {} orders)", MoneyText(revenue.net()), MoneyText(revenue.gross()),
                     MoneyText(revenue.returned()), Grouped(revenue.order_count())));
  }
  for (const std::string& retired : profile.retired_profile_ids()) line("merged", retired);
}

int Get(const Session& session, const SelectorFlags& flags, const std::string& zone_name) {
  const auto selector = SelectorOf(flags);
  if (!selector.ok()) return FailUsage(session, FromAbsl(selector.status().message()));
  const auto client = Connect(session, Need::kWorkspace);
  if (!client.ok()) return Fail(session, client.status());
  const auto stub = ProfileService::NewStub(client->channel());
  profile::v1::GetProfileRequest request;
  request.set_workspace_id(session.workspace);
  *request.mutable_profile() = *selector;
  const auto response = client->Call(*stub, &ProfileService::Stub::GetProfile, request);
  if (!response.ok()) return Fail(session, response.status());
  if (session.json) {
    session.out << ToJson(response->profile(), true) << "\n";
    return kOk;
  }
  const auto zone = ZoneOf(zone_name.empty() ? WorkspaceZone(session, *client) : zone_name);
  if (!zone.ok()) return FailUsage(session, FromAbsl(zone.status().message()));
  PrintProfile(session, response->profile(), *zone);
  return kOk;
}

int List(const Session& session, int64_t limit) {
  const auto client = Connect(session, Need::kWorkspace);
  if (!client.ok()) return Fail(session, client.status());
  const auto stub = ProfileService::NewStub(client->channel());
  profile::v1::ListProfilesRequest request;
  request.set_workspace_id(session.workspace);
  request.set_page_size(1000);
  Table table({{"profile"},
               {"entries", Table::Align::kRight},
               {"orders", Table::Align::kRight},
               {"revenue", Table::Align::kRight},
               {"first seen (UTC)"},
               {"last seen (UTC)"}});
  int64_t shown = 0;
  bool more = false;
  const absl::Status listed = ForEachPage(
      request, [&](const auto& page) { return client->Call(*stub, &ProfileService::Stub::ListProfiles, page); },
      [&](const profile::v1::ListProfilesResponse& page) {
        for (const auto& profile : page.profiles()) {
          if (limit > 0 && shown == limit) return !(more = true);
          ++shown;
          if (session.json) {
            session.out << ToJson(profile, true) << "\n";
            continue;
          }
          table.Add({profile.profile_id(), Grouped(profile.entry_count()), Grouped(profile.order_count()),
                     NetText(profile), TimeText(profile.first_seen_at(), absl::UTCTimeZone()),
                     TimeText(profile.last_seen_at(), absl::UTCTimeZone())});
        }
        return true;
      });
  if (!listed.ok()) return Fail(session, listed);
  if (!session.json) table.Print(session.out);
  if (more) session.err << fmt::format("The first {} are shown; --limit 0 shows all.\n", Grouped(shown));
  return kOk;
}

}  // namespace

void AddProfile(CLI::App& app, Session& session) {
  auto* profile = AddCommand(app, "profile", "Show customers and their figures",
                             "tributary profile get --email somchai@example.com");
  profile->require_subcommand(1);

  auto* get = AddCommand(*profile, "get", "One customer, by profile id or any identifier",
                         "tributary profile get --customer-id 00001 --issuer cdnow");
  auto flags = std::make_shared<SelectorFlags>();
  auto zone = std::make_shared<std::string>();
  AddSelector(*get, *flags);
  get->add_option("--time-zone", *zone, "Of the times shown [default: the workspace's]");
  get->callback([flags, zone, &session] { session.exit_code = Get(session, *flags, *zone); });

  auto* list = AddCommand(*profile, "list", "All customers, ordered by partition and id",
                          "tributary profile list --limit 0 --json");
  auto limit = std::make_shared<int64_t>(100);
  list->add_option("--limit", *limit, "At most so many; 0: all")->check(CLI::NonNegativeNumber)->capture_default_str();
  list->callback([limit, &session] { session.exit_code = List(session, *limit); });
}

}  // namespace tributary::cli
