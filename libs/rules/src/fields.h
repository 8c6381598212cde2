// Which fields rules know, of customers and of events, and how an event's are read.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "google/protobuf/descriptor.h"
#include "tributary/rules/rule.h"

namespace tributary::rules {

enum class Type { kNumber, kMoney, kText, kFlag, kDuration, kTime, kList, kAny };

using Words = std::vector<std::string>;

// What is wrong with a rule.
struct Flaw {
  std::string path;  // in the message, e.g. "rule.comparison.left.field"
  std::string what;
  std::string mend;
};

// Whose fields are meant: the customer's, or those of an event of a type.
struct Scope {
  bool event = false;
  int body = 0;  // number of the field of CustomerEvent.body; 0: of any type
};

// A field as a rule names it.
struct Field {
  std::string name;
  std::string key;  // what follows the first dot
  Type type = Type::kAny;
  std::string currency;          // of money; "": any
  const Words* words = nullptr;  // its only values, if they are a closed set
  bool zero = false;             // of the customer: unknown means 0
  bool of_journey = true;        // of the customer: follows from events
};

// The field that `path` names in `scope`. If there is none, says in `flaw` why, but not where.
std::optional<Field> FindField(std::string_view path, const Scope& scope, Flaw& flaw);

// Number of the type of event of that name; 0 of "" (all). Nothing if there is none, or if such events never count.
std::optional<int> BodyNumber(std::string_view name);
const Words& BodyNames();
const Words& ChannelNames();

// "THB" and the like.
bool IsCurrency(std::string_view text);

// Reads a field of events; ready for every type that has it. Immutable; thread-safe.
class EventField {
 public:
  // `field` as FindField gave it.
  explicit EventField(const Field& field);
  Value Read(const EventView& view) const;
  // Needs what EventView tells without looking up the event.
  bool IsCheap() const { return source_ == Source::kChannel; }

 private:
  // Where it is: in the envelope, or in the message of a body.
  enum class Source { kBody, kChannel, kDirection, kSourceId, kLocation, kBrand, kProperties, kProducts };
  // Of a type of events that has it.
  struct OfBody {
    int body;
    const google::protobuf::FieldDescriptor* message;  // of CustomerEvent
    const google::protobuf::FieldDescriptor* field;    // of that message
  };
  static Source SourceOf(std::string_view name);

  Source source_;
  std::string key_;
  std::vector<OfBody> of_bodies_;
};

}  // namespace tributary::rules
