// tributary_simulator: plays histories under seeds; see README.md.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "fmt/format.h"
#include "run.h"

namespace tributary::simulation {
namespace {

struct Options {
  uint64_t seeds = 1000;
  uint64_t first = 1;
  std::string fault = "none";
  int jobs = 1;
  bool verbose = false;
};

struct Tally {
  uint64_t played = 0;
  double seconds = 0;
  std::vector<std::pair<uint64_t, std::string>> failures;  // sorted by seed
};

constexpr size_t kFailuresShown = 10;

void Report(const Options& options, uint64_t seed, const std::string& failure) {
  fmt::print("seed {} failed: {}\n  replay: tributary_simulator --seeds=1 --first-seed={} --fault={} --verbose\n", seed,
             failure, seed, options.fault);
  std::fflush(stdout);
}

// Plays seeds until there are no more, or until the first failure; else tells of failures as they come.
Tally PlaySeeds(const Options& options, const Plants& plants, bool until_first) {
  const auto start = std::chrono::steady_clock::now();
  std::atomic<uint64_t> next{options.first};
  std::atomic<uint64_t> played{0};
  std::atomic<bool> stop{false};
  std::mutex mutex;
  Tally tally;
  const auto work = [&] {
    for (;;) {
      const uint64_t seed = next++;
      if (stop || seed >= options.first + options.seeds) return;
      const Outcome outcome = RunSeed(seed, plants);
      ++played;
      if (outcome.failure.empty()) continue;
      std::lock_guard lock(mutex);
      tally.failures.emplace_back(seed, outcome.failure);
      if (until_first) stop = true;
      if (!until_first && tally.failures.size() <= kFailuresShown) Report(options, seed, outcome.failure);
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < options.jobs; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  std::sort(tally.failures.begin(), tally.failures.end());
  tally.played = played;
  tally.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return tally;
}

void Replay(uint64_t seed, const Plants& plants) {
  const Outcome outcome = RunSeed(seed, plants, /*keep_story=*/true);
  for (const std::string& line : outcome.story) fmt::print("{}\n", line);
  fmt::print("trace {:016x}\n", outcome.trace);
}

int PlayOne(const Options& options) {
  const Plants plants = *FaultsNamed(options.fault);
  const Tally tally = PlaySeeds(options, plants, /*until_first=*/false);
  if (options.verbose && options.seeds == 1) Replay(options.first, plants);
  fmt::print("{} seeds, {} failed, {:.0f} seeds/s\n", tally.played, tally.failures.size(),
             static_cast<double>(tally.played) / tally.seconds);
  return tally.failures.empty() ? 0 : 1;
}

int PlayAllFaults(const Options& options) {
  bool all_caught = true;
  fmt::print("{:<32}{:>8}  {}\n", "planted fault", "seeds", "what was seen first");
  for (const PlantedFault& fault : PlantedFaults()) {
    const Tally tally = PlaySeeds(options, fault.plants, /*until_first=*/true);
    all_caught = all_caught && !tally.failures.empty();
    fmt::print("{:<32}{:>8}  {}\n", fault.name, tally.played,
               tally.failures.empty() ? "NOT CAUGHT" : tally.failures.front().second);
  }
  return all_caught ? 0 : 1;
}

}  // namespace
}  // namespace tributary::simulation

int main(int argc, char** argv) {
  using namespace tributary::simulation;  // NOLINT
  Options options;
  CLI::App app("Plays histories with faults through the core of Tributary, each under a seed.");
  app.add_option("--seeds", options.seeds, "How many seeds to play")->capture_default_str();
  app.add_option("--first-seed", options.first, "The first of them")->capture_default_str();
  app.add_option("--fault", options.fault, "A fault to plant, or 'all': each must be caught")
      ->check([](const std::string& name) {
        return name == "all" || FaultsNamed(name).has_value() ? std::string() : "there is no fault '" + name + "'";
      });
  app.add_option("--jobs", options.jobs, "Threads")->check(CLI::Range(1, 256))->capture_default_str();
  app.add_flag("--verbose", options.verbose, "With --seeds=1: tell what happened");
  CLI11_PARSE(app, argc, argv);
  return options.fault == "all" ? PlayAllFaults(options) : PlayOne(options);
}
