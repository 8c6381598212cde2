#include "tributary/base/money.h"

#include <algorithm>
#include <cmath>

#include "tributary/base/status.h"

namespace tributary {
namespace {

constexpr int64_t kNanosPerUnit = 1'000'000'000;

bool IsDigits(std::string_view s) {
  return std::all_of(s.begin(), s.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

absl::StatusOr<Amount> Amount::Of(int64_t units, int32_t nanos) {
  if (nanos <= -kNanosPerUnit || nanos >= kNanosPerUnit) {
    return absl::InvalidArgumentError(fmt::format("nanos {} is not between -999999999 and 999999999", nanos));
  }
  if ((units > 0 && nanos < 0) || (units < 0 && nanos > 0)) {
    return absl::InvalidArgumentError(fmt::format("units {} and nanos {} differ in sign", units, nanos));
  }
  return Amount(static_cast<Total>(units) * kNanosPerUnit + nanos);
}

absl::StatusOr<Amount> Amount::Parse(std::string_view decimal) {
  std::string_view rest = decimal;
  const bool negative = !rest.empty() && rest.front() == '-';
  if (negative || (!rest.empty() && rest.front() == '+')) rest.remove_prefix(1);
  const size_t point = rest.find('.');
  const std::string_view whole = rest.substr(0, point);
  const std::string_view fraction = point == std::string_view::npos ? std::string_view() : rest.substr(point + 1);
  if ((whole.empty() && fraction.empty()) || whole.size() > 18 || fraction.size() > 9 || !IsDigits(whole) ||
      !IsDigits(fraction)) {
    return absl::InvalidArgumentError(
        "not an amount: want digits with at most 18 before and 9 after a decimal point, such as 1234.50");
  }
  Total total = 0;
  for (const char c : whole) total = total * 10 + (c - '0');
  for (size_t i = 0; i < 9; ++i) total = total * 10 + (i < fraction.size() ? fraction[i] - '0' : 0);
  return Amount(negative ? -total : total);
}

absl::StatusOr<Amount> Amount::FromDouble(double value) {
  if (!std::isfinite(value) || std::fabs(value) >= 1e15) {
    return absl::InvalidArgumentError("not an amount: want a finite number below 1e15");
  }
  const double whole = std::trunc(value);
  const double nanos = std::nearbyint((value - whole) * 1e9);
  return Amount(static_cast<Total>(whole) * kNanosPerUnit + static_cast<Total>(nanos));
}

std::string Amount::ToString() const {
  const Total magnitude = nanos_total_ < 0 ? -nanos_total_ : nanos_total_;
  std::string fraction = fmt::format("{:09}", static_cast<int64_t>(magnitude % kNanosPerUnit));
  while (fraction.size() > 2 && fraction.back() == '0') fraction.pop_back();
  return fmt::format("{}{}.{}", nanos_total_ < 0 ? "-" : "", static_cast<int64_t>(magnitude / kNanosPerUnit), fraction);
}

}  // namespace tributary
