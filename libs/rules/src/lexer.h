// The words of a rule's text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tributary/base/money.h"
#include "tributary/rules/rule.h"

namespace tributary::rules {

struct Token {
  enum class Kind { kEnd, kWord, kPath, kText, kNumber, kDuration, kTime, kSymbol };
  Kind kind = Kind::kEnd;
  std::string_view raw;  // as written
  size_t offset = 0;     // in the text
  std::string text;      // of a text its content; of a path its name, dot and key
  Amount number;         // of a number
  int64_t seconds = 0;   // of a duration
  absl::Time time;       // of a time
};

// The position of a byte of `text`.
TextPosition PositionAt(std::string_view text, size_t offset);
// An error of rules' text, which names that position; a status of which PositionOf tells it.
absl::Status ErrorAt(TextPosition position, std::string_view what, std::string_view mend);
absl::Status ErrorAt(std::string_view text, size_t offset, std::string_view what, std::string_view mend);

// Reads one word after another. The text must outlive it and its tokens, and be UTF-8.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}
  // The next one; kEnd again and again at the end.
  absl::StatusOr<Token> Next();

 private:
  char At(size_t offset) const { return offset < text_.size() ? text_[offset] : '\0'; }
  void SkipBlanks();
  absl::StatusOr<Token> Word();
  absl::StatusOr<Token> Number();
  absl::StatusOr<Token> Time();
  absl::StatusOr<Token> Symbol();
  // Reads what stands between quotes, the first of which is at next_.
  absl::StatusOr<std::string> Quoted();
  absl::Status Escape(std::string& out);
  absl::StatusOr<Token> Made(Token token, size_t begin) const;
  absl::Status Fail(size_t offset, std::string_view what, std::string_view mend) const;

  std::string_view text_;
  size_t next_ = 0;
};

// Whether a key can stand after the dot without quotes.
bool IsBareKey(std::string_view key);

}  // namespace tributary::rules
