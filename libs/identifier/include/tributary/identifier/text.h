// The forms in which text is stored and compared. All functions are pure and thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace tributary::identifier {

// Whether `text` is well-formed UTF-8 (no overlong forms, no surrogates).
bool IsValidUtf8(std::string_view text);

// One spelling for what a reader sees as one text: NFKC, then Thai sara am in one form. NFKC takes sara am (U+0E33)
// apart into nikhahit (U+0E4D) and sara aa (U+0E32), and cannot see that nikhahit + tone mark + sara aa, as some
// keyboards write it, is the same; here all of them become tone mark + U+0E33, the order in which Thai is typed.
// Case and white space are kept. Ill-formed bytes become U+FFFD. Idempotent.
std::string NormalForm(std::string_view text);

// The form in which two texts are compared: as NormalForm, with case folded (full Unicode folding, invisible
// characters such as U+200B dropped), each run of white space made one blank, none at the ends. Idempotent; never to
// be shown to people.
std::string CompareForm(std::string_view text);

}  // namespace tributary::identifier
