#include "text/profile_text.h"

#include "fmt/format.h"
#include "text/format.h"
#include "text/table.h"

namespace tributary::cli {
namespace {

std::string NameText(const events::v1::PersonName& name) {
  if (!name.full().empty()) return name.full();
  std::string text;
  for (const std::string* part : {&name.prefix(), &name.given(), &name.middle(), &name.family()}) {
    if (!part->empty()) text += (text.empty() ? "" : " ") + *part;
  }
  return text.empty() ? name.nickname() : text;
}

std::string AddressText(const events::v1::Address& address) {
  std::string text;
  const auto add = [&](const std::string& part) {
    if (!part.empty()) text += (text.empty() ? "" : ", ") + part;
  };
  for (const std::string& line : address.lines()) add(line);
  for (const std::string* part :
       {&address.subdistrict(), &address.district(), &address.province(), &address.postal_code(), &address.country()}) {
    add(*part);
  }
  return text;
}

std::string PropertyText(const events::v1::PropertyValue& value) {
  if (value.has_string_value()) return value.string_value();
  if (value.has_decimal_value()) return value.decimal_value();
  if (value.has_bool_value()) return value.bool_value() ? "yes" : "no";
  if (value.has_int64_value()) return fmt::format("{}", value.int64_value());
  if (value.has_double_value()) return fmt::format("{}", value.double_value());
  if (value.has_time_value()) return TimeText(value.time_value(), absl::UTCTimeZone()) + " UTC";
  std::string text;
  for (const auto& element : value.list_value().values()) {
    text += (text.empty() ? "" : ", ") + PropertyText(element);
  }
  return text;
}

}  // namespace

std::string NetText(const profile::v1::Profile& profile) {
  std::string text;
  for (const auto& revenue : profile.revenues()) {
    if (!text.empty()) text += ", ";
    text += MoneyText(revenue.net());
  }
  return text.empty() ? "-" : text;
}

std::string IdentifierText(const events::v1::Identifier& identifier) {
  const std::string issuer = identifier.issuer().empty() ? "" : ":" + identifier.issuer();
  return OneLine(fmt::format("{}{}={}", identifier.type(), issuer, identifier.value()), 60);
}

std::string StatedText(const profile::v1::GetTraitsResponse& traits, const std::string& name) {
  const events::v1::TraitsStated& stated = traits.stated();
  const events::v1::AccountStated& account = traits.account();
  if (name == "name") return account.name();
  if (name == "tax_id") return account.tax_id();
  if (name == "branch") return account.branch();
  if (name == "industry") return account.industry();
  if (name == "parent") return IdentifierText(account.parent());
  if (name == "birth_date") return stated.birth_date();
  if (name == "gender") return stated.gender();
  if (name == "language") return stated.language();
  if (name == "time_zone") return stated.time_zone();
  for (const auto& of : stated.names()) {
    if (name == "names." + of.language()) return NameText(of);
  }
  for (const auto& of : stated.addresses()) {
    if (name == "addresses." + of.kind()) return AddressText(of);
  }
  for (const auto& of : stated.traits()) {
    if (name == "traits." + of.key()) return PropertyText(of.value());
  }
  return "";
}

}  // namespace tributary::cli
