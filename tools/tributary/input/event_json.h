// Customer events as JSON, one on a line.
#pragma once

#include <istream>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "input/event_reader.h"
#include "input/line_reader.h"

namespace tributary::cli {

// A CustomerEvent in protobuf's JSON (field names as in the contract or in lowerCamelCase). Enum values may also be
// given without their prefix and in lower case: "store" for "CHANNEL_STORE". InvalidArgument naming the field; the
// text holds no values.
absl::StatusOr<events::v1::CustomerEvent> ParseEvent(std::string_view json);

struct NdjsonOptions {
  std::string source_id = "";    // for events that name none
  std::string file_digest = "";  // names events without an id; empty: they are bad
  bool historical = false;       // set on each
};

class NdjsonReader final : public EventReader {
 public:
  // `in` must outlive it.
  NdjsonReader(std::istream& in, NdjsonOptions options);
  bool Next(ReadEvent& read) override;
  int64_t bytes_read() const override { return lines_.bytes_read(); }
  bool failed() const override { return lines_.failed(); }

 private:
  const NdjsonOptions options_;
  LineReader lines_;
  std::string text_;
};

}  // namespace tributary::cli
