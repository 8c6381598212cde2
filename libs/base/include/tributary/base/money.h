// Exact money: int64 units and int32 nanos of one currency, as google.type.Money.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace tributary {

// units and nanos have the same sign; |nanos| < 1e9. Sums never cross currencies; the currency is
// kept by whoever keeps the amount. Value type; thread-compatible.
class Amount {
 public:
  constexpr Amount() = default;
  // Error InvalidArgument if signs differ or |nanos| >= 1e9.
  static absl::StatusOr<Amount> Of(int64_t units, int32_t nanos);
  // Exact decimal text, e.g. "11.77", "-0.5"; at most 18 integer and 9 fraction digits. Error
  // InvalidArgument otherwise.
  static absl::StatusOr<Amount> Parse(std::string_view decimal);
  // The nearest nano, ties to even. Error InvalidArgument for NaN, infinities and |value| >= 1e15.
  // For the edge only: a double is converted once, where it comes in.
  static absl::StatusOr<Amount> FromDouble(double value);

  int64_t units() const { return static_cast<int64_t>(nanos_total_ / kNano); }
  int32_t nanos() const { return static_cast<int32_t>(nanos_total_ % kNano); }

  Amount operator+(Amount other) const { return Amount(nanos_total_ + other.nanos_total_); }
  Amount operator-(Amount other) const { return Amount(nanos_total_ - other.nanos_total_); }
  Amount operator-() const { return Amount(-nanos_total_); }
  Amount& operator+=(Amount other) { return *this = *this + other; }
  Amount& operator-=(Amount other) { return *this = *this - other; }
  friend bool operator==(Amount, Amount) = default;
  friend auto operator<=>(Amount, Amount) = default;

  // Shortest exact decimal with at least two fraction digits: "11.77", "100.00", "0.005".
  std::string ToString() const;

 private:
  // 128 bits: the sum of 2^32 amounts of int64 units still fits, so sums need no overflow check.
  __extension__ typedef __int128 Total;
  static constexpr int64_t kNano = 1'000'000'000;
  constexpr explicit Amount(Total nanos) : nanos_total_(nanos) {}
  Total nanos_total_ = 0;
};

}  // namespace tributary
