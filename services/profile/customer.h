// A customer as rules see one: figures, traits and events of a profile in a view.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "profile/tables.h"
#include "tributary/profile/v1/profile.pb.h"
#include "tributary/rules/rule.h"

namespace tributary::profile {

// Key and row of the index over events by type; nothing unless `row` counts.
std::optional<std::pair<EventIndexKey, storage::v1::EventIndexRow>> EventIndexOf(const EntryKey& key,
                                                                                 const storage::v1::EntryRow& row);

// As of one view. Keeps what was read, so that many rules cost little more than one. One thread at a time.
class ProfileCustomer final : public rules::Customer {
 public:
  // Of a survivor that is whole; `value_tier`: the id of its tier, or empty.
  ProfileCustomer(const projection::View& view, std::string workspace, std::string profile, std::string value_tier);
  ~ProfileCustomer() override;
  ProfileCustomer(const ProfileCustomer&) = delete;
  ProfileCustomer& operator=(const ProfileCustomer&) = delete;

  void set_value_tier(std::string value_tier) { value_tier_ = std::move(value_tier); }

  rules::Value Field(std::string_view name, std::string_view key) const override;
  void VisitEvents(int body, absl::Time after, absl::Time until,
                   const std::function<bool(const rules::EventView&)>& visit) const override;
  absl::Time NextEventAfter(absl::Time after) const override;

 private:
  class Event;
  // Events of one type (or of all), the latest first, as far as they were asked for.
  struct Events {
    std::deque<Event> read;
    bool all_read = false;
  };

  const storage::v1::SummaryRow& Summary() const;
  const v1::ComputedTraits& Computed() const;
  rules::Value OrderField(std::string_view name, std::string_view key) const;
  rules::Value TraitField(const std::string& name) const;
  // Reads on from where `events` ends, as many again as it has: each reading begins with a search. False if there are
  // none.
  bool ReadOn(int body, Events& events) const;

  const projection::View view_;
  const std::string workspace_;
  const std::string profile_;
  std::string value_tier_;
  mutable projection::Row<storage::v1::SummaryRow> summary_;
  mutable std::optional<v1::ComputedTraits> computed_;
  mutable std::optional<projection::Row<storage::v1::TraitsRow>> traits_;
  mutable std::map<int, Events> events_;  // by body; 0: all
};

}  // namespace tributary::profile
