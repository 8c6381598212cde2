// tributary import csv: a purchase history as a table of text.
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>

#include "commands/commands.h"
#include "fmt/format.h"
#include "input/file_digest.h"
#include "input/rejection.h"
#include "input/row_mapping.h"
#include "input/source_check.h"
#include "input/upload.h"
#include "nlohmann/json.hpp"
#include "text/format.h"
#include "text/table.h"
#include "tributary/base/status.h"

namespace tributary::cli {
namespace {

struct Flags {
  std::string file;
  std::string format;
  std::string separator;
  std::string header;
  int skip_lines = 0;
  std::string customer_id, email, phone, loyalty_card;
  std::vector<std::string> identifiers;
  std::vector<std::string> properties;
  RowMapping mapping;
  bool dry_run = false;
  UploadOptions upload;
};

// The two files of the CDNOW purchase history as they are shipped.
void ApplyFormat(Flags& flags) {
  if (flags.format.empty()) return;
  const bool sample = flags.format == "cdnow-sample";
  const auto set = [](std::string& to, const char* value) {
    if (to.empty()) to = value;
  };
  set(flags.separator, "blanks");
  set(flags.header, sample ? "no" : "yes");
  set(flags.customer_id, "1");
  set(flags.mapping.time, sample ? "3" : "2");
  set(flags.mapping.units, sample ? "4" : "3");
  set(flags.mapping.amount, sample ? "5" : "4");
  set(flags.mapping.date_format, "%Y%m%d");
  set(flags.mapping.currency, "USD");
  set(flags.mapping.time_zone, "UTC");
  set(flags.mapping.product_id, "cd");
}

absl::StatusOr<CsvLayout> LayoutOf(const Flags& flags) {
  CsvLayout layout;
  layout.header = flags.header != "no";
  layout.skip_lines = flags.skip_lines;
  if (flags.separator == "blanks") {
    layout.options.blanks = true;
  } else if (flags.separator == "tab" || flags.separator == "\\t") {
    layout.options.separator = '\t';
  } else if (flags.separator.size() == 1 && flags.separator != "\"" && flags.separator != "\n") {
    layout.options.separator = flags.separator[0];
  } else if (!flags.separator.empty()) {
    return InvalidField("UNKNOWN_VALUE", "--separator", "is no separator",
                        "Write one character, or tab, or blanks for any run of blanks");
  }
  return layout;
}

absl::StatusOr<std::pair<std::string, std::string>> SplitPair(const std::string& text, const char* option) {
  const size_t equals = text.find('=');
  if (equals == 0 || equals == std::string::npos || equals + 1 == text.size()) {
    return InvalidField("MALFORMED", option, "is not of the form NAME=COL", "Write e.g. line_user:shop-oa=4");
  }
  return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

absl::Status FinishMapping(const Flags& flags, RowMapping& mapping) {
  const auto add = [&](const char* type, const std::string& column) {
    if (!column.empty()) mapping.identifiers.emplace_back(type, column);
  };
  add("customer_id", flags.customer_id);
  add("email", flags.email);
  add("phone", flags.phone);
  add("loyalty_card", flags.loyalty_card);
  for (const std::string& text : flags.identifiers) {
    TRIBUTARY_ASSIGN_OR_RETURN(auto pair, SplitPair(text, "--identifier"));
    mapping.identifiers.push_back(std::move(pair));
  }
  for (const std::string& text : flags.properties) {
    TRIBUTARY_ASSIGN_OR_RETURN(auto pair, SplitPair(text, "--property"));
    mapping.properties.push_back(std::move(pair));
  }
  return absl::OkStatus();
}

// Parses everything, sends nothing.
int DryRun(const Session& session, EventReader& reader, const Flags& flags) {
  constexpr size_t kShown = 5;
  RejectionReport report(session.err);
  if (!flags.upload.rejects_file.empty()) {
    if (absl::Status opened = report.OpenFile(flags.upload.rejects_file, false); !opened.ok()) {
      return Fail(session, opened);
    }
  }
  const auto zone = ZoneOf(flags.mapping.time_zone);
  if (!zone.ok()) return Fail(session, zone.status());
  std::map<std::string, Amount> sums;
  std::vector<events::v1::CustomerEvent> first;
  int64_t good = 0;
  ReadEvent read;
  while (reader.Next(read)) {
    if (!read.status.ok()) {
      report.Add(RejectionOf(read.line, read.status));
      continue;
    }
    ++good;
    const auto& total = read.event.order_stated().total();
    sums[total.currency()] += AmountOf(total).value_or(Amount());
    if (first.size() < kShown) first.push_back(read.event);
  }
  if (reader.failed()) return Fail(session, absl::DataLossError("the file could not be read to its end"));
  if (absl::Status finished = report.Finish(); !finished.ok()) return Fail(session, finished);
  if (session.json) {
    nlohmann::ordered_json summary;
    summary["rows"] = good;
    summary["rejected"] = report.count();
    for (const auto& [currency, sum] : sums) summary["totals"][currency] = sum.ToString();
    for (const auto& event : first) summary["first"].push_back(nlohmann::ordered_json::parse(ToJson(event)));
    session.out << summary.dump() << "\n";
    return report.count() > 0 ? kSomeRejected : kOk;
  }
  Table table({{"event"}, {"customer"}, {"placed at"}, {"order"}, {"total", Table::Align::kRight}});
  for (const auto& event : first) {
    const auto& order = event.order_stated();
    table.Add({event.event_id(), OneLine(event.identifiers(0).value(), 40), TimeText(order.placed_at(), *zone),
               order.order().order_id(), MoneyText(order.total())});
  }
  table.Print(session.out);
  session.out << fmt::format("\nDry run, nothing was sent. Times are in {}.\nrows       {}\nrejected   {}\n",
                             flags.mapping.time_zone, Grouped(good), Grouped(report.count()));
  for (const auto& [currency, sum] : sums) session.out << fmt::format("total      {} {}\n", AmountText(sum), currency);
  return report.count() > 0 ? kSomeRejected : kOk;
}

int Run(const Session& session, Flags flags) {
  ApplyFormat(flags);
  const auto layout = LayoutOf(flags);
  if (!layout.ok()) return FailUsage(session, FromAbsl(layout.status().message()));
  if (absl::Status finished = FinishMapping(flags, flags.mapping); !finished.ok()) {
    return FailUsage(session, FromAbsl(finished.message()));
  }
  if (flags.mapping.time_zone.empty()) {
    flags.mapping.time_zone = "UTC";
    if (!flags.dry_run) {
      const auto client = Connect(session, Need::kWorkspace);
      if (!client.ok()) return Fail(session, client.status());
      flags.mapping.time_zone = WorkspaceZone(session, *client);
    }
  }
  auto digest = DigestOfFile(flags.file);
  if (!digest.ok()) return Fail(session, digest.status());
  std::ifstream in(flags.file, std::ios::binary);
  flags.mapping.source_id = flags.upload.source_id;
  auto reader = CsvEventReader::Open(in, *layout, flags.mapping, *digest);
  if (!reader.ok()) return FailUsage(session, FromAbsl(reader.status().message()));
  if (flags.dry_run) return DryRun(session, **reader, flags);
  flags.upload.file = flags.file;
  flags.upload.file_digest = *digest;
  std::error_code ignored;
  flags.upload.file_bytes = static_cast<int64_t>(std::filesystem::file_size(flags.file, ignored));
  return Upload(session, **reader, flags.upload);
}

void AddColumns(CLI::App& command, Flags& flags) {
  RowMapping& mapping = flags.mapping;
  const std::string group = "Columns (by heading, or by number from 1)";
  const auto column = [&](const char* name, std::string& to, const char* what) {
    command.add_option(name, to, what)->group(group)->type_name("COL");
  };
  column("--customer-id", flags.customer_id, "Whose order it is, by your own number");
  column("--email", flags.email, "... by mail address");
  column("--phone", flags.phone, "... by telephone number");
  column("--loyalty-card", flags.loyalty_card, "... by loyalty card");
  command.add_option("--identifier", flags.identifiers, "... by anything: TYPE=COL or TYPE:ISSUER=COL; repeatable")
      ->group(group);
  column("--time", mapping.time, "When it was placed");
  column("--amount", mapping.amount, "What was paid, e.g. 1234.50");
  column("--currency-column", mapping.currency_column, "Currency of the row");
  column("--units", mapping.units, "How many pieces were bought");
  column("--product", mapping.product, "Product id");
  column("--order-id", mapping.order_id, "Order number [default: file digest and line]");
  column("--event-id", mapping.event_id, "Event id [default: file digest and line]");
  column("--location", mapping.location, "Shop or other place, by id");
  command.add_option("--property", flags.properties, "Anything else, kept as text: KEY=COL; repeatable")->group(group);
}

void AddValues(CLI::App& command, Flags& flags) {
  RowMapping& mapping = flags.mapping;
  command.add_option("--issuer", mapping.issuer, "Who gave out order and customer numbers [default: the source]");
  command.add_option("--currency", mapping.currency, "Currency of all amounts, e.g. THB");
  command.add_option("--product-id", mapping.product_id, "Product of all rows");
  command.add_option("--channel", mapping.channel, "Channel of all rows, e.g. store [default: the source's]");
  command.add_option("--date-format", mapping.date_format, "Of --time, as strptime, e.g. %d/%m/%Y [default: ISO 8601]");
  mapping.time_zone.clear();
  command.add_option("--time-zone", mapping.time_zone, "Of --time, e.g. Asia/Bangkok [default: the workspace's]");
}

}  // namespace

void AddImport(CLI::App& app, Session& session) {
  auto* import = AddCommand(app, "import", "Bring in history from files",
                            "tributary import csv sales.csv --source tills --customer-id member --time date "
                            "--amount total --currency THB --dry-run");
  import->require_subcommand(1);
  auto* command = AddCommand(*import, "csv", "Purchases, one order a row, from CSV or other columns of text",
                             "tributary import csv CDNOW_master.txt --format cdnow --source cdnow --create-source");
  auto flags = std::make_shared<Flags>();
  command->add_option("FILE", flags->file, "The file, UTF-8")->required();
  command->add_option("--source", flags->upload.source_id, "Source of the events")->required();
  command->add_flag("--create-source", flags->upload.create_source, "Create the source if it is not there");
  command->add_option("--format", flags->format, "Everything below at once, for a known file")
      ->check(CLI::IsMember({"cdnow", "cdnow-sample"}));
  command->add_option("--separator", flags->separator, "One character, tab, or blanks (any run of them) [default: ,]");
  command->add_option("--header", flags->header, "Does the first row hold headings? [default: yes]")
      ->check(CLI::IsMember({"yes", "no"}));
  command->add_option("--skip-lines", flags->skip_lines, "Lines before the header or first row, empty ones not counted")
      ->check(CLI::Range(0, 1000));
  AddColumns(*command, *flags);
  AddValues(*command, *flags);
  command->add_flag("--dry-run", flags->dry_run, "Read and check the file, send nothing; needs no server");
  command->add_option("--rejects", flags->upload.rejects_file, "Write refused rows and reasons there, as JSON lines");
  command->add_flag("--resume", flags->upload.resume, "Keep <FILE>.progress, and go on where it says");
  command->add_option("--progress-file", flags->upload.progress_file, "Keep the progress there instead");
  command->add_flag("--wait", flags->upload.wait, "End only when everything can be read");
  command->callback([flags, &session] {
    flags->upload.unit = "rows";
    flags->upload.bulk = true;
    session.exit_code = Run(session, *flags);
  });
}

}  // namespace tributary::cli
