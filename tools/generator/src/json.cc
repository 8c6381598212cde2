#include "json.h"

#include <cstdlib>
#include <iterator>
#include <string_view>
#include <vector>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "fmt/format.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"

namespace tributary::generator {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// protobuf escapes what would end a script in a web page, too.
void AppendString(std::string_view value, std::string* text) {
  *text += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      *text += '\\';
      *text += c;
    } else if (c == '\n') {
      *text += "\\n";
    } else if (static_cast<unsigned char>(c) < ' ' || c == '<' || c == '>' || c == '\x7f') {
      fmt::format_to(std::back_inserter(*text), "\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      *text += c;
    }
  }
  *text += '"';
}

bool AppendWellKnown(const Message& message, std::string* text) {
  if (const auto* time = dynamic_cast<const google::protobuf::Timestamp*>(&message)) {
    const absl::CivilSecond second = absl::ToCivilSecond(absl::FromUnixSeconds(time->seconds()), absl::UTCTimeZone());
    fmt::format_to(std::back_inserter(*text), "\"{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z\"", second.year(), second.month(),
                   second.day(), second.hour(), second.minute(), second.second());
    return true;
  }
  if (const auto* duration = dynamic_cast<const google::protobuf::Duration*>(&message)) {
    fmt::format_to(std::back_inserter(*text), "\"{}s\"", duration->seconds());
    return true;
  }
  return false;
}

// `index`: of a repeated field; below 0: it is none.
void AppendValue(const Message& message, const FieldDescriptor& field, int index, std::string* text) {
  const Reflection& reflection = *message.GetReflection();
  const auto out = std::back_inserter(*text);
  std::string scratch;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      if (field.type() != FieldDescriptor::TYPE_STRING) std::abort();
      return AppendString(index < 0 ? reflection.GetStringReference(message, &field, &scratch)
                                    : reflection.GetRepeatedStringReference(message, &field, index, &scratch),
                          text);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return AppendJson(
          index < 0 ? reflection.GetMessage(message, &field) : reflection.GetRepeatedMessage(message, &field, index),
          text);
    case FieldDescriptor::CPPTYPE_ENUM:
      return AppendString(
          (index < 0 ? reflection.GetEnum(message, &field) : reflection.GetRepeatedEnum(message, &field, index))
              ->name(),
          text);
    case FieldDescriptor::CPPTYPE_INT64:
      fmt::format_to(
          out, "\"{}\"",
          index < 0 ? reflection.GetInt64(message, &field) : reflection.GetRepeatedInt64(message, &field, index));
      return;
    case FieldDescriptor::CPPTYPE_INT32:
      fmt::format_to(
          out, "{}",
          index < 0 ? reflection.GetInt32(message, &field) : reflection.GetRepeatedInt32(message, &field, index));
      return;
    case FieldDescriptor::CPPTYPE_BOOL:
      *text += (index < 0 ? reflection.GetBool(message, &field) : reflection.GetRepeatedBool(message, &field, index))
                   ? "true"
                   : "false";
      return;
    default:
      std::abort();
  }
}

}  // namespace

void AppendJson(const Message& message, std::string* text) {
  if (AppendWellKnown(message, text)) return;
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  *text += '{';
  for (const FieldDescriptor* field : fields) {
    if (text->back() != '{') *text += ',';
    *text += '"';
    *text += field->name();
    *text += "\":";
    if (!field->is_repeated()) {
      AppendValue(message, *field, -1, text);
      continue;
    }
    *text += '[';
    const int size = message.GetReflection()->FieldSize(message, field);
    for (int i = 0; i < size; ++i) {
      if (i > 0) *text += ',';
      AppendValue(message, *field, i, text);
    }
    *text += ']';
  }
  *text += '}';
}

}  // namespace tributary::generator
