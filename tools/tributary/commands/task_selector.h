// Which tasks are meant.
#pragma once

#include <string>

#include "CLI/CLI.hpp"
#include "commands/commands.h"
#include "tributary/operations/v1/operations.pb.h"

namespace tributary::cli {

struct TaskFlags {
  std::string processor;
  std::string log;
  int32_t partition = -1;
};

inline void AddTaskSelector(CLI::App& command, TaskFlags& flags) {
  command.add_option("--processor", flags.processor, "Only this: ingestion, identity or profile");
  command.add_option("--log", flags.log, "Only this: registry, intake or journey");
  command.add_option("--partition", flags.partition, "Only this")->check(NonNegative());
}

inline void FillSelector(const TaskFlags& flags, operations::v1::TaskSelector& selector) {
  selector.set_processor(flags.processor);
  selector.set_log(flags.log);
  if (flags.partition >= 0) selector.set_partition(flags.partition);
}

}  // namespace tributary::cli
