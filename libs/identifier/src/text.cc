#include "tributary/identifier/text.h"

#include <unicode/normalizer2.h>
#include <unicode/utf8.h>

#include <cstdlib>

#include "src/unicode.h"

namespace tributary::identifier {
namespace {

constexpr UChar kSaraAa = 0x0E32;
constexpr UChar kSaraAm = 0x0E33;
constexpr UChar kNikhahit = 0x0E4D;

bool IsThaiToneMark(UChar c) { return c >= 0x0E48 && c <= 0x0E4B; }

icu::UnicodeString Normalised(const icu::Normalizer2& form, const icu::UnicodeString& text) {
  UErrorCode error = U_ZERO_ERROR;
  icu::UnicodeString out = form.normalize(text, error);
  // Only memory can run out: the data is linked into ICU, and any UTF-16 has a normal form.
  if (U_FAILURE(error)) std::abort();
  return out;
}

const icu::Normalizer2& Nfkc() {
  static const icu::Normalizer2* const form = [] {
    UErrorCode error = U_ZERO_ERROR;
    return icu::Normalizer2::getNFKCInstance(error);
  }();
  return *form;
}

const icu::Normalizer2& NfkcCaseFold() {
  static const icu::Normalizer2* const form = [] {
    UErrorCode error = U_ZERO_ERROR;
    return icu::Normalizer2::getNFKCCasefoldInstance(error);
  }();
  return *form;
}

// Writes nikhahit, tone marks, sara aa as tone marks, sara am. Says whether a tone mark has moved.
bool ComposeSaraAm(const icu::UnicodeString& text, icu::UnicodeString& out) {
  bool moved = false;
  for (int32_t i = 0; i < text.length(); ++i) {
    if (text.charAt(i) == kNikhahit) {
      int32_t end = i + 1;
      while (end < text.length() && IsThaiToneMark(text.charAt(end))) ++end;
      if (end < text.length() && text.charAt(end) == kSaraAa) {
        moved |= end > i + 1;
        out.append(text, i + 1, end - i - 1).append(kSaraAm);
        i = end;
        continue;
      }
    }
    out.append(text.charAt(i));
  }
  return moved;
}

icu::UnicodeString WithSaraAm(const icu::Normalizer2& form, const icu::UnicodeString& text) {
  icu::UnicodeString current = Normalised(form, text);
  if (current.indexOf(kNikhahit) < 0) return current;
  icu::UnicodeString out;
  // A tone mark that moves over the nikhahit meets the marks before it, whose order among each other is canonical too.
  while (ComposeSaraAm(current, out)) {
    current = Normalised(form, out);
    out.remove();
  }
  return out;
}

icu::UnicodeString WithSingleBlanks(const icu::UnicodeString& text) {
  icu::UnicodeString out;
  bool blank = false;
  for (int32_t i = 0; i < text.length();) {
    const UChar32 c = text.char32At(i);
    i += U16_LENGTH(c);
    if (u_isUWhiteSpace(c)) {
      blank = !out.isEmpty();
      continue;
    }
    if (blank) out.append(static_cast<UChar>(u' '));
    blank = false;
    out.append(c);
  }
  return out;
}

bool IsAsciiSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string AsciiCompareForm(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool blank = false;
  for (const char c : text) {
    if (IsAsciiSpace(c)) {
      blank = !out.empty();
      continue;
    }
    if (blank) out.push_back(' ');
    blank = false;
    out.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
  }
  return out;
}

}  // namespace

bool IsValidUtf8(std::string_view text) {
  const auto length = static_cast<int32_t>(text.size());
  for (int32_t i = 0; i < length;) {
    UChar32 c;
    U8_NEXT(text.data(), i, length, c);
    if (c < 0) return false;
  }
  return true;
}

std::string NormalForm(std::string_view text) {
  if (IsAscii(text)) return std::string(text);
  return ToUtf8(WithSaraAm(Nfkc(), FromUtf8(text)));
}

std::string CompareForm(std::string_view text) {
  if (IsAscii(text)) return AsciiCompareForm(text);
  // Folding turns the combining iota subscript into a letter, so marks must be in their order before it.
  const icu::UnicodeString ordered = WithSaraAm(Nfkc(), FromUtf8(text));
  return ToUtf8(WithSingleBlanks(WithSaraAm(NfkcCaseFold(), ordered)));
}

std::string Trimmed(std::string_view text) {
  if (IsAscii(text)) {
    while (!text.empty() && IsAsciiSpace(text.front())) text.remove_prefix(1);
    while (!text.empty() && IsAsciiSpace(text.back())) text.remove_suffix(1);
    return std::string(text);
  }
  icu::UnicodeString unicode = FromUtf8(text);
  const auto drops = [](UChar32 c) { return u_isUWhiteSpace(c) || IsInvisible(c); };
  int32_t begin = 0;
  int32_t end = unicode.length();
  while (begin < end && drops(unicode.char32At(begin))) begin = unicode.moveIndex32(begin, 1);
  while (end > begin && drops(unicode.char32At(end - 1))) end = unicode.moveIndex32(end, -1);
  return ToUtf8(unicode.tempSubStringBetween(begin, end));
}

bool HasForbiddenCharacters(std::string_view text) {
  const auto length = static_cast<int32_t>(text.size());
  for (int32_t i = 0; i < length;) {
    UChar32 c;
    U8_NEXT(text.data(), i, length, c);
    if (c < 0) return true;
    if (c < 0x7F) {
      if (c < 0x20) return true;
      continue;
    }
    const int8_t category = u_charType(c);
    if (category == U_CONTROL_CHAR || category == U_FORMAT_CHAR || category == U_LINE_SEPARATOR ||
        category == U_PARAGRAPH_SEPARATOR || IsInvisible(c)) {
      return true;
    }
  }
  return false;
}

bool IsOnlyZeros(std::string_view text) {
  const auto length = static_cast<int32_t>(text.size());
  for (int32_t i = 0; i < length;) {
    UChar32 c;
    U8_NEXT(text.data(), i, length, c);
    if (c < 0) return false;
    if (u_isalnum(c) && u_charDigitValue(c) != 0) return false;
  }
  return true;
}

}  // namespace tributary::identifier
