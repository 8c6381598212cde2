#include "input/file_digest.h"

#include <array>
#include <fstream>
#include <memory>
#include <vector>

#include "fmt/format.h"
#include "openssl/evp.h"
#include "text/format.h"
#include "tributary/base/status.h"

namespace tributary::cli {

absl::StatusOr<std::string> DigestOf(std::istream& in) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  if (context == nullptr || EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1) {
    return absl::InternalError("SHA-256 is not to be had");
  }
  std::vector<char> buffer(256 << 10);
  while (in) {
    in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    EVP_DigestUpdate(context.get(), buffer.data(), static_cast<size_t>(in.gcount()));
  }
  if (in.bad()) return absl::DataLossError("the file cannot be read to its end");
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  EVP_DigestFinal_ex(context.get(), digest.data(), nullptr);
  return Hex(std::string_view(reinterpret_cast<const char*>(digest.data()), 8));
}

absl::StatusOr<std::string> DigestOfFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    return FieldError(absl::StatusCode::kNotFound, "UNREADABLE_FILE", "FILE", fmt::format("{} cannot be read", path),
                      "Name a file that is there and that you may read");
  }
  return DigestOf(in);
}

std::string RowId(const std::string& digest, int64_t line) { return fmt::format("{}-{}", digest, line); }

}  // namespace tributary::cli
