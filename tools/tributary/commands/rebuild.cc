// tributary rebuild: the projections of a stopped server, anew from its log.
#include "standalone/rebuild.h"

#include "commands/commands.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "text/format.h"
#include "text/progress_bar.h"
#include "text/table.h"

namespace tributary::cli {
namespace {

int Run(const Session& session) {
  ProgressBar bar(session.err, session.clock, session.interactive, "facts");
  const auto results = standalone::RebuildAll(
      session.data_dir, session.clock, [&](const standalone::TaskName&, uint64_t facts, int64_t through, int64_t end) {
        bar.Update(static_cast<int64_t>(facts), through, end);
      });
  bar.Clear();
  if (!results.ok()) return Fail(session, results.status());
  Table table(
      {{"task"}, {"facts", Table::Align::kRight}, {"digest before"}, {"digest after"}, {"took", Table::Align::kRight}});
  int changed = 0;
  for (const standalone::RebuildResult& result : *results) {
    const bool same = result.digest_before == result.digest_after;
    if (!same && !result.digest_before.empty()) ++changed;
    if (session.json) {
      nlohmann::ordered_json json;
      json["task"] = result.task.ToString();
      json["facts"] = result.records;
      json["digest_before"] = Hex(result.digest_before);
      json["digest_after"] = Hex(result.digest_after);
      json["seconds"] = absl::ToDoubleSeconds(result.elapsed);
      session.out << json.dump() << "\n";
      continue;
    }
    table.Add({result.task.ToString(), Grouped(static_cast<int64_t>(result.records)),
               result.digest_before.empty() ? "none" : Hex(result.digest_before),
               same ? "the same" : Hex(result.digest_after), DurationText(result.elapsed)});
  }
  if (!session.json) {
    table.Print(session.out);
    session.out << (changed == 0
                        ? "\nThe projections are built anew.\n"
                        : fmt::format("\nThe projections are built anew; {} had differed from the log.\n", changed));
  }
  return changed == 0 ? kOk : kDifferences;
}

}  // namespace

void AddRebuild(CLI::App& app, Session& session) {
  auto* command = AddCommand(app, "rebuild", "Delete the projections of a stopped server and apply its log once",
                             "tributary rebuild --data-dir ./data/tributary");
  command->callback([&session] { session.exit_code = Run(session); });
}

}  // namespace tributary::cli
