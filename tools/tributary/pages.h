// Lists that come in pages.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "tributary/base/status.h"

namespace tributary::cli {

// Fetches page after page: `fetch(request)` gives StatusOr<Response>; `use(response)` is called for each and says
// whether to go on. Memory is bounded by one page.
template <typename Request, typename Fetch, typename Use>
absl::Status ForEachPage(Request request, Fetch fetch, Use use) {
  while (true) {
    TRIBUTARY_ASSIGN_OR_RETURN(const auto page, fetch(request));
    if (!use(page) || page.next_page_token().empty()) return absl::OkStatus();
    request.set_page_token(page.next_page_token());
  }
}

}  // namespace tributary::cli
