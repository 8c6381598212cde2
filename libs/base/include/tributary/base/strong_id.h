// Integers and strings that cannot be mixed up: an Offset is not a Partition.
#pragma once

#include <compare>
#include <ostream>
#include <utility>

#include "fmt/format.h"

namespace tributary {

template <typename Tag, typename Rep>
class StrongId {
 public:
  using rep = Rep;
  constexpr StrongId() = default;
  constexpr explicit StrongId(Rep value) : value_(std::move(value)) {}
  constexpr const Rep& value() const { return value_; }
  friend constexpr bool operator==(const StrongId&, const StrongId&) = default;
  friend constexpr auto operator<=>(const StrongId&, const StrongId&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const StrongId& id) {
    return H::combine(std::move(h), id.value_);
  }
  friend std::ostream& operator<<(std::ostream& out, const StrongId& id) { return out << id.value_; }

 private:
  Rep value_{};
};

}  // namespace tributary

template <typename Tag, typename Rep>
struct fmt::formatter<tributary::StrongId<Tag, Rep>> : fmt::formatter<Rep> {
  template <typename Context>
  auto format(const tributary::StrongId<Tag, Rep>& id, Context& ctx) const {
    return fmt::formatter<Rep>::format(id.value(), ctx);
  }
};
