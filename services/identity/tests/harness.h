// Events in, conclusions out: identity on one partition of `intake`, without a log server and without time.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "identity/processor.h"
#include "tributary/events/v1/customer_event.pb.h"
#include "tributary/events/v1/decision_batch.pb.h"
#include "tributary/events/v1/identity.pb.h"
#include "tributary/processor/testing/test_driver.h"

namespace tributary::identity::testing {

inline constexpr char kWorkspace[] = "w1";

events::v1::Identifier Id(std::string type, std::string issuer, std::string value);
inline events::v1::Identifier Cookie(std::string value) { return Id("cookie", "web", std::move(value)); }
inline events::v1::Identifier Customer(std::string value) { return Id("customer_id", "shop", std::move(value)); }
inline events::v1::Identifier Email(std::string value) { return Id("email", "", std::move(value)); }
inline events::v1::Identifier Phone(std::string value) { return Id("phone", "", std::move(value)); }
events::v1::Identifier As(events::v1::IdentifierRole role, events::v1::Identifier identifier);

// A page view of source "web" in kWorkspace.
events::v1::CustomerEvent Event(std::string event_id, std::vector<events::v1::Identifier> identifiers = {});
events::v1::CustomerEvent Linking(std::string event_id, events::v1::Identifier a, events::v1::Identifier b);

// What became of one event.
struct Outcome {
  processor::Offset offset;
  std::vector<events::v1::ProfilesMerged> merged;
  std::vector<events::v1::LinkRefused> refused;
  std::vector<events::v1::LinkRefusalReason> reasons;  // of `refused`
  std::optional<events::v1::DuplicateSeen> duplicate;
  std::optional<events::v1::DeadLettered> dead;
  // As the event stands in `journey`; not set if it was not passed on.
  std::optional<events::v1::Resolution> resolution;
  // "" if it was not passed on.
  std::string profile_id;
};

class Identity {
 public:
  struct Options {
    // With 1 every merge stays in its partition.
    int32_t journey_partitions = 1;
    int32_t max_facts_per_batch = 1'000;
    const identifier::IdentifierRules* rules = &identifier::IdentifierRules::Default();
    // Wraps the processor; null: as it is.
    std::function<std::unique_ptr<processor::Processor>(std::unique_ptr<processor::Processor>)> wrap;
  };
  explicit Identity(Options options);
  Identity() : Identity(Options{}) {}

  processor::testing::ProcessorTestDriver& driver() { return *driver_; }

  // One event, and what came of it.
  Outcome Take(const events::v1::CustomerEvent& event);
  Outcome Take(eventlog::Record record);
  // Without running.
  processor::Offset Append(const events::v1::CustomerEvent& event);

  // The profile that an id or an identifier leads to; "" if it is of none.
  std::string Survivor(const std::string& profile_id);
  std::string ProfileOf(const events::v1::Identifier& identifier,
                        events::v1::SubjectKind kind = events::v1::SUBJECT_KIND_PERSON);
  // All of `journey`, partition by partition.
  std::vector<eventlog::RecordPtr> Journey();
  // Of every event in `journey`, by its id: the profile.
  std::map<std::string, std::string> ProfilesOfEvents();
  // A projection built anew has the same bytes.
  bool RebuildsTheSame();

 private:
  std::unique_ptr<processor::testing::ProcessorTestDriver> driver_;
};

// Shared by all tests.
const identifier::KeyMaker& Keys();

}  // namespace tributary::identity::testing
