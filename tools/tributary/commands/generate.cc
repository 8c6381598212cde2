// tributary generate: made-up data to try things with, the same for the same seed.
#include <fstream>
#include <memory>
#include <optional>

#include "absl/time/civil_time.h"
#include "commands/commands.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "text/format.h"
#include "tributary/base/money.h"
#include "tributary/base/status.h"
#include "tributary/generator/events.h"
#include "tributary/generator/history.h"
#include "tributary/generator/purchases.h"

namespace tributary::cli {
namespace {

struct Flags {
  std::string kind;
  std::string out;
  std::string truth;
  std::string start;
  std::optional<int32_t> people;  // the kind's own default
  generator::EventOptions events;
};

absl::Status WriteFile(const char* option, const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (file) return absl::OkStatus();
  return FieldError(absl::StatusCode::kFailedPrecondition, "UNWRITABLE_FILE", option, "cannot be written",
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
  TRIBUTARY_RETURN_IF_ERROR(WriteFile("--out", flags.out, generator::FormatPurchases(purchases)));
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

// The sources that must exist before events are ingested.
nlohmann::ordered_json SourcesAsJson() {
  nlohmann::ordered_json sources = nlohmann::ordered_json::array();
  for (const generator::EventSource& source : generator::EventSources()) {
    sources.push_back({{"source_id", source.source_id}, {"channel", source.channel}});
  }
  return sources;
}

void PrintSources(const Session& session) {
  for (const generator::EventSource& source : generator::EventSources()) {
    session.out << fmt::format("source            {} {}\n", source.source_id, source.channel);
  }
}

absl::Status SetFirstDay(const Flags& flags, absl::CivilDay& first_day) {
  if (flags.start.empty() || absl::ParseCivilTime(ToAbsl(flags.start), &first_day)) return absl::OkStatus();
  return InvalidField("MALFORMED", "--start", "is no day", "Write it as YYYY-MM-DD");
}

absl::Status GenerateHistory(const Session& session, const Flags& flags) {
  generator::HistoryOptions options;
  options.seed = flags.events.seed;
  options.days = flags.events.days;
  if (flags.people.has_value()) options.people = *flags.people;
  TRIBUTARY_RETURN_IF_ERROR(SetFirstDay(flags, options.first_day));
  TRIBUTARY_ASSIGN_OR_RETURN(const generator::History history, generator::MakeHistory(options));
  TRIBUTARY_RETURN_IF_ERROR(WriteFile("--out", flags.out, generator::FormatEvents(history.events)));
  if (!flags.truth.empty()) {
    TRIBUTARY_RETURN_IF_ERROR(WriteFile("--truth", flags.truth, generator::FormatTruth(history.truth)));
  }
  const generator::HistoryTotals& totals = history.totals;
  const Amount gross = AmountOfHundredths(totals.gross_satang);
  const Amount returned = AmountOfHundredths(totals.returned_satang);
  if (session.json) {
    const nlohmann::ordered_json summary = {{"events", totals.events},
                                            {"people", totals.people},
                                            {"identifiers", totals.identifiers},
                                            {"orders", totals.orders},
                                            {"gross_baht", gross.ToString()},
                                            {"returned_baht", returned.ToString()},
                                            {"example_customer", totals.example_customer},
                                            {"example_issuer", generator::kCrm},
                                            {"example_channels", totals.example_channels},
                                            {"sources", SourcesAsJson()}};
    session.out << summary.dump() << "\n";
    return absl::OkStatus();
  }
  session.out << fmt::format("events            {}\npeople            {}\nidentifiers       {}\norders            {}\n",
                             Grouped(totals.events), Grouped(totals.people), Grouped(totals.identifiers),
                             Grouped(totals.orders));
  session.out << fmt::format("gross baht        {}\nreturned baht     {}\nexample customer  {} of {}\n",
                             AmountText(gross), AmountText(returned),
                             totals.example_customer.empty() ? "-" : totals.example_customer, generator::kCrm);
  PrintSources(session);
  return absl::OkStatus();
}

absl::Status GenerateEvents(const Session& session, const Flags& flags) {
  generator::EventOptions options = flags.events;
  if (flags.people.has_value()) options.people = *flags.people;
  TRIBUTARY_RETURN_IF_ERROR(SetFirstDay(flags, options.first_day));
  TRIBUTARY_ASSIGN_OR_RETURN(const generator::EventHistory history, generator::MakeEvents(options));
  TRIBUTARY_RETURN_IF_ERROR(WriteFile("--out", flags.out, generator::FormatEvents(history.events)));
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
    summary["sources"] = SourcesAsJson();
    session.out << summary.dump() << "\n";
    return absl::OkStatus();
  }
  session.out << fmt::format(
      "events            {}\npeople            {}\norders            {}\ngross baht        {}\nreturned baht     {}\n",
      Grouped(totals.events), Grouped(totals.people), Grouped(totals.orders), AmountText(gross), AmountText(returned));
  session.out << fmt::format("widest customer   {}\n", totals.widest_customer.empty() ? "-" : totals.widest_customer);
  PrintSources(session);
  return absl::OkStatus();
}

}  // namespace

void AddGenerate(CLI::App& app, Session& session) {
  auto* command = AddCommand(app, "generate", "Make up data to try things with; prints what it comes to",
                             "tributary generate --kind history --out history.ndjson --truth truth.ndjson");
  auto flags = std::make_shared<Flags>();
  command
      ->add_option("--kind", flags->kind,
                   "history: half a year of events on all channels, for `ingest`; events: some more of the purchases' "
                   "customers, for `ingest`; purchases: a file for `import csv --format cdnow`")
      ->required()
      ->check(CLI::IsMember({"history", "events", "purchases"}));
  command->add_option("--out", flags->out, "File to write")->required();
  command->add_option("--truth", flags->truth, "history: write here who is who, for `score`");
  command->add_option("--seed", flags->events.seed, "The same seed gives the same data")->capture_default_str();
  command->add_option("--people", flags->people, "history: people [2000]; events: people, two of three who buy [60]")
      ->check(CLI::Range(1, 50'000));
  command->add_option("--start", flags->start, "First day of history and events, YYYY-MM-DD [2025-01-01]");
  command->add_option("--days", flags->events.days, "Days that history and events fall into")
      ->check(CLI::Range(30, 365))
      ->capture_default_str();
  command->add_option("--customers", flags->events.purchases.customers, "purchases, events: customers who buy")
      ->check(CLI::Range(1, 99'999))
      ->capture_default_str();
  command->add_option("--events", flags->events.events, "events: how many")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command->add_option("--issuer", flags->events.customer_issuer, "events: who gave out the customer numbers")
      ->capture_default_str();
  command->callback([flags, &session] {
    if (!flags->truth.empty() && flags->kind != "history") {
      session.exit_code = FailUsage(session, "--truth goes with --kind history");
      return;
    }
    const absl::Status status = flags->kind == "history"  ? GenerateHistory(session, *flags)
                                : flags->kind == "events" ? GenerateEvents(session, *flags)
                                                          : GeneratePurchases(session, *flags);
    session.exit_code = status.ok() ? kOk : Fail(session, status);
  });
}

}  // namespace tributary::cli
