// tributary tier: value tiers by thresholds.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "commands/commands.h"
#include "fmt/format.h"
#include "input/source_check.h"
#include "text/format.h"
#include "text/rule_text.h"
#include "text/table.h"
#include "tributary/base/status.h"
#include "tributary/profile/v1/segment.grpc.pb.h"
#include "tributary/rules/rule.h"

namespace tributary::cli {
namespace {

using profile::v1::SegmentService;
using Stub = SegmentService::Stub;

struct TierFlags {
  std::string measure;
  std::vector<std::string> tiers;  // "gold=5000 THB"
  bool none = false;
};

// Empty, or what is wrong.
std::string Fill(const TierFlags& flags, profile::v1::ValueTiers& tiers) {
  if (flags.none) return flags.measure.empty() && flags.tiers.empty() ? "" : "--none stands alone";
  if (flags.measure.empty() || flags.tiers.empty()) return "name --measure and at least one --tier, or --none";
  tiers.set_measure_text(flags.measure);
  for (const std::string& given : flags.tiers) {
    const size_t equals = given.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == given.size()) {
      return fmt::format("--tier {}: write ID=BOUND, e.g. 'gold=5000 THB'", OneLine(given, 40));
    }
    auto& tier = *tiers.add_tiers();
    tier.set_tier_id(given.substr(0, equals));
    tier.set_at_least_text(given.substr(equals + 1));
  }
  return "";
}

void Print(const Session& session, const profile::v1::ValueTiers& tiers) {
  if (session.json) {
    session.out << ToJson(tiers, true) << "\n";
    return;
  }
  if (tiers.tiers().empty()) {
    session.out << "no tiers\n";
    return;
  }
  session.out << fmt::format("{} by revision {}, taken in: {}\n\n", tiers.measure_text(), tiers.revision(),
                             ProgressText(tiers.take_in()));
  Table table({{"tier"}, {"at least", Table::Align::kRight}, {"members", Table::Align::kRight}});
  for (const auto& tier : tiers.tiers()) table.Add({tier.tier_id(), tier.at_least_text(), Grouped(tier.size())});
  table.Print(session.out);
}

int Apply(const Session& session, const TierFlags& flags) {
  profile::v1::UpdateValueTiersRequest request;
  const std::string wrong = Fill(flags, *request.mutable_value_tiers());
  if (!wrong.empty()) return FailUsage(session, wrong);
  if (!flags.measure.empty()) {
    const auto measure = rules::ParseOperand(flags.measure);
    if (!measure.ok()) {
      const int code = Fail(session, measure.status());
      PrintPlace(measure.status(), flags.measure, session.err);
      return code;
    }
  }
  const auto client = Connect(session, Need::kWorkspace);
  if (!client.ok()) return Fail(session, client.status());
  const auto stub = SegmentService::NewStub(client->channel());
  request.set_workspace_id(session.workspace);
  request.set_request_id(NewUuid(session.random));
  const auto response = client->Call(*stub, &Stub::UpdateValueTiers, request);
  if (!response.ok()) return Fail(session, response.status());
  Print(session, response->value_tiers());
  return kOk;
}

int Show(const Session& session) {
  const auto client = Connect(session, Need::kWorkspace);
  if (!client.ok()) return Fail(session, client.status());
  const auto stub = SegmentService::NewStub(client->channel());
  profile::v1::GetValueTiersRequest request;
  request.set_workspace_id(session.workspace);
  const auto response = client->Call(*stub, &Stub::GetValueTiers, request);
  if (!response.ok()) return Fail(session, response.status());
  Print(session, response->value_tiers());
  return kOk;
}

}  // namespace

void AddTier(CLI::App& app, Session& session) {
  auto* tier = AddCommand(app, "tier", "Rank customers by value, in tiers", "tributary tier show");
  tier->require_subcommand(1);
  auto flags = std::make_shared<TierFlags>();
  auto* apply =
      AddCommand(*tier, "apply", "Define the value tiers, in whole",
                 "tributary tier apply --measure net_revenue.THB --tier 'silver=10000 THB' --tier 'gold=50000 THB'");
  apply->add_option("--measure", flags->measure, "A number, money or a duration, as docs/rules.md says");
  apply->add_option("--tier", flags->tiers, "ID=BOUND, one for each tier, the lowest first")->take_all();
  apply->add_flag("--none", flags->none, "No tiers");
  apply->callback([flags, &session] { session.exit_code = Apply(session, *flags); });
  auto* show = AddCommand(*tier, "show", "The value tiers with their sizes", "tributary tier show --json");
  show->callback([&session] { session.exit_code = Show(session); });
}

}  // namespace tributary::cli
