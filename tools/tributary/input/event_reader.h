// Where events to be sent come from, one after the other.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "tributary/events/v1/customer_event.pb.h"

namespace tributary::cli {

struct ReadEvent {
  int64_t line = 0;  // that it stands on in the file, from 1
  // Why the line is no event; then `event` means nothing.
  absl::Status status;
  events::v1::CustomerEvent event;
};

// Not thread-safe.
class EventReader {
 public:
  virtual ~EventReader() = default;
  // The next event or bad line, with growing line numbers; false at the end.
  virtual bool Next(ReadEvent& read) = 0;
  // Of the file, read so far.
  virtual int64_t bytes_read() const = 0;
  // Reading ended by an error of the file, not by its end.
  virtual bool failed() const = 0;
};

}  // namespace tributary::cli
