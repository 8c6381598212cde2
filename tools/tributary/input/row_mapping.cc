#include "input/row_mapping.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "input/file_digest.h"
#include "text/format.h"
#include "tributary/base/money.h"
#include "tributary/base/status.h"

namespace tributary::cli {
namespace {

std::string Trimmed(const std::string& text) { return std::string(absl::StripAsciiWhitespace(text)); }

std::string OptionOf(std::string_view type) {
  for (const std::string_view own : {"customer_id", "email", "phone", "loyalty_card"}) {
    if (type == own) return "--" + absl::StrReplaceAll(ToAbsl(type), {{"_", "-"}});
  }
  return "--identifier";
}

bool NeedsIssuer(std::string_view type) { return type != "email" && type != "phone"; }

absl::StatusOr<size_t> FindColumn(const std::string& column, const std::vector<std::string>& headings,
                                  std::string_view option) {
  for (size_t i = 0; i < headings.size(); ++i) {
    if (Trimmed(headings[i]) == column) return i;
  }
  int number = 0;
  if (absl::SimpleAtoi(column, &number) && number >= 1 &&
      (headings.empty() || number <= static_cast<int>(headings.size()))) {
    return static_cast<size_t>(number - 1);
  }
  if (headings.empty()) {
    return InvalidField("UNKNOWN_COLUMN", option, "names a column, but the file has no header",
                        "Give its number, from 1");
  }
  return InvalidField(
      "UNKNOWN_COLUMN", option, "names a column that is not there",
      fmt::format("Give one of: {}; or a number from 1 to {}", absl::StrJoin(headings, ", "), headings.size()));
}

absl::Status Missing(std::string_view option, std::string_view what, std::string_view mend) {
  return InvalidField("REQUIRED", option, what, mend);
}

void SetMoney(const Amount& amount, const std::string& currency, events::v1::Money* money) {
  money->set_currency(currency);
  money->set_units(amount.units());
  money->set_nanos(amount.nanos());
}

// The price of one, to the nearest billionth: `total` stays what counts.
Amount PriceOfOne(const Amount& total, const Amount& units) {
  __extension__ typedef __int128 Wide;
  constexpr int64_t kNano = 1'000'000'000;
  const auto nanos = [](const Amount& amount) { return Wide{amount.units()} * kNano + amount.nanos(); };
  const Wide quantity = nanos(units);  // above 0
  const Wide price = (nanos(total) * kNano + quantity / 2) / quantity;
  return Amount::Of(static_cast<int64_t>(price / kNano), static_cast<int32_t>(price % kNano)).value_or(total);
}

}  // namespace

absl::StatusOr<RowMapper> RowMapper::Make(const RowMapping& mapping, const std::vector<std::string>& headings,
                                          std::string file_digest) {
  RowMapper mapper;
  mapper.mapping_ = mapping;
  mapper.digest_ = std::move(file_digest);
  mapper.expected_fields_ = headings.size();
  if (mapper.mapping_.issuer.empty()) mapper.mapping_.issuer = mapping.source_id;
  if (mapping.identifiers.empty()) {
    return Missing("--customer-id", "and no other identifier is mapped",
                   "Say which column tells whose row it is: --customer-id, --email, --phone, --loyalty-card or "
                   "--identifier TYPE=COL");
  }
  if (mapping.time.empty()) return Missing("--time", "is missing", "Say which column holds the time");
  if (mapping.amount.empty()) return Missing("--amount", "is missing", "Say which column holds the order's total");
  if (mapping.currency.empty() && mapping.currency_column.empty()) {
    return Missing("--currency", "is missing", "Give the currency of the amounts, e.g. --currency THB");
  }
  TRIBUTARY_ASSIGN_OR_RETURN(mapper.zone_, ZoneOf(mapping.time_zone));
  if (!mapping.channel.empty()) {
    TRIBUTARY_ASSIGN_OR_RETURN(mapper.channel_,
                               ParseEnum(*events::v1::Channel_descriptor(), mapping.channel, "--channel"));
  }
  // absl reads with %Y as many digits as there are; %E4Y reads four, as strptime does.
  mapper.date_format_ = absl::StrReplaceAll(mapping.date_format, {{"%%", "%%"}, {"%Y", "%E4Y"}});
  TRIBUTARY_RETURN_IF_ERROR(mapper.Resolve(headings));
  return mapper;
}

absl::Status RowMapper::Resolve(const std::vector<std::string>& headings) {
  const auto resolve = [&](const std::string& column, std::string_view option, Column& to) -> absl::Status {
    if (column.empty()) return absl::OkStatus();
    TRIBUTARY_ASSIGN_OR_RETURN(to, FindColumn(column, headings, option));
    return absl::OkStatus();
  };
  TRIBUTARY_RETURN_IF_ERROR(resolve(mapping_.time, "--time", time_));
  TRIBUTARY_RETURN_IF_ERROR(resolve(mapping_.amount, "--amount", amount_));
  TRIBUTARY_RETURN_IF_ERROR(resolve(mapping_.currency_column, "--currency-column", currency_));
  TRIBUTARY_RETURN_IF_ERROR(resolve(mapping_.units, "--units", units_));
  TRIBUTARY_RETURN_IF_ERROR(resolve(mapping_.product, "--product", product_));
  TRIBUTARY_RETURN_IF_ERROR(resolve(mapping_.order_id, "--order-id", order_id_));
  TRIBUTARY_RETURN_IF_ERROR(resolve(mapping_.event_id, "--event-id", event_id_));
  TRIBUTARY_RETURN_IF_ERROR(resolve(mapping_.location, "--location", location_));
  for (const auto& [what, column] : mapping_.identifiers) {
    const size_t colon = what.find(':');
    Identifier identifier{.type = what.substr(0, colon), .issuer = "", .column = 0};
    if (colon != std::string::npos) {
      identifier.issuer = what.substr(colon + 1);
    } else if (NeedsIssuer(identifier.type)) {
      identifier.issuer = mapping_.issuer;
    }
    TRIBUTARY_ASSIGN_OR_RETURN(identifier.column, FindColumn(column, headings, OptionOf(identifier.type)));
    identifiers_.push_back(std::move(identifier));
  }
  for (const auto& [key, column] : mapping_.properties) {
    TRIBUTARY_ASSIGN_OR_RETURN(const size_t index, FindColumn(column, headings, "--property"));
    properties_.emplace_back(key, index);
  }
  std::sort(properties_.begin(), properties_.end());
  return absl::OkStatus();
}

absl::StatusOr<absl::Time> RowMapper::ParseTimeOf(const std::string& text) const {
  if (date_format_.empty()) return ParseMoment(text, zone_, "time");
  absl::Time time;
  std::string error;
  if (absl::ParseTime(date_format_, text, zone_, &time, &error)) return time;
  return InvalidField("MALFORMED_TIME", "time", "is not of the form that --date-format gives",
                      fmt::format("Write it as {}", mapping_.date_format));
}

absl::Status RowMapper::FillIdentifiers(const CsvRecord& record, events::v1::CustomerEvent& event) const {
  for (const Identifier& identifier : identifiers_) {
    const std::string value = Trimmed(record.fields[identifier.column]);
    if (value.empty()) continue;
    auto* added = event.add_identifiers();
    added->set_type(identifier.type);
    added->set_issuer(identifier.issuer);
    added->set_value(value);
  }
  if (event.identifiers_size() > 0) return absl::OkStatus();
  return InvalidField("REQUIRED", "identifiers", "is empty in every column that is mapped to one",
                      "Say whose row it is");
}

absl::Status RowMapper::FillLine(const CsvRecord& record, const std::string& currency,
                                 events::v1::OrderStated& order) const {
  if (!units_) return absl::OkStatus();
  const auto units = Amount::Parse(Trimmed(record.fields[*units_]));
  if (!units.ok())
    return InvalidField("MALFORMED_NUMBER", "units", "is no number", "Write it in digits, e.g. 3 or 0.5");
  if (*units <= Amount()) return InvalidField("OUT_OF_RANGE", "units", "is not above 0", "Leave out rows of nothing");
  auto* line = order.add_lines();
  line->set_line_id("1");
  std::string product = product_ ? Trimmed(record.fields[*product_]) : mapping_.product_id;
  if (product.empty()) product = "unspecified";
  line->mutable_product()->set_product_id(product);
  line->mutable_quantity()->set_units(units->units());
  line->mutable_quantity()->set_nanos(units->nanos());
  TRIBUTARY_ASSIGN_OR_RETURN(const Amount total, AmountOf(order.total()));
  SetMoney(PriceOfOne(total, *units), currency, line->mutable_unit_price());
  return absl::OkStatus();
}

absl::Status RowMapper::FillOrder(const CsvRecord& record, absl::Time placed_at, events::v1::CustomerEvent& event) {
  auto& order = *event.mutable_order_stated();
  const auto amount = Amount::Parse(Trimmed(record.fields[*amount_]));
  if (!amount.ok()) {
    return InvalidField("MALFORMED_AMOUNT", "amount", "is no amount",
                        "Write it in digits with a point, without thousands separators, e.g. 1234.50");
  }
  if (*amount < Amount()) {
    return InvalidField("OUT_OF_RANGE", "amount", "is negative", "Send what was paid back as a return_stated event");
  }
  std::string currency = currency_ ? Trimmed(record.fields[*currency_]) : std::string();
  if (currency.empty()) currency = mapping_.currency;
  if (currency.empty()) return InvalidField("REQUIRED", "currency", "is empty", "Fill it in, or give --currency");
  const std::string order_id = order_id_ ? Trimmed(record.fields[*order_id_]) : RowId(digest_, record.line);
  if (order_id.empty()) return InvalidField("REQUIRED", "order_id", "is empty", "Fill it in, or map no --order-id");
  if (order_id == last_order_id_) {
    return InvalidField("ORDER_REPEATED", "order_id", "is that of the row before",
                        "One row is one order: sum its lines first");
  }
  last_order_id_ = order_id;
  order.mutable_order()->set_issuer(mapping_.issuer);
  order.mutable_order()->set_order_id(order_id);
  order.set_revision(1);
  order.set_status(events::v1::OrderStated::STATUS_COMPLETED);
  SetTime(placed_at, order.mutable_placed_at());
  SetMoney(*amount, currency, order.mutable_total());
  return FillLine(record, currency, order);
}

absl::StatusOr<events::v1::CustomerEvent> RowMapper::Map(const CsvRecord& record) {
  if (expected_fields_ == 0) expected_fields_ = record.fields.size();
  if (record.fields.size() != expected_fields_) {
    return InvalidField("COLUMN_COUNT", "",
                        fmt::format("the row has {} columns, not {}", record.fields.size(), expected_fields_),
                        "Check separators and quotes");
  }
  const auto beyond = [&](const Column& column) { return column && *column >= expected_fields_; };
  bool missing = false;
  for (const Column& column : {time_, amount_, currency_, units_, product_, order_id_, event_id_, location_}) {
    missing = missing || beyond(column);
  }
  for (const Identifier& identifier : identifiers_) missing = missing || identifier.column >= expected_fields_;
  for (const auto& [key, column] : properties_) missing = missing || column >= expected_fields_;
  if (missing) {
    return InvalidField("COLUMN_COUNT", "", fmt::format("the row has just {} columns", expected_fields_),
                        "Check the separator and the numbers of the columns");
  }

  events::v1::CustomerEvent event;
  event.set_source_id(mapping_.source_id);
  event.set_event_id(event_id_ ? Trimmed(record.fields[*event_id_]) : RowId(digest_, record.line));
  if (event.event_id().empty()) {
    return InvalidField("REQUIRED", "event_id", "is empty", "Fill it in, or map no --event-id");
  }
  TRIBUTARY_ASSIGN_OR_RETURN(const absl::Time time, ParseTimeOf(Trimmed(record.fields[*time_])));
  SetTime(time, event.mutable_occurred_at());
  event.set_time_zone(mapping_.time_zone);
  event.set_channel(static_cast<events::v1::Channel>(channel_));
  event.set_historical(true);
  event.set_import_ref(digest_);
  if (location_) event.set_location_id(Trimmed(record.fields[*location_]));
  for (const auto& [key, column] : properties_) {
    auto* property = event.add_properties();
    property->set_key(key);
    property->mutable_value()->set_string_value(record.fields[column]);
  }
  TRIBUTARY_RETURN_IF_ERROR(FillIdentifiers(record, event));
  TRIBUTARY_RETURN_IF_ERROR(FillOrder(record, time, event));
  return event;
}

absl::StatusOr<std::unique_ptr<CsvEventReader>> CsvEventReader::Open(std::istream& in, const CsvLayout& layout,
                                                                     const RowMapping& mapping,
                                                                     std::string file_digest) {
  std::unique_ptr<CsvEventReader> reader(new CsvEventReader(in, layout.options));
  std::vector<std::string> headings;
  const int before_rows = layout.skip_lines + (layout.header ? 1 : 0);
  for (int i = 0; i < before_rows; ++i) {
    TRIBUTARY_ASSIGN_OR_RETURN(const bool more, reader->reader_.Next(reader->record_));
    if (!more) {
      return InvalidField("EMPTY_FILE", "FILE", "ends before its first row", "Check --header and --skip-lines");
    }
    headings = reader->record_.fields;
  }
  if (!layout.header) headings.clear();
  TRIBUTARY_ASSIGN_OR_RETURN(reader->mapper_, RowMapper::Make(mapping, headings, std::move(file_digest)));
  return reader;
}

bool CsvEventReader::Next(ReadEvent& read) {
  const auto more = reader_.Next(record_);
  read.line = record_.line;
  read.status = more.status();
  if (!more.ok()) return true;
  if (!*more) return false;
  auto event = mapper_->Map(record_);
  read.status = event.status();
  if (event.ok()) read.event = *std::move(event);
  return true;
}

}  // namespace tributary::cli
