#include "src/fields.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <cstdint>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "fmt/format.h"
#include "src/suggest.h"
#include "tributary/base/status.h"
#include "tributary/identifier/text.h"

namespace tributary::rules {
namespace {

using events::v1::CustomerEvent;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;

constexpr size_t kMaxNameBytes = 64;
constexpr size_t kMaxKeyBytes = 128;
constexpr size_t kMaxProgrammeBytes = 64;

// Fields of customers. "zero" and "of_journey" are those of Field.
struct CustomerField {
  FieldDescription told;
  Type type;
  bool zero = false;
  bool of_journey = true;
};

const std::vector<CustomerField>& CustomerTable() {
  static const auto* const table = new std::vector<CustomerField>{
      {{"average_order_value", "currency", "money", "Gross revenue by orders; unknown without orders."}, Type::kMoney},
      {{"birth_date", "", "text", "As stated: YYYY-MM-DD, or --MM-DD without a year."}, Type::kText},
      {{"entry_count", "", "number", "Entries of the journey that count."}, Type::kNumber, true},
      {{"favourite_channel", "", "channel", "The channel of most entries that are not from us."}, Type::kText},
      {{"first_order_at", "", "time", "When the first order was placed."}, Type::kTime},
      {{"first_seen_at", "", "time", "When the first entry occurred."}, Type::kTime},
      {{"gender", "", "text", "The person's own word."}, Type::kText},
      {{"gross_revenue", "currency", "money", "Totals of the orders that count as revenue."}, Type::kMoney, true},
      {{"language", "", "text", "Preferred language, BCP 47."}, Type::kText},
      {{"last_order_at", "", "time", "When the last order was placed."}, Type::kTime},
      {{"last_seen_at", "", "time", "When the last entry occurred."}, Type::kTime},
      {{"last_stay_departure", "", "time", "Day on which the last stay ends, at midnight UTC."}, Type::kTime},
      {{"net_revenue", "currency", "money", "Gross revenue less what was returned."}, Type::kMoney, true},
      {{"order_count", "", "number", "Orders that count as revenue, in all currencies."}, Type::kNumber, true},
      {{"orders_per_30_days", "", "number", "How often the customer orders; unknown with fewer than two orders."},
       Type::kNumber},
      {{"points", "programme", "number", "Balance of the points of a programme."}, Type::kNumber, true},
      {{"recency", "", "duration", "Time since last_order_at; unknown without orders."}, Type::kDuration},
      {{"returned", "currency", "money", "Refunds, not negative."}, Type::kMoney, true},
      {{"subject_kind", "", "text", "person, account or household."}, Type::kText, false, false},
      {{"traits", "key", "any", "A further trait as last stated."}, Type::kAny},
      {{"value_tier", "", "text", "The value tier that the customer is in."}, Type::kText, false, false},
  };
  return *table;
}

// Fields of events. Those with `bodies` are fields of those bodies' messages, of the same name.
struct EventTableRow {
  EventFieldDescription told;
  Type type;
};

const std::vector<EventTableRow>& EventTable() {
  static const auto* const table = new std::vector<EventTableRow>{
      {{"action", "", "text", "product_interacted", "What was done, e.g. added_to_cart."}, Type::kText},
      {{"amount", "", "money", "opportunity_stated, payment_recorded", "The amount."}, Type::kMoney},
      {{"brand", "", "text", "", "Id of the brand."}, Type::kText},
      {{"channel", "", "channel", "", "Where it took place."}, Type::kText},
      {{"direction", "", "text", "", "inbound (from the customer) or outbound."}, Type::kText},
      {{"kind", "", "text", "feedback_given, interaction_recorded, points_posted, task_stated", "What it is."},
       Type::kText},
      {{"location", "", "text", "", "Id of the shop, restaurant, hotel."}, Type::kText},
      {{"name", "", "text", "page_viewed, screen_viewed, tracked", "The client's name for it."}, Type::kText},
      {{"points", "", "number", "points_posted", "Points added; negative: taken."}, Type::kNumber},
      {{"product", "", "list", "cart_stated, order_stated, product_interacted, return_stated", "Ids of its products."},
       Type::kList},
      {{"programme", "", "text", "points_posted, tier_stated", "The loyalty programme."}, Type::kText},
      {{"properties", "key", "any", "", "A property."}, Type::kAny},
      {{"rating", "", "number", "feedback_given, public_post_observed", "The rating given."}, Type::kNumber},
      {{"refund", "", "money", "return_stated", "Paid back in all."}, Type::kMoney},
      {{"source", "", "text", "", "Id of the source."}, Type::kText},
      {{"status", "", "text",
        "delivery_reported, fulfilment_stated, offer_stated, order_stated, payment_recorded, return_stated, "
        "stay_stated, task_stated",
        "Where it stands, e.g. completed."},
       Type::kText},
      {{"tier", "", "text", "tier_stated", "The programme's tier."}, Type::kText},
      {{"topic", "", "text", "feedback_given, interaction_recorded, note_written", "What it is about."}, Type::kText},
      {{"total", "", "money", "cart_stated, order_stated, stay_stated", "What it comes to."}, Type::kMoney},
  };
  return *table;
}

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// "OrderStated.Status" gives "STATUS_", "Channel" gives "CHANNEL_": what its names begin with.
std::string Prefix(const EnumDescriptor& type) {
  constexpr std::string_view kUnspecified = "UNSPECIFIED";
  const std::string& zero = type.FindValueByNumber(0)->name();
  return zero.substr(0, zero.size() - kUnspecified.size());
}

std::string WordOf(const EnumDescriptor& type, int number) {
  const auto* value = type.FindValueByNumber(number);
  return value == nullptr ? "" : Lower(value->name().substr(Prefix(type).size()));
}

Words WordsOf(const EnumDescriptor& type) {
  Words words;
  for (int i = 0; i < type.value_count(); ++i) {
    if (type.value(i)->number() != 0) words.push_back(WordOf(type, type.value(i)->number()));
  }
  return words;
}

// What "not stated" is the same as, by the contracts of events.
std::string WordOfZero(const EnumDescriptor& type) {
  if (&type == events::v1::OrderStated::Status_descriptor()) return "placed";
  if (&type == events::v1::ReturnStated::Status_descriptor()) return "completed";
  if (&type == events::v1::TaskStated::Status_descriptor()) return "open";
  return "";
}

const FieldDescriptor* BodyField(int number) { return CustomerEvent::descriptor()->FindFieldByNumber(number); }

// The field of that name in the message of a body, or null.
const FieldDescriptor* FieldOfBody(int body, std::string_view name) {
  const FieldDescriptor* field = BodyField(body);
  return field == nullptr ? nullptr : field->message_type()->FindFieldByName(std::string(name));
}

// The words of a field of events of that type, if it is an enum; the sets live for ever.
const Words* WordsOfEventField(std::string_view name, int body) {
  static const Words* const directions = new Words(WordsOf(*events::v1::Direction_descriptor()));
  if (name == "channel") return &ChannelNames();
  if (name == "direction") return directions;
  static const auto* const sets = [] {
    auto* all = new std::vector<std::pair<const EnumDescriptor*, Words>>;
    const auto* bodies = CustomerEvent::descriptor()->FindOneofByName("body");
    for (int i = 0; i < bodies->field_count(); ++i) {
      const auto* message = bodies->field(i)->message_type();
      for (int j = 0; j < message->field_count(); ++j) {
        const EnumDescriptor* type = message->field(j)->enum_type();
        if (type != nullptr) all->emplace_back(type, WordsOf(*type));
      }
    }
    return all;
  }();
  const FieldDescriptor* field = FieldOfBody(body, name);
  if (field == nullptr || field->enum_type() == nullptr) return nullptr;
  for (const auto& [type, words] : *sets) {
    if (type == field->enum_type()) return &words;
  }
  return nullptr;
}

std::vector<std::string> BodiesOf(const EventFieldDescription& field) {
  if (field.bodies.empty()) return {};
  return absl::StrSplit(ToAbsl(field.bodies), ", ");
}

bool IsProgramme(std::string_view text) {
  return !text.empty() && text.size() <= kMaxProgrammeBytes && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  });
}

bool IsName(std::string_view text) {
  return !text.empty() && text.size() <= kMaxNameBytes && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

// Whether `key` is one of the kind; says in `flaw` what is wrong.
bool KeyIsGood(std::string_view name, std::string_view kind, std::optional<std::string_view> key, Flaw& flaw) {
  if (kind.empty()) {
    if (!key.has_value()) return true;
    flaw.what = fmt::format("`{}` has nothing after a dot", name);
    flaw.mend = fmt::format("Write `{}`.", name);
    return false;
  }
  if (!key.has_value()) {
    flaw.what = fmt::format("`{}` lacks its {}", name, kind);
    flaw.mend = fmt::format("Write e.g. `{}.{}`.", name, kind == "currency" ? "THB" : "club");
    return false;
  }
  if (kind == "currency" && !IsCurrency(*key)) {
    flaw.what = fmt::format("`{}` needs a currency after the dot", name);
    flaw.mend = fmt::format("Write three upper-case letters, e.g. `{}.THB`.", name);
    return false;
  }
  if (kind == "programme" && !IsProgramme(*key)) {
    flaw.what = fmt::format("`{}` needs a programme after the dot", name);
    flaw.mend = "A programme has 1 to 64 of a-z, 0-9, `.`, `_` and `-`.";
    return false;
  }
  if (key->empty() || key->size() > kMaxKeyBytes || !identifier::IsValidUtf8(*key)) {
    flaw.what = fmt::format("`{}` needs a key of 1 to {} bytes of UTF-8 after the dot", name, kMaxKeyBytes);
    flaw.mend = "Name the key as it is stated.";
    return false;
  }
  return true;
}

const Words& SubjectKinds() {
  static const auto* const words = new Words(WordsOf(*events::v1::SubjectKind_descriptor()));
  return *words;
}

std::optional<Field> FindCustomerField(std::string_view name, std::optional<std::string_view> key, Flaw& flaw) {
  std::vector<std::string> names;
  for (const CustomerField& row : CustomerTable()) {
    if (row.told.name != name) {
      names.emplace_back(row.told.name);
      continue;
    }
    if (!KeyIsGood(name, row.told.key, key, flaw)) return std::nullopt;
    Field field{.name = std::string(name),
                .key = std::string(key.value_or("")),
                .type = row.type,
                .zero = row.zero,
                .of_journey = row.of_journey};
    if (row.type == Type::kMoney) field.currency = field.key;
    if (name == "favourite_channel") field.words = &ChannelNames();
    if (name == "subject_kind") field.words = &SubjectKinds();
    return field;
  }
  flaw.what = fmt::format("customers have no field `{}`", name);
  flaw.mend = DidYouMean(name, names, fmt::format("Further traits are `traits.{}`.", name));
  return std::nullopt;
}

std::optional<Field> FindEventField(std::string_view name, std::optional<std::string_view> key, int body, Flaw& flaw) {
  const std::string body_name = body == 0 ? "" : BodyField(body)->name();
  std::vector<std::string> names;
  for (const EventTableRow& row : EventTable()) {
    const std::vector<std::string> bodies = BodiesOf(row.told);
    const bool has_it =
        body == 0 || bodies.empty() || std::find(bodies.begin(), bodies.end(), body_name) != bodies.end();
    if (row.told.name != name) {
      if (has_it) names.emplace_back(row.told.name);
      continue;
    }
    if (!has_it) {
      flaw.what = fmt::format("`{}` has no field `{}`", body_name, name);
      flaw.mend = fmt::format("It is a field of {}.", Enumerated(bodies));
      return std::nullopt;
    }
    if (!KeyIsGood(name, row.told.key, key, flaw)) return std::nullopt;
    return Field{
        .name = std::string(name),
        .key = std::string(key.value_or("")),
        .type = row.type,
        .words = WordsOfEventField(name, body == 0 && bodies.size() == 1 ? BodyNumber(bodies[0]).value_or(0) : body)};
  }
  flaw.what = body == 0 ? fmt::format("events have no field `{}`", name)
                        : fmt::format("`{}` has no field `{}`", body_name, name);
  flaw.mend = DidYouMean(name, names, fmt::format("Properties are `properties.{}`.", name));
  return std::nullopt;
}

Value TextOrUnknown(const std::string& text) { return text.empty() ? Value() : Value(text); }

template <typename Number>
Value NumberOrUnknown(const Number& number) {
  const auto amount = Amount::Of(number.units(), number.nanos());
  return amount.ok() ? Value(*amount) : Value();
}

Value MoneyOrUnknown(const events::v1::Money& money) {
  const auto amount = Amount::Of(money.units(), money.nanos());
  return amount.ok() ? Value(MoneyValue{money.currency(), *amount}) : Value();
}

Value WordOrUnknown(const EnumDescriptor& type, int number) {
  return TextOrUnknown(number == 0 ? WordOfZero(type) : WordOf(type, number));
}

// The products of a body: of its lines, or its only one.
Value ProductsOf(const CustomerEvent& event) {
  std::vector<std::string> ids;
  const auto add = [&ids](const events::v1::ProductRef& product) {
    if (!product.product_id().empty()) ids.push_back(product.product_id());
  };
  for (const auto& line : event.order_stated().lines()) add(line.product());
  for (const auto& line : event.return_stated().lines()) add(line.product());
  for (const auto& line : event.cart_stated().lines()) add(line.product());
  add(event.product_interacted().product());
  return ids.empty() ? Value() : Value(std::move(ids));
}

Value PropertyOf(const CustomerEvent& event, std::string_view key) {
  for (const auto& property : event.properties()) {
    if (property.key() == key) return ValueOf(property.value());
  }
  return {};
}

// A field of the message of a body.
Value ReadField(const google::protobuf::Message& message, const FieldDescriptor* field) {
  const auto& reflection = *message.GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_ENUM:
      return WordOrUnknown(*field->enum_type(), reflection.GetEnumValue(message, field));
    case FieldDescriptor::CPPTYPE_STRING:
      return TextOrUnknown(reflection.GetString(message, field));
    case FieldDescriptor::CPPTYPE_INT64: {
      const auto amount = Amount::Of(reflection.GetInt64(message, field), 0);
      return amount.ok() ? Value(*amount) : Value();
    }
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      if (!reflection.HasField(message, field)) return {};
      const auto& inner = reflection.GetMessage(message, field);
      if (field->message_type() == events::v1::Money::descriptor()) {
        return MoneyOrUnknown(static_cast<const events::v1::Money&>(inner));
      }
      return NumberOrUnknown(static_cast<const events::v1::Decimal&>(inner));
    }
    default:
      return {};
  }
}

}  // namespace

std::optional<Field> FindField(std::string_view path, const Scope& scope, Flaw& flaw) {
  const size_t dot = path.find('.');
  const std::string_view name = path.substr(0, dot);
  std::optional<std::string_view> key;
  if (dot != std::string_view::npos) key = path.substr(dot + 1);
  if (!IsName(name)) {
    flaw.what = "this is no name of a field";
    flaw.mend = "Names are of a-z, 0-9 and `_`.";
    return std::nullopt;
  }
  return scope.event ? FindEventField(name, key, scope.body, flaw) : FindCustomerField(name, key, flaw);
}

const Words& BodyNames() {
  static const auto* const names = [] {
    auto* all = new Words;
    const auto* bodies = CustomerEvent::descriptor()->FindOneofByName("body");
    for (int i = 0; i < bodies->field_count(); ++i) {
      const int number = bodies->field(i)->number();
      // They say of other events that they are void or wrong, and never count themselves.
      if (number == CustomerEvent::kEventRetractedFieldNumber || number == CustomerEvent::kEventCorrectedFieldNumber) {
        continue;
      }
      all->push_back(bodies->field(i)->name());
    }
    return all;
  }();
  return *names;
}

std::optional<int> BodyNumber(std::string_view name) {
  if (name.empty()) return 0;
  const Words& names = BodyNames();
  if (std::find(names.begin(), names.end(), name) == names.end()) return std::nullopt;
  return CustomerEvent::descriptor()->FindFieldByName(std::string(name))->number();
}

const Words& ChannelNames() {
  static const auto* const names = new Words(WordsOf(*events::v1::Channel_descriptor()));
  return *names;
}

std::string_view ChannelName(events::v1::Channel channel) {
  const Words& names = ChannelNames();
  // The numbers run from 1 without a gap; a test holds them to it.
  if (channel < 1 || static_cast<size_t>(channel) > names.size()) return "";
  return names[static_cast<size_t>(channel) - 1];
}

bool IsCurrency(std::string_view text) {
  return text.size() == 3 && std::all_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

Value ValueOf(const events::v1::PropertyValue& value) {
  using Kind = events::v1::PropertyValue;
  const auto known = [](const absl::StatusOr<Amount>& amount) { return amount.ok() ? Value(*amount) : Value(); };
  switch (value.kind_case()) {
    case Kind::kStringValue:
      return value.string_value();
    case Kind::kBoolValue:
      return value.bool_value();
    case Kind::kInt64Value:
      return known(Amount::Of(value.int64_value(), 0));
    case Kind::kDoubleValue:
      return known(Amount::FromDouble(value.double_value()));
    case Kind::kDecimalValue:
      return known(Amount::Parse(value.decimal_value()));
    case Kind::kTimeValue:
      return absl::FromUnixSeconds(value.time_value().seconds()) + absl::Nanoseconds(value.time_value().nanos());
    case Kind::kListValue: {
      std::vector<std::string> texts;
      for (const auto& element : value.list_value().values()) {
        if (element.kind_case() == Kind::kStringValue) texts.push_back(element.string_value());
      }
      return texts;
    }
    case Kind::KIND_NOT_SET:
      return {};
  }
  return {};
}

EventField::Source EventField::SourceOf(std::string_view name) {
  if (name == "channel") return Source::kChannel;
  if (name == "direction") return Source::kDirection;
  if (name == "source") return Source::kSourceId;
  if (name == "location") return Source::kLocation;
  if (name == "brand") return Source::kBrand;
  if (name == "properties") return Source::kProperties;
  if (name == "product") return Source::kProducts;
  return Source::kBody;
}

EventField::EventField(const Field& field) : source_(SourceOf(field.name)), key_(field.key) {
  if (source_ != Source::kBody) return;
  for (const EventTableRow& row : EventTable()) {
    if (row.told.name != field.name) continue;
    for (const std::string& name : BodiesOf(row.told)) {
      const FieldDescriptor* message = CustomerEvent::descriptor()->FindFieldByName(name);
      of_bodies_.push_back({message->number(), message, message->message_type()->FindFieldByName(field.name)});
    }
  }
}

Value EventField::Read(const EventView& view) const {
  if (source_ == Source::kChannel) return TextOrUnknown(std::string(ChannelName(view.channel())));
  if (source_ == Source::kBody) {
    const auto of = std::find_if(of_bodies_.begin(), of_bodies_.end(),
                                 [body = view.body()](const OfBody& candidate) { return candidate.body == body; });
    if (of == of_bodies_.end()) return {};
    const CustomerEvent& event = view.event();
    return ReadField(event.GetReflection()->GetMessage(event, of->message), of->field);
  }
  const CustomerEvent& event = view.event();
  switch (source_) {
    case Source::kDirection:
      return WordOrUnknown(*events::v1::Direction_descriptor(), event.direction());
    case Source::kSourceId:
      return TextOrUnknown(event.source_id());
    case Source::kLocation:
      return TextOrUnknown(event.location_id());
    case Source::kBrand:
      return TextOrUnknown(event.brand_id());
    case Source::kProperties:
      return PropertyOf(event, key_);
    case Source::kProducts:
      return ProductsOf(event);
    case Source::kBody:
    case Source::kChannel:
      break;
  }
  return {};
}

const std::vector<FieldDescription>& CustomerFields() {
  static const auto* const fields = [] {
    auto* all = new std::vector<FieldDescription>;
    for (const CustomerField& row : CustomerTable()) all->push_back(row.told);
    return all;
  }();
  return *fields;
}

const std::vector<EventFieldDescription>& EventFields() {
  static const auto* const fields = [] {
    auto* all = new std::vector<EventFieldDescription>;
    for (const EventTableRow& row : EventTable()) all->push_back(row.told);
    return all;
  }();
  return *fields;
}

}  // namespace tributary::rules
