// tributary tasks, tributary dead-letters: how it goes, and what could not be applied.
#include <memory>

#include "commands/commands.h"
#include "commands/task_selector.h"
#include "fmt/format.h"
#include "pages.h"
#include "text/format.h"
#include "text/table.h"
#include "tributary/base/status.h"
#include "tributary/operations/v1/operations.grpc.pb.h"

namespace tributary::cli {
namespace {

using operations::v1::OperationsService;
using Stub = OperationsService::Stub;

int Tasks(const Session& session, const TaskFlags& flags) {
  const auto client = Connect(session, Need::kOperator);
  if (!client.ok()) return Fail(session, client.status());
  const auto stub = OperationsService::NewStub(client->channel());
  operations::v1::ListTasksRequest request;
  FillSelector(flags, *request.mutable_tasks());
  constexpr auto kRight = Table::Align::kRight;
  Table table({{"task"},
               {"role"},
               {"state"},
               {"through", kRight},
               {"log end", kRight},
               {"lag", kRight},
               {"freshness", kRight},
               {"batches", kRight},
               {"empty", kRight},
               {"void", kRight},
               {"unrelayed", kRight},
               {"timers", kRight},
               {"holes", kRight},
               {"dead", kRight}});
  std::vector<std::string> halted;
  const absl::Status listed = ForEachPage(
      request, [&](const auto& page) { return client->Call(*stub, &Stub::ListTasks, page); },
      [&](const operations::v1::ListTasksResponse& page) {
        for (const auto& task : page.tasks()) {
          if (session.json) session.out << ToJson(task, true) << "\n";
          const std::string name = fmt::format("{} {}/{}", task.processor(), task.log(), task.partition());
          const auto freshness =
              absl::Seconds(task.freshness().seconds()) + absl::Nanoseconds(task.freshness().nanos());
          table.Add({name, EnumText(*operations::v1::TaskRole_descriptor(), task.role()),
                     EnumText(*operations::v1::TaskState_descriptor(), task.state()), Grouped(task.through()),
                     Grouped(task.log_end()), Grouped(task.lag()), DurationText(freshness), Grouped(task.batches()),
                     Grouped(task.empty_batches()), Grouped(task.void_batches()), Grouped(task.unrelayed_outputs()),
                     Grouped(task.armed_timers()), Grouped(task.open_holes()), Grouped(task.dead_letters())});
          if (!task.halt_reason().empty()) {
            halted.push_back(fmt::format("{} halted ({}): {}", name, task.halt_reason(), task.halt_message()));
          }
        }
        return true;
      });
  if (!listed.ok()) return Fail(session, listed);
  if (session.json) return kOk;
  if (table.empty()) {
    session.out << "no tasks\n";
  } else {
    table.Print(session.out);
  }
  for (const std::string& line : halted) session.out << OneLine(line) << "\n";
  return kOk;
}

int DeadLetters(const Session& session, const TaskFlags& flags) {
  const auto client = Connect(session, Need::kOperator);
  if (!client.ok()) return Fail(session, client.status());
  const auto stub = OperationsService::NewStub(client->channel());
  operations::v1::ListDeadLettersRequest request;
  FillSelector(flags, *request.mutable_tasks());
  Table table({{"processor"},
               {"log"},
               {"partition", Table::Align::kRight},
               {"offset", Table::Align::kRight},
               {"reason"},
               {"redriven"},
               {"message"}});
  const absl::Status listed = ForEachPage(
      request, [&](const auto& page) { return client->Call(*stub, &Stub::ListDeadLetters, page); },
      [&](const operations::v1::ListDeadLettersResponse& page) {
        for (const auto& letter : page.dead_letters()) {
          if (session.json) session.out << ToJson(letter, true) << "\n";
          table.Add({letter.task().processor(), letter.task().log(), fmt::format("{}", letter.task().partition()),
                     fmt::format("{}", letter.offset()), letter.reason(), letter.redriven() ? "yes" : "no",
                     OneLine(letter.message(), 80)});
        }
        return true;
      });
  if (!listed.ok()) return Fail(session, listed);
  if (session.json) return kOk;
  if (table.empty()) {
    session.out << "no dead letters\n";
  } else {
    table.Print(session.out);
  }
  return kOk;
}

struct RedriveFlags {
  std::string processor, log;
  int32_t partition = 0;
  int64_t offset = 0;
};

int Redrive(const Session& session, const RedriveFlags& flags) {
  const auto client = Connect(session, Need::kOperator);
  if (!client.ok()) return Fail(session, client.status());
  const auto stub = OperationsService::NewStub(client->channel());
  operations::v1::RedriveDeadLetterRequest request;
  request.mutable_task()->set_processor(flags.processor);
  request.mutable_task()->set_log(flags.log);
  request.mutable_task()->set_partition(flags.partition);
  request.set_offset(flags.offset);
  request.set_request_id(NewUuid(session.random));
  const auto response = client->Call(*stub, &Stub::RedriveDeadLetter, request);
  if (!response.ok()) return Fail(session, response.status());
  if (session.json) {
    session.out << ToJson(*response, true) << "\n";
  } else {
    session.out << "sent again; it applies at most once\n";
  }
  return kOk;
}

}  // namespace

void AddTasks(CLI::App& app, Session& session) {
  auto* command = AddCommand(app, "tasks", "What each task does and how far it is; needs an operator's credential",
                             "tributary tasks --processor profile");
  auto flags = std::make_shared<TaskFlags>();
  AddTaskSelector(*command, *flags);
  command->callback([flags, &session] { session.exit_code = Tasks(session, *flags); });
}

void AddDeadLetters(CLI::App& app, Session& session) {
  auto* letters = AddCommand(app, "dead-letters", "What could not be applied; needs an operator's credential",
                             "tributary dead-letters list");
  letters->require_subcommand(1);
  auto* list = AddCommand(*letters, "list", "Oldest first within a task", "tributary dead-letters list --json");
  auto flags = std::make_shared<TaskFlags>();
  AddTaskSelector(*list, *flags);
  list->callback([flags, &session] { session.exit_code = DeadLetters(session, *flags); });
  auto* redrive = AddCommand(*letters, "redrive", "Send one to its partition again, once its cause is mended",
                             "tributary dead-letters redrive profile journey 3 1842");
  auto which = std::make_shared<RedriveFlags>();
  redrive->add_option("PROCESSOR", which->processor, "As listed")->required();
  redrive->add_option("LOG", which->log, "As listed")->required();
  redrive->add_option("PARTITION", which->partition, "As listed")->required()->check(NonNegative());
  redrive->add_option("OFFSET", which->offset, "As listed")->required()->check(NonNegative<int64_t>());
  redrive->callback([which, &session] { session.exit_code = Redrive(session, *which); });
}

}  // namespace tributary::cli
