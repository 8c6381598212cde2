#include <algorithm>

#include "tributary/identifier/identifier.h"

namespace tributary::identifier {
namespace {

IdentifierRules MakeDefault() {
  using enum IssuerRule;
  using enum ValueForm;
  IdentifierRules rules;
  rules.types = {
      {std::string(kCustomerId), 1, 1, kRequired, kOpaqueText},
      {std::string(kLoyaltyCard), 2, 5, kRequired, kOpaqueText},
      {std::string(kLineUser), 3, 5, kRequired, kOpaqueText},
      {std::string(kEmail), 4, 5, kForbidden, ValueForm::kMailAddress},
      {std::string(kPhone), 5, 5, kForbidden, ValueForm::kPhoneNumber},
      {std::string(kDevice), 6, 100, kRequired, kOpaqueText},
      {std::string(kCookie), 7, 100, kRequired, kOpaqueText},
  };
  rules.custom = {"", 8, 5, kRequired, kOpaqueText};
  rules.blocked_values = {
      "null",
      "(null)",
      "nil",
      "none",
      "nan",
      "n/a",
      "undefined",
      "anonymous",
      "unknown",
      "test",
      "[object object]",
      "ไม่มี",
      "ไม่ทราบ",
      "9774d56d682e549c",  // one Android release gave this device id to every phone
  };
  rules.blocked_phones = {
      "+1???55501??",   // set aside for films and manuals
      "+150055500??",   // a message provider's test numbers
      "+447700900???",  // set aside for drama, as is the next
      "+442079460???",
  };
  return rules;
}

}  // namespace

const IdentifierRules& IdentifierRules::Default() {
  static const IdentifierRules* const rules = new IdentifierRules(MakeDefault());
  return *rules;
}

const TypeRule& IdentifierRules::For(std::string_view type) const {
  const auto found = std::find_if(types.begin(), types.end(), [&](const TypeRule& rule) { return rule.type == type; });
  return found == types.end() ? custom : *found;
}

}  // namespace tributary::identifier
