// Prints one table and writes JSON. See README.md for what each row means.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "CLI/CLI.hpp"
#include "benches.h"
#include "fmt/format.h"

namespace tributary::bench {

void Must(const absl::Status& status, const char* what) {
  if (status.ok()) return;
  fmt::print(stderr, "{}: {}\n", what, status.ToString());
  std::exit(1);
}

}  // namespace tributary::bench

int main(int argc, char** argv) {
  using namespace tributary::bench;  // NOLINT
  CLI::App app{"Measures Tributary against raw baselines in the same run."};
  Settings settings;
  settings.directory = (std::filesystem::temp_directory_path() / fmt::format("tributary-bench-{}", getpid())).string();
  std::string json = "bench.json";
  std::vector<std::string> only;
  app.add_option("--dir", settings.directory, "Scratch folder, on the disk to measure; removed at the end")
      ->capture_default_str();
  app.add_option("--events", settings.events, "Events of the component benchmarks")->capture_default_str();
  app.add_option("--footprint-events", settings.footprint_events, "Events of the whole-process benchmark")
      ->capture_default_str();
  app.add_option("--server", settings.server_binary, "The tributary binary; without it no whole-process rows");
  app.add_option("--json", json, "Where the rows are written")->capture_default_str();
  const std::map<std::string, void (*)(const Settings&, Report&)> benches = {
      {"profile", BenchProfile}, {"segments", BenchSegments}, {"identity", BenchIdentity}, {"merge", BenchMerge},
      {"ingest", BenchIngest},   {"calls", BenchIngestCalls}, {"live", BenchLive},         {"pipeline", BenchPipeline}};
  app.add_option("--only", only,
                 "profile, segments, identity, merge, ingest, calls, live or pipeline; all if not given");
  CLI11_PARSE(app, argc, argv);
  std::filesystem::create_directories(settings.directory);
  Report report;
  Report::PrintHeader();
  for (const char* name : {"profile", "segments", "identity", "merge", "ingest", "calls", "live", "pipeline"}) {
    if (!only.empty() && std::find(only.begin(), only.end(), name) == only.end()) continue;
    benches.at(name)(settings, report);
  }
  std::filesystem::remove_all(settings.directory);
  Must(report.WriteJson(json), "writing the rows");
  return 0;
}
