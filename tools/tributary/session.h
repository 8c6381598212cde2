// What every command shares: where it writes, how it finds the server, how it ends.
#pragma once

#include <istream>
#include <ostream>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tributary/base/clock.h"
#include "tributary/base/random.h"
#include "tributary/rpc/client.h"

namespace tributary::cli {

// Documented in docs/cli.md; scripts rely on them.
enum ExitCode : int {
  kOk = 0,
  kFailed = 1,
  kUsage = 2,
  kSomeRejected = 3,
  kUnreachable = 4,
  kDifferences = 5,
};

inline constexpr char kDefaultDataDir[] = "./data/tributary";

// Not thread-safe.
struct Session {
  std::ostream& out;
  std::ostream& err;
  std::istream& in;
  const Clock& clock;
  Random& random;
  // Standard error is a terminal: progress is drawn.
  bool interactive = false;

  // From the common options.
  std::string server = "";
  std::string credential = "";
  std::string credential_file = "";
  std::string data_dir = kDefaultDataDir;
  std::string workspace = "";
  std::string ca_file = "";
  bool tls = false;
  bool json = false;
  int timeout_seconds = 30;

  int exit_code = kOk;
};

// Whose secret of client.json is used; a credential that was named is used as it is.
enum class Need { kNothing, kWorkspace, kOperator };

// Where the server is and what to call it with. Errors: NOT_FOUND or FAILED_PRECONDITION naming the option that
// helps. Reads <data-dir>/client.json only where an option is missing.
struct Address {
  std::string target;
  std::string secret;
};
absl::StatusOr<Address> FindServer(const Session& session, Need need);

// Does not connect yet.
absl::StatusOr<rpc::Client> Connect(const Session& session, Need need);

// Prints `status` with its mend and gives the exit code that fits.
int Fail(const Session& session, const absl::Status& status);
// The same for a command line that makes no sense.
int FailUsage(const Session& session, std::string_view message);

}  // namespace tributary::cli
