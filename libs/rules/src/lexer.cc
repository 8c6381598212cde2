#include "src/lexer.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/time/civil_time.h"
#include "fmt/format.h"
#include "src/check.h"
#include "tributary/base/status.h"

namespace tributary::rules {
namespace {

constexpr char kPositionUrl[] = "tributary.rules.TextPosition";

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsWordStart(char c) { return IsLower(c) || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsWord(char c) { return IsWordStart(c) || IsDigit(c); }
bool IsKey(char c) { return IsWord(c) || c == '.' || c == '-'; }

// Length of the character of UTF-8 that begins with `c`.
size_t CharacterLength(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (byte < 0x80) return 1;
  if (byte < 0xE0) return 2;
  return byte < 0xF0 ? 3 : 4;
}

void AppendUtf8(uint32_t code, std::string& out) {
  if (code < 0x80) {
    out.push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out.push_back(static_cast<char>(0xC0 | (code >> 6)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  } else {
    out.push_back(static_cast<char>(0xE0 | (code >> 12)));
    out.push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  }
}

int64_t SecondsOfUnit(char unit) {
  switch (unit) {
    case 'w':
      return 7 * 24 * 3'600;
    case 'd':
      return 24 * 3'600;
    case 'h':
      return 3'600;
    case 'm':
      return 60;
    case 's':
      return 1;
    default:
      return 0;
  }
}

}  // namespace

TextPosition PositionAt(std::string_view text, size_t offset) {
  TextPosition position;
  for (const char c : text.substr(0, offset)) {
    if (c == '\n') {
      ++position.line;
      position.column = 1;
    } else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) {
      ++position.column;
    }
  }
  return position;
}

absl::Status ErrorAt(TextPosition position, std::string_view what, std::string_view mend) {
  absl::Status status = InvalidField("INVALID_RULE", "rule",
                                     fmt::format("line {}, column {}: {}", position.line, position.column, what), mend);
  status.SetPayload(kPositionUrl, absl::Cord(fmt::format("{}:{}", position.line, position.column)));
  return status;
}

absl::Status ErrorAt(std::string_view text, size_t offset, std::string_view what, std::string_view mend) {
  return ErrorAt(PositionAt(text, offset), what, mend);
}

std::optional<TextPosition> PositionOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kPositionUrl);
  if (!payload.has_value()) return std::nullopt;
  const std::string text(*payload);
  const size_t colon = text.find(':');
  TextPosition position;
  if (colon == std::string::npos || !absl::SimpleAtoi(text.substr(0, colon), &position.line) ||
      !absl::SimpleAtoi(text.substr(colon + 1), &position.column)) {
    return std::nullopt;
  }
  return position;
}

bool IsBareKey(std::string_view key) {
  return !key.empty() && std::all_of(key.begin(), key.end(), &IsKey) && IsWord(key.front()) && IsWord(key.back());
}

absl::Status Lexer::Fail(size_t offset, std::string_view what, std::string_view mend) const {
  return ErrorAt(text_, offset, what, mend);
}

absl::StatusOr<Token> Lexer::Made(Token token, size_t begin) const {
  token.offset = begin;
  token.raw = text_.substr(begin, next_ - begin);
  return token;
}

void Lexer::SkipBlanks() {
  while (next_ < text_.size()) {
    const char c = text_[next_];
    if (c == '#') {
      next_ = std::min(text_.find('\n', next_), text_.size());
    } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      ++next_;
    } else {
      return;
    }
  }
}

absl::StatusOr<Token> Lexer::Next() {
  SkipBlanks();
  const size_t begin = next_;
  const char c = At(begin);
  if (begin >= text_.size()) return Made({}, begin);
  if (IsWordStart(c)) return Word();
  if (c == '"') {
    TRIBUTARY_ASSIGN_OR_RETURN(std::string content, Quoted());
    return Made({.kind = Token::Kind::kText, .text = std::move(content)}, begin);
  }
  const auto digits = [this, begin](size_t from, size_t count) {
    for (size_t i = from; i < from + count; ++i) {
      if (!IsDigit(At(begin + i))) return false;
    }
    return true;
  };
  if (digits(0, 4) && At(begin + 4) == '-') return Time();
  if (IsDigit(c) || (c == '-' && IsDigit(At(begin + 1)))) return Number();
  return Symbol();
}

absl::StatusOr<Token> Lexer::Word() {
  const size_t begin = next_;
  while (IsWord(At(next_))) ++next_;
  Token token{.kind = Token::Kind::kWord};
  if (At(next_) == '.') {
    token.kind = Token::Kind::kPath;
    token.text = std::string(text_.substr(begin, next_ - begin)) + ".";
    ++next_;
    if (At(next_) == '"') {
      TRIBUTARY_ASSIGN_OR_RETURN(const std::string key, Quoted());
      token.text += key;
    } else {
      const size_t key = next_;
      while (IsKey(At(next_))) ++next_;
      if (!IsBareKey(text_.substr(key, next_ - key))) {
        return Fail(key, "a key stands after the dot, of letters, digits, `_`, `-` and `.`",
                    "Write other keys in quotes, e.g. traits.\"my key\".");
      }
      token.text += text_.substr(key, next_ - key);
    }
  } else {
    token.text = std::string(text_.substr(begin, next_ - begin));
  }
  return Made(std::move(token), begin);
}

absl::StatusOr<Token> Lexer::Number() {
  const size_t begin = next_;
  if (At(next_) == '-') ++next_;
  while (IsDigit(At(next_))) ++next_;
  const size_t unit = next_;
  if (IsLower(At(unit))) {
    while (IsWord(At(next_))) ++next_;
    int64_t count = 0;
    const int64_t seconds = next_ == unit + 1 ? SecondsOfUnit(At(unit)) : 0;
    if (seconds == 0) {
      return Fail(begin, fmt::format("`{}` is neither a number nor a duration", text_.substr(begin, next_ - begin)),
                  "Durations end in w, d, h, m or s, e.g. 90d.");
    }
    if (!absl::SimpleAtoi(ToAbsl(text_.substr(begin, unit - begin)), &count) || count < 0 ||
        count > kMaxSeconds / seconds) {
      return Fail(begin, "this duration is out of bounds", "Durations are 0s to 36500d.");
    }
    return Made({.kind = Token::Kind::kDuration, .seconds = count * seconds}, begin);
  }
  if (At(next_) == '.') {
    ++next_;
    while (IsDigit(At(next_))) ++next_;
  }
  const auto number = Amount::Parse(text_.substr(begin, next_ - begin));
  if (!number.ok()) {
    return Fail(begin, "this is no number, or out of bounds",
                "Numbers have at most 18 digits before the point and 9 after it.");
  }
  return Made({.kind = Token::Kind::kNumber, .number = *number}, begin);
}

absl::StatusOr<Token> Lexer::Time() {
  const size_t begin = next_;
  while (IsKey(At(next_)) || At(next_) == ':' || At(next_) == '+') ++next_;
  const std::string_view written = text_.substr(begin, next_ - begin);
  Token token{.kind = Token::Kind::kTime};
  absl::CivilDay day;
  // "2026-01-31" has ten characters, and nothing shorter is taken for a day.
  if (written.size() == 10 && absl::ParseCivilTime(ToAbsl(written), &day)) {
    token.time = absl::FromCivil(day, absl::UTCTimeZone());
  } else if (written.size() <= 10 || !absl::ParseTime(absl::RFC3339_full, ToAbsl(written), &token.time, nullptr)) {
    return Fail(begin, fmt::format("`{}` is no day or time", written),
                "Write 2026-01-31 (midnight UTC) or 2026-01-31T18:00:00+07:00.");
  }
  return Made(token, begin);
}

absl::StatusOr<Token> Lexer::Symbol() {
  const size_t begin = next_;
  const std::string_view rest = text_.substr(begin);
  for (const std::string_view symbol : {"!=", "<=", ">=", "=", "<", ">", "(", ")", ","}) {
    if (rest.substr(0, symbol.size()) != symbol) continue;
    next_ += symbol.size();
    if (symbol == "=" && At(next_) == '=') return Fail(begin, "found `==`", "Write `=`.");
    return Made({.kind = Token::Kind::kSymbol}, begin);
  }
  const std::string_view found = rest.substr(0, CharacterLength(rest.front()));
  const bool quote = found == "'" || found == "“" || found == "”" || found == "‘" || found == "’";
  return Fail(begin, fmt::format("found `{}`", found),
              quote ? "Texts stand between straight double quotes." : "No rule has this character outside of quotes.");
}

absl::StatusOr<std::string> Lexer::Quoted() {
  const size_t begin = next_++;
  std::string out;
  while (next_ < text_.size()) {
    const char c = text_[next_];
    if (c == '\n') break;
    if (c == '"') {
      ++next_;
      return out;
    }
    if (c == '\\') {
      TRIBUTARY_RETURN_IF_ERROR(Escape(out));
      continue;
    }
    out.push_back(c);
    ++next_;
  }
  return Fail(begin, "this text has no end", "End it by a double quote on the same line.");
}

absl::Status Lexer::Escape(std::string& out) {
  const size_t begin = next_;
  const char c = At(begin + 1);
  next_ += 2;
  switch (c) {
    case '"':
    case '\\':
      out.push_back(c);
      return absl::OkStatus();
    case 'n':
      out.push_back('\n');
      return absl::OkStatus();
    case 'r':
      out.push_back('\r');
      return absl::OkStatus();
    case 't':
      out.push_back('\t');
      return absl::OkStatus();
    case 'u': {
      const std::string_view digits = text_.substr(std::min(next_, text_.size()), 4);
      uint32_t code = 0;
      // SimpleHexAtoi would take signs and blanks.
      const bool hex = digits.size() == 4 && digits.find_first_not_of("0123456789abcdefABCDEF") == digits.npos;
      if (!hex || !absl::SimpleHexAtoi(ToAbsl(digits), &code) || (code >= 0xD800 && code < 0xE000)) break;
      next_ += 4;
      AppendUtf8(code, out);
      return absl::OkStatus();
    }
    default:
      break;
  }
  return Fail(begin, "this escape is unknown", "There are \\\" \\\\ \\n \\r \\t and \\u with four hexadecimal digits.");
}

}  // namespace tributary::rules
