#include "ingestion/checks.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>

#include "absl/container/flat_hash_set.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "fmt/format.h"
#include "tributary/base/money.h"
#include "tributary/base/status.h"
#include "tributary/identifier/identifier.h"
#include "unicode/strenum.h"
#include "unicode/timezone.h"
#include "unicode/unistr.h"

namespace tributary::ingestion {
namespace {

using google::protobuf::RepeatedPtrField;
using google::protobuf::Timestamp;

constexpr int64_t kMinSeconds = -62'135'596'800;  // 0001-01-01
constexpr int64_t kMaxSeconds = 253'402'300'799;  // 9999-12-31
constexpr int64_t kMaxDurationSeconds = 315'576'000'000;
constexpr int kMaxNanos = 999'999'999;

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsIssuer(std::string_view value) {
  return std::all_of(value.begin(), value.end(),
                     [](char c) { return IsLower(c) || IsDigit(c) || c == '.' || c == '_' || c == '-'; });
}

// [a-z][a-z0-9_]{0,31}
bool IsIdentifierType(std::string_view value) {
  return !value.empty() && value.size() <= 32 && IsLower(value[0]) &&
         std::all_of(value.begin(), value.end(), [](char c) { return IsLower(c) || IsDigit(c) || c == '_'; });
}

absl::flat_hash_set<std::string> AllTimeZones() {
  absl::flat_hash_set<std::string> zones;
  const std::unique_ptr<icu::StringEnumeration> all(icu::TimeZone::createEnumeration());
  UErrorCode error = U_ZERO_ERROR;
  while (all != nullptr) {
    const icu::UnicodeString* const zone = all->snext(error);
    if (zone == nullptr || U_FAILURE(error)) break;
    std::string name;
    zone->toUTF8String(name);
    // Not ICU's own inventions: other libraries must know the name, too.
    const bool iana = name.find('/') != std::string::npos && name.rfind("SystemV/", 0) != 0;
    if (iana || name == "UTC") zones.insert(std::move(name));
  }
  return zones;
}

std::optional<absl::CivilDay> ParseDate(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto number = [&](size_t from, size_t size) {
    int value = -1;
    for (size_t i = from; i < from + size; ++i) {
      if (!IsDigit(text[i])) return -1;
    }
    std::from_chars(text.data() + from, text.data() + from + size, value);
    return value;
  };
  const int year = number(0, 4);
  const int month = number(5, 2);
  const int day = number(8, 2);
  const absl::CivilDay date(year, month, day);  // normalises what is out of range
  if (year < 1 || date.year() != year || date.month() != month || date.day() != day) return std::nullopt;
  return date;
}

void RefuseBuddhistYear(Checks& c, const Path& at, int64_t year) {
  c.Refuse(at, "OUT_OF_RANGE", "has a year that looks like the Buddhist era",
           fmt::format("Send the year {} of the Gregorian calendar", year - kBuddhistEra));
}

}  // namespace

bool IsRegistryId(std::string_view value) {
  return !value.empty() && value.size() <= 63 && IsLower(value[0]) &&
         std::all_of(value.begin(), value.end(), [](char c) { return IsLower(c) || IsDigit(c) || c == '-'; });
}

bool IsCurrencyCode(std::string_view value) {
  return value.size() == 3 && std::all_of(value.begin(), value.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

bool IsTimeZone(std::string_view value) {
  // A set of our own: absl's loader remembers every name that it was ever asked for.
  static const absl::flat_hash_set<std::string>& zones = *new absl::flat_hash_set<std::string>(AllTimeZones());
  return zones.contains(ToAbsl(value));
}

bool IsValid(const Timestamp& time) {
  return time.seconds() >= kMinSeconds && time.seconds() <= kMaxSeconds && time.nanos() >= 0 &&
         time.nanos() <= kMaxNanos;
}

std::string Path::ToString() const {
  if (name_ == nullptr) return "";
  std::string text = parent_->ToString();
  if (!text.empty()) text += '.';
  text += name_;
  if (index_ >= 0) text += fmt::format("[{}]", index_);
  return text;
}

void Checks::Refuse(const Path& at, std::string_view reason, std::string_view message, std::string_view mend) {
  if (!ok()) return;
  error_.set_reason(std::string(reason));
  error_.set_field(at.ToString());
  error_.set_message(std::string(message));
  error_.set_mend(std::string(mend));
}

void Checks::Present(const Path& at, bool present) {
  if (!present) Refuse(at, "REQUIRED", "is missing", "Set it");
}

void Checks::Text(const Path& at, const std::string& value, size_t max_bytes, Need need) {
  if (!ok()) return;
  if (value.empty()) {
    Present(at, need == Need::kOptional);
  } else if (value.size() > max_bytes) {
    Refuse(at, "TOO_LONG", fmt::format("has {} bytes", value.size()), fmt::format("Send at most {}", max_bytes));
  }
}

void Checks::Issuer(const Path& at, const std::string& value, Need need) {
  Text(at, value, 64, need);
  if (ok() && !IsIssuer(value)) {
    Refuse(at, "MALFORMED", "holds other characters than a-z, 0-9, '.', '_' and '-'", "Use those alone");
  }
}

void Checks::Count(const Path& at, int64_t value, int64_t min, int64_t max) {
  if (value < min || value > max) {
    Refuse(at, "OUT_OF_RANGE", "is out of range", fmt::format("Send {} to {}", min, max));
  }
}

void Checks::AtMost(const Path& at, int size, int max) {
  if (size > max) Refuse(at, "TOO_MANY", fmt::format("has {} elements", size), fmt::format("Send at most {}", max));
}

void Checks::Enum(const Path& at, bool valid, int value, Need need) {
  if (!valid) {
    Refuse(at, "MALFORMED", "is no value of this field", "Use one that the contract names");
  } else if (value == 0 && need == Need::kRequired) {
    Present(at, false);
  }
}

void Checks::Date(const Path& at, const std::string& value, Need need) {
  if (!ok()) return;
  if (value.empty()) {
    return Present(at, need == Need::kOptional);
  }
  const std::optional<absl::CivilDay> date = ParseDate(value);
  if (!date.has_value()) return Refuse(at, "MALFORMED", "is no date", "Send YYYY-MM-DD of the Gregorian calendar");
  if (LooksBuddhist(date->year())) RefuseBuddhistYear(*this, at, date->year());
}

void Checks::DateOrder(const Path& at, const std::string& from, const std::string& until, bool same_allowed) {
  if (!ok() || from.empty() || until.empty()) return;
  // Well-formed dates compare as texts.
  if (until < from || (until == from && !same_allowed)) {
    Refuse(at, "OUT_OF_RANGE", "lies before the start", "Put the later date here");
  }
}

void Checks::TimeZone(const Path& at, const std::string& value) {
  if (!ok() || value.empty() || IsTimeZone(value)) return;
  Refuse(at, "UNKNOWN_TIME_ZONE", "is no zone of the IANA database", "Send a name such as Asia/Bangkok");
}

void Checks::Time(const Path& at, const Timestamp& value) {
  ClockTime(at, value);
  if (!ok()) return;
  const auto year = absl::ToCivilYear(absl::FromUnixSeconds(value.seconds()), absl::UTCTimeZone()).year();
  if (LooksBuddhist(year)) RefuseBuddhistYear(*this, at, year);
}

void Checks::ClockTime(const Path& at, const Timestamp& value) {
  if (!ok() || IsValid(value)) return;
  Refuse(at, "MALFORMED", "is no time", "Send seconds of the years 1 to 9999 and nanos of 0 to 999,999,999");
}

void Checks::TimeOrder(const Path& at, const Timestamp& from, const Timestamp& until) {
  Time(at, until);
  if (until.seconds() < from.seconds() || (until.seconds() == from.seconds() && until.nanos() < from.nanos())) {
    Refuse(at, "OUT_OF_RANGE", "lies before the start", "Put the later time here");
  }
}

void Checks::Length(const Path& at, const google::protobuf::Duration& value) {
  if (value.seconds() < 0 || value.nanos() < 0 || value.nanos() > kMaxNanos || value.seconds() > kMaxDurationSeconds) {
    Refuse(at, "OUT_OF_RANGE", "is no length of time", "Send one that is not negative");
  }
}

void Checks::Texts(const Path& at, const char* name, const RepeatedPtrField<std::string>& values, int max_count,
                   size_t max_bytes) {
  AtMost(at[name], values.size(), max_count);
  for (int i = 0; ok() && i < values.size(); ++i) Text(at.At(name, i), values[i], max_bytes, Need::kRequired);
}

void Checks::Decimal(const Path& at, const events::v1::Decimal& value, Sign sign) {
  if (!ok()) return;
  const absl::StatusOr<Amount> amount = Amount::Of(value.units(), value.nanos());
  if (!amount.ok()) {
    Refuse(at, "MALFORMED", "units and nanos are no number",
           "Give both the same sign and nanos of at most 999,999,999");
  } else if (sign == Sign::kPositive && *amount <= Amount()) {
    Refuse(at, "OUT_OF_RANGE", "is not above 0", "Send a number above 0");
  } else if (sign == Sign::kNotNegative && *amount < Amount()) {
    Refuse(at, "OUT_OF_RANGE", "is negative", "Send 0 or more");
  }
}

void Checks::Currency(const Path& at, const std::string& value) {
  if (!ok() || IsCurrencyCode(value)) return;
  Refuse(at, value.empty() ? "REQUIRED" : "MALFORMED", "is no ISO 4217 code",
         "Send three upper-case letters, e.g. THB");
}

void Checks::Money(const Path& at, events::v1::Money& value, Sign sign, std::string* currency) {
  if (!ok()) return;
  if (value.currency().empty()) {
    value.set_currency(currency != nullptr && !currency->empty() ? *currency : std::string(default_currency_));
    changed_ = true;
  }
  Currency(at["currency"], value.currency());
  events::v1::Decimal amount;
  amount.set_units(value.units());
  amount.set_nanos(value.nanos());
  Decimal(at, amount, sign);
  if (!ok() || currency == nullptr) return;
  if (currency->empty()) {
    *currency = value.currency();
  } else if (*currency != value.currency()) {
    Refuse(at["currency"], "CURRENCY_MISMATCH", "differs from the currency of the whole",
           "State every amount in the currency of the whole");
  }
}

void Checks::ExchangeRate(const Path& at, const events::v1::StampedExchangeRate& value) {
  Currency(at["currency"], value.currency());
  Decimal(at["rate"], value.rate(), Sign::kPositive);
  Date(at["date"], value.date());
}

void Checks::Product(const Path& at, const events::v1::ProductRef& value) {
  if (!ok()) return;
  Id(at["product_id"], value.product_id());
  Text(at["name"], value.name(), 512);
  Text(at["category"], value.category(), 256);
  Text(at["brand"], value.brand(), 128);
  Text(at["variant"], value.variant(), 128);
}

void Checks::Order(const Path& at, const events::v1::OrderRef& value) {
  if (!ok()) return;
  Issuer(at["issuer"], value.issuer(), Need::kRequired);
  Id(at["order_id"], value.order_id());
}

void Checks::Identifier(const Path& at, events::v1::Identifier& value) {
  if (!ok()) return;
  if (!IsIdentifierType(value.type())) {
    Refuse(at["type"], value.type().empty() ? "REQUIRED" : "UNKNOWN_TYPE", "is no identifier type",
           "Send customer_id, loyalty_card, line_user, email, phone, device, cookie, or a word of a-z, 0-9 and '_'");
    return;
  }
  const auto& rule = identifier::IdentifierRules::Default().For(value.type());
  if (rule.issuer == identifier::IssuerRule::kForbidden) {
    if (!value.issuer().empty()) {
      Refuse(at["issuer"], identifier::reason::kUnexpectedIssuer, "this type is the same whoever gave it",
             "Leave it empty");
    }
  } else if (!value.issuer().empty()) {
    Issuer(at["issuer"], value.issuer(), Need::kRequired);
  } else if (value.type() == identifier::kCookie || value.type() == identifier::kDevice) {
    value.set_issuer(std::string(source_id_));
    changed_ = true;
  } else {
    Refuse(at["issuer"], identifier::reason::kMissingIssuer, "this type means nothing without who gave it",
           "Name the system, shop or programme that gave the value");
  }
  Text(at["value"], value.value(), 512, Need::kRequired);
  Enum(at["role"], events::v1::IdentifierRole_IsValid(value.role()), value.role(), Need::kOptional);
  Enum(at["verification"], events::v1::Verification_IsValid(value.verification()), value.verification(),
       Need::kOptional);
}

void Checks::ContactPoint(const Path& at, const events::v1::ContactPoint& value) {
  if (!ok()) return;
  Enum(at["channel"], events::v1::Channel_IsValid(value.channel()), value.channel(), Need::kRequired);
  Text(at["address"], value.address(), 4096, Need::kRequired);
  Issuer(at["issuer"], value.issuer(), Need::kOptional);
}

void Checks::Properties(const Path& at, const char* name, RepeatedPtrField<events::v1::Property>& values,
                        int max_count) {
  AtMost(at[name], values.size(), max_count);
  for (int i = 0; ok() && i < values.size(); ++i) {
    const Path property = at.At(name, i);
    Text(property["key"], values[i].key(), 128, Need::kRequired);
    PropertyValue(property["value"], values[i].value(), false);
  }
  if (!ok()) return;
  const auto before = [](const events::v1::Property& a, const events::v1::Property& b) { return a.key() < b.key(); };
  if (!std::is_sorted(values.begin(), values.end(), before)) {
    std::sort(values.begin(), values.end(), before);
    changed_ = true;
  }
  for (int i = 1; i < values.size(); ++i) {
    if (values[i].key() == values[i - 1].key()) {
      return Refuse(at[name], "DUPLICATE", "holds a key twice", "Send each key once");
    }
  }
}

void Checks::PropertyValue(const Path& at, const events::v1::PropertyValue& value, bool in_list) {
  using events::v1::PropertyValue;
  if (!ok()) return;
  switch (value.kind_case()) {
    case PropertyValue::KIND_NOT_SET:
      return Present(at, false);
    case PropertyValue::kStringValue:
      return Text(at["string_value"], value.string_value(), 8192);
    case PropertyValue::kDoubleValue:
      if (!std::isfinite(value.double_value())) {
        Refuse(at["double_value"], "OUT_OF_RANGE", "is not finite", "Leave the property out");
      }
      return;
    case PropertyValue::kDecimalValue:
      if (!Amount::Parse(value.decimal_value()).ok()) {
        Refuse(at["decimal_value"], "MALFORMED", "is no decimal number",
               "Send at most 18 digits before and 9 behind the point");
      }
      return;
    case PropertyValue::kTimeValue:
      return Time(at["time_value"], value.time_value());
    case PropertyValue::kListValue: {
      if (in_list) return Refuse(at, "MALFORMED", "is a list within a list", "Send a list of plain values");
      AtMost(at["list_value"], value.list_value().values_size(), 100);
      for (int i = 0; ok() && i < value.list_value().values_size(); ++i) {
        this->PropertyValue(at["list_value"].At("values", i), value.list_value().values(i), true);
      }
      return;
    }
    default:
      return;
  }
}

void Checks::Addresses(const Path& at, const RepeatedPtrField<events::v1::Address>& values) {
  AtMost(at["addresses"], values.size(), 8);
  for (int i = 0; ok() && i < values.size(); ++i) {
    const Path address = at.At("addresses", i);
    const events::v1::Address& value = values[i];
    Text(address["kind"], value.kind(), 32);
    Texts(address, "lines", value.lines(), 8, 256);
    Text(address["subdistrict"], value.subdistrict(), 128);
    Text(address["district"], value.district(), 128);
    Text(address["province"], value.province(), 128);
    Text(address["postal_code"], value.postal_code(), 16);
    if (!value.country().empty() && (value.country().size() != 2 || !IsCurrencyCode(value.country() + "A"))) {
      Refuse(address["country"], "MALFORMED", "is no ISO 3166 code", "Send two upper-case letters, e.g. TH");
    }
    for (int j = 0; ok() && j < i; ++j) {
      if (values[j].kind() == value.kind()) {
        Refuse(address["kind"], "DUPLICATE", "another address is of the same kind", "Send one of each kind");
      }
    }
  }
}

void Checks::Attachments(const Path& at, const RepeatedPtrField<events::v1::Attachment>& values) {
  AtMost(at["attachments"], values.size(), 20);
  for (int i = 0; ok() && i < values.size(); ++i) {
    const Path attachment = at.At("attachments", i);
    Text(attachment["uri"], values[i].uri(), 2048);
    Text(attachment["content_type"], values[i].content_type(), 127);
    Count(attachment["size_bytes"], values[i].size_bytes(), 0, INT64_MAX);
    Text(attachment["name"], values[i].name(), 255);
  }
}

}  // namespace tributary::ingestion
