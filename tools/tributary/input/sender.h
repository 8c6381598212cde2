// Sends batches of events, several at a time, and tells in order what became of them.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "input/rejection.h"
#include "tributary/base/clock.h"
#include "tributary/base/mutex.h"
#include "tributary/base/random.h"
#include "tributary/ingestion/v1/ingestion.pb.h"

namespace tributary::cli {

struct Batch {
  ingestion::v1::IngestRequest request;
  std::vector<int64_t> lines;         // of each of its events
  std::vector<Rejection> unreadable;  // lines between them that are no events
  int64_t through = 0;                // the last line that it covers
  int64_t bytes_through = 0;          // of the file, up to there
};

// A batch that the server has answered.
struct Acknowledged {
  int64_t accepted = 0;
  std::vector<Rejection> rejected;  // by line, the unreadable ones included
  int64_t through = 0;
  int64_t bytes_through = 0;
};

// One call; on any thread, several at once.
using IngestFn = std::function<absl::StatusOr<ingestion::v1::IngestResponse>(const ingestion::v1::IngestRequest&)>;
// Batch by batch in the order of submission, never two at once; on any thread.
using AcknowledgedFn = std::function<void(const Acknowledged&)>;

// Sending a batch again is harmless, since events are told apart by their ids: RESOURCE_EXHAUSTED is waited out for
// as long as it takes, UNAVAILABLE and DEADLINE_EXCEEDED until `give_up_after`; any other error ends it all.
// Memory: at most 4 * in_flight batches.
class Sender {
 public:
  struct Options {
    int in_flight = 4;
    absl::Duration give_up_after = absl::Seconds(60);
    // How to wait between attempts; null: really. For tests.
    std::function<void(absl::Duration)> pause = nullptr;
  };
  // All references must outlive it.
  Sender(Options options, IngestFn ingest, AcknowledgedFn acknowledged, const Clock& clock, Random& random);
  // Gives up what was not sent.
  ~Sender();
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  // Waits while too many are under way. The error that ended it all, if one did.
  absl::Status Submit(Batch batch);
  // Waits until all that was submitted is acknowledged. The error that ended it all, if one did.
  absl::Status Finish();
  // After Finish(): a read that waits for each of these sees everything that was accepted. At most in_flight.
  std::vector<std::string> Tokens() const;

 private:
  struct Job {
    int64_t sequence = 0;
    Batch batch;
  };
  struct Receipt {
    int64_t received = 0;  // moment, in steps of order_
    std::string token;
  };

  void Work();
  absl::StatusOr<ingestion::v1::IngestResponse> SendUntilAnswered(const ingestion::v1::IngestRequest& request);
  void Pause(absl::Duration delay);
  bool Ended();
  void Release(int64_t sequence, Acknowledged acknowledged);
  void KeepToken(int64_t sent, const std::string& token);
  void FailAll(const absl::Status& status);

  const Options options_;
  const IngestFn ingest_;
  const AcknowledgedFn acknowledged_;
  const Clock& clock_;
  Random& random_;

  mutable Mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> queue_;
  std::map<int64_t, Acknowledged> answered_;  // and not yet told, for an earlier one is missing
  std::vector<Receipt> receipts_;
  int64_t submitted_ = 0;
  int64_t released_ = 0;
  int64_t order_ = 0;
  bool stopping_ = false;
  absl::Status failure_;
  std::vector<std::thread> workers_;
};

}  // namespace tributary::cli
