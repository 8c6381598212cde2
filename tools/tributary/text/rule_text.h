// Rules as people meet them on a terminal.
#pragma once

#include <ostream>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "tributary/profile/v1/segment.pb.h"

namespace tributary::cli {

// The line of `text` that an error of the parser names, with a caret below the place; nothing if it names none.
void PrintPlace(const absl::Status& error, std::string_view text, std::ostream& out);

// "done", "43 % (430 of 1,000)"
std::string ProgressText(const profile::v1::TakeInProgress& progress);

// "event", "time", "definition"
std::string ReasonText(events::v1::MembershipReason reason);

}  // namespace tributary::cli
