#include "input/upload.h"

#include <optional>

#include "fmt/format.h"
#include "input/ingest_connection.h"
#include "input/resume.h"
#include "input/sender.h"
#include "input/source_check.h"
#include "nlohmann/json.hpp"
#include "pages.h"
#include "text/format.h"
#include "text/progress_bar.h"
#include "tributary/base/status.h"
#include "tributary/profile/v1/profile.grpc.pb.h"

namespace tributary::cli {
namespace {

// Below the contract's 4 MiB, whatever the events' framing adds.
constexpr size_t kMaxBatchBytes = 3 << 20;
constexpr absl::Duration kWaitAtMost = absl::Minutes(30);

// What the batches' answers add up to.
class Tally {
 public:
  Tally(const Session& session, const UploadOptions& options, std::optional<Progress> before)
      : session_(session),
        options_(options),
        before_(before.value_or(Progress{.digest = options.file_digest, .source_id = options.source_id})),
        now_(before_),
        report_(session.err),
        bar_(session.err, session.clock, session.interactive, options.unit) {}

  absl::Status Start() {
    if (!options_.rejects_file.empty()) {
      TRIBUTARY_RETURN_IF_ERROR(report_.OpenFile(options_.rejects_file, before_.lines > 0));
    }
    return Save();
  }

  void Add(const Acknowledged& batch) {
    now_.lines = batch.through;
    now_.accepted += batch.accepted;
    now_.rejected += static_cast<int64_t>(batch.rejected.size());
    if (!batch.rejected.empty()) bar_.Clear();
    for (const Rejection& rejection : batch.rejected) report_.Add(rejection);
    bar_.Update(now_.accepted + now_.rejected, batch.bytes_through, options_.file_bytes);
    const absl::Duration time = session_.clock.Monotonic();
    if (time - saved_at_ < absl::Seconds(1)) return;
    saved_at_ = time;
    if (save_status_.ok()) save_status_ = Save();
  }

  absl::Status Finish(bool complete) {
    bar_.Clear();
    if (save_status_.ok()) save_status_ = Save();
    if (complete && options_.resume) RemoveProgress(options_.progress_file);
    const absl::Status reported = report_.Finish();
    return save_status_.ok() ? reported : save_status_;
  }

  const Progress& before() const { return before_; }
  const Progress& now() const { return now_; }

 private:
  absl::Status Save() const { return options_.resume ? SaveProgress(options_.progress_file, now_) : absl::OkStatus(); }

  const Session& session_;
  const UploadOptions& options_;
  const Progress before_;
  Progress now_;
  RejectionReport report_;
  ProgressBar bar_;
  absl::Duration saved_at_ = -absl::InfiniteDuration();
  absl::Status save_status_;
};

// Reads to the end and submits batch by batch.
absl::Status SendAll(EventReader& reader, const UploadOptions& options, int64_t skip_lines, Sender& sender) {
  Batch batch;
  size_t bytes = 0;
  const auto submit = [&]() -> absl::Status {
    TRIBUTARY_RETURN_IF_ERROR(sender.Submit(std::move(batch)));
    batch = Batch();
    bytes = 0;
    return absl::OkStatus();
  };
  ReadEvent read;
  while (reader.Next(read)) {
    if (read.line <= skip_lines) continue;
    const size_t size = read.status.ok() ? read.event.ByteSizeLong() : 0;
    const auto count = static_cast<int>(batch.lines.size() + batch.unreadable.size());
    if (count > 0 && (count >= options.batch_size || bytes + size > kMaxBatchBytes)) {
      TRIBUTARY_RETURN_IF_ERROR(submit());
    }
    bytes += size;
    batch.through = read.line;
    batch.bytes_through = reader.bytes_read();
    if (!read.status.ok()) {
      batch.unreadable.push_back(RejectionOf(read.line, read.status));
      continue;
    }
    batch.lines.push_back(read.line);
    *batch.request.add_events() = std::move(read.event);
    read.event.Clear();
  }
  if (batch.through > 0) TRIBUTARY_RETURN_IF_ERROR(submit());
  if (reader.failed()) return absl::DataLossError("the file could not be read to its end");
  return sender.Finish();
}

// Reads every profile once with each token: then what they stand for is visible in every partition.
absl::Status WaitUntilVisible(const Session& session, const rpc::Client& client,
                              const std::vector<std::string>& tokens) {
  const auto profiles = profile::v1::ProfileService::NewStub(client.channel());
  const absl::Duration until = session.clock.Monotonic() + kWaitAtMost;
  for (const std::string& token : tokens) {
    profile::v1::ListProfilesRequest request;
    request.set_workspace_id(session.workspace);
    request.set_page_size(1000);
    request.set_token(token);
    const auto fetch = [&](const profile::v1::ListProfilesRequest& page) {
      while (true) {
        // The call itself waits for the token until its deadline, so this does not spin.
        auto response = client.Call(*profiles, &profile::v1::ProfileService::Stub::ListProfiles, page);
        const auto code = response.status().code();
        const bool behind = code == absl::StatusCode::kDeadlineExceeded || code == absl::StatusCode::kUnavailable;
        if (!behind || session.clock.Monotonic() >= until) return response;
      }
    };
    TRIBUTARY_RETURN_IF_ERROR(ForEachPage(request, fetch, [](const auto&) { return true; }));
  }
  return absl::OkStatus();
}

void PrintSummary(const Session& session, const UploadOptions& options, const Tally& tally, absl::Duration elapsed,
                  std::optional<absl::Duration> waited) {
  const Progress& now = tally.now();
  const double seconds = std::max(1e-3, absl::ToDoubleSeconds(elapsed));
  const int64_t sent = now.accepted + now.rejected - tally.before().accepted - tally.before().rejected;
  const double rate = static_cast<double>(sent) / seconds;
  if (session.json) {
    nlohmann::ordered_json summary;
    summary["accepted"] = now.accepted;
    summary["rejected"] = now.rejected;
    summary["sent_now"] = sent;
    summary["seconds"] = seconds;
    summary["per_second"] = rate;
    if (waited) summary["queryable_after_seconds"] = absl::ToDoubleSeconds(*waited);
    if (!options.file_digest.empty()) summary["file_digest"] = options.file_digest;
    session.out << summary.dump() << "\n";
    return;
  }
  session.out << fmt::format("accepted   {}\nrejected   {}\n", Grouped(now.accepted), Grouped(now.rejected));
  if (tally.before().lines > 0) {
    session.out << fmt::format("resumed    after line {}; {} {} sent now\n", Grouped(tally.before().lines),
                               Grouped(sent), options.unit);
  }
  session.out << fmt::format("took       {}, {} {}/s\n", DurationText(elapsed), Grouped(static_cast<int64_t>(rate)),
                             options.unit);
  if (waited) session.out << fmt::format("queryable  {} later\n", DurationText(*waited));
}

absl::StatusOr<std::optional<Progress>> Before(const UploadOptions& options) {
  if (!options.resume) return std::nullopt;
  return LoadProgress(options.progress_file, options.file_digest, options.source_id);
}

}  // namespace

int Upload(const Session& session, EventReader& reader, const UploadOptions& given) {
  UploadOptions options = given;
  if (options.progress_file.empty()) options.progress_file = options.file + ".progress";
  const auto client = Connect(session, Need::kWorkspace);
  if (!client.ok()) return Fail(session, client.status());
  if (absl::Status ready = CheckSource(session, *client, options.source_id, options.create_source); !ready.ok()) {
    return Fail(session, ready);
  }
  const auto before = Before(options);
  if (!before.ok()) return Fail(session, before.status());
  Tally tally(session, options, *before);
  if (absl::Status started = tally.Start(); !started.ok()) return Fail(session, started);

  const absl::Duration start = session.clock.Monotonic();
  absl::Status sent;
  std::vector<std::string> tokens;
  {
    IngestConnection connection(*client, {.workspace_id = session.workspace, .bulk = options.bulk});
    Sender sender(
        {.in_flight = options.in_flight},
        [&](const ingestion::v1::IngestRequest& request) { return connection.Ingest(request); },
        [&](const Acknowledged& batch) { tally.Add(batch); }, session.clock, session.random);
    sent = SendAll(reader, options, tally.before().lines, sender);
    tokens = sender.Tokens();
  }
  const absl::Duration elapsed = session.clock.Monotonic() - start;
  const absl::Status finished = tally.Finish(sent.ok());
  if (!sent.ok()) {
    const int code = Fail(session, sent);
    session.err << fmt::format("Acknowledged up to line {}. ", Grouped(tally.now().lines))
                << (options.resume ? "The same command goes on from there.\n"
                                   : "Run it again: what was acknowledged is not counted twice.\n");
    return code;
  }
  if (!finished.ok()) return Fail(session, finished);

  std::optional<absl::Duration> waited;
  if (options.wait) {
    const absl::Duration wait_start = session.clock.Monotonic();
    if (absl::Status visible = WaitUntilVisible(session, *client, tokens); !visible.ok()) {
      return Fail(session, visible);
    }
    waited = session.clock.Monotonic() - wait_start;
  }
  PrintSummary(session, options, tally, elapsed, waited);
  return tally.now().rejected > 0 ? kSomeRejected : kOk;
}

}  // namespace tributary::cli
