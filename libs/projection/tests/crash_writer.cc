// Commits to the store of its argument until it is killed; prints a line after each commit.
#include <cstdio>
#include <string>

#include "tests/tables.h"

namespace tributary::projection {
namespace {

int Write(const std::string& path) {
  absl::StatusOr<std::shared_ptr<Store>> store = Store::Open({.path = path, .resources = nullptr});
  if (!store.ok()) return 1;
  Desk desk(*std::move(store));
  const std::string meta = *desk.store->Meta("position");
  for (int64_t n = meta.empty() ? 1 : std::stoll(meta) + 1;; ++n) {
    desk.overlay->Push();
    // One row of each kind that follows meta, and one that only grows.
    desk.writer<Kind::kFacts>().Put(kCounts, {"last"}, Number(n));
    desk.writer<Kind::kDecisions>().Put(kCases, {"last"}, Text(std::to_string(n)));
    desk.writer<Kind::kCaches>().Put(kTotals, {"last"}, Number(n));
    desk.writer<Kind::kFacts>().Put(kEntries, {ProfileId("p"), n}, Text(std::string(200, 'x')));
    if (!desk.Commit(std::to_string(n)).ok()) return 1;
    std::printf("%lld\n", static_cast<long long>(n));
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace tributary::projection

int main(int argc, char** argv) { return argc == 2 ? tributary::projection::Write(argv[1]) : 2; }
