#include "profile/traits.h"

#include <map>
#include <optional>
#include <string_view>
#include <tuple>

#include "fmt/format.h"
#include "profile/entry.h"

namespace tributary::profile {
namespace {

using events::v1::AccountStated;
using events::v1::TraitsStated;
using projection::Row;
using projection::View;
using storage::v1::HeldTrait;
using storage::v1::TraitsRow;
using storage::v1::TraitStatementRow;
using Statements = std::map<std::string, TraitStatementRow>;  // by name of the trait

constexpr std::string_view kNames = "names";
constexpr std::string_view kAddresses = "addresses";
constexpr std::string_view kTraitsField = "traits";

std::string ElementOf(std::string_view group, std::string_view element) { return fmt::format("{}.{}", group, element); }

// The group whose clearing clears this one too; empty: none.
std::string_view GroupOf(std::string_view name) {
  for (const std::string_view group : {kNames, kAddresses, kTraitsField}) {
    if (name.size() > group.size() && name.substr(0, group.size()) == group && name[group.size()] == '.') return group;
  }
  return {};
}

bool MayBeCleared(std::string_view name) {
  if (GroupOf(name) == kTraitsField) return true;
  const auto* field = TraitsStated::descriptor()->FindFieldByName(std::string(name));
  if (field == nullptr) return AccountStated::descriptor()->FindFieldByName(std::string(name)) != nullptr;
  return field->number() != TraitsStated::kClearedFieldNumber;
}

void PutText(std::string_view name, const std::string& text, Statements* out) {
  if (!text.empty()) (*out)[std::string(name)].set_text(text);
}

// What counts for persons too (addresses, further traits) goes by the same names.
Statements StatementsOf(const AccountStated& stated) {
  Statements out;
  PutText("name", stated.name(), &out);
  PutText("tax_id", stated.tax_id(), &out);
  PutText("branch", stated.branch(), &out);
  PutText("industry", stated.industry(), &out);
  if (stated.has_parent()) *out["parent"].mutable_parent() = stated.parent();
  for (const auto& address : stated.addresses()) {
    *out[ElementOf(kAddresses, address.kind())].mutable_address() = address;
  }
  for (const auto& trait : stated.traits()) {
    *out[ElementOf(kTraitsField, trait.key())].mutable_property() = trait.value();
  }
  return out;
}

Statements StatementsOf(const TraitsStated& stated) {
  Statements out;
  for (const std::string& name : stated.cleared()) {
    if (MayBeCleared(name)) out[name];
  }
  PutText("birth_date", stated.birth_date(), &out);
  PutText("gender", stated.gender(), &out);
  PutText("language", stated.language(), &out);
  PutText("time_zone", stated.time_zone(), &out);
  for (const auto& name : stated.names()) *out[ElementOf(kNames, name.language())].mutable_person_name() = name;
  for (const auto& address : stated.addresses()) {
    *out[ElementOf(kAddresses, address.kind())].mutable_address() = address;
  }
  for (const auto& trait : stated.traits())
    *out[ElementOf(kTraitsField, trait.key())].mutable_property() = trait.value();
  return out;
}

// The higher counts.
using Rank = std::tuple<int64_t, int32_t, std::string_view, std::string_view>;

Rank RankOf(const TraitKey& key) {
  return {absl::ToUnixMicros(std::get<2>(key)), std::get<3>(key), std::get<4>(key), std::get<5>(key)};
}

Rank RankOf(const HeldTrait& held) {
  return {held.occurred_at_micros(), held.source_priority(), held.event_id(), held.source_id()};
}

HeldTrait HeldOf(const TraitKey& key, const TraitStatementRow& row) {
  HeldTrait held;
  held.set_name(std::get<1>(key));
  *held.mutable_statement() = row;
  held.set_occurred_at_micros(absl::ToUnixMicros(std::get<2>(key)));
  held.set_source_priority(std::get<3>(key));
  held.set_event_id(std::get<4>(key));
  held.set_source_id(std::get<5>(key));
  return held;
}

// Where `name` is, or would be, among the traits, which are sorted.
int PlaceOf(const std::string& name, const TraitsRow& traits) {
  int low = 0;
  int high = traits.traits_size();
  while (low < high) {
    const int middle = low + (high - low) / 2;
    if (traits.traits(middle).name() < name) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

const HeldTrait* Find(const std::string& name, const TraitsRow& traits) {
  const int place = PlaceOf(name, traits);
  return place < traits.traits_size() && traits.traits(place).name() == name ? &traits.traits(place) : nullptr;
}

// What the index says now counts of `name` takes the place of what was held.
void LookUp(const std::string& profile, const std::string& name, const View& view, TraitsRow* traits) {
  if (Find(name, *traits) != nullptr) {
    const int place = PlaceOf(name, *traits);
    traits->mutable_traits()->DeleteSubrange(place, 1);
  }
  view.Scan(kTraitStatements, std::tuple(profile, name),
            [&](const TraitKey& key, const Row<TraitStatementRow>& row) {
              StateTrait(key, *row, traits);
              return false;
            },
            {.from = std::nullopt, .reverse = true});
}

// Whether it is a value, and its group was not cleared after it.
bool Holds(const HeldTrait& held, const TraitsRow& traits) {
  if (held.statement().value_case() == TraitStatementRow::VALUE_NOT_SET) return false;
  const std::string_view group = GroupOf(held.name());
  const HeldTrait* cleared = group.empty() ? nullptr : Find(std::string(group), traits);
  return cleared == nullptr || RankOf(*cleared) <= RankOf(held);
}

// Into what is told of persons and of all, or of accounts alone.
void PutValue(const HeldTrait& held, v1::GetTraitsResponse* response) {
  const TraitStatementRow& value = held.statement();
  switch (value.value_case()) {
    case TraitStatementRow::kPersonName:
      *response->mutable_stated()->add_names() = value.person_name();
      break;
    case TraitStatementRow::kAddress:
      *response->mutable_stated()->add_addresses() = value.address();
      break;
    case TraitStatementRow::kProperty: {
      events::v1::Property& property = *response->mutable_stated()->add_traits();
      property.set_key(held.name().substr(kTraitsField.size() + 1));
      *property.mutable_value() = value.property();
      break;
    }
    case TraitStatementRow::kText: {
      google::protobuf::Message* into = response->mutable_stated();
      const auto* field = into->GetDescriptor()->FindFieldByName(held.name());
      if (field == nullptr) {
        into = response->mutable_account();
        field = into->GetDescriptor()->FindFieldByName(held.name());
      }
      into->GetReflection()->SetString(into, field, value.text());
      break;
    }
    case TraitStatementRow::kParent:
      *response->mutable_account()->mutable_parent() = value.parent();
      break;
    case TraitStatementRow::VALUE_NOT_SET:
      break;
  }
}

}  // namespace

std::vector<std::pair<TraitKey, TraitStatementRow>> TraitStatementsOf(const EntryKey& key,
                                                                      const events::v1::CustomerEvent& event) {
  std::vector<std::pair<TraitKey, TraitStatementRow>> statements;
  if (!event.has_traits_stated() && !event.has_account_stated()) return statements;
  const auto& [profile, occurred_at, priority, event_id, source_id] = key;
  for (auto& [name, row] :
       event.has_account_stated() ? StatementsOf(event.account_stated()) : StatementsOf(event.traits_stated())) {
    statements.emplace_back(TraitKey{profile, name, occurred_at, priority, event_id, source_id}, row);
  }
  return statements;
}

void StateTrait(const TraitKey& key, const TraitStatementRow& row, TraitsRow* traits) {
  const std::string& name = std::get<1>(key);
  const int place = PlaceOf(name, *traits);
  if (place < traits->traits_size() && traits->traits(place).name() == name) {
    HeldTrait& held = *traits->mutable_traits(place);
    if (RankOf(held) <= RankOf(key)) held = HeldOf(key, row);
    return;
  }
  *traits->add_traits() = HeldOf(key, row);
  for (int i = traits->traits_size() - 1; i > place; --i) traits->mutable_traits()->SwapElements(i, i - 1);
}

void DeriveTraits(const std::string& profile, const TraitChanges& changes, const View& view,
                  projection::Writer<Kind::kCaches>& out) {
  if (changes.empty()) return;
  const Row<TraitsRow> former = view.Get(kTraits, {profile});
  TraitsRow traits = former == nullptr ? TraitsRow() : *former;
  WriteIndex(kTraitStatements, changes, out);
  // After what went was looked up, what came is there already: to state it again changes nothing.
  for (const auto& [key, row] : changes) {
    const HeldTrait* held = Find(std::get<1>(key), traits);
    if (!row.has_value() && held != nullptr && RankOf(*held) == RankOf(key)) {
      LookUp(profile, std::get<1>(key), view, &traits);
    }
  }
  for (const auto& [key, row] : changes) {
    if (row.has_value()) StateTrait(key, *row, &traits);
  }
  if (traits.traits_size() > 0) {
    out.Put(kTraits, {profile}, std::move(traits));
  } else {
    out.Delete(kTraits, {profile});
  }
}

const TraitStatementRow* HeldStatement(const TraitsRow& traits, const std::string& name) {
  const HeldTrait* held = Find(name, traits);
  return held != nullptr && Holds(*held, traits) ? &held->statement() : nullptr;
}

void FillStated(const TraitsRow& traits, v1::GetTraitsResponse* response) {
  for (const HeldTrait& held : traits.traits()) {
    if (!Holds(held, traits)) continue;
    PutValue(held, response);
    v1::TraitOrigin& origin = *response->add_origins();
    origin.set_name(held.name());
    *origin.mutable_occurred_at() = TimestampOf(held.occurred_at_micros());
    origin.set_entry_id(fmt::format("{}/{}", held.source_id(), held.event_id()));
  }
}

}  // namespace tributary::profile
