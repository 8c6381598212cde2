// Plain text for people: aligned columns, right also for Thai and other scripts.
#pragma once

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace tributary::cli {

// Columns that `text` takes on a terminal: marks above and below take none, wide East Asian characters two. Bytes
// that are no UTF-8 count one each.
size_t DisplayWidth(std::string_view text);

// `text` on one line: control characters (which could steer the terminal) and line breaks become blanks, what goes
// beyond `max_width` columns becomes "…". 0: no limit.
std::string OneLine(std::string_view text, size_t max_width = 0);

// Rows under headings. Memory is the rows'.
class Table {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string heading;
    Align align = Align::kLeft;
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  // One cell for each column; missing ones are empty.
  void Add(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  void Print(std::ostream& out) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace tributary::cli
