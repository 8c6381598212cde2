// What `ingest` and `import` share: read, send, report, resume.
#pragma once

#include <cstdint>
#include <string>

#include "input/event_reader.h"
#include "session.h"

namespace tributary::cli {

struct UploadOptions {
  std::string unit = "events";  // what a line of the file is called
  std::string source_id = "";   // empty: each event names its own
  bool create_source = false;
  std::string file = "";   // empty: a stream
  int64_t file_bytes = 0;  // 0: not known
  std::string file_digest = "";
  std::string rejects_file = "";
  bool resume = false;             // files only
  std::string progress_file = "";  // empty: <file>.progress
  bool wait = false;               // until all can be read
  int batch_size = 200;            // 1 to 1,000; small, so that live events wait for little of a bulk load
  int in_flight = 4;
  bool bulk = false;  // yield to live traffic
};

// Sends everything that `reader` gives and prints what came of it. The exit code.
int Upload(const Session& session, EventReader& reader, const UploadOptions& options);

}  // namespace tributary::cli
