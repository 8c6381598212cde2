#include "input/event_json.h"

#include "google/protobuf/util/json_util.h"
#include "input/csv_reader.h"
#include "input/file_digest.h"
#include "nlohmann/json.hpp"
#include "re2/re2.h"
#include "text/format.h"
#include "tributary/base/status.h"

namespace tributary::cli {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

// An event is at most 256 KiB as protobuf; as JSON it is longer.
constexpr size_t kMaxLineBytes = 2 << 20;

constexpr char kMend[] = "Write it as docs/cli.md shows, in the JSON form of tributary.events.v1.CustomerEvent";

const FieldDescriptor* FieldOf(const Descriptor& type, const std::string& name) {
  const FieldDescriptor* field = type.FindFieldByName(name);
  return field != nullptr ? field : type.FindFieldByCamelcaseName(name);
}

void SpellOutEnums(const Descriptor& type, nlohmann::json& object);

void SpellOutValue(const FieldDescriptor& field, nlohmann::json& value) {
  if (value.is_array()) {
    for (auto& element : value) SpellOutValue(field, element);
  } else if (field.type() == FieldDescriptor::TYPE_ENUM && value.is_string()) {
    const auto number = ParseEnum(*field.enum_type(), value.get<std::string>(), field.name());
    if (number.ok()) value = *number;
  } else if (field.type() == FieldDescriptor::TYPE_MESSAGE && value.is_object()) {
    SpellOutEnums(*field.message_type(), value);
  }
}

// Puts numbers in place of enum values, whole or short, wherever `object` has them. Messages do not nest deeper than
// the contracts do, but for lists in properties, where there are no enums.
void SpellOutEnums(const Descriptor& type, nlohmann::json& object) {
  for (auto& [name, value] : object.items()) {
    const FieldDescriptor* field = FieldOf(type, name);
    if (field != nullptr) SpellOutValue(*field, value);
  }
}

// protobuf's text quotes the value; only the path, and the name of a field that is not known, are taken from it.
absl::Status Unreadable(const std::string& text) {
  static const RE2* const kPath = new RE2(R"(\(([A-Za-z0-9_.\[\]]{1,200})\))");
  static const RE2* const kUnknownField = new RE2(R"(([A-Za-z0-9_]{1,64}): Cannot find field)");
  std::string path;
  RE2::PartialMatch(text, *kPath, &path);
  std::string name;
  if (RE2::PartialMatch(text, *kUnknownField, &name)) {
    return InvalidField("UNKNOWN_FIELD", path, fmt::format("there is no field \"{}\"", name), kMend);
  }
  return InvalidField("MALFORMED", path, "is not valid here", kMend);
}

}  // namespace

absl::StatusOr<events::v1::CustomerEvent> ParseEvent(std::string_view json) {
  const google::protobuf::StringPiece piece(json.data(), json.size());
  events::v1::CustomerEvent event;
  if (google::protobuf::util::JsonStringToMessage(piece, &event).ok()) return event;
  // Canonical events end there; short forms and errors take the longer way.
  nlohmann::json parsed = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) return InvalidField("MALFORMED", "", "the line is no JSON object", kMend);
  SpellOutEnums(*events::v1::CustomerEvent::descriptor(), parsed);
  event.Clear();
  const auto status = google::protobuf::util::JsonStringToMessage(
      parsed.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), &event);
  if (!status.ok()) return Unreadable(status.ToString());
  return event;
}

NdjsonReader::NdjsonReader(std::istream& in, NdjsonOptions options)
    : options_(std::move(options)), lines_(in, kMaxLineBytes) {}

bool NdjsonReader::Next(ReadEvent& read) {
  do {
    if (!lines_.Next(text_)) return false;
  } while (text_.find_first_not_of(" \t") == std::string::npos);
  read.line = lines_.line_number();
  if (lines_.too_long()) {
    read.status = InvalidField("TOO_LONG", "", "the line is longer than 2 MiB", "Send large content elsewhere");
    return true;
  }
  if (!IsUtf8(text_)) {
    read.status = InvalidField("NOT_UTF8", "", "the line is not UTF-8", "Save the file as UTF-8");
    return true;
  }
  auto event = ParseEvent(text_);
  read.status = event.status();
  if (!event.ok()) return true;
  read.event = *std::move(event);
  if (read.event.source_id().empty()) read.event.set_source_id(options_.source_id);
  if (options_.historical) read.event.set_historical(true);
  if (read.event.event_id().empty() && !options_.file_digest.empty()) {
    read.event.set_event_id(RowId(options_.file_digest, read.line));
  }
  if (read.event.event_id().empty()) {
    read.status = InvalidField("REQUIRED", "event_id", "is missing, and a stream gives lines no identity",
                               "Give each event an event_id, or ingest from a file");
  }
  return true;
}

}  // namespace tributary::cli
