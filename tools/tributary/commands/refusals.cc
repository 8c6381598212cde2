// tributary refusals: which identifiers did not join customers, and why.
#include <map>
#include <memory>

#include "commands/commands.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "pages.h"
#include "text/format.h"
#include "text/table.h"
#include "tributary/base/status.h"
#include "tributary/identity/v1/identity.grpc.pb.h"

namespace tributary::cli {
namespace {

using identity::v1::IdentityService;

struct Flags {
  std::string profile_id;
  std::vector<std::string> reasons;
  int64_t limit = 0;
  bool count = false;
};

std::string ReasonText(int reason) { return EnumText(*events::v1::LinkRefusalReason_descriptor(), reason); }

absl::Status FillRequest(const Session& session, const Flags& flags, identity::v1::ListLinkRefusalsRequest& request) {
  request.set_workspace_id(session.workspace);
  request.set_profile_id(flags.profile_id);
  request.set_page_size(flags.limit > 0 && flags.limit < 500 ? static_cast<int>(flags.limit) : 500);
  for (const std::string& text : flags.reasons) {
    TRIBUTARY_ASSIGN_OR_RETURN(const int reason,
                               ParseEnum(*events::v1::LinkRefusalReason_descriptor(), text, "--reason"));
    request.add_reasons(static_cast<events::v1::LinkRefusalReason>(reason));
  }
  return absl::OkStatus();
}

void PrintCounts(const Session& session, const std::map<int, int64_t>& counts) {
  if (session.json) {
    nlohmann::ordered_json json = nlohmann::ordered_json::object();
    for (const auto& [reason, count] : counts) json[ReasonText(reason)] = count;
    session.out << json.dump() << "\n";
    return;
  }
  if (counts.empty()) session.out << "no refusals\n";
  for (const auto& [reason, count] : counts)
    session.out << fmt::format("{:<22} {}\n", ReasonText(reason), Grouped(count));
}

void AddRow(const identity::v1::LinkRefusal& refusal, Table& table) {
  const auto& refused = refusal.refused();
  table.Add({TimeText(refusal.decided_at(), absl::UTCTimeZone()),
             fmt::format("{}/{}", refusal.source_id(), refusal.event_id()), refused.identifier().type(),
             ReasonText(refused.reason()), refused.profile_id(),
             fmt::format("{}", fmt::join(refused.wanted_profile_ids(), " "))});
}

int Run(const Session& session, const Flags& flags) {
  identity::v1::ListLinkRefusalsRequest request;
  if (absl::Status filled = FillRequest(session, flags, request); !filled.ok()) {
    return FailUsage(session, FromAbsl(filled.message()));
  }
  const auto client = Connect(session, Need::kWorkspace);
  if (!client.ok()) return Fail(session, client.status());
  const auto stub = IdentityService::NewStub(client->channel());
  Table table({{"decided (UTC)"}, {"event"}, {"left out"}, {"reason"}, {"profile"}, {"wanted"}});
  std::map<int, int64_t> counts;
  int64_t shown = 0;
  const absl::Status listed = ForEachPage(
      request, [&](const auto& page) { return client->Call(*stub, &IdentityService::Stub::ListLinkRefusals, page); },
      [&](const identity::v1::ListLinkRefusalsResponse& page) {
        for (const auto& refusal : page.refusals()) {
          if (flags.limit > 0 && shown == flags.limit) return false;
          ++shown;
          ++counts[refusal.refused().reason()];
          if (flags.count) continue;
          if (session.json) {
            session.out << ToJson(refusal) << "\n";
          } else {
            AddRow(refusal, table);
          }
        }
        return true;
      });
  if (!listed.ok()) return Fail(session, listed);
  if (flags.count) {
    PrintCounts(session, counts);
  } else if (!session.json && table.empty()) {
    session.out << "no refusals\n";
  } else if (!session.json) {
    table.Print(session.out);
  }
  return kOk;
}

}  // namespace

void AddRefusals(CLI::App& app, Session& session) {
  auto* command = AddCommand(app, "refusals", "Identifiers that did not join customers, and why; newest first",
                             "tributary refusals --reason limit_exceeded");
  auto flags = std::make_shared<Flags>();
  command->add_option("PROFILE_ID", flags->profile_id, "Only those of this profile");
  command->add_option("--reason", flags->reasons, "Only this reason, e.g. cross_partition; repeatable");
  command->add_option("--limit", flags->limit, "At most so many; 0: all")->check(NonNegative())->capture_default_str();
  command->add_flag("--count", flags->count, "Only how many of each reason");
  command->callback([flags, &session] { session.exit_code = Run(session, *flags); });
}

}  // namespace tributary::cli
