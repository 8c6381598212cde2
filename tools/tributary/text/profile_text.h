// A customer in words: figures and traits.
#pragma once

#include <string>

#include "tributary/events/v1/identifier.pb.h"
#include "tributary/profile/v1/profile.pb.h"

namespace tributary::cli {

// "900.00 THB, 12.00 USD": net revenue; "-" if there is none.
std::string NetText(const profile::v1::Profile& profile);

// "customer_id:erp=C100"
std::string IdentifierText(const events::v1::Identifier& identifier);

// The value of the trait that an origin names; empty if it has none.
std::string StatedText(const profile::v1::GetTraitsResponse& traits, const std::string& name);

}  // namespace tributary::cli
