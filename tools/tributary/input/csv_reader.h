// Records of a text with separated columns: RFC 4180, with any separator, or with runs of blanks.
//
// Written here because the CSV library that Debian has (libcsv) ends at the first bad quote or takes it as text, does
// not say on which line a record began, and knows no blanks as separator; all three are needed to report each bad row
// and go on.
#pragma once

#include <cstdint>
#include <deque>
#include <istream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "input/line_reader.h"

namespace tributary::cli {

struct CsvOptions {
  char separator = ',';
  // Columns are separated by any run of blanks and tabs, for fixed-width text; blanks at both ends and quotes mean
  // nothing then. `separator` is not used.
  bool blanks = false;
};

struct CsvRecord {
  // The line that it begins on, from 1: its identity in the file, whatever the options are.
  int64_t line = 0;
  std::vector<std::string> fields;
};

// Not thread-safe. `in` must outlive it.
class CsvReader {
 public:
  static constexpr size_t kMaxRecordBytes = 64 << 10;

  CsvReader(std::istream& in, const CsvOptions& options) : options_(options), lines_(in, kMaxRecordBytes) {}

  // The next record; false at the end. Empty lines are passed over. A record that cannot be read gives
  // InvalidArgument (UNTERMINATED_QUOTE, TEXT_AFTER_QUOTE, TOO_LONG, NOT_UTF8), with `record.line` set; the next call
  // goes on with the line after it, so that a stray quote costs one line and not the rest of the file.
  absl::StatusOr<bool> Next(CsvRecord& record);

  int64_t bytes_read() const { return lines_.bytes_read(); }
  bool failed() const { return lines_.failed(); }

 private:
  struct Line {
    int64_t number = 0;
    std::string text;
    bool too_long = false;
  };
  bool NextLine(Line& line);
  absl::Status Split(const Line& first, CsvRecord& record);

  const CsvOptions options_;
  LineReader lines_;
  // Lines that were read while looking for the end of a quote.
  std::deque<Line> pending_;
};

// True if all of it is UTF-8.
bool IsUtf8(std::string_view text);

}  // namespace tributary::cli
