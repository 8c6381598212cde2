// Nested lines for people, drawn as a tree.
#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace tributary::cli {

struct Tree {
  std::string text;
  std::vector<Tree> branches;

  // The branch that was added; valid until the next is.
  Tree& Add(std::string branch) { return branches.emplace_back(Tree{std::move(branch), {}}); }
};

// "├─" and "└─" before the branches, on their own lines below the text.
void PrintTree(const Tree& tree, std::ostream& out);

}  // namespace tributary::cli
