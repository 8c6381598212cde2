// What the sources of this library share of ICU.
#pragma once

#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace tributary::identifier {

inline bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

inline icu::UnicodeString FromUtf8(std::string_view text) {
  return icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), static_cast<int32_t>(text.size())));
}

inline std::string ToUtf8(const icu::UnicodeString& text) {
  std::string out;
  return text.toUTF8String(out);
}

// Takes no room on the page and carries no meaning: U+200B, U+FEFF, marks of writing direction.
inline bool IsInvisible(UChar32 c) { return u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT); }

// Text without white space and invisible characters at its ends.
std::string Trimmed(std::string_view text);

// Whether control characters, line separators or invisible characters are in it.
bool HasForbiddenCharacters(std::string_view text);

// Whether nothing but zeros (of any script) and punctuation is in it.
bool IsOnlyZeros(std::string_view text);

}  // namespace tributary::identifier
