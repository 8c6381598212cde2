// How a customer is named on the command line.
#pragma once

#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "tributary/profile/v1/profile.pb.h"

namespace tributary::cli {

struct SelectorFlags {
  std::string profile_id;
  std::string customer_id;
  std::string email;
  std::string phone;
  std::string loyalty_card;
  std::string identifier;  // type[:issuer]=value
  std::string issuer;
  std::string kind;  // of the subject
};

void AddSelector(CLI::App& command, SelectorFlags& flags);
// InvalidArgument if none or several are named.
absl::StatusOr<profile::v1::ProfileSelector> SelectorOf(const SelectorFlags& flags);

}  // namespace tributary::cli
