#include "process.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <system_error>

#include "absl/strings/string_view.h"
#include "tributary/base/clock.h"

namespace tributary::e2e {
namespace {

[[noreturn]] void Die(const char* what) {
  perror(what);
  abort();
}

}  // namespace

Process::Process(const std::vector<std::string>& command, const std::filesystem::path& output_file) {
  std::vector<char*> arguments;
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const int output = open(output_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (output < 0) Die(output_file.c_str());
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) Die("fork");
  if (pid_ == 0) {
    // Only what may be called between fork and exec of a program with threads. Whatever ends the test ends this too.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(126);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  close(output);
  // glibc has no function for it before 2.36 in a header that C++ can include.
  pidfd_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  if (pidfd_ < 0) Die("pidfd_open");
}

Process::~Process() {
  if (!exit_code_) {
    Signal(SIGKILL);
    WaitFor(absl::InfiniteDuration());
  }
  close(pidfd_);
}

void Process::Signal(int signal) const {
  if (!exit_code_) kill(pid_, signal);
}

std::optional<int> Process::WaitFor(absl::Duration timeout) {
  if (exit_code_) return exit_code_;
  pollfd watched{.fd = pidfd_, .events = POLLIN, .revents = 0};
  const int milliseconds =
      timeout == absl::InfiniteDuration() ? -1 : static_cast<int>(absl::ToInt64Milliseconds(timeout));
  if (poll(&watched, 1, milliseconds) <= 0) return std::nullopt;
  int status = 0;
  if (waitpid(pid_, &status, 0) != pid_) Die("waitpid");
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return exit_code_;
}

Finished RunToEnd(const std::vector<std::string>& command, absl::Duration timeout) {
  const ScratchFolder folder;
  const std::filesystem::path output = folder.path() / "output";
  Process process(command, output);
  std::optional<int> exit_code = process.WaitFor(timeout);
  if (!exit_code) {
    process.Signal(SIGKILL);
    exit_code = process.WaitFor(absl::InfiniteDuration());
  }
  return {.exit_code = *exit_code, .out = ReadAll(output)};
}

bool WaitUntil(const std::function<bool()>& condition, Process& process, absl::Duration timeout) {
  const SystemClock clock;
  const absl::Duration until = clock.Monotonic() + timeout;
  while (!condition()) {
    // The pause between two tries ends early when there is nothing more to wait for.
    if (process.WaitFor(absl::Milliseconds(10)) || clock.Monotonic() > until) return condition();
  }
  return true;
}

ScratchFolder::ScratchFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "tributary-e2e-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) Die("mkdtemp");
  path_ = pattern;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

uint16_t FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0) Die("finding a free port");
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) Die("finding a free port");
  close(fd);
  return ntohs(address.sin_port);
}

std::string ReadAll(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void WriteAll(const std::filesystem::path& file, const std::string& text) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out) Die(file.c_str());
}

}  // namespace tributary::e2e
