#include "src/email.h"

#include <unicode/idna.h>

#include <memory>
#include <optional>

#include "src/refusal.h"
#include "src/unicode.h"
#include "tributary/identifier/text.h"

namespace tributary::identifier {
namespace {

constexpr size_t kMaxLocalBytes = 64;     // RFC 5321, 4.5.3.1.1
constexpr size_t kMaxAddressBytes = 254;  // what fits between < and > of its 256
constexpr size_t kMaxLabelBytes = 63;

absl::Status Malformed(const NormaliseOptions& options, std::string_view what) {
  return RefuseValue(options, reason::kMalformedEmail, what, "Send one plain address, as name@host.example");
}

const icu::IDNA& Idna() {
  static const icu::IDNA* const idna = [] {
    UErrorCode error = U_ZERO_ERROR;
    return icu::IDNA::createUTS46Instance(UIDNA_USE_STD3_RULES | UIDNA_CHECK_BIDI | UIDNA_CHECK_CONTEXTJ |
                                              UIDNA_NONTRANSITIONAL_TO_ASCII | UIDNA_NONTRANSITIONAL_TO_UNICODE,
                                          error);
  }();
  return *idna;
}

// The domain's lower-case ASCII form. For ASCII without punycode UTS #46 only lowers the case.
std::optional<std::string> AsciiDomain(std::string_view domain) {
  if (IsAscii(domain)) {
    std::string lower = CompareForm(domain);
    if (lower.find("xn--") == std::string::npos) return lower;
  }
  icu::UnicodeString ascii;
  icu::IDNAInfo info;
  UErrorCode error = U_ZERO_ERROR;
  Idna().nameToASCII(FromUtf8(domain), ascii, info, error);
  if (U_FAILURE(error) || info.hasErrors()) return std::nullopt;
  return ToUtf8(ascii);
}

bool IsLowerAlnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool IsHostName(std::string_view domain) {
  size_t labels = 0;
  bool numeric = false;
  while (true) {
    const std::string_view label = domain.substr(0, domain.find('.'));
    if (label.empty() || label.size() > kMaxLabelBytes || label.front() == '-' || label.back() == '-') return false;
    numeric = true;
    for (const char c : label) {
      if (!IsLowerAlnum(c) && c != '-') return false;
      numeric = numeric && c >= '0' && c <= '9';
    }
    ++labels;
    if (label.size() == domain.size()) break;
    domain.remove_prefix(label.size() + 1);
  }
  return labels >= 2 && !numeric;
}

bool IsLocalPart(std::string_view local) {
  // What needs quotes, or shows a display name, a comment, a URL or a list of addresses.
  return !local.empty() && local.size() <= kMaxLocalBytes &&
         local.find_first_of(" ()<>[]:;,\\\"") == std::string_view::npos && !HasForbiddenCharacters(local);
}

}  // namespace

absl::StatusOr<std::string> NormaliseEmail(std::string_view text, const NormaliseOptions& options) {
  const size_t at = text.find('@');
  if (at == std::string_view::npos || text.find('@', at + 1) != std::string_view::npos) {
    return Malformed(options, "a mail address has exactly one @");
  }
  const std::string_view raw_local = text.substr(0, at);
  const std::string_view raw_domain = text.substr(at + 1);
  // Looked for here because CompareForm would trim it away.
  if (Trimmed(raw_local) != raw_local || Trimmed(raw_domain) != raw_domain) {
    return Malformed(options, "there is white space beside the @");
  }
  const std::string local = CompareForm(raw_local);
  if (!IsLocalPart(local)) return Malformed(options, "the part before the @ is not a mailbox");
  const std::optional<std::string> domain = AsciiDomain(raw_domain);
  if (!domain.has_value() || !IsHostName(*domain)) return Malformed(options, "the part after the @ is not a domain");
  std::string address = fmt::format("{}@{}", local, *domain);
  if (address.size() > kMaxAddressBytes) return Malformed(options, "a mail address has at most 254 bytes");
  return address;
}

}  // namespace tributary::identifier
