#include "src/phone.h"

#include <phonenumbers/phonenumberutil.h>
#include <phonenumbers/shortnumberinfo.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <array>

#include "src/refusal.h"
#include "src/unicode.h"
#include "tributary/identifier/text.h"

namespace tributary::identifier {
namespace {

using i18n::phonenumbers::PhoneNumber;
using i18n::phonenumbers::PhoneNumberUtil;
using i18n::phonenumbers::ShortNumberInfo;

constexpr size_t kMaxPhoneBytes = 256;
constexpr size_t kMaxExtensionDigits = 7;
// Fewer digits are no two numbers: the shortest that people write down have seven.
constexpr size_t kMinDigitsOfTwo = 14;
constexpr std::string_view kNumberCharacters = "+0123456789 -.()~";
constexpr std::string_view kWriteWithPlus = "Send one number with its country code, as +66812345678";

// What stands between two numbers in one field. A slash too: "02 123 4567/8" means two lines.
constexpr std::array<std::string_view, 11> kSeparators = {",",  ";",   "|",   "/",    "\n",   "&",
                                                          "、", "หรือ", "และ", " or ", " and "};
// What stands before an extension; the longer of two first.
constexpr std::array<std::string_view, 9> kExtensionMarks = {"extension", "extn",    "ext",   "x", "#",
                                                             "เบอร์ต่อ",    "ต่อภายใน", "ภายใน", "ต่อ"};
constexpr std::array<std::string_view, 4> kLabels = {"tel:", "tel.", "โทร.", "โทร"};

// Made once and safe to share: parsing keeps no state but a locked cache of regular expressions.
const PhoneNumberUtil& Library() {
  static const PhoneNumberUtil* const library = PhoneNumberUtil::GetInstance();
  return *library;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

size_t CountDigits(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), IsDigit));
}

absl::Status Malformed(const NormaliseOptions& options, std::string_view what) {
  return RefuseValue(options, reason::kMalformedPhone, what, kWriteWithPlus);
}

std::string_view Strip(std::string_view text, std::string_view characters) {
  const size_t begin = text.find_first_not_of(characters);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(characters) - begin + 1);
}

// Digits of any script in ASCII, dashes as '-', blanks as ' ', line ends as '\n', letters small, nothing invisible.
std::string Fold(std::string_view text) {
  const std::string normal = NormalForm(text);
  const auto length = static_cast<int32_t>(normal.size());
  std::string out;
  for (int32_t i = 0; i < length;) {
    const int32_t begin = i;
    UChar32 c;
    U8_NEXT(normal.data(), i, length, c);
    if (const int32_t digit = u_charDigitValue(c); digit >= 0) {
      out.push_back(static_cast<char>('0' + digit));
    } else if (IsInvisible(c)) {
      continue;
    } else if (u_charType(c) == U_DASH_PUNCTUATION || c == 0x2212) {
      out.push_back('-');
    } else if (c == '\n' || c == '\r' || c == 0x2028 || c == 0x2029) {
      out.push_back('\n');
    } else if (u_isUWhiteSpace(c)) {
      out.push_back(' ');
    } else if (c < 0x80) {
      out.push_back(static_cast<char>(u_tolower(c)));
    } else {
      out.append(normal, static_cast<size_t>(begin), static_cast<size_t>(i - begin));
    }
  }
  return out;
}

std::string_view WithoutLabel(std::string_view text) {
  for (const std::string_view label : kLabels) {
    if (text.starts_with(label)) return Strip(text.substr(label.size()), " .:");
  }
  return text;
}

// The parts between separators, without empty ones. A plus that is not the first sign of its part begins another.
std::vector<std::string> Pieces(std::string text) {
  // RFC 3966's mark of an extension begins with a separator.
  for (size_t at; (at = text.find(";ext=")) != std::string::npos;) text.replace(at, 5, "#");
  for (const std::string_view separator : kSeparators) {
    for (size_t at; (at = text.find(separator)) != std::string::npos;) text.replace(at, separator.size(), "\x1f");
  }
  std::vector<std::string> pieces(1);
  for (const char c : text) {
    const bool second_plus = c == '+' && CountDigits(pieces.back()) > 0;
    if (c == '\x1f' || second_plus) pieces.emplace_back();
    if (c != '\x1f') pieces.back().push_back(c);
  }
  for (std::string& piece : pieces) piece = std::string(Strip(piece, " .-"));
  std::erase_if(pieces, [](const std::string& piece) { return piece.empty(); });
  return pieces;
}

// As it is written: '+' or not, the digits, those of them that are not a "(0)", and the extension.
struct Written {
  bool plus = false;
  std::string digits;
  std::string digits_without_trunk;
  std::string extension;
};

std::string OnlyDigits(std::string_view text) {
  std::string out;
  std::copy_if(text.begin(), text.end(), std::back_inserter(out), IsDigit);
  return out;
}

// The digits after an extension mark, or nothing if `tail` is anything else.
std::optional<std::string> ExtensionOf(std::string_view tail) {
  for (const std::string_view mark : kExtensionMarks) {
    if (!tail.starts_with(mark)) continue;
    const std::string_view rest = Strip(tail.substr(mark.size()), " .:=-#");
    const bool fits = !rest.empty() && rest.size() <= kMaxExtensionDigits && CountDigits(rest) == rest.size();
    return fits ? std::optional<std::string>(rest) : std::nullopt;
  }
  return std::nullopt;
}

std::optional<Written> Read(std::string_view piece) {
  Written written;
  const size_t end = std::min(piece.find_first_not_of(kNumberCharacters), piece.size());
  if (end < piece.size()) {
    std::optional<std::string> extension = ExtensionOf(piece.substr(end));
    if (!extension.has_value()) return std::nullopt;
    written.extension = *std::move(extension);
  }
  std::string number(piece.substr(0, end));
  std::erase(number, ' ');
  written.plus = Strip(number, "(").starts_with('+');
  if (std::count(number.begin(), number.end(), '+') > (written.plus ? 1 : 0)) return std::nullopt;
  written.digits = OnlyDigits(number);
  if (const size_t trunk = number.find("(0)"); trunk != std::string::npos && CountDigits(number.substr(0, trunk)) > 0) {
    number.erase(trunk, 3);
  }
  written.digits_without_trunk = OnlyDigits(number);
  return written;
}

// libphonenumber drops a trunk "0" where the country has one; where it has none, the "(0)" is the writer's error.
std::optional<std::string> FirstAssigned(std::string_view prefix, std::string_view digits,
                                         std::string_view digits_without_trunk, std::string_view region) {
  std::optional<std::string> found = AssignedE164(fmt::format("{}{}", prefix, digits), region);
  if (!found.has_value() && digits_without_trunk != digits) {
    found = AssignedE164(fmt::format("{}{}", prefix, digits_without_trunk), region);
  }
  return found;
}

bool MatchesPattern(std::string_view number, std::string_view pattern) {
  return std::equal(number.begin(), number.end(), pattern.begin(), pattern.end(),
                    [](char c, char p) { return p == '?' ? IsDigit(c) : c == p; });
}

// Eight times the same digit at the end is what people type who must fill in something.
bool EndsInOneDigit(std::string_view digits) {
  return digits.size() >= 8 &&
         digits.substr(digits.size() - 8).find_first_not_of(digits.back()) == std::string_view::npos;
}

bool IsBlocked(std::string_view e164, const NormaliseOptions& options) {
  const std::vector<std::string>& patterns = options.rules->blocked_phones;
  return EndsInOneDigit(e164) || std::any_of(patterns.begin(), patterns.end(),
                                             [&](std::string_view pattern) { return MatchesPattern(e164, pattern); });
}

bool IsShortCode(const Written& written, std::string_view region) {
  PhoneNumber number;
  const std::string text = fmt::format("{}{}", written.plus ? "+" : "", written.digits);
  if (Library().Parse(text, std::string(region), &number) != PhoneNumberUtil::NO_PARSING_ERROR) {
    // The shortest ones, of two digits, are none to Parse.
    return !written.plus && (written.digits.size() == 2 || written.digits.size() == 3);
  }
  static const ShortNumberInfo* const info = new ShortNumberInfo();
  return info->IsPossibleShortNumber(number);
}

absl::Status Blocked(const NormaliseOptions& options) {
  return RefuseValue(options, reason::kBlockedValue, "this number stands for nobody", "Leave the identifier out");
}

absl::StatusOr<std::string> Assigned(const Written& written, const NormaliseOptions& options) {
  const std::string_view region = options.default_region;
  if (EndsInOneDigit(written.digits)) return Blocked(options);
  std::optional<std::string> found =
      FirstAssigned(written.plus ? "+" : "", written.digits, written.digits_without_trunk, region);
  if (!written.plus && written.digits.starts_with("00")) {
    // "00" is most of the world's "+", but in Thailand 001 to 009 are carriers' prefixes: 001 66 81… and 0066 81… both
    // occur. Where both readings are numbers, a guess could join two people.
    const std::string_view digits = std::string_view(written.digits).substr(2);
    const std::string_view without_trunk = written.digits_without_trunk;
    std::optional<std::string> international =
        FirstAssigned("+", digits, without_trunk.starts_with("00") ? without_trunk.substr(2) : digits, region);
    if (found.has_value() && international.has_value() && *found != *international) {
      return Malformed(options, "the number can be read in two ways");
    }
    if (international.has_value()) found = std::move(international);
  }
  if (found.has_value()) return *std::move(found);
  if (IsShortCode(written, region)) {
    return RefuseValue(options, reason::kShortCode, "a short code is a service's number, no person's",
                       "Leave the identifier out");
  }
  return Malformed(options, "no such phone number is assigned");
}

absl::StatusOr<std::string> OneNumber(std::string_view piece, const NormaliseOptions& options) {
  const std::optional<Written> written = Read(piece);
  if (!written.has_value() || written->digits.empty()) return Malformed(options, "this is not a phone number");
  TRIBUTARY_ASSIGN_OR_RETURN(std::string e164, Assigned(*written, options));
  if (IsBlocked(e164, options)) return Blocked(options);
  if (written->extension.empty()) return e164;
  return fmt::format("{};ext={}", e164, written->extension);
}

// Numbers with nothing but blanks or dashes between them: the shortest first number for which the rest are numbers too.
// Empty if there is no such reading.
std::vector<std::string> RunTogether(std::string_view piece, const NormaliseOptions& options) {
  if (CountDigits(piece) < kMinDigitsOfTwo) return {};
  for (size_t at = piece.find_first_of(" -"); at != std::string_view::npos; at = piece.find_first_of(" -", at + 1)) {
    const std::string_view head = piece.substr(0, at);
    if (CountDigits(head) < kMinDigitsOfTwo / 2) continue;
    if (CountDigits(head) > kMinDigitsOfTwo + 1) break;  // E.164 ends at 15
    absl::StatusOr<std::string> first = OneNumber(head, options);
    if (!first.ok()) continue;
    const std::string_view tail = Strip(piece.substr(at), " -");
    std::vector<std::string> rest = RunTogether(tail, options);
    if (rest.empty()) {
      absl::StatusOr<std::string> last = OneNumber(tail, options);
      if (!last.ok()) continue;
      rest.push_back(*std::move(last));
    }
    rest.insert(rest.begin(), *std::move(first));
    return rest;
  }
  return {};
}

absl::Status Multiple(const NormaliseOptions& options) {
  return RefuseValue(options, reason::kMultiplePhones, "there are several numbers in one field",
                     "Send each as an identifier of its own");
}

absl::StatusOr<std::vector<std::string>> PiecesOf(std::string_view text, const NormaliseOptions& options) {
  if (text.size() > kMaxPhoneBytes) {
    return RefuseValue(options, reason::kTooLong, "a phone number has at most 256 bytes", kWriteWithPlus);
  }
  const std::string folded = Fold(text);
  std::vector<std::string> pieces = Pieces(std::string(WithoutLabel(Strip(folded, " \n"))));
  if (pieces.empty()) return Malformed(options, "this is not a phone number");
  return pieces;
}

}  // namespace

std::optional<std::string> AssignedE164(const std::string& digits, std::string_view region) {
  const PhoneNumberUtil& util = Library();
  PhoneNumber number;
  if (util.Parse(digits, std::string(region), &number) != PhoneNumberUtil::NO_PARSING_ERROR) return std::nullopt;
  if (!util.IsValidNumber(number)) return std::nullopt;
  std::string e164;
  util.Format(number, PhoneNumberUtil::E164, &e164);
  if (e164 == digits) return e164;
  // Some countries' plans take a prefix off a second time; a form that is not its own normal form is none.
  PhoneNumber again;
  if (util.Parse(e164, std::string(region), &again) != PhoneNumberUtil::NO_PARSING_ERROR) return std::nullopt;
  std::string twice;
  util.Format(again, PhoneNumberUtil::E164, &twice);
  return twice == e164 ? std::optional<std::string>(std::move(e164)) : std::nullopt;
}

std::optional<std::string> PlainThaiMobile(std::string_view text, std::string_view region) {
  if (text.starts_with("+66")) {
    text.remove_prefix(3);
  } else if (region == "TH" && text.starts_with('0')) {
    text.remove_prefix(1);
  } else {
    return std::nullopt;
  }
  if (text.size() != 9 || CountDigits(text) != 9) return std::nullopt;
  const bool mobile = text[0] == '8' || text[0] == '9' || (text[0] == '6' && text[1] >= '1' && text[1] <= '6');
  if (!mobile) return std::nullopt;
  return fmt::format("+66{}", text);
}

absl::StatusOr<std::string> NormalisePhone(std::string_view text, const NormaliseOptions& options) {
  if (std::optional<std::string> plain = PlainThaiMobile(text, options.default_region)) {
    if (IsBlocked(*plain, options)) return Blocked(options);
    return *std::move(plain);
  }
  TRIBUTARY_ASSIGN_OR_RETURN(const std::vector<std::string> pieces, PiecesOf(text, options));
  if (pieces.size() > 1) {
    const bool several = std::count_if(pieces.begin(), pieces.end(),
                                       [](const std::string& piece) { return CountDigits(piece) > 0; }) > 1;
    return several ? Multiple(options) : Malformed(options, "there is more than a phone number");
  }
  absl::StatusOr<std::string> number = OneNumber(pieces[0], options);
  if (!number.ok() && !RunTogether(pieces[0], options).empty()) return Multiple(options);
  return number;
}

absl::StatusOr<std::vector<std::string>> NormalisePhones(std::string_view text, const NormaliseOptions& options) {
  TRIBUTARY_ASSIGN_OR_RETURN(const std::vector<std::string> pieces, PiecesOf(text, options));
  std::vector<std::string> numbers;
  const auto add = [&numbers](std::string number) {
    if (std::find(numbers.begin(), numbers.end(), number) == numbers.end()) numbers.push_back(std::move(number));
  };
  for (const std::string& piece : pieces) {
    absl::StatusOr<std::string> number = OneNumber(piece, options);
    if (number.ok()) {
      add(*std::move(number));
      continue;
    }
    std::vector<std::string> together = RunTogether(piece, options);
    if (together.empty()) return number.status();
    for (std::string& each : together) add(std::move(each));
  }
  return numbers;
}

}  // namespace tributary::identifier
