// What of a profile goes along when it is merged into another.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tributary/processor/moves.h"

namespace tributary::profile {

inline constexpr std::string_view kMovedProfile = "profile";
inline constexpr std::string_view kMovedEntry = "entry";

// As MovableProcessor::CopyRows. The profile's own row comes first, then its entries and what waits for some, by name.
processor::CopiedRows CopyProfile(const projection::View& view, const std::string& workspace,
                                  const std::string& profile, std::string_view cursor, int32_t max_rows,
                                  size_t max_bytes);

// The event as one of the journey of `winner`, serialised.
std::string ForwardEvent(const processor::Fact& fact, const std::string& winner);

}  // namespace tributary::profile
