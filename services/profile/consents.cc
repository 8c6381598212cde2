#include "profile/consents.h"

#include <deque>
#include <map>
#include <string_view>

#include "fmt/format.h"
#include "profile/entry.h"
#include "tributary/identifier/identifier.h"
#include "xxhash.h"

namespace tributary::profile {
namespace {

using events::v1::Channel;
using events::v1::ConsentStated;
using events::v1::ContactPoint;
using projection::Row;
using projection::View;
using storage::v1::ConsentRow;

// What kind of address it is; empty: as its channel has it.
std::string_view IdentifierTypeOf(Channel channel) {
  switch (channel) {
    case events::v1::CHANNEL_EMAIL:
      return identifier::kEmail;
    case events::v1::CHANNEL_SMS:
    case events::v1::CHANNEL_CALL:
      return identifier::kPhone;
    default:
      return {};
  }
}

// A statement and what it is about.
struct Statement {
  ConsentKey key;
  Row<ConsentRow> row;

  bool Refuses() const { return row->stated().status() != ConsentStated::STATUS_GIVEN; }
  std::string EntryId() const { return fmt::format("{}/{}", std::get<7>(key), std::get<6>(key)); }
  // The later counts.
  auto Rank() const { return std::tie(std::get<4>(key), std::get<5>(key), std::get<6>(key), std::get<7>(key)); }
};

ConsentPosition PositionOf(const ConsentKey& key) { return {std::get<1>(key), std::get<2>(key), std::get<3>(key)}; }

v1::ConsentStatement Told(const Statement& statement) {
  v1::ConsentStatement told;
  *told.mutable_stated() = statement.row->stated();
  *told.mutable_occurred_at() = TimestampOf(absl::ToUnixMicros(std::get<4>(statement.key)));
  told.set_entry_id(statement.EntryId());
  return told;
}

// Statements in the order of their keys become consents: what is about the person comes first, and of a contact point
// what is about every purpose, so that all that may overrule a consent was seen before it.
class Reader {
 public:
  explicit Reader(const ConsentQuery& query) : query_(query) {}

  // False: the page is full.
  bool Add(const ConsentKey& key, const Row<ConsentRow>& row) {
    if (std::get<4>(key) > query_.as_of) return true;
    if (!statements_.empty() && PositionOf(statements_.back().key) != PositionOf(key) && !EndConsent()) return false;
    ++count_;
    statements_.push_back({key, row});
    if (statements_.size() > (query_.history ? kMaxHistoryTold : size_t{1})) statements_.pop_front();
    return true;
  }

  ConsentsPage Take() {
    if (!full_ && !statements_.empty()) EndConsent();
    if (!full_) page_.next_after.reset();
    return std::move(page_);
  }

 private:
  bool EndConsent() {
    const Statement& latest = statements_.back();
    const ConsentPosition position = PositionOf(latest.key);
    const auto& [point, purpose, channel] = position;
    if (point.empty()) {
      of_person_.push_back(latest);
    } else if (purpose.empty()) {
      of_point_.insert_or_assign({point, channel}, latest);
    }
    if (!query_.after.has_value() || position > *query_.after) {
      full_ = static_cast<int32_t>(page_.consents.size()) == query_.limit;
      if (full_) return false;
      page_.consents.push_back(Build(latest, position));
      page_.next_after = position;
    }
    statements_.clear();
    count_ = 0;
    return true;
  }

  v1::Consent Build(const Statement& latest, const ConsentPosition& position) const {
    const ConsentStated& stated = latest.row->stated();
    v1::Consent consent;
    if (stated.has_contact_point()) *consent.mutable_contact_point() = stated.contact_point();
    consent.set_purpose(std::get<1>(position));
    consent.set_channel(static_cast<Channel>(std::get<2>(position)));
    *consent.mutable_latest() = Told(latest);
    consent.set_statement_count(count_);
    if (query_.history) {
      for (auto it = statements_.rbegin(); it != statements_.rend(); ++it) *consent.add_history() = Told(*it);
    }
    if (latest.Refuses()) return consent;
    const Statement* overruling = OverrulingOf(latest, position);
    if (overruling != nullptr) consent.set_overruled_by(overruling->EntryId());
    const bool expired =
        stated.has_valid_until() && absl::FromUnixMicros(MicrosOf(stated.valid_until())) <= query_.as_of;
    consent.set_holds(overruling == nullptr && !expired);
    return consent;
  }

  const Statement* OverrulingOf(const Statement& latest, const ConsentPosition& position) const {
    const auto& [point, purpose, channel] = position;
    const Statement* of_person = nullptr;
    for (const Statement& statement : of_person_) {
      const auto& [nobody, about, on] = PositionOf(statement.key);
      if ((!about.empty() && about != purpose) || (on != 0 && on != channel)) continue;
      if (of_person == nullptr || of_person->Rank() < statement.Rank()) of_person = &statement;
    }
    if (of_person != nullptr && of_person->Refuses()) return of_person;
    const auto wide = of_point_.find({point, channel});
    if (wide == of_point_.end() || !wide->second.Refuses() || wide->second.Rank() < latest.Rank()) return nullptr;
    return &wide->second;
  }

  const ConsentQuery& query_;
  std::deque<Statement> statements_;  // of the consent that is being read, the latest at the end
  int64_t count_ = 0;
  std::vector<Statement> of_person_;                               // the latest of each purpose and channel
  std::map<std::pair<std::string, int32_t>, Statement> of_point_;  // the latest for every purpose
  ConsentsPage page_;
  bool full_ = false;
};

}  // namespace

std::string ContactPointKey(const std::string& workspace_id, const ContactPoint& point) {
  const std::string_view type = IdentifierTypeOf(point.channel());
  std::string address = point.address();
  if (!type.empty()) {
    const auto normal = identifier::Normalise({.type = std::string(type), .issuer = "", .value = address});
    if (normal.ok()) address = normal->value;  // else it is no such address, and equal to none but itself
  }
  const std::string whole = projection::EncodeKey(
      std::tuple(workspace_id, type.empty() ? fmt::format("{}", static_cast<int>(point.channel())) : std::string(type),
                 type.empty() ? point.issuer() : std::string(), address));
  XXH128_canonical_t bytes;
  XXH128_canonicalFromHash(&bytes, XXH3_128bits(whole.data(), whole.size()));
  return std::string(reinterpret_cast<const char*>(bytes.digest), sizeof(bytes.digest));
}

std::vector<std::pair<ConsentKey, ConsentRow>> ConsentsOf(const EntryKey& key, const events::v1::CustomerEvent& event) {
  if (!event.has_consent_stated()) return {};
  const auto& [profile, occurred_at, priority, event_id, source_id] = key;
  const ConsentStated& stated = event.consent_stated();
  const bool of_point = stated.has_contact_point();
  const Channel channel = of_point && stated.channel() == events::v1::CHANNEL_UNSPECIFIED
                              ? stated.contact_point().channel()
                              : stated.channel();
  ConsentRow row;
  *row.mutable_stated() = stated;
  return {{ConsentKey{profile, of_point ? ContactPointKey(event.workspace_id(), stated.contact_point()) : std::string(),
                      stated.purpose(), channel, occurred_at, priority, event_id, source_id},
           row}};
}

ConsentsPage ReadConsents(const View& view, const std::string& profile_id, const ConsentQuery& query) {
  Reader reader(query);
  view.Scan(kConsents, std::tuple(profile_id),
            [&](const ConsentKey& key, const Row<ConsentRow>& row) { return reader.Add(key, row); });
  return reader.Take();
}

}  // namespace tributary::profile
