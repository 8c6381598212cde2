// The table of cases that says what Normalise does; the property tests go over it too.
#pragma once

#include <string>
#include <vector>

#include "tributary/identifier/identifier.h"

namespace tributary::identifier {

struct Accepted {
  std::string type, raw, normal;
};

struct Refused {
  std::string type, raw;
  std::string_view reason;
};

// Issuer that the type needs, for cases that are not about issuers.
inline std::string IssuerFor(std::string_view type) { return type == kEmail || type == kPhone ? "" : "issuer"; }

inline std::vector<Accepted> AcceptedCases() {
  const std::string mobile = "+66812345678";
  return {
      // Spellings of one Thai mobile number.
      {"phone", "081 234 5678", mobile},
      {"phone", "0812345678", mobile},
      {"phone", "081-234-5678", mobile},
      {"phone", "(081) 234.5678", mobile},
      {"phone", "+66812345678", mobile},
      {"phone", "+66 (0)81 234 5678", mobile},
      {"phone", "+66(0) 81 234 5678", mobile},
      {"phone", "+66 ( 0 ) 81 234 5678", mobile},
      {"phone", "(+66) 81 234 5678", mobile},
      {"phone", "+66 081 234 5678", mobile},
      {"phone", "0066812345678", mobile},
      {"phone", "00 66 81 234 5678", mobile},
      {"phone", "0066 (0)81 234 5678", mobile},
      {"phone", "001 66 81 234 5678", mobile},
      {"phone", "66812345678", mobile},
      {"phone", "812345678", mobile},
      {"phone", "๐๘๑ ๒๓๔ ๕๖๗๘", mobile},
      {"phone", "+๖๖ (๐)๘๑ ๒๓๔ ๕๖๗๘", mobile},
      {"phone", "０８１２３４５６７８", mobile},
      {"phone", "＋６６（０）８１　２３４　５６７８", mobile},
      {"phone", "\u202A+66 81\u00A0234\u20115678\u202C", mobile},
      {"phone", " 081–234–5678,\n", mobile},
      {"phone", "tel:+66-81-234-5678", mobile},
      {"phone", "โทร. 081 234 5678", mobile},
      // Landlines and extensions.
      {"phone", "02 123 4567", "+6621234567"},
      {"phone", "๐๕๓-๑๒๓๔๕๖", "+6653123456"},
      {"phone", "02-123-4567 ต่อ 12", "+6621234567;ext=12"},
      {"phone", "๐๒-๑๒๓-๔๕๖๗ ต่อ ๑๒", "+6621234567;ext=12"},
      {"phone", "02 123 4567 ext. 12", "+6621234567;ext=12"},
      {"phone", "02 123 4567 Extension: 12", "+6621234567;ext=12"},
      {"phone", "02-123-4567x12", "+6621234567;ext=12"},
      {"phone", "02 123 4567 #12", "+6621234567;ext=12"},
      {"phone", "tel:+66-2-123-4567;ext=12", "+6621234567;ext=12"},
      {"phone", "02 123 4567 ext 012", "+6621234567;ext=012"},
      // Other countries.
      {"phone", "+1 (650) 253-0000", "+16502530000"},
      {"phone", "001 1 650 253 0000", "+16502530000"},
      {"phone", "+44 (0)161 496 0123", "+441614960123"},
      {"phone", "+39 06 698 12345", "+390669812345"},
      {"phone", "+65 (0)6123 4567", "+6561234567"},
      // Mail.
      {"email", "somchai@example.com", "somchai@example.com"},
      {"email", "  Somchai.J@Example.COM \r\n", "somchai.j@example.com"},
      {"email", "SOM.chai+Shop@example.com", "som.chai+shop@example.com"},
      {"email", "ｓｏｍ＠ｅｘａｍｐｌｅ．ｃｏｍ", "som@example.com"},
      {"email", "\uFEFFsom@example.com\u200B", "som@example.com"},
      {"email", "ÉCOLE@example.com", "école@example.com"},
      {"email", "info@ไทย.ไทย", "info@xn--o3cw4h.xn--o3cw4h"},
      {"email", "info@XN--O3CW4H.xn--o3cw4h", "info@xn--o3cw4h.xn--o3cw4h"},
      {"email", "a@straße.example", "a@xn--strae-oqa.example"},
      {"email", "น\u0E4D\u0E49าใจ@example.com", "น\u0E49\u0E33ใจ@example.com"},
      // Everything else: case is kept.
      {"customer_id", "  C-001\t", "C-001"},
      {"loyalty_card", "１２３４ ５６", "1234 56"},
      {"loyalty_card", "น\u0E4D\u0E49า-๑", "น\u0E49\u0E33-๑"},
      {"line_user", "U4af4980629", "U4af4980629"},
      {"device", "38400000-8cf0-11bd-b23e-10b96e40000d", "38400000-8cf0-11bd-b23e-10b96e40000d"},
      {"cookie", "GA1.2.33", "GA1.2.33"},
      {"hotel_guest_no", "77", "77"},
      {"customer_id", std::string(256, 'a'), std::string(256, 'a')},
  };
}

inline std::vector<Refused> RefusedCases() {
  using namespace reason;
  std::vector<Refused> cases = {
      {"phone", "081-234-5678, 089-123-4567", kMultiplePhones},
      {"phone", "081-234-5678/089-123-4567", kMultiplePhones},
      {"phone", "0812345678 0891234567", kMultiplePhones},
      {"phone", "081 234 5678 02 123 4567", kMultiplePhones},
      {"phone", "+66812345678+66891234567", kMultiplePhones},
      {"phone", "๐๘๑๒๓๔๕๖๗๘ หรือ ๐๘๙๑๒๓๔๕๖๗", kMultiplePhones},
      {"phone", "0812345678\n0891234567", kMultiplePhones},
      {"phone", "02-123-4567/8", kMultiplePhones},
      {"phone", "02 123 4567 ext 12, 02 123 4568 ext 13", kMultiplePhones},
      {"phone", "1669", kShortCode},
      {"phone", "1150", kShortCode},
      {"phone", "191", kShortCode},
      {"phone", "๑๖๖๙", kShortCode},
      {"phone", "+66 1669", kShortCode},
      {"phone", "0000000000", kBlockedValue},
      {"phone", "000-000-0000", kBlockedValue},
      {"phone", "๐๐๐๐๐๐๐๐๐๐", kBlockedValue},
      {"phone", "+66 000 000 000", kBlockedValue},
      {"phone", "+66 00 000 0000", kBlockedValue},
      {"phone", "0800000000", kBlockedValue},
      {"phone", "099 999 9999", kBlockedValue},
      {"phone", "1111111111", kBlockedValue},
      {"phone", "+1 202 555 0123", kBlockedValue},
      {"phone", "N/A", kBlockedValue},
      {"phone", "0123456789", kMalformedPhone},
      {"phone", "02-123-4567-9", kMalformedPhone},
      {"phone", "081 234 567", kMalformedPhone},
      {"phone", "+668123456789", kMalformedPhone},
      {"phone", "+999 123 456 789", kMalformedPhone},
      {"phone", "08-FLOWERS", kMalformedPhone},
      {"phone", "8.1E+08", kMultiplePhones},
      {"phone", "081 234 5678, home", kMalformedPhone},
      {"phone", "081 234 5678 (home)", kMalformedPhone},
      {"phone", "02 123 4567 ext 12-15", kMalformedPhone},
      {"phone", "02 123 4567 ext 12345678", kMalformedPhone},
      {"phone", "0(0) x12", kMalformedPhone},
      {"phone", "somchai", kMalformedPhone},
      {"phone", "*100#", kMalformedPhone},
      {"phone", "081\xFF", kInvalidText},
      {"phone", "0" + std::string(300, '8'), kTooLong},
      {"email", "somchai", kMalformedEmail},
      {"email", "a@b@example.com", kMalformedEmail},
      {"email", "a b@example.com", kMalformedEmail},
      {"email", "ab @example.com", kMalformedEmail},
      {"email", "ab@ example.com", kMalformedEmail},
      {"email", "ab@exam ple.com", kMalformedEmail},
      {"email", "@example.com", kMalformedEmail},
      {"email", "a@", kMalformedEmail},
      {"email", "a@localhost", kMalformedEmail},
      {"email", "a@example..com", kMalformedEmail},
      {"email", "a@example.com.", kMalformedEmail},
      {"email", "a@-example.com", kMalformedEmail},
      {"email", "a@exa_mple.com", kMalformedEmail},
      {"email", "a@127.0.0.1", kMalformedEmail},
      {"email", "a@xn--a.com", kMalformedEmail},
      {"email", "a@example.com, b@example.com", kMalformedEmail},
      {"email", "Somchai <a@example.com>", kMalformedEmail},
      {"email", "mailto:a@example.com", kMalformedEmail},
      {"email", std::string(65, 'a') + "@example.com", kMalformedEmail},
      {"email",
       "a@" + std::string(63, 'a') + "." + std::string(63, 'b') + "." + std::string(63, 'c') + "." +
           std::string(63, 'd'),
       kMalformedEmail},
      {"customer_id", "a\x01z", kInvalidText},
      {"customer_id", "a\u200Bz", kInvalidText},
      {"customer_id", "\xC3\x28", kInvalidText},
      {"customer_id", std::string(257, 'a'), kTooLong},
      {"customer_id", std::string(2000, ' ') + "a", kTooLong},
      {"device", "00000000-0000-0000-0000-000000000000", kBlockedValue},
      {"", "v", kUnknownType},
      {"Email", "v", kUnknownType},
      {"e-mail", "v", kUnknownType},
      {"a__b", "v", kUnknownType},
      {"a_", "v", kUnknownType},
      {"1st", "v", kUnknownType},
      {std::string(65, 'a'), "v", kUnknownType},
  };
  for (const char* type : {"customer_id", "email", "phone", "cookie"}) {
    for (const char* nobody : {"", "   ", "0", "000", "0-0", "๐๐๐", "０", "null", "NULL", " Undefined ", "Anonymous",
                               "UNKNOWN", "n/a", "Ｎ／Ａ", "N/A\u200B", "-", "None", "test"}) {
      cases.push_back({type, nobody, kBlockedValue});
    }
  }
  return cases;
}

}  // namespace tributary::identifier
