// Values as text, for people and as JSON.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "google/protobuf/timestamp.pb.h"
#include "tributary/base/money.h"
#include "tributary/events/v1/value.pb.h"

namespace tributary::cli {

// One line of JSON with the field names of the contracts, int64 as strings (protobuf's mapping). With
// `all_fields` also those that have their default value, so that columns do not come and go.
std::string ToJson(const google::protobuf::Message& message, bool all_fields = false);

// "1,234,567"
std::string Grouped(int64_t number);
// "1,234.50"
std::string AmountText(const Amount& amount);
// "1,234.50 THB"; "?" for an amount that is malformed.
std::string MoneyText(const events::v1::Money& money);
// "2", "0.5"
std::string DecimalText(const events::v1::Decimal& decimal);
absl::StatusOr<Amount> AmountOf(const events::v1::Money& money);

absl::Time TimeOf(const google::protobuf::Timestamp& time);
void SetTime(absl::Time time, google::protobuf::Timestamp* to);
// "2026-01-05 14:03:22" in the zone; "-" if it is unset.
std::string TimeText(const google::protobuf::Timestamp& time, absl::TimeZone zone);
// "1.5s", "2m 3s"
std::string DurationText(absl::Duration duration);
std::string Hex(std::string_view bytes);

// An IANA zone, e.g. "Asia/Bangkok".
absl::StatusOr<absl::TimeZone> ZoneOf(const std::string& name);
// A moment given by a person: "2026-01-05", "2026-01-05 14:03", "2026-01-05T14:03:22+07:00"; without an offset in
// `zone`. InvalidArgument naming `field`.
absl::StatusOr<absl::Time> ParseMoment(const std::string& text, absl::TimeZone zone, std::string_view field);

// An enum's value by its whole name or without the prefix, in either case: "CHANNEL_STORE", "store". InvalidArgument
// naming `field` and the possible values.
absl::StatusOr<int> ParseEnum(const google::protobuf::EnumDescriptor& type, std::string_view text,
                              std::string_view field);
// "store" for CHANNEL_STORE, "" for the unspecified one, the number for one that is not known.
std::string EnumText(const google::protobuf::EnumDescriptor& type, int number);

}  // namespace tributary::cli
