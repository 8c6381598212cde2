// Is the source there that events are to be sent for?
#pragma once

#include <set>
#include <string>

#include "absl/status/status.h"
#include "session.h"

namespace tributary::cli {

// NotFound, naming the command that creates it, if there is no such source; with `create` it is created. A write key
// may not look: then ingestion's own answers have to do. OK for an empty id.
absl::Status CheckSource(const Session& session, const rpc::Client& client, const std::string& source_id, bool create);

// NotFound, naming the command that creates it, unless each of `source_ids` is there; FailedPrecondition, naming the
// one that enables it, if one is disabled; InvalidArgument for "", which stands for an event that names none. OK where
// they may not be listed.
absl::Status CheckSources(const Session& session, const rpc::Client& client, const std::set<std::string>& source_ids);

// The workspace's time zone; "UTC" where it may not be read.
std::string WorkspaceZone(const Session& session, const rpc::Client& client);

}  // namespace tributary::cli
