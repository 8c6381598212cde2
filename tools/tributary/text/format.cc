#include "text/format.h"

#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "fmt/format.h"
#include "google/protobuf/util/json_util.h"
#include "tributary/base/status.h"

namespace tributary::cli {
namespace {

// "CHANNEL_" for CHANNEL_UNSPECIFIED, CHANNEL_WEB ...: every enum of ours begins with its unspecified value.
std::string PrefixOf(const google::protobuf::EnumDescriptor& type) {
  constexpr std::string_view kUnspecified = "UNSPECIFIED";
  const std::string& first = type.value(0)->name();
  if (!first.ends_with(kUnspecified)) return "";
  return first.substr(0, first.size() - kUnspecified.size());
}

}  // namespace

std::string ToJson(const google::protobuf::Message& message, bool all_fields) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = all_fields;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  return status.ok() ? json : "{}";
}

std::string Grouped(int64_t number) {
  std::string digits = fmt::format("{}", number);
  const size_t first = number < 0 ? 1 : 0;
  for (size_t at = digits.size(); at > first + 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::string AmountText(const Amount& amount) {
  std::string text = amount.ToString();
  const size_t point = text.find('.');
  const size_t first = text.starts_with('-') ? 1 : 0;
  for (size_t at = point; at > first + 3;) {
    at -= 3;
    text.insert(at, ",");
  }
  return text;
}

absl::StatusOr<Amount> AmountOf(const events::v1::Money& money) { return Amount::Of(money.units(), money.nanos()); }

std::string MoneyText(const events::v1::Money& money) {
  const auto amount = AmountOf(money);
  if (!amount.ok()) return "?";
  return fmt::format("{} {}", AmountText(*amount), money.currency());
}

std::string DecimalText(const events::v1::Decimal& decimal) {
  const auto amount = Amount::Of(decimal.units(), decimal.nanos());
  if (!amount.ok()) return "?";
  std::string text = amount->ToString();
  text.resize(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

absl::Time TimeOf(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

void SetTime(absl::Time time, google::protobuf::Timestamp* to) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  to->set_seconds(seconds);
  to->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
}

std::string TimeText(const google::protobuf::Timestamp& time, absl::TimeZone zone) {
  if (time.seconds() == 0 && time.nanos() == 0) return "-";
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", TimeOf(time), zone);
}

std::string DurationText(absl::Duration duration) {
  const double seconds = absl::ToDoubleSeconds(duration);
  if (seconds < 1) return fmt::format("{:.0f}ms", seconds * 1000);
  if (seconds < 60) return fmt::format("{:.1f}s", seconds);
  const auto whole = static_cast<int64_t>(seconds);
  if (whole < 3600) return fmt::format("{}m {}s", whole / 60, whole % 60);
  return fmt::format("{}h {}m", whole / 3600, whole % 3600 / 60);
}

std::string Hex(std::string_view bytes) { return absl::BytesToHexString(ToAbsl(bytes)); }

absl::StatusOr<absl::TimeZone> ZoneOf(const std::string& name) {
  absl::TimeZone zone;
  if (!absl::LoadTimeZone(name, &zone)) {
    return InvalidField("UNKNOWN_TIME_ZONE", "--time-zone", "is no zone that is known here",
                        "Name an IANA zone, e.g. Asia/Bangkok");
  }
  return zone;
}

absl::StatusOr<absl::Time> ParseMoment(const std::string& text, absl::TimeZone zone, std::string_view field) {
  constexpr std::array<const char*, 6> kForms = {"%E4Y-%m-%dT%H:%M:%E*S%Ez", "%E4Y-%m-%d %H:%M:%E*S%Ez",
                                                 "%E4Y-%m-%dT%H:%M:%E*S",    "%E4Y-%m-%d %H:%M:%E*S",
                                                 "%E4Y-%m-%d %H:%M",         "%E4Y-%m-%d"};
  for (const char* form : kForms) {
    absl::Time time;
    std::string error;
    if (absl::ParseTime(form, text, zone, &time, &error)) return time;
  }
  return InvalidField("MALFORMED_TIME", field, "is no moment",
                      "Write 2026-01-05, 2026-01-05 14:03:22 or 2026-01-05T14:03:22+07:00");
}

absl::StatusOr<int> ParseEnum(const google::protobuf::EnumDescriptor& type, std::string_view text,
                              std::string_view field) {
  const std::string upper = absl::AsciiStrToUpper(ToAbsl(text));
  const std::string prefix = PrefixOf(type);
  for (const std::string& name : {upper, prefix + upper}) {
    if (const auto* value = type.FindValueByName(name)) return value->number();
  }
  std::string known;
  for (int i = 1; i < type.value_count(); ++i) {
    known += fmt::format("{}{}", i > 1 ? ", " : "", EnumText(type, type.value(i)->number()));
  }
  return InvalidField("UNKNOWN_VALUE", field, "is none of the values possible", fmt::format("Write one of: {}", known));
}

std::string EnumText(const google::protobuf::EnumDescriptor& type, int number) {
  const auto* value = type.FindValueByNumber(number);
  if (value == nullptr) return fmt::format("{}", number);
  if (number == 0) return "";
  return absl::AsciiStrToLower(value->name().substr(PrefixOf(type).size()));
}

}  // namespace tributary::cli
