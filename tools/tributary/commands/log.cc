// tributary log tail: the records themselves.
#include <memory>

#include "absl/strings/numbers.h"
#include "commands/commands.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "text/format.h"
#include "text/record_text.h"
#include "tributary/base/status.h"
#include "tributary/operations/v1/operations.grpc.pb.h"
#include "tributary/rpc/status.h"

namespace tributary::cli {
namespace {

struct Flags {
  std::string where;
  int64_t from = -20;
  bool from_given = false;
  bool follow = false;
  int64_t limit = 0;
  std::vector<std::string> types;
  bool values = false;
};

void Print(const Session& session, const operations::v1::LogRecord& record, bool values) {
  if (session.json) {
    nlohmann::ordered_json line;
    line["offset"] = record.offset();
    line["appended_at"] = absl::FormatTime(absl::RFC3339_full, TimeOf(record.appended_at()), absl::UTCTimeZone());
    line["type"] = record.type();
    line["key"] = Hex(record.key());
    line["value_bytes"] = record.value().size();
    for (const auto& header : record.headers()) line["headers"][header.name()] = Hex(header.value());
    if (values) line["value"] = nlohmann::ordered_json::parse(ValueText(record.type(), record.value()));
    session.out << line.dump() << "\n";
  } else {
    session.out << fmt::format(
        "{:>10}  {}  {:<20}  {}\n", record.offset(),
        absl::FormatTime("%E4Y-%m-%d %H:%M:%E3S", TimeOf(record.appended_at()), absl::UTCTimeZone()), record.type(),
        RecordSummary(record));
    if (values) session.out << "            " << ValueText(record.type(), record.value()) << "\n";
  }
  session.out.flush();
}

int Run(const Session& session, const Flags& flags) {
  operations::v1::TailLogRequest request;
  const size_t slash = flags.where.find('/');
  request.set_log(flags.where.substr(0, slash));
  if (slash != std::string::npos) {
    int32_t partition = 0;
    if (!absl::SimpleAtoi(flags.where.substr(slash + 1), &partition) || partition < 0) {
      return FailUsage(session, "LOG: the partition is no number. Write e.g. journey/3");
    }
    request.set_partition(partition);
  }
  request.set_from_offset(flags.from);
  request.set_follow(flags.follow);
  request.set_max_records(flags.limit);
  for (const std::string& type : flags.types) request.add_types(type);

  const auto client = Connect(session, Need::kOperator);
  if (!client.ok()) return Fail(session, client.status());
  const auto stub = operations::v1::OperationsService::NewStub(client->channel());
  grpc::ClientContext context;
  client->Prepare(context);
  // A tail that follows, or a long log, has no deadline: it ends with the log or with the user.
  context.set_deadline(gpr_inf_future(GPR_CLOCK_REALTIME));
  const auto stream = stub->TailLog(&context, request);
  operations::v1::TailLogResponse response;
  while (stream->Read(&response)) {
    for (const auto& record : response.records()) Print(session, record, flags.values);
  }
  const absl::Status status = rpc::FromGrpc(stream->Finish());
  return status.ok() ? kOk : Fail(session, status);
}

}  // namespace

void AddLog(CLI::App& app, Session& session) {
  auto* log = AddCommand(app, "log", "Look into the log", "tributary log tail journey/0 --from -5");
  log->require_subcommand(1);
  auto* tail = AddCommand(*log, "tail", "Records of a partition; needs an operator's credential",
                          "tributary log tail intake/0 --follow --types customer_event");
  auto flags = std::make_shared<Flags>();
  tail->add_option("LOG", flags->where, "registry, intake, journey or dead_letter; /N names a partition [default: 0]")
      ->required();
  tail->add_option("--from", flags->from, "First offset; negative: so many before the end")->capture_default_str();
  tail->add_flag("--follow", flags->follow, "Go on with what is appended, until interrupted");
  tail->add_option("--limit", flags->limit, "At most so many; 0: all")->check(NonNegative());
  tail->add_option("--types", flags->types, "Only these types, and batches that hold a decision of them")
      ->delimiter(',');
  tail->add_flag("--values", flags->values, "Show values too. They hold personal data");
  tail->callback([flags, &session] { session.exit_code = Run(session, *flags); });
}

}  // namespace tributary::cli
