#include "tributary/processor/record_type.h"

#include <cstdio>
#include <cstdlib>

#include "google/protobuf/descriptor.h"

namespace tributary::processor::internal {

const std::string& RecordTypeOf(const google::protobuf::Descriptor& descriptor) {
  const std::string& type = descriptor.options().GetExtension(options::v1::record_type);
  if (type.empty()) {
    std::fprintf(stderr, "%s has no record_type\n", descriptor.full_name().c_str());
    std::abort();
  }
  return type;
}

}  // namespace tributary::processor::internal
