// From a request that changes a definition to its command on partition 0, and from the reply to what it made.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "google/protobuf/message_lite.h"
#include "profile/lookup.h"
#include "tributary/base/random.h"
#include "tributary/eventlog/event_log.h"
#include "tributary/rpc/credentials.h"

namespace tributary::profile {

// Thread-safe.
class DefinitionWrites {
 public:
  // All must outlive the calls; `random` is used under the calls' threads.
  struct Deps {
    Places places;
    eventlog::EventLog* log = nullptr;
    Random* random = nullptr;
  };
  explicit DefinitionWrites(const Deps& deps) : deps_(deps) {}

  // What was decided, as the task of partition 0 has committed it.
  struct Written {
    std::unique_ptr<projection::Snapshot> snapshot;
    std::string token;
  };
  using WrittenFn = std::function<void(absl::StatusOr<Written>)>;

  // Submits a command of `type` (definition_commands.h) with a body of segment_request.h. `request_id` as the caller
  // gave it; empty: one is drawn. `done` may run on the task's thread.
  void Submit(const std::string& workspace, const std::string& request_id, std::string_view type,
              const google::protobuf::MessageLite& body, WrittenFn done) const;

 private:
  const Deps deps_;
};

}  // namespace tributary::profile
