// To which profile an event belongs, given what is known of its identifiers. The rules are in README.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "identity/intake_event.h"
#include "tributary/projection/table.h"

namespace tributary::identity {

struct Refusal {
  events::v1::LinkRefusalReason reason;
  events::v1::IdentifierKey key;    // as LinkRefused.identifier
  std::vector<std::string> wanted;  // as LinkRefused.wanted_profile_ids
  std::string limited_type;
  int32_t limit = 0;
};

struct Linking {
  // The profile that the event belongs to, after the merges; empty: a new one.
  std::string profile_id;
  // Profiles that are merged into it, oldest first. None if it is new.
  std::vector<std::string> losers;
  // The candidates that count, in order of priority. Point into the event.
  std::vector<const Candidate*> counted;
  // Those of them that were of no profile.
  std::vector<const Candidate*> linked;
  // For each of `counted`, the profile that it was of before; empty: of none.
  std::vector<std::string> was_of;
  std::vector<Refusal> refusals;
};

// Pure. `event` must be usable and outlive the result.
Linking Link(const IntakeEvent& event, const projection::View& view, const identifier::IdentifierRules& rules);

}  // namespace tributary::identity
