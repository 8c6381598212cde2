// tributary verify: are the projections what the log says?
#include <memory>

#include "commands/commands.h"
#include "commands/task_selector.h"
#include "fmt/format.h"
#include "text/format.h"
#include "text/progress_bar.h"
#include "text/table.h"
#include "tributary/operations/v1/operations.grpc.pb.h"
#include "tributary/rpc/status.h"

namespace tributary::cli {
namespace {

std::string NameOf(const operations::v1::TaskName& task) {
  return fmt::format("{} {}/{}", task.processor(), task.log(), task.partition());
}

void AddRow(const operations::v1::VerifyResult& result, Table& table) {
  const auto elapsed = absl::Seconds(result.elapsed().seconds()) + absl::Nanoseconds(result.elapsed().nanos());
  table.Add({NameOf(result.task()), result.clean() ? "clean" : "DIFFERS", Grouped(result.records()),
             Grouped(result.cache_rows()), fmt::format("{}", result.last_batch()), Hex(result.live_digest()),
             result.live_digest() == result.fresh_digest() ? "the same" : Hex(result.fresh_digest()),
             DurationText(elapsed)});
}

int Run(const Session& session, const TaskFlags& flags) {
  const auto client = Connect(session, Need::kOperator);
  if (!client.ok()) return Fail(session, client.status());
  const auto stub = operations::v1::OperationsService::NewStub(client->channel());
  operations::v1::VerifyRequest request;
  FillSelector(flags, *request.mutable_tasks());
  grpc::ClientContext context;
  client->Prepare(context);
  // It takes as long as the log is.
  context.set_deadline(gpr_inf_future(GPR_CLOCK_REALTIME));
  const auto stream = stub->Verify(&context, request);

  constexpr auto kRight = Table::Align::kRight;
  Table table({{"task"},
               {"result"},
               {"records", kRight},
               {"cache rows", kRight},
               {"at batch", kRight},
               {"digest"},
               {"of a fresh application"},
               {"took", kRight}});
  std::vector<std::string> differences;
  int differing = 0;
  int64_t records = 0;
  ProgressBar bar(session.err, session.clock, session.interactive, "records");
  operations::v1::VerifyResponse news;
  while (stream->Read(&news)) {
    if (news.has_progress()) {
      bar.Update(records + news.progress().records_done(), news.progress().records_done(),
                 news.progress().records_total());
      continue;
    }
    const auto& result = news.result();
    records += result.records();
    if (!result.clean()) ++differing;
    if (session.json) session.out << ToJson(result, true) << "\n";
    AddRow(result, table);
    for (const auto& difference : result.differences()) {
      differences.push_back(fmt::format("  {}: {} {} {}", NameOf(result.task()), difference.table(), difference.kind(),
                                        Hex(difference.key())));
    }
  }
  bar.Clear();
  const absl::Status status = rpc::FromGrpc(stream->Finish());
  if (!status.ok()) return Fail(session, status);
  if (table.empty()) {
    session.err << "tributary: nothing was verified: no task is named so; `tributary tasks` lists them\n";
    return kFailed;
  }
  if (!session.json) {
    table.Print(session.out);
    for (const std::string& line : differences) session.out << line << "\n";
    session.out << (differing == 0 ? "\nThe projections are what the log says.\n"
                                   : fmt::format("\n{} tasks differ from the log.\n", differing));
  }
  return differing == 0 ? kOk : kDifferences;
}

}  // namespace

void AddVerify(CLI::App& app, Session& session) {
  auto* command = AddCommand(
      app, "verify", "Apply the log anew beside the live projections and compare; needs an operator's credential",
      "tributary verify --processor profile");
  auto flags = std::make_shared<TaskFlags>();
  AddTaskSelector(*command, *flags);
  command->callback([flags, &session] { session.exit_code = Run(session, *flags); });
}

}  // namespace tributary::cli
