// Lines of a file of any size in bounded memory.
#pragma once

#include <cstdint>
#include <istream>
#include <string>
#include <vector>

namespace tributary::cli {

// Not thread-safe. `in` must outlive it.
class LineReader {
 public:
  LineReader(std::istream& in, size_t max_line_bytes);

  // The next line without its end (LF or CRLF) and, on line 1, without a byte order mark. False at the end. Of a
  // line that is too long the beginning is given, and too_long() is true.
  bool Next(std::string& line);

  bool too_long() const { return too_long_; }
  // Of the line that Next() gave last, from 1.
  int64_t line_number() const { return line_number_; }
  // Read so far.
  int64_t bytes_read() const { return bytes_read_; }
  // Reading ended by an error, not by the end.
  bool failed() const { return in_.bad(); }

 private:
  bool Fill();

  std::istream& in_;
  const size_t max_line_bytes_;
  std::vector<char> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  bool too_long_ = false;
  int64_t line_number_ = 0;
  int64_t bytes_read_ = 0;
};

}  // namespace tributary::cli
