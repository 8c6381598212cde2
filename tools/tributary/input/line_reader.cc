#include "input/line_reader.h"

#include <algorithm>
#include <cstring>

namespace tributary::cli {

LineReader::LineReader(std::istream& in, size_t max_line_bytes)
    : in_(in), max_line_bytes_(max_line_bytes), buffer_(64 << 10) {}

bool LineReader::Fill() {
  if (!in_) return false;
  in_.read(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
  begin_ = 0;
  end_ = static_cast<size_t>(in_.gcount());
  return end_ > 0;
}

bool LineReader::Next(std::string& line) {
  line.clear();
  too_long_ = false;
  bool any = false;
  while (begin_ < end_ || Fill()) {
    any = true;
    const char* start = buffer_.data() + begin_;
    const auto* newline = static_cast<const char*>(std::memchr(start, '\n', end_ - begin_));
    const size_t bytes = newline == nullptr ? end_ - begin_ : static_cast<size_t>(newline - start);
    const size_t room = max_line_bytes_ - std::min(max_line_bytes_, line.size());
    too_long_ = too_long_ || bytes > room;
    line.append(start, std::min(bytes, room));
    const size_t taken = bytes + (newline == nullptr ? 0 : 1);
    begin_ += taken;
    bytes_read_ += static_cast<int64_t>(taken);
    if (newline != nullptr) break;
  }
  if (!any) return false;
  ++line_number_;
  if (line.ends_with('\r')) line.pop_back();
  if (line_number_ == 1 && line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);
  return true;
}

}  // namespace tributary::cli
