#include "text/tree.h"

#include "text/table.h"

namespace tributary::cli {
namespace {

void PrintBranches(const Tree& tree, const std::string& indent, std::ostream& out) {
  for (size_t i = 0; i < tree.branches.size(); ++i) {
    const bool last = i + 1 == tree.branches.size();
    out << indent << (last ? "└─ " : "├─ ") << OneLine(tree.branches[i].text) << "\n";
    PrintBranches(tree.branches[i], indent + (last ? "   " : "│  "), out);
  }
}

}  // namespace

void PrintTree(const Tree& tree, std::ostream& out) {
  out << OneLine(tree.text) << "\n";
  PrintBranches(tree, "", out);
}

}  // namespace tributary::cli
