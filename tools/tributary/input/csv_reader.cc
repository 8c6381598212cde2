#include "input/csv_reader.h"

#include "absl/strings/str_split.h"
#include "tributary/base/status.h"
#include "unicode/utf8.h"

namespace tributary::cli {
namespace {

absl::Status Bad(std::string_view reason, std::string_view what, std::string_view mend) {
  return InvalidField(reason, "", what, mend);
}

}  // namespace

bool IsUtf8(std::string_view text) {
  const auto length = static_cast<int32_t>(text.size());
  for (int32_t i = 0; i < length;) {
    UChar32 c = 0;
    U8_NEXT(text.data(), i, length, c);
    if (c < 0) return false;
  }
  return true;
}

bool CsvReader::NextLine(Line& line) {
  if (!pending_.empty()) {
    line = std::move(pending_.front());
    pending_.pop_front();
    return true;
  }
  if (!lines_.Next(line.text)) return false;
  line.number = lines_.line_number();
  line.too_long = lines_.too_long();
  return true;
}

absl::StatusOr<bool> CsvReader::Next(CsvRecord& record) {
  Line line;
  do {
    if (!NextLine(line)) return false;
  } while (line.text.find_first_not_of(" \t") == std::string::npos);
  record.line = line.number;
  record.fields.clear();
  if (line.too_long) return Bad("TOO_LONG", "a line is longer than 64 KiB", "Shorten it");
  if (!IsUtf8(line.text)) return Bad("NOT_UTF8", "is not UTF-8", "Save the file as UTF-8");
  if (options_.blanks) {
    for (const auto field : absl::StrSplit(line.text, absl::ByAnyChar(" \t"), absl::SkipEmpty())) {
      record.fields.emplace_back(field);
    }
    return true;
  }
  TRIBUTARY_RETURN_IF_ERROR(Split(line, record));
  return true;
}

absl::Status CsvReader::Split(const Line& first, CsvRecord& record) {
  std::deque<Line> more;  // lines that the record goes on to
  const auto fail = [&](absl::Status status) {
    while (!more.empty()) {
      pending_.push_front(std::move(more.back()));
      more.pop_back();
    }
    return status;
  };
  std::string text = first.text;
  size_t at = 0;
  while (true) {
    std::string field;
    if (at < text.size() && text[at] == '"') {
      ++at;
      while (true) {
        if (at == text.size()) {
          Line next;
          if (!NextLine(next)) {
            return fail(Bad("UNTERMINATED_QUOTE", "a quote is not closed", "Close it, or double quotes within text"));
          }
          const bool fits = !next.too_long && text.size() + next.text.size() < kMaxRecordBytes;
          const bool utf8 = IsUtf8(next.text);
          more.push_back(next);
          if (!utf8) return fail(Bad("NOT_UTF8", "is not UTF-8", "Save the file as UTF-8"));
          if (!fits) {
            return fail(Bad("UNTERMINATED_QUOTE", "a quote is not closed within 64 KiB",
                            "Close it, or double quotes within text"));
          }
          text += '\n';
          text += next.text;
        }
        if (text[at] != '"') {
          field += text[at++];
        } else if (at + 1 < text.size() && text[at + 1] == '"') {
          field += '"';
          at += 2;
        } else {
          ++at;
          break;
        }
      }
      if (at < text.size() && text[at] != options_.separator) {
        return fail(Bad("TEXT_AFTER_QUOTE", "text follows a closing quote", "Double quotes within quoted text"));
      }
    } else {
      const size_t end = std::min(text.find(options_.separator, at), text.size());
      field = text.substr(at, end - at);
      at = end;
    }
    record.fields.push_back(std::move(field));
    if (at >= text.size()) return absl::OkStatus();
    ++at;  // the separator; what follows is a field, be it empty
  }
}

}  // namespace tributary::cli
