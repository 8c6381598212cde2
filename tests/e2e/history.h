// A purchase history as a file, and what its import must come to, added up here from the file's own text.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "platform.h"

namespace tributary::e2e {

struct ExpectedHistory {
  Totals totals;  // in USD, as `--format cdnow` has it
  std::map<std::string, CustomerSum> customers;
};

// Of a file in the shape of CDNOW_master.txt. Knows nothing of how the importer reads.
ExpectedHistory AddUp(const std::filesystem::path& file);

// Each customer's orders and dollars, asked for one by one, are those of `expected`.
void ExpectEachCustomer(const Platform& platform, const std::string& issuer, const ExpectedHistory& expected);

}  // namespace tributary::e2e
