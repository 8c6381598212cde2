// Identifiers: what joins a customer's events. Their types, the rules about them, and their one normal form.
//
// Everything here is thread-safe; rules are plain data and must not change while they are in use.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"

namespace tributary::identifier {

// Known types. Any other lower_snake_case word of at most 64 bytes is a type as well, ruled by IdentifierRules::custom.
inline constexpr std::string_view kCustomerId = "customer_id";
inline constexpr std::string_view kLoyaltyCard = "loyalty_card";
inline constexpr std::string_view kLineUser = "line_user";
inline constexpr std::string_view kEmail = "email";
inline constexpr std::string_view kPhone = "phone";
inline constexpr std::string_view kDevice = "device";
inline constexpr std::string_view kCookie = "cookie";

// Machine-readable reasons of Normalise's refusals.
namespace reason {
inline constexpr std::string_view kUnknownType = "UNKNOWN_TYPE";            // not a lower_snake_case word
inline constexpr std::string_view kMissingIssuer = "MISSING_ISSUER";        // the type means nothing without one
inline constexpr std::string_view kUnexpectedIssuer = "UNEXPECTED_ISSUER";  // the type is the same whoever gave it
inline constexpr std::string_view kInvalidText = "INVALID_TEXT";  // not UTF-8, or control or invisible characters
inline constexpr std::string_view kTooLong = "TOO_LONG";
inline constexpr std::string_view kBlockedValue = "BLOCKED_VALUE";  // stands for "nobody", or a test value
inline constexpr std::string_view kMalformedPhone = "MALFORMED_PHONE";
inline constexpr std::string_view kMultiplePhones = "MULTIPLE_PHONES";  // see SplitPhones
inline constexpr std::string_view kShortCode = "SHORT_CODE";            // a service's number, no person's
inline constexpr std::string_view kMalformedEmail = "MALFORMED_EMAIL";
}  // namespace reason

// Bytes of an issuer or a value in normal form, and of either as given.
inline constexpr size_t kMaxValueBytes = 256;
inline constexpr size_t kMaxRawBytes = 1024;

struct Identifier {
  std::string type;
  std::string issuer;  // who gave the value: a source, a LINE channel, a loyalty programme; empty for email and phone
  std::string value;   // personal data: never in a key, log line, metric label or error text

  friend bool operator==(const Identifier&, const Identifier&) = default;
};

enum class IssuerRule { kRequired, kForbidden };
enum class ValueForm { kOpaqueText, kMailAddress, kPhoneNumber };

struct TypeRule {
  std::string type;
  int priority = 0;           // 1 is the highest; when a limit would break, the event's lowest goes first
  int limit_per_profile = 0;  // at most so many different values on one profile
  IssuerRule issuer = IssuerRule::kRequired;
  ValueForm form = ValueForm::kOpaqueText;
};

// What a workspace may set for itself. The default instance is EVENTS' table.
struct IdentifierRules {
  std::vector<TypeRule> types;
  TypeRule custom;  // for every type that `types` does not list; its `type` is empty
  // Values that name nobody, in CompareForm. Values of nothing but zeros and punctuation are always blocked.
  absl::flat_hash_set<std::string> blocked_values;
  // Numbers that belong to nobody, in E.164; '?' stands for any one digit. Numbers whose last eight digits are all the
  // same are always blocked.
  std::vector<std::string> blocked_phones;

  static const IdentifierRules& Default();
  // The rule of a type, `custom` if it is not listed. Never fails.
  const TypeRule& For(std::string_view type) const;
};

struct NormaliseOptions {
  // ISO 3166 country of phone numbers that are written without one.
  std::string_view default_region = "TH";
  // Where the identifier stands in the request, for the field of errors: "<field>.value".
  std::string_view field = "identifier";
  const IdentifierRules* rules = &IdentifierRules::Default();
};

// The one form of `raw`: equal forms mean the same identifier. Idempotent. INVALID_ARGUMENT with a reason of the above,
// the field and the mend; the text never holds what was given.
//
// phone    E.164, after any script's digits, full-width forms, "00" for "+" and "(0)". Only numbers that are assigned
//          by their country's plan. An extension is kept: "+6621234567;ext=12" (RFC 3966), since two desks behind one
//          switchboard are two contacts; PhoneParts tells them apart. Service numbers and several numbers in one field
//          are refused, as is "00…" that is a valid number both as international prefix and as a carrier's.
// email    local part in CompareForm (lower case), domain lower-case ASCII (UTS #46, "xn--…"). Dots and plus-tags are
//          kept. Exactly one @, no blanks, quotes or comments, a domain with a dot, 64 and 254 bytes at most.
// other    NormalForm, trimmed, case kept, 1 to 256 bytes, no control or invisible characters.
//
// An issuer is treated as an other value. It is never defaulted here: for cookie and device that is the caller's
// business (the source's id).
absl::StatusOr<Identifier> Normalise(const Identifier& raw, const NormaliseOptions& options = {});

// The numbers in a field that holds one or several ("081 234 5678, 02 123 4567"), each as Normalise gives it, in order,
// repeated ones once. The error of the first that is none.
absl::StatusOr<std::vector<std::string>> SplitPhones(std::string_view raw, const NormaliseOptions& options = {});

// A phone's normal value in its two parts; `extension` is empty if it has none.
struct PhoneParts {
  std::string_view number;     // E.164
  std::string_view extension;  // 1 to 7 digits, leading zeros count
};
PhoneParts PhonePartsOf(std::string_view normal_value);

}  // namespace tributary::identifier
