#include <string>

#include "src/email.h"
#include "src/phone.h"
#include "src/refusal.h"
#include "src/unicode.h"
#include "tributary/identifier/identifier.h"
#include "tributary/identifier/text.h"

namespace tributary::identifier {
namespace {

constexpr size_t kMaxTypeBytes = 64;
constexpr std::string_view kExtensionMark = ";ext=";

// A lower-case letter first; then letters, digits and single underscores; no underscore last.
bool IsTypeWord(std::string_view type) {
  if (type.empty() || type.size() > kMaxTypeBytes || type.front() < 'a' || type.front() > 'z') return false;
  char before = 0;
  for (const char c : type) {
    const bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!word && (c != '_' || before == '_')) return false;
    before = c;
  }
  return type.back() != '_';
}

bool IsBlockedWord(const IdentifierRules& rules, std::string_view text) {
  return rules.blocked_values.contains(CompareForm(text));
}

// NormalForm, trimmed and checked, of a text whose limits are those of opaque values. `name` is "value" or "issuer".
absl::StatusOr<std::string> PlainText(std::string_view raw, std::string_view name, const NormaliseOptions& options) {
  const auto refuse = [&](std::string_view why, std::string_view what, std::string_view mend) {
    return InvalidField(why, fmt::format("{}.{}", options.field, name), what, mend);
  };
  if (raw.size() > kMaxRawBytes) {
    return refuse(reason::kTooLong, "at most 1024 bytes are read", "Send an identifier of at most 256 bytes");
  }
  if (!IsValidUtf8(raw)) return refuse(reason::kInvalidText, "this is not UTF-8", "Send the text in UTF-8");
  return Trimmed(NormalForm(raw));
}

absl::Status CheckPlain(std::string_view text, std::string_view name, const NormaliseOptions& options) {
  const std::string field = fmt::format("{}.{}", options.field, name);
  if (text.size() > kMaxValueBytes) {
    return InvalidField(reason::kTooLong, field, "at most 256 bytes are allowed", "Send a shorter one");
  }
  if (HasForbiddenCharacters(text)) {
    return InvalidField(reason::kInvalidText, field, "there are control or invisible characters in it",
                        "Send it without them");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> NormaliseIssuer(const Identifier& raw, IssuerRule rule, const NormaliseOptions& options) {
  TRIBUTARY_ASSIGN_OR_RETURN(std::string issuer, PlainText(raw.issuer, "issuer", options));
  const std::string field = fmt::format("{}.issuer", options.field);
  if (rule == IssuerRule::kForbidden) {
    if (issuer.empty()) return issuer;
    return InvalidField(reason::kUnexpectedIssuer, field, "an identifier of this type is the same whoever gave it",
                        "Leave the issuer out");
  }
  if (issuer.empty() || IsBlockedWord(*options.rules, issuer)) {
    return InvalidField(reason::kMissingIssuer, field, "an identifier of this type means nothing without who gave it",
                        "Name the issuer, or use one of the types email and phone");
  }
  TRIBUTARY_RETURN_IF_ERROR(CheckPlain(issuer, "issuer", options));
  return issuer;
}

absl::StatusOr<std::string> NormaliseValue(std::string_view raw, ValueForm form, const NormaliseOptions& options) {
  TRIBUTARY_ASSIGN_OR_RETURN(std::string value, PlainText(raw, "value", options));
  if (IsOnlyZeros(value) || IsBlockedWord(*options.rules, value)) {
    return RefuseValue(options, reason::kBlockedValue, "this value stands for nobody", "Leave the identifier out");
  }
  switch (form) {
    case ValueForm::kPhoneNumber:
      return NormalisePhone(value, options);
    case ValueForm::kMailAddress: {
      TRIBUTARY_ASSIGN_OR_RETURN(std::string address, NormaliseEmail(value, options));
      if (IsBlockedWord(*options.rules, address)) {
        return RefuseValue(options, reason::kBlockedValue, "this address stands for nobody",
                           "Leave the identifier out");
      }
      return address;
    }
    case ValueForm::kOpaqueText:
      break;
  }
  TRIBUTARY_RETURN_IF_ERROR(CheckPlain(value, "value", options));
  return value;
}

}  // namespace

absl::StatusOr<Identifier> Normalise(const Identifier& raw, const NormaliseOptions& options) {
  if (!IsTypeWord(raw.type)) {
    return InvalidField(reason::kUnknownType, fmt::format("{}.type", options.field), "this is not an identifier type",
                        "Use customer_id, loyalty_card, line_user, email, phone, device, cookie, or a lower_snake_case "
                        "word of your own of at most 64 bytes");
  }
  const TypeRule& rule = options.rules->For(raw.type);
  TRIBUTARY_ASSIGN_OR_RETURN(std::string issuer, NormaliseIssuer(raw, rule.issuer, options));
  TRIBUTARY_ASSIGN_OR_RETURN(std::string value, NormaliseValue(raw.value, rule.form, options));
  return Identifier{raw.type, std::move(issuer), std::move(value)};
}

absl::StatusOr<std::vector<std::string>> SplitPhones(std::string_view raw, const NormaliseOptions& options) {
  TRIBUTARY_ASSIGN_OR_RETURN(const std::string text, PlainText(raw, "value", options));
  if (IsOnlyZeros(text) || IsBlockedWord(*options.rules, text)) {
    return RefuseValue(options, reason::kBlockedValue, "this value stands for nobody", "Leave the identifier out");
  }
  return NormalisePhones(text, options);
}

PhoneParts PhonePartsOf(std::string_view normal_value) {
  const size_t mark = normal_value.find(kExtensionMark);
  if (mark == std::string_view::npos) return {normal_value, {}};
  return {normal_value.substr(0, mark), normal_value.substr(mark + kExtensionMark.size())};
}

}  // namespace tributary::identifier
