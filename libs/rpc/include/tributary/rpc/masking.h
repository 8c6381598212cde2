// Personal data by role: what a contract marks as personal leaves the platform only for those who talk to customers.
#pragma once

#include "google/protobuf/message.h"
#include "tributary/rpc/credentials.h"

namespace tributary::rpc {

// What stands for a personal text that the caller may not see.
inline constexpr char kMasked[] = "***";

// Agents, managers and admins of a workspace do, and operators, who have the machine. Read keys, marketers and write
// keys do not. Handle() masks the answers of the others by itself.
bool SeesPersonal(Role role);

// Masks every field below `message` that its contract marks (tributary.options.v1.personal): a text becomes kMasked, if
// it has any; everything else is cleared. Of a marked message that marks fields of its own only those are masked.
// Idempotent.
void MaskPersonal(google::protobuf::Message& message);

}  // namespace tributary::rpc
