#include "tributary/rpc/scatter.h"

#include <iterator>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "fmt/format.h"
#include "tributary/base/status.h"

namespace tributary::rpc {
namespace {

constexpr size_t kMaxNamed = 64;

std::string ReasonOf(const absl::Status& status) {
  const std::optional<ErrorDetail> detail = DetailOf(status);
  if (detail.has_value() && !detail->reason.empty()) return detail->reason;
  return absl::StatusCodeToString(status.code());
}

// "X=3,17;Y=5" into `missing`; false if it is no such text.
bool Parse(std::string_view text, std::vector<MissingPartition>& missing) {
  for (const absl::string_view group : absl::StrSplit(ToAbsl(text), ';')) {
    const std::pair<std::string, std::string> of = absl::StrSplit(group, absl::MaxSplits('=', 1));
    if (of.first.empty()) return false;
    for (const absl::string_view number : absl::StrSplit(of.second, ',')) {
      int32_t partition = 0;
      if (!absl::SimpleAtoi(number, &partition)) return false;
      missing.push_back({partition, of.first});
    }
  }
  return true;
}

}  // namespace

absl::Status PartialError(std::string_view log, const std::vector<MissingPartition>& missing) {
  std::map<std::string_view, std::string> by_reason;
  const size_t named = std::min(missing.size(), kMaxNamed);
  for (size_t i = 0; i < named; ++i) {
    std::string& names = by_reason[missing[i].reason];
    fmt::format_to(std::back_inserter(names), "{}{}/{}", names.empty() ? "" : ", ", log, missing[i].partition);
  }
  std::string text;
  for (const auto& [reason, names] : by_reason) {
    fmt::format_to(std::back_inserter(text), "{}{} ({})", text.empty() ? "" : ", ", names, reason);
  }
  if (missing.size() > named) fmt::format_to(std::back_inserter(text), " and {} more", missing.size() - named);
  return FieldError(absl::StatusCode::kUnavailable, "PARTIAL", "", fmt::format("no answer from {}", text), "Try again");
}

namespace internal {

bool IsVerdict(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kPermissionDenied:
      return true;
    default:
      return false;
  }
}

std::vector<MissingPartition> MissingFor(const std::vector<int32_t>& partitions, const absl::Status& status) {
  const std::string reason = ReasonOf(status);
  std::vector<MissingPartition> missing;
  missing.reserve(partitions.size());
  for (const int32_t partition : partitions) missing.push_back({partition, reason});
  return missing;
}

std::string FormatMissing(const std::vector<MissingPartition>& missing) {
  std::map<std::string_view, std::string> by_reason;
  for (const MissingPartition& one : missing) {
    std::string& numbers = by_reason[one.reason];
    fmt::format_to(std::back_inserter(numbers), "{}{}", numbers.empty() ? "" : ",", one.partition);
  }
  std::string text;
  for (const auto& [reason, numbers] : by_reason) {
    fmt::format_to(std::back_inserter(text), "{}{}={}", text.empty() ? "" : ";", reason, numbers);
  }
  return text;
}

std::vector<MissingPartition> ParseMissing(std::string_view text, const std::vector<int32_t>& asked) {
  std::vector<MissingPartition> missing;
  if (text.empty()) return missing;
  if (!Parse(text, missing)) return MissingFor(asked, absl::InternalError(""));
  std::erase_if(missing, [&](const MissingPartition& one) {
    return !std::binary_search(asked.begin(), asked.end(), one.partition);
  });
  return missing;
}

absl::Status UnnamedPartitions() {
  return InvalidField("PARTITIONS_MISSING", kPartitionsHeader, "does not say which partitions are asked for",
                      "Call without the hop header: it is for calls between instances");
}

std::map<int32_t, Share> SharesOf(const Router& router, std::string_view log, int32_t partitions) {
  std::map<int32_t, Share> shares;
  for (int32_t partition = 0; partition < partitions; ++partition) {
    Owner owner = router.OwnerOf(log, partition);
    Share& share = shares[owner.ordinal];
    if (share.partitions.empty()) share.owner = std::move(owner);
    share.partitions.push_back(partition);
  }
  return shares;
}

}  // namespace internal
}  // namespace tributary::rpc
