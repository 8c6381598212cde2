// Traits that were stated: of each the last by occurrence counts; ties by source priority, then event id, then source.
// Pure, thread-safe.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "profile/index_changes.h"
#include "profile/tables.h"
#include "tributary/events/v1/customer_event.pb.h"
#include "tributary/profile/v1/profile.pb.h"

namespace tributary::profile {

using TraitChanges = IndexChanges<TraitKey, storage::v1::TraitStatementRow>;

// What an entry that counts says of traits; nothing unless `event`, as it counts, states some. Each name once: what one
// event both clears and states, it states.
std::vector<std::pair<TraitKey, storage::v1::TraitStatementRow>> TraitStatementsOf(
    const EntryKey& key, const events::v1::CustomerEvent& event);

// Makes the statement the one that counts if it outranks the one that is there.
void StateTrait(const TraitKey& key, const storage::v1::TraitStatementRow& row, storage::v1::TraitsRow* traits);

// Writes the index and what counts of the profile's traits. A statement that went costs one look into the index for its
// name, one that came none.
void DeriveTraits(const std::string& profile, const TraitChanges& changes, const projection::View& view,
                  projection::Writer<Kind::kCaches>& out);

// What holds of the trait of that name; null: nothing.
const storage::v1::TraitStatementRow* HeldStatement(const storage::v1::TraitsRow& traits, const std::string& name);

// What holds, with its origins.
void FillStated(const storage::v1::TraitsRow& traits, v1::GetTraitsResponse* response);

}  // namespace tributary::profile
