// Other programs, run and watched.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace tributary::e2e {

// A program that runs beside the test; its output goes into a file. Killed when the object goes. Not thread-safe.
class Process {
 public:
  // Standard output and error are appended to `output_file`. Ends the test program if it cannot be started.
  Process(const std::vector<std::string>& command, const std::filesystem::path& output_file);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  void Signal(int signal) const;
  // Its exit code, 128 + signal if it was killed; nothing if it still runs after `timeout`.
  std::optional<int> WaitFor(absl::Duration timeout);

 private:
  pid_t pid_ = -1;
  int pidfd_ = -1;
  std::optional<int> exit_code_;
};

struct Finished {
  int exit_code = -1;
  std::string out;  // standard output and error
};
// Runs to its end; after `timeout` it is killed and the exit code is 137.
Finished RunToEnd(const std::vector<std::string>& command, absl::Duration timeout = absl::Seconds(120));

// Tries `condition` every 10 ms until it holds; false if it does not within `timeout` or once `process` has ended.
bool WaitUntil(const std::function<bool()>& condition, Process& process, absl::Duration timeout = absl::Seconds(30));

// A folder below the system's temporary one, removed with all that it holds when the object goes.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// A port of this machine that nobody listens on, asked of the kernel.
uint16_t FreePort();

std::string ReadAll(const std::filesystem::path& file);
void WriteAll(const std::filesystem::path& file, const std::string& text);

}  // namespace tributary::e2e
