// For tests alone: the right that otherwise only a task has.
#pragma once

#include "tributary/projection/table.h"

namespace tributary::projection::testing {

class WriteRightForTests {
 public:
  static WriteRight Make() { return {}; }
};

}  // namespace tributary::projection::testing
