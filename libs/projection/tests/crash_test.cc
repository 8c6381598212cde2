// What is left when a process is killed, or the disk refuses.
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdio>

#include "tests/tables.h"
#include "tributary/base/random.h"

namespace tributary::projection {
namespace {

// Runs the writer on `path`, kills it after it has told of some commits; the last commit that it told.
int64_t WriteAndKill(const std::string& path, uint64_t commits) {
  int pipe_ends[2];
  if (pipe2(pipe_ends, O_CLOEXEC) != 0) return -1;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], STDOUT_FILENO);
  std::string program = PROJECTION_CRASH_WRITER;
  std::string argument = path;
  char* argv[] = {program.data(), argument.data(), nullptr};
  pid_t pid = 0;
  const int spawned = posix_spawn(&pid, program.c_str(), &actions, nullptr, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(pipe_ends[1]);
  FILE* told = fdopen(pipe_ends[0], "r");
  long long last = -1;
  for (uint64_t i = 0; spawned == 0 && i < commits && std::fscanf(told, "%lld", &last) == 1; ++i) {
  }
  if (spawned == 0) {
    kill(pid, SIGKILL);
    // Lines that were on the way tell of commits as well.
    while (std::fscanf(told, "%lld", &last) == 1) {
    }
    waitpid(pid, nullptr, 0);
  }
  std::fclose(told);
  return last;
}

TEST(KilledProcess, LeavesAllOfACommitOrNothingAndNoToldOneIsLost) {
  TempDir dir;
  SeededRandom random(7);
  for (int round = 0; round < 8; ++round) {
    const int64_t told = WriteAndKill(dir / "store", 1 + random.Below(3000));
    ASSERT_GT(told, 0) << "the writer did not run";
    const std::shared_ptr<Store> store = OpenStore(dir / "store");
    ASSERT_NE(store, nullptr);
    const std::unique_ptr<Snapshot> snapshot = store->TakeSnapshot();
    const std::string meta = *snapshot->Meta("position");
    const int64_t n = std::stoll(meta);
    EXPECT_GE(n, told);
    EXPECT_EQ(snapshot->view().Get(kCounts, {"last"})->value(), n);
    EXPECT_EQ(snapshot->view().Get(kCases, {"last"})->value(), meta);
    EXPECT_EQ(snapshot->view().Get(kTotals, {"last"})->value(), n);
    EXPECT_EQ(EntriesOf(snapshot->view(), ProfileId("p")).size(), static_cast<size_t>(n));
    EXPECT_TRUE(snapshot->status().ok());
  }
}

// In a process of its own: no file may grow beyond a few kilobytes. Exits with 0 if all is as promised.
[[noreturn]] void CommitToAFullDisk(const std::string& path) {
  const auto require = [](bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "not so: %s\n", what);
    std::_Exit(1);
  };
  Desk desk(OpenStore(path));
  desk.overlay->Push();
  desk.writer<Kind::kFacts>().Put(kCounts, {"before"}, Number(1));
  require(desk.Commit("before").ok(), "the first commit");
  signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = 64 << 10;
  setrlimit(RLIMIT_FSIZE, &limit);
  desk.overlay->Push();
  desk.writer<Kind::kFacts>().Put(kEntries, {ProfileId("p"), 1}, Text(std::string(256 << 10, 'x')));
  require(!desk.Commit("after").ok(), "a commit that does not fit fails");
  require(desk.overlay->layers() == 1 && desk.overlay->pending_rows() == 1, "the layer stays");
  require(!desk.store->Health().ok(), "the store is unhealthy");
  require(desk.store->TakeSnapshot()->view().Get(kEntries, {ProfileId("p"), 1}) == nullptr, "nothing was written");
  require(*desk.store->Meta("position") == "before", "meta is that of before");
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_FSIZE, &limit);
  desk.overlay.reset();
  desk.store.reset();
  const std::shared_ptr<Store> again = OpenStore(path);
  require(again != nullptr && again->Health().ok(), "reopened once there is room");
  require(*again->Meta("position") == "before", "meta after reopening");
  std::_Exit(0);
}

TEST(FullDiskDeathTest, ACommitThatFailsWritesNothingAndReopeningMends) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  TempDir dir;
  EXPECT_EXIT(CommitToAFullDisk(dir / "store"), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace tributary::projection
