// "Did you mean ...?"
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tributary::rules {

// The candidate that `word` most likely is a misspelling of, or "": at most a third of its letters, at least one and at
// most three, differ, a swap of neighbours counting as one.
std::string Nearest(std::string_view word, const std::vector<std::string>& candidates);

// "Did you mean `x`?", or `otherwise`.
std::string DidYouMean(std::string_view word, const std::vector<std::string>& candidates, std::string_view otherwise);

// "web, app and line", each in backquotes.
std::string Enumerated(const std::vector<std::string>& words);

}  // namespace tributary::rules
