// What the crash test's child appends and reports, and its parent expects.
#pragma once

#include <cstdint>
#include <string>

#include "fmt/format.h"

namespace tributary::eventlog {

inline constexpr int32_t kCrashPartitions = 3;
inline constexpr int kCrashAppenders = 4;

// One acknowledgement, written to the pipe in one piece (far below PIPE_BUF).
struct CrashReport {
  int32_t round;
  int32_t appender;
  int64_t sequence;  // of this appender in this round, from 0
  int64_t offset;
};

// Appender and sequence decide the partition and the size.
inline int32_t CrashPartition(int64_t sequence) { return static_cast<int32_t>(sequence % kCrashPartitions); }
inline std::string CrashKey(int32_t round, int32_t appender) { return fmt::format("{}/{}", round, appender); }
inline std::string CrashValue(int32_t round, int32_t appender, int64_t sequence) {
  const auto fill = static_cast<size_t>((sequence * 7919 + appender * 104729) % 3000);
  return fmt::format("{}:{}:{}:", sequence, appender, round) +
         std::string(fill, static_cast<char>('a' + sequence % 26));
}

}  // namespace tributary::eventlog
