#include "profile/statements.h"

#include "profile/entry.h"

namespace tributary::profile {

using events::v1::CustomerEvent;

void NoteStatements(const EntryKey& key, const storage::v1::EntryRow& row, bool present, StatementChanges* changes) {
  switch (row.figures().body()) {
    case CustomerEvent::kTraitsStated:
    case CustomerEvent::kAccountStated:
      return Note(TraitStatementsOf(key, CountingEvent(row)), present, &changes->traits);
    case CustomerEvent::kConsentStated:
      return Note(ConsentsOf(key, CountingEvent(row)), present, &changes->consents);
    case CustomerEvent::kPointsPosted:
      return Note(PointsPostingsOf(key, CountingEvent(row)), present, &changes->points);
    case CustomerEvent::kStayStated:
      return Note(StayStatementsOf(key, CountingEvent(row)), present, &changes->stays);
    case CustomerEvent::kMembershipStated:
    case CustomerEvent::kRelationshipStated:
      return NoteAffiliation(key, CountingEvent(row), present, &changes->affiliations);
    default:
      return;
  }
}

void DeriveStatements(const std::string& profile, const StatementChanges& changes, const projection::View& view,
                      projection::Writer<Kind::kCaches>& out, storage::v1::SummaryRow* summary) {
  DeriveTraits(profile, changes.traits, view, out);
  WriteIndex(kConsents, changes.consents, out);
  WriteAffiliations(changes.affiliations, out);
  DerivePoints(profile, changes.points, view, out, summary);
  DeriveStays(profile, changes.stays, view, out, summary);
}

}  // namespace tributary::profile
