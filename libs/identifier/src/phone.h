// Normalisation of phone numbers.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tributary/identifier/identifier.h"

namespace tributary::identifier {

// The one number that is in `text` (well-formed UTF-8, not blocked as a word).
absl::StatusOr<std::string> NormalisePhone(std::string_view text, const NormaliseOptions& options);

// All numbers that are in `text`, in order, at least one.
absl::StatusOr<std::vector<std::string>> NormalisePhones(std::string_view text, const NormaliseOptions& options);

// A Thai mobile number in its two commonest spellings, +66812345678 and (from TH) 0812345678, in E.164; else nothing.
// The same as what libphonenumber says, in a hundredth of the time.
std::optional<std::string> PlainThaiMobile(std::string_view text, std::string_view region);

// The E.164 form of `digits` (ASCII digits, a + before them or not) if it is assigned; else nothing.
std::optional<std::string> AssignedE164(const std::string& digits, std::string_view region);

}  // namespace tributary::identifier
