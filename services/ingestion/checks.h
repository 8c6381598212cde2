// Checks of an event's fields. The first that fails is kept; all after it do nothing, so that checks stand one under
// the other without branches. Paths are put together only when something is wrong.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "google/protobuf/duration.pb.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "google/protobuf/timestamp.pb.h"
#include "tributary/events/v1/commerce.pb.h"
#include "tributary/events/v1/identifier.pb.h"
#include "tributary/events/v1/value.pb.h"
#include "tributary/ingestion/v1/ingestion.pb.h"

namespace tributary::ingestion {

// Where a field stands in the event, as a chain of names up the stack. A path made in passing lives as long as the full
// expression.
class Path {
 public:
  Path() = default;
  Path operator[](const char* name) const { return Path(this, name, -1); }
  Path At(const char* name, int index) const { return Path(this, name, index); }
  // "order_stated.lines[2].quantity"; "" for the event as a whole.
  std::string ToString() const;

 private:
  Path(const Path* parent, const char* name, int index) : parent_(parent), name_(name), index_(index) {}
  const Path* parent_ = nullptr;
  const char* name_ = nullptr;
  int index_ = -1;
};

enum class Need { kOptional, kRequired };

// May also put right what has a default; `changed` tells whether it did. Nothing that it says holds a value of the
// event.
class Checks {
 public:
  // `source_id`: the issuer of cookies and devices that name none. `default_currency`: of money that names none. Both
  // must outlive this.
  Checks(std::string_view source_id, std::string_view default_currency)
      : source_id_(source_id), default_currency_(default_currency) {}

  bool ok() const { return error_.reason().empty(); }
  const v1::IngestError& error() const { return error_; }
  bool changed() const { return changed_; }
  void set_changed() { changed_ = true; }

  // Of several errors the first counts.
  void Refuse(const Path& at, std::string_view reason, std::string_view message, std::string_view mend);
  // REQUIRED unless `present`.
  void Present(const Path& at, bool present);
  // Bytes; REQUIRED, TOO_LONG.
  void Text(const Path& at, const std::string& value, size_t max_bytes, Need need = Need::kOptional);
  // 1 to 128 bytes, required.
  void Id(const Path& at, const std::string& value) { Text(at, value, 128, Need::kRequired); }
  // [a-z0-9._-]{1,64}.
  void Issuer(const Path& at, const std::string& value, Need need);
  void Count(const Path& at, int64_t value, int64_t min, int64_t max);
  // At most so many elements.
  void AtMost(const Path& at, int size, int max);
  // A defined value of an enum; other than 0 if required.
  void Enum(const Path& at, bool valid, int value, Need need);
  // YYYY-MM-DD of the Gregorian calendar; OUT_OF_RANGE for a year that looks like the Buddhist era.
  void Date(const Path& at, const std::string& value, Need need = Need::kOptional);
  // `until` is after `from`, if both are given and well-formed.
  void DateOrder(const Path& at, const std::string& from, const std::string& until, bool same_allowed);
  void TimeZone(const Path& at, const std::string& value);
  // OUT_OF_RANGE for a year that looks like the Buddhist era.
  void Time(const Path& at, const google::protobuf::Timestamp& value);
  // Any year: read off a clock whose error may be known.
  void ClockTime(const Path& at, const google::protobuf::Timestamp& value);
  void TimeOrder(const Path& at, const google::protobuf::Timestamp& from, const google::protobuf::Timestamp& until);
  void Length(const Path& at, const google::protobuf::Duration& value);
  void Texts(const Path& at, const char* name, const google::protobuf::RepeatedPtrField<std::string>& values,
             int max_count, size_t max_bytes);

  enum class Sign { kAny, kNotNegative, kPositive };
  void Decimal(const Path& at, const events::v1::Decimal& value, Sign sign);
  // If `*currency` is not empty the amount must be in it; otherwise it is set to the amount's.
  void Money(const Path& at, events::v1::Money& value, Sign sign, std::string* currency = nullptr);
  void Currency(const Path& at, const std::string& value);
  void ExchangeRate(const Path& at, const events::v1::StampedExchangeRate& value);
  void Product(const Path& at, const events::v1::ProductRef& value);
  void Order(const Path& at, const events::v1::OrderRef& value);
  // Shape only: what does not normalise is for identity to refuse, with a record.
  void Identifier(const Path& at, events::v1::Identifier& value);
  void ContactPoint(const Path& at, const events::v1::ContactPoint& value);
  // Sorted here; a key that comes twice is refused.
  void Properties(const Path& at, const char* name, google::protobuf::RepeatedPtrField<events::v1::Property>& values,
                  int max_count);
  void Addresses(const Path& at, const google::protobuf::RepeatedPtrField<events::v1::Address>& values);
  void Attachments(const Path& at, const google::protobuf::RepeatedPtrField<events::v1::Attachment>& values);

 private:
  void PropertyValue(const Path& at, const events::v1::PropertyValue& value, bool in_list);

  const std::string_view source_id_;
  const std::string_view default_currency_;
  v1::IngestError error_;
  bool changed_ = false;
};

// A year of the Buddhist era is the Gregorian one and 543. Nobody means the Gregorian years 2400 to 2700, while 9999 is
// often written for "no end".
inline constexpr int64_t kBuddhistEra = 543;
constexpr bool LooksBuddhist(int64_t year) { return year >= 2400 && year <= 2700; }

// [a-z][a-z0-9-]{0,62}: ids of workspaces and sources.
bool IsRegistryId(std::string_view value);
// Three upper-case letters.
bool IsCurrencyCode(std::string_view value);
// A zone of the IANA database.
bool IsTimeZone(std::string_view value);
bool IsValid(const google::protobuf::Timestamp& time);

}  // namespace tributary::ingestion
