// Lists page by page, ordered by id.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace tributary::ingestion {

struct Page {
  int32_t size = 100;
  std::string after;  // the id that the page before ended with; empty: from the start
};

// `list` names what is listed, e.g. "sources/shop": the token of one list is refused by another. InvalidArgument for
// a size beyond 0 to 1,000 or a token that is none of the list's.
absl::StatusOr<Page> ReadPage(std::string_view list, int32_t page_size, std::string_view page_token);
std::string NextPageToken(std::string_view list, std::string_view last_id);

}  // namespace tributary::ingestion
