// Who really did what in a made-up history, and how near to it a platform's idea of it comes.
#pragma once

#include <cstdint>
#include <istream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace tributary::generator {

struct TrueEvent {
  std::string source_id;
  std::string event_id;
  int32_t person = 0;  // from 1
};

// An identifier that at least one event names as its subject's.
struct TrueIdentifier {
  std::string type;
  std::string issuer;  // as identity has it: of a cookie or a device, the source
  std::string value;   // in the form that identity compares
  // Whose it is, ascending: several for a family's telephone or a tablet at the front desk. Something mistyped that is
  // somebody else's is that one's; something mistyped that is nobody's is theirs who typed it.
  std::vector<int32_t> persons;
  // Those of one group are one person's alone and hang together by events that state them together, so that rules can
  // link them: the same number, from 1. 0: of several persons, thus in no group.
  int32_t group = 0;
};

struct Truth {
  std::vector<TrueEvent> events;            // as in the history
  std::vector<TrueIdentifier> identifiers;  // by type, issuer, value
};

// As NDJSON, one object a line, "record" telling an event's from an identifier's.
std::string FormatTruth(const Truth& truth);

// INVALID_ARGUMENT names the line that is neither. Nothing of a value is in the text.
absl::StatusOr<Truth> ParseTruth(std::istream& in);

// Pairs of identifiers, counted and not listed. What several persons share counts in precision alone: it can be in one
// profile, and is right there if it is anybody's of whom the other identifier is, too.
struct PairScore {
  int64_t identifiers = 0;
  int64_t found = 0;     // of them, those that are of some profile
  int64_t profiles = 0;  // different ones that were found
  int64_t same_profile = 0;
  int64_t right = 0;        // in the same profile, with a person in common
  int64_t same_person = 0;  // both one and the same person's alone
  int64_t joined = 0;       // of those, in the same profile
  int64_t linkable = 0;     // of the same group
  int64_t linked = 0;       // of those, in the same profile

  // Shares of 0 to 1; 1 where there is nothing to divide by.
  double precision() const;        // right / same_profile
  double recall() const;           // joined / same_person
  double linkable_recall() const;  // linked / linkable
};

// `profile_of`: for each of `identifiers` the profile that it is of, empty if it is of none. Time and memory grow with
// the number of identifiers, not with that of pairs.
PairScore ScorePairs(const std::vector<TrueIdentifier>& identifiers, const std::vector<std::string>& profile_of);

}  // namespace tributary::generator
