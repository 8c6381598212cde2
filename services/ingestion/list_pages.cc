#include "ingestion/list_pages.h"

#include "absl/strings/escaping.h"
#include "fmt/format.h"
#include "tributary/base/status.h"

namespace tributary::ingestion {
namespace {

constexpr int32_t kDefaultPageSize = 100;
constexpr int32_t kMaxPageSize = 1'000;

}  // namespace

absl::StatusOr<Page> ReadPage(std::string_view list, int32_t page_size, std::string_view page_token) {
  if (page_size < 0 || page_size > kMaxPageSize) {
    return InvalidField("OUT_OF_RANGE", "page_size", "is out of range", "Send 1 to 1,000, or 0 for 100");
  }
  Page page{.size = page_size == 0 ? kDefaultPageSize : page_size};
  if (page_token.empty()) return page;
  std::string text;
  const std::string prefix = fmt::format("{}|", list);
  if (!absl::WebSafeBase64Unescape(ToAbsl(page_token), &text) || text.rfind(prefix, 0) != 0) {
    return InvalidField("INVALID_PAGE_TOKEN", "page_token", "is not a token of this list",
                        "Pass next_page_token of the page before, and all else unchanged");
  }
  page.after = text.substr(prefix.size());
  return page;
}

std::string NextPageToken(std::string_view list, std::string_view last_id) {
  return absl::WebSafeBase64Escape(fmt::format("{}|{}", list, last_id));
}

}  // namespace tributary::ingestion
