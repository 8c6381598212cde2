// tributary generate: made-up data to try things with, the same for the same seed.
#include <fstream>
#include <memory>

#include "commands/commands.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "text/format.h"
#include "tributary/base/money.h"
#include "tributary/base/status.h"
#include "tributary/generator/events.h"
#include "tributary/generator/purchases.h"

namespace tributary::cli {
namespace {

struct Flags {
  std::string kind;
  std::string out;
  generator::EventOptions events;
};

absl::Status WriteFile(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (file) return absl::OkStatus();
  return FieldError(absl::StatusCode::kFailedPrecondition, "UNWRITABLE_FILE", "--out", "cannot be written",
                    "Name a file in a folder that exists and that you may write");
}

// Of hundredths, which is what the generator counts in.
Amount AmountOfHundredths(int64_t hundredths) {
  return Amount::Of(hundredths / 100, static_cast<int32_t>(hundredths % 100) * 10'000'000).value();
}

absl::Status GeneratePurchases(const Session& session, const Flags& flags) {
  generator::PurchaseOptions options = flags.events.purchases;
  options.seed = flags.events.seed;
  TRIBUTARY_ASSIGN_OR_RETURN(const std::vector<generator::Purchase> purchases, generator::MakePurchases(options));
  TRIBUTARY_RETURN_IF_ERROR(WriteFile(flags.out, generator::FormatPurchases(purchases)));
  const generator::PurchaseTotals totals = generator::Sum(purchases);
  const Amount dollars = AmountOfHundredths(totals.cents);
  if (session.json) {
    session.out << nlohmann::ordered_json({{"customers", totals.customers},
                                           {"rows", totals.rows},
                                           {"repeated_rows", totals.repeated_rows},
                                           {"dollars", dollars.ToString()}})
                       .dump()
                << "\n";
    return absl::OkStatus();
  }
  session.out << fmt::format("customers      {}\nrows           {}\nrepeated rows  {}\ndollars        {}\n",
                             Grouped(totals.customers), Grouped(totals.rows), Grouped(totals.repeated_rows),
                             AmountText(dollars));
  return absl::OkStatus();
}

absl::Status GenerateEvents(const Session& session, const Flags& flags) {
  TRIBUTARY_ASSIGN_OR_RETURN(const generator::EventHistory history, generator::MakeEvents(flags.events));
  TRIBUTARY_ASSIGN_OR_RETURN(const std::string text, generator::FormatEvents(history.events));
  TRIBUTARY_RETURN_IF_ERROR(WriteFile(flags.out, text));
  const generator::EventTotals& totals = history.totals;
  const Amount gross = AmountOfHundredths(totals.gross_satang);
  const Amount returned = AmountOfHundredths(totals.returned_satang);
  if (session.json) {
    nlohmann::ordered_json summary = {{"events", totals.events},
                                      {"people", totals.people},
                                      {"orders", totals.orders},
                                      {"gross_baht", gross.ToString()},
                                      {"returned_baht", returned.ToString()},
                                      {"widest_customer", totals.widest_customer},
                                      {"widest_channels", totals.widest_channels}};
    for (const generator::EventSource& source : generator::EventSources()) {
      summary["sources"].push_back({{"source_id", source.source_id}, {"channel", source.channel}});
    }
    session.out << summary.dump() << "\n";
    return absl::OkStatus();
  }
  session.out << fmt::format(
      "events           {}\npeople           {}\norders           {}\ngross baht       {}\nreturned baht    {}\n",
      Grouped(totals.events), Grouped(totals.people), Grouped(totals.orders), AmountText(gross), AmountText(returned));
  session.out << fmt::format("widest customer  {}\n", totals.widest_customer.empty() ? "-" : totals.widest_customer);
  for (const generator::EventSource& source : generator::EventSources()) {
    session.out << fmt::format("source           {} {}\n", source.source_id, source.channel);
  }
  return absl::OkStatus();
}

}  // namespace

void AddGenerate(CLI::App& app, Session& session) {
  auto* command = AddCommand(app, "generate", "Make up data to try things with; prints what it comes to",
                             "tributary generate --kind purchases --customers 2000 --out purchases.txt");
  auto flags = std::make_shared<Flags>();
  command->add_option("--kind", flags->kind, "purchases: a file for `import csv --format cdnow`; events: for `ingest`")
      ->required()
      ->check(CLI::IsMember({"purchases", "events"}));
  command->add_option("--out", flags->out, "File to write")->required();
  command->add_option("--seed", flags->events.seed, "The same seed gives the same data")->capture_default_str();
  command->add_option("--customers", flags->events.purchases.customers, "Customers of the purchase history")
      ->check(CLI::Range(1, 99'999))
      ->capture_default_str();
  command->add_option("--events", flags->events.events, "Events on other channels")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command->add_option("--people", flags->events.people, "People in them, two of three from the purchase history")
      ->check(CLI::Range(1, 50'000))
      ->capture_default_str();
  command->add_option("--issuer", flags->events.customer_issuer, "Who gave out their customer numbers: see import csv")
      ->capture_default_str();
  command->callback([flags, &session] {
    const absl::Status status =
        flags->kind == "purchases" ? GeneratePurchases(session, *flags) : GenerateEvents(session, *flags);
    session.exit_code = status.ok() ? kOk : Fail(session, status);
  });
}

}  // namespace tributary::cli
