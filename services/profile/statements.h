// What entries say of traits, consents, points, stays and affiliations: the indices that keep it, and what follows from
// them.
#pragma once

#include <string>

#include "profile/affiliations.h"
#include "profile/consents.h"
#include "profile/points.h"
#include "profile/stays.h"
#include "profile/tables.h"
#include "profile/traits.h"

namespace tributary::profile {

// Of one profile.
struct StatementChanges {
  TraitChanges traits;
  ConsentChanges consents;
  PointsChanges points;
  StayChanges stays;
  AffiliationChanges affiliations;
};

// An entry that counts comes, or goes unless `present`. Parses only events that make such statements.
void NoteStatements(const EntryKey& key, const storage::v1::EntryRow& row, bool present, StatementChanges* changes);

// Writes the indices, the traits, and what of the summary follows from statements.
void DeriveStatements(const std::string& profile, const StatementChanges& changes, const projection::View& view,
                      projection::Writer<Kind::kCaches>& out, storage::v1::SummaryRow* summary);

}  // namespace tributary::profile
