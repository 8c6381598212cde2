// Which facts came to which profile before it lost a merge and which after, as the log says; and whether what is
// seen of a profile is whole.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "log_reading.h"
#include "sim_log.h"

namespace tributary::simulation {

struct Merge {
  std::string id;
  std::string loser;
  std::string winner;
};

class MoveIndex {
 public:
  // As the tasks of that processor see it.
  MoveIndex(const SimLog* log, int partitions, std::string processor)
      : log_(log), partitions_(partitions), processor_(std::move(processor)) {}

  // Reads what is new in the log; to be called before anything is asked.
  void Update();
  // Of what was seen of `profile` by one who is told that nothing is on its way to it: of each profile that lost to it
  // nothing is there, or all that this one and those that had lost to it had before they lost.
  absl::Status CheckWhole(const std::string& profile, const std::set<std::string>& seen,
                          const std::vector<Merge>& merges) const;
  // All that `profile`, and those that had lost to it, had before they lost is there.
  absl::Status CheckAllOf(const std::string& profile, const std::set<std::string>& seen,
                          const std::vector<Merge>& merges) const;

 private:
  struct Known {
    bool retired = false;
    std::set<std::string> own;   // applied there before it lost
    std::set<std::string> late;  // came to the pointer
  };
  struct Cursor {
    size_t next = 0;
    Origins origins;
  };
  void Note(std::string_view piece);
  // The profile and all that lost to it, directly or not.
  std::vector<std::string> GroupOf(const std::string& profile, const std::vector<Merge>& merges) const;

  const SimLog* const log_;
  const int partitions_;
  const std::string processor_;
  std::map<int, Cursor> cursors_;
  std::map<std::string, Known> known_;
};

}  // namespace tributary::simulation
