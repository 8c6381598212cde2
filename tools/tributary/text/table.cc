#include "text/table.h"

#include <algorithm>

#include "unicode/uchar.h"
#include "unicode/utf8.h"

namespace tributary::cli {
namespace {

size_t WidthOf(UChar32 c) {
  if (c < 0) return 1;
  const auto category = u_charType(c);
  if (category == U_NON_SPACING_MARK || category == U_ENCLOSING_MARK || category == U_FORMAT_CHAR) return 0;
  const int width = u_getIntPropertyValue(c, UCHAR_EAST_ASIAN_WIDTH);
  return width == U_EA_WIDE || width == U_EA_FULLWIDTH ? 2 : 1;
}

bool IsControl(UChar32 c) { return c >= 0 && u_charType(c) == U_CONTROL_CHAR; }

}  // namespace

size_t DisplayWidth(std::string_view text) {
  size_t width = 0;
  const auto length = static_cast<int32_t>(text.size());
  for (int32_t i = 0; i < length;) {
    UChar32 c = 0;
    U8_NEXT(text.data(), i, length, c);
    width += WidthOf(c);
  }
  return width;
}

std::string OneLine(std::string_view text, size_t max_width) {
  std::string line;
  size_t width = 0;
  size_t fits = 0;  // bytes of `line` that leave a column for "…"
  const auto length = static_cast<int32_t>(text.size());
  for (int32_t i = 0; i < length;) {
    const int32_t start = i;
    UChar32 c = 0;
    U8_NEXT(text.data(), i, length, c);
    width += WidthOf(c);
    if (max_width > 0 && width > max_width) {
      line.resize(fits);
      return line + "…";
    }
    if (IsControl(c)) {
      line += ' ';
    } else if (c < 0) {
      line += "\uFFFD";
    } else {
      line.append(text.substr(start, i - start));
    }
    if (width < max_width) fits = line.size();
  }
  return line;
}

void Table::Add(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  rows_.push_back(std::move(cells));
}

void Table::Print(std::ostream& out) const {
  std::vector<size_t> widths;
  for (const Column& column : columns_) widths.push_back(DisplayWidth(column.heading));
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], DisplayWidth(row[i]));
  }
  const auto print = [&](const auto& text_of) {
    std::string line;
    for (size_t i = 0; i < columns_.size(); ++i) {
      const std::string& cell = text_of(i);
      const std::string padding(widths[i] - DisplayWidth(cell), ' ');
      if (i > 0) line += "  ";
      line += columns_[i].align == Align::kRight ? padding + cell : cell + padding;
    }
    line.resize(line.find_last_not_of(' ') + 1);
    out << line << "\n";
  };
  print([&](size_t i) -> const std::string& { return columns_[i].heading; });
  for (const auto& row : rows_) print([&](size_t i) -> const std::string& { return row[i]; });
}

}  // namespace tributary::cli
