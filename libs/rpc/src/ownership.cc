#include "tributary/rpc/ownership.h"

#include <iterator>

#include "fmt/format.h"
#include "xxhash.h"

namespace tributary::rpc {

int32_t Ownership::OwnerOf(std::string_view log, int32_t partition) const {
  std::string name = fmt::format("{}/{}/{}/", service_, log, partition);
  const size_t prefix = name.size();
  int32_t owner = 0;
  XXH64_hash_t greatest = 0;
  for (int32_t ordinal = 0; ordinal < replicas_; ++ordinal) {
    name.resize(prefix);
    fmt::format_to(std::back_inserter(name), "{}", ordinal);
    const XXH64_hash_t weight = XXH3_64bits(name.data(), name.size());
    if (weight > greatest) {
      greatest = weight;
      owner = ordinal;
    }
  }
  return owner;
}

std::vector<int32_t> Ownership::OwnedBy(int32_t ordinal, std::string_view log, int32_t partitions) const {
  std::vector<int32_t> owned;
  for (int32_t partition = 0; partition < partitions; ++partition) {
    if (OwnerOf(log, partition) == ordinal) owned.push_back(partition);
  }
  return owned;
}

}  // namespace tributary::rpc
