#include "src/files.h"

#include <fstream>
#include <iterator>

#include "fmt/format.h"
#include "tributary/base/status.h"

namespace tributary::rpc {

absl::StatusOr<std::string> ReadPem(std::string_view option, const std::string& path) {
  if (path.empty()) return std::string();
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file.good()) {
    return FieldError(absl::StatusCode::kNotFound, "FILE_NOT_READABLE", option, fmt::format("cannot read {}", path),
                      "Name a PEM file that this process may read");
  }
  if (text.find("-----BEGIN ") == std::string::npos) {
    return InvalidField("FILE_NOT_PEM", option, fmt::format("{} holds no PEM block", path), "Name a file in PEM form");
  }
  return text;
}

}  // namespace tributary::rpc
