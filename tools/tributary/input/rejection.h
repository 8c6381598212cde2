// What could not be taken, and where it stands in the file.
#pragma once

#include <cstdint>
#include <fstream>
#include <ostream>
#include <string>

#include "absl/status/status.h"

namespace tributary::cli {

struct Rejection {
  int64_t line = 0;     // from 1
  std::string reason;   // UPPER_SNAKE_CASE
  std::string field;    // path in the event, or the column's use; may be empty
  std::string message;  // holds no values
  std::string mend;
};

// From an error with or without detail.
Rejection RejectionOf(int64_t line, const absl::Status& status);

// "line 17: order_stated.total: is negative. Write ..." for people.
std::string RejectionText(const Rejection& rejection);

// Where rejections go: all into a file as NDJSON, if one is named, and the first few to `err`. Not thread-safe.
class RejectionReport {
 public:
  static constexpr int kShown = 10;
  // `err` must outlive it.
  explicit RejectionReport(std::ostream& err) : err_(err) {}
  // With `append` what an interrupted run reported is kept.
  absl::Status OpenFile(const std::string& path, bool append);
  void Add(const Rejection& rejection);
  int64_t count() const { return count_; }
  // Says how many were not shown; and whether the file could not be written.
  absl::Status Finish();

 private:
  std::ostream& err_;
  std::ofstream file_;
  std::string path_;
  int64_t count_ = 0;
};

}  // namespace tributary::cli
