#include "input/sender.h"

#include <algorithm>
#include <chrono>

#include "tributary/base/status.h"
#include "tributary/rpc/status.h"

namespace tributary::cli {
namespace {

constexpr absl::Duration kFirstDelay = absl::Milliseconds(100);
constexpr absl::Duration kLongestDelay = absl::Seconds(5);

Acknowledged Sorted(const Batch& batch, const ingestion::v1::IngestResponse& response) {
  Acknowledged done{.rejected = batch.unreadable, .through = batch.through, .bytes_through = batch.bytes_through};
  for (int i = 0; i < response.results_size(); ++i) {
    const auto& result = response.results(i);
    if (result.status() == ingestion::v1::IngestResult::STATUS_ACCEPTED) {
      ++done.accepted;
      continue;
    }
    done.rejected.push_back({.line = batch.lines[i],
                             .reason = result.error().reason(),
                             .field = result.error().field(),
                             .message = result.error().message(),
                             .mend = result.error().mend()});
  }
  std::stable_sort(done.rejected.begin(), done.rejected.end(),
                   [](const Rejection& a, const Rejection& b) { return a.line < b.line; });
  return done;
}

}  // namespace

Sender::Sender(Options options, IngestFn ingest, AcknowledgedFn acknowledged, const Clock& clock, Random& random)
    : options_(std::move(options)),
      ingest_(std::move(ingest)),
      acknowledged_(std::move(acknowledged)),
      clock_(clock),
      random_(random) {
  for (int i = 0; i < options_.in_flight; ++i) workers_.emplace_back([this] { Work(); });
}

Sender::~Sender() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    if (failure_.ok() && released_ < submitted_) failure_ = absl::CancelledError("sending was given up");
  }
  changed_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

absl::Status Sender::Submit(Batch batch) {
  MutexLock lock(mutex_);
  changed_.wait(lock.native(), [&] { return !failure_.ok() || submitted_ - released_ < 4 * options_.in_flight; });
  TRIBUTARY_RETURN_IF_ERROR(failure_);
  queue_.push_back({.sequence = submitted_++, .batch = std::move(batch)});
  changed_.notify_all();
  return absl::OkStatus();
}

absl::Status Sender::Finish() {
  MutexLock lock(mutex_);
  changed_.wait(lock.native(), [&] { return !failure_.ok() || released_ == submitted_; });
  return failure_;
}

std::vector<std::string> Sender::Tokens() const {
  MutexLock lock(mutex_);
  std::vector<std::string> tokens;
  for (const Receipt& receipt : receipts_) tokens.push_back(receipt.token);
  return tokens;
}

void Sender::Work() {
  while (true) {
    Job job;
    int64_t sent = 0;
    {
      MutexLock lock(mutex_);
      changed_.wait(lock.native(), [&] { return stopping_ || !failure_.ok() || !queue_.empty(); });
      if (!failure_.ok() || queue_.empty()) return;
      job = std::move(queue_.front());
      queue_.pop_front();
      sent = ++order_;
    }
    ingestion::v1::IngestResponse response;
    if (job.batch.request.events_size() > 0) {
      auto answer = SendUntilAnswered(job.batch.request);
      if (answer.ok() && answer->results_size() != job.batch.request.events_size()) {
        answer = absl::InternalError("the server answered with another number of results than events");
      }
      if (!answer.ok()) return FailAll(answer.status());
      response = *std::move(answer);
    }
    KeepToken(sent, response.token());
    Release(job.sequence, Sorted(job.batch, response));
  }
}

absl::StatusOr<ingestion::v1::IngestResponse> Sender::SendUntilAnswered(const ingestion::v1::IngestRequest& request) {
  absl::Duration backoff = kFirstDelay;
  absl::Duration unreachable_since = absl::InfiniteDuration();
  while (true) {
    auto response = ingest_(request);
    if (response.ok() || Ended()) return response;
    const absl::StatusCode code = response.status().code();
    if (code == absl::StatusCode::kUnavailable || code == absl::StatusCode::kDeadlineExceeded) {
      unreachable_since = std::min(unreachable_since, clock_.Monotonic());
      if (clock_.Monotonic() - unreachable_since >= options_.give_up_after) return response;
    } else if (code == absl::StatusCode::kResourceExhausted) {
      unreachable_since = absl::InfiniteDuration();
    } else {
      return response;
    }
    // What the server advises, or longer; spread, so that not all come back at once.
    const absl::Duration advised = rpc::RetryAfterOf(response.status()).value_or(absl::ZeroDuration());
    Pause(std::max(advised, backoff) * (1.0 + static_cast<double>(random_.Next64() % 256) / 1024.0));
    backoff = std::min(backoff * 2, kLongestDelay);
  }
}

void Sender::Pause(absl::Duration delay) {
  if (options_.pause) return options_.pause(delay);
  MutexLock lock(mutex_);
  changed_.wait_for(lock.native(), absl::ToChronoMilliseconds(delay), [&] { return stopping_ || !failure_.ok(); });
}

bool Sender::Ended() {
  MutexLock lock(mutex_);
  return stopping_ || !failure_.ok();
}

void Sender::Release(int64_t sequence, Acknowledged acknowledged) {
  MutexLock lock(mutex_);
  answered_.emplace(sequence, std::move(acknowledged));
  for (auto next = answered_.find(released_); next != answered_.end(); next = answered_.find(released_)) {
    acknowledged_(next->second);
    answered_.erase(next);
    ++released_;
  }
  changed_.notify_all();
}

// What was sent after another token had come lies behind it in the log: such a token covers the earlier one.
void Sender::KeepToken(int64_t sent, const std::string& token) {
  if (token.empty()) return;
  MutexLock lock(mutex_);
  std::erase_if(receipts_, [&](const Receipt& receipt) { return receipt.received < sent; });
  receipts_.push_back({.received = ++order_, .token = token});
}

void Sender::FailAll(const absl::Status& status) {
  MutexLock lock(mutex_);
  if (failure_.ok()) failure_ = status;
  changed_.notify_all();
}

}  // namespace tributary::cli
