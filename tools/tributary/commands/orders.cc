// tributary orders: a customer's orders as they stand. tributary totals: revenue over all customers.
#include <map>
#include <memory>

#include "commands/commands.h"
#include "commands/selector.h"
#include "fmt/format.h"
#include "input/source_check.h"
#include "nlohmann/json.hpp"
#include "pages.h"
#include "text/format.h"
#include "text/progress_bar.h"
#include "text/table.h"
#include "tributary/profile/v1/profile.grpc.pb.h"

namespace tributary::cli {
namespace {

using profile::v1::ProfileService;

int Orders(const Session& session, const SelectorFlags& flags, int64_t limit, const std::string& given_zone) {
  const auto selector = SelectorOf(flags);
  if (!selector.ok()) return FailUsage(session, FromAbsl(selector.status().message()));
  const auto client = Connect(session, Need::kWorkspace);
  if (!client.ok()) return Fail(session, client.status());
  const auto zone = ZoneOf(given_zone.empty() ? WorkspaceZone(session, *client) : given_zone);
  if (!zone.ok()) return FailUsage(session, FromAbsl(zone.status().message()));
  const auto stub = ProfileService::NewStub(client->channel());
  profile::v1::ListOrdersRequest request;
  request.set_workspace_id(session.workspace);
  *request.mutable_profile() = *selector;
  request.set_page_size(limit > 0 && limit < 500 ? static_cast<int>(limit) : 500);
  Table table({{"placed at"},
               {"issuer"},
               {"order"},
               {"status"},
               {"revision", Table::Align::kRight},
               {"lines", Table::Align::kRight},
               {"total", Table::Align::kRight},
               {"returned", Table::Align::kRight},
               {"net", Table::Align::kRight}});
  int64_t shown = 0;
  const absl::Status listed = ForEachPage(
      request, [&](const auto& page) { return client->Call(*stub, &ProfileService::Stub::ListOrders, page); },
      [&](const profile::v1::ListOrdersResponse& page) {
        for (const auto& order : page.orders()) {
          if (limit > 0 && shown == limit) return false;
          ++shown;
          if (session.json) {
            session.out << ToJson(order, true) << "\n";
            continue;
          }
          table.Add({TimeText(order.placed_at(), *zone), order.order().issuer(), OneLine(order.order().order_id()),
                     EnumText(*events::v1::OrderStated::Status_descriptor(), order.status()),
                     fmt::format("{}", order.revision()), fmt::format("{}", order.line_count()),
                     MoneyText(order.total()), MoneyText(order.returned()), MoneyText(order.net())});
        }
        return true;
      });
  if (!listed.ok()) return Fail(session, listed);
  if (session.json) return kOk;
  if (table.empty()) {
    session.out << "no orders\n";
  } else {
    table.Print(session.out);
  }
  return kOk;
}

struct Sum {
  Amount gross;
  Amount returned;
  Amount net;
  int64_t orders = 0;
};

void Add(const profile::v1::Revenue& revenue, Sum& sum) {
  sum.gross += AmountOf(revenue.gross()).value_or(Amount());
  sum.returned += AmountOf(revenue.returned()).value_or(Amount());
  sum.net += AmountOf(revenue.net()).value_or(Amount());
  sum.orders += revenue.order_count();
}

void PrintTotals(const Session& session, int64_t profiles, int64_t entries, int64_t orders,
                 const std::map<std::string, Sum>& sums) {
  if (session.json) {
    nlohmann::ordered_json json;
    json["profiles"] = profiles;
    json["entries"] = entries;
    json["orders"] = orders;
    json["revenue"] = nlohmann::ordered_json::array();
    for (const auto& [currency, sum] : sums) {
      json["revenue"].push_back({{"currency", currency},
                                 {"orders", sum.orders},
                                 {"gross", sum.gross.ToString()},
                                 {"returned", sum.returned.ToString()},
                                 {"net", sum.net.ToString()}});
    }
    session.out << json.dump() << "\n";
    return;
  }
  session.out << fmt::format("profiles  {}\nentries   {}\norders    {}\n", Grouped(profiles), Grouped(entries),
                             Grouped(orders));
  if (sums.empty()) return;
  Table table({{"currency"},
               {"orders", Table::Align::kRight},
               {"gross", Table::Align::kRight},
               {"returned", Table::Align::kRight},
               {"net", Table::Align::kRight}});
  for (const auto& [currency, sum] : sums) {
    table.Add({currency, Grouped(sum.orders), AmountText(sum.gross), AmountText(sum.returned), AmountText(sum.net)});
  }
  session.out << "\n";
  table.Print(session.out);
}

int Totals(const Session& session) {
  const auto client = Connect(session, Need::kWorkspace);
  if (!client.ok()) return Fail(session, client.status());
  const auto stub = ProfileService::NewStub(client->channel());
  profile::v1::ListProfilesRequest request;
  request.set_workspace_id(session.workspace);
  request.set_page_size(1000);
  int64_t profiles = 0;
  int64_t entries = 0;
  int64_t orders = 0;
  std::map<std::string, Sum> sums;
  ProgressBar bar(session.err, session.clock, session.interactive, "profiles");
  const absl::Status listed = ForEachPage(
      request, [&](const auto& page) { return client->Call(*stub, &ProfileService::Stub::ListProfiles, page); },
      [&](const profile::v1::ListProfilesResponse& page) {
        for (const auto& profile : page.profiles()) {
          ++profiles;
          entries += profile.entry_count();
          orders += profile.order_count();
          for (const auto& revenue : profile.revenues()) Add(revenue, sums[revenue.gross().currency()]);
        }
        bar.Update(profiles, 0, 0);
        return true;
      });
  bar.Clear();
  if (!listed.ok()) return Fail(session, listed);
  PrintTotals(session, profiles, entries, orders, sums);
  return kOk;
}

}  // namespace

void AddOrders(CLI::App& app, Session& session) {
  auto* command = AddCommand(app, "orders", "A customer's orders and returns as they stand, latest first",
                             "tributary orders --customer-id 00001 --issuer cdnow");
  struct Flags {
    SelectorFlags selector;
    int64_t limit = 0;
    std::string time_zone;
  };
  auto flags = std::make_shared<Flags>();
  AddSelector(*command, flags->selector);
  command->add_option("--limit", flags->limit, "At most so many; 0: all")->check(NonNegative())->capture_default_str();
  command->add_option("--time-zone", flags->time_zone, "Of the times shown [default: the workspace's]");
  command->callback(
      [flags, &session] { session.exit_code = Orders(session, flags->selector, flags->limit, flags->time_zone); });
}

void AddTotals(CLI::App& app, Session& session) {
  auto* command =
      AddCommand(app, "totals", "Customers, orders and revenue in all, exact, per currency", "tributary totals --json");
  command->callback([&session] { session.exit_code = Totals(session); });
}

}  // namespace tributary::cli
