#include "tributary/processor/token.h"

#include <charconv>
#include <memory>

#include "absl/strings/escaping.h"
#include "tributary/base/status.h"

namespace tributary::processor {
namespace {

constexpr size_t kMaxPositions = 64;

absl::Status BadToken() {
  return InvalidField("INVALID_TOKEN", "token", "is not a token of this server",
                      "Pass a token exactly as a write returned it, or none");
}

// What one read still waits for; shared by the callbacks, which come one after the other.
struct Pending {
  Task* reader;
  eventlog::EventLog* log;
  absl::Time deadline;
  // What must be relayed first: each calls back once.
  std::vector<std::function<void(std::function<void(absl::Status)>)>> upstream;
  Offset own{-1};
  SnapshotFn done;
};

void Continue(const std::shared_ptr<Pending>& pending) {
  if (pending->upstream.empty()) {
    pending->reader->WhenVisible(pending->own, pending->deadline, std::move(pending->done));
    return;
  }
  const auto await = std::move(pending->upstream.back());
  pending->upstream.pop_back();
  await([pending](absl::Status relayed) {
    if (!relayed.ok()) return pending->done(relayed);
    // What followed from it lies before the end that the reader's partition has now.
    absl::StatusOr<Offset> end = pending->log->End(pending->reader->partition());
    if (!end.ok()) return pending->done(end.status());
    pending->own = std::max(pending->own, Offset(end->value() - 1));
    Continue(pending);
  });
}

}  // namespace

std::string EncodeToken(const std::vector<TokenPosition>& positions) {
  std::string text;
  for (const TokenPosition& position : positions) {
    text += fmt::format("{}/{}/{};", position.partition.log, position.partition.partition, position.offset);
  }
  return absl::WebSafeBase64Escape(text);
}

absl::StatusOr<std::vector<TokenPosition>> DecodeToken(std::string_view token) {
  std::string text;
  if (!absl::WebSafeBase64Unescape(ToAbsl(token), &text)) return BadToken();
  std::vector<TokenPosition> positions;
  for (std::string_view rest = text; !rest.empty();) {
    const size_t end = rest.find(';');
    const size_t first = rest.find('/');
    const size_t second = rest.find('/', first + 1);
    if (end == std::string_view::npos || first == std::string_view::npos || second == std::string_view::npos ||
        second > end || positions.size() == kMaxPositions) {
      return BadToken();
    }
    int32_t partition = 0;
    int64_t offset = 0;
    const auto [p, pe] = std::from_chars(rest.data() + first + 1, rest.data() + second, partition);
    const auto [o, oe] = std::from_chars(rest.data() + second + 1, rest.data() + end, offset);
    if (pe != std::errc() || oe != std::errc() || p != rest.data() + second || o != rest.data() + end ||
        partition < 0 || offset < 0) {
      return BadToken();
    }
    positions.push_back({{std::string(rest.substr(0, first)), Partition(partition)}, Offset(offset)});
    rest.remove_prefix(end + 1);
  }
  return positions;
}

absl::StatusOr<std::string> JoinTokens(std::string_view a, std::string_view b) {
  TRIBUTARY_ASSIGN_OR_RETURN(std::vector<TokenPosition> positions, DecodeToken(a));
  TRIBUTARY_ASSIGN_OR_RETURN(const std::vector<TokenPosition> more, DecodeToken(b));
  positions.insert(positions.end(), more.begin(), more.end());
  return EncodeToken(positions);
}

ReadGate::ReadGate(const TaskHost* host, eventlog::EventLog* log, std::vector<Upstream> upstreams)
    : host_(host), log_(log), upstreams_(std::move(upstreams)) {}

void ReadGate::Read(Task* reader, std::string_view token, absl::Time deadline, SnapshotFn done) const {
  absl::StatusOr<std::vector<TokenPosition>> positions = DecodeToken(token);
  if (!positions.ok()) return done(positions.status());
  auto pending = std::make_shared<Pending>();
  pending->reader = reader;
  pending->log = log_;
  pending->deadline = deadline;
  pending->done = std::move(done);
  for (const TokenPosition& position : *positions) {
    if (position.partition == reader->partition()) {
      pending->own = std::max(pending->own, position.offset);
      continue;
    }
    for (const Upstream& upstream : upstreams_) {
      if (upstream.log != position.partition.log || upstream.log == reader->partition().log) continue;
      if (Task* task = host_->Find(upstream.processor, position.partition); task != nullptr) {
        pending->upstream.emplace_back(
            [task, offset = position.offset, deadline](std::function<void(absl::Status)> then) {
              task->WhenRelayed(offset, deadline, std::move(then));
            });
      } else if (upstream.elsewhere != nullptr) {
        pending->upstream.emplace_back(
            [ask = upstream.elsewhere, position, deadline](std::function<void(absl::Status)> then) {
              ask(position, deadline, std::move(then));
            });
      } else {
        return pending->done(BadToken());
      }
    }
  }
  Continue(pending);
}

}  // namespace tributary::processor
