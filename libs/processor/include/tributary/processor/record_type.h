// The type under which a message is recorded, as its contract states it.
#pragma once

#include <string>
#include <string_view>

#include "tributary/options/v1/options.pb.h"

namespace tributary::processor {

// The record_type option of M; lives for ever. Aborts at the first call if M has none: a message that
// is no record was used as one.
template <typename M>
std::string_view RecordType();

namespace internal {
const std::string& RecordTypeOf(const google::protobuf::Descriptor& descriptor);
}

template <typename M>
std::string_view RecordType() {
  static const std::string& type = internal::RecordTypeOf(*M::descriptor());
  return type;
}

}  // namespace tributary::processor
