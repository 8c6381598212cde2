// Rows of a purchase history become OrderStated events.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "input/csv_reader.h"
#include "input/event_reader.h"

namespace tributary::cli {

// A column is named by its heading or by its number from 1. Empty: there is none.
struct RowMapping {
  std::string source_id;  // Required.
  std::string issuer;     // of order numbers and of identifiers that need one; empty: source_id
  // (type or type:issuer, column); at least one.
  std::vector<std::pair<std::string, std::string>> identifiers;
  std::string time;      // Required.
  std::string amount;    // Required.
  std::string currency;  // ISO 4217; this or the column is required
  std::string currency_column;
  std::string units;
  std::string product;
  std::string product_id;  // of every row, where there is no column
  std::string order_id;    // empty: the row's identity
  std::string event_id;    // empty: the row's identity
  std::string location;
  std::string channel;                                          // of every row, e.g. "store"; empty: the source's
  std::vector<std::pair<std::string, std::string>> properties;  // (key, column)
  // As strptime, e.g. "%d/%m/%Y"; empty: ISO 8601.
  std::string date_format;
  std::string time_zone = "UTC";
};

// Thread-compatible.
class RowMapper {
 public:
  // `headings` of the file, or none. InvalidArgument naming the option: a column that is not there, a missing
  // requirement, an unknown zone or channel.
  static absl::StatusOr<RowMapper> Make(const RowMapping& mapping, const std::vector<std::string>& headings,
                                        std::string file_digest);

  // InvalidArgument naming the column by its use ("amount"), without values. A row names one order: two rows in a
  // row with one order id are refused, since the second would replace the first.
  absl::StatusOr<events::v1::CustomerEvent> Map(const CsvRecord& record);

 private:
  struct Identifier {
    std::string type;
    std::string issuer;
    size_t column;
  };
  using Column = std::optional<size_t>;

  RowMapper() = default;
  absl::Status Resolve(const std::vector<std::string>& headings);
  absl::StatusOr<absl::Time> ParseTimeOf(const std::string& text) const;
  absl::Status FillIdentifiers(const CsvRecord& record, events::v1::CustomerEvent& event) const;
  absl::Status FillLine(const CsvRecord& record, const std::string& currency, events::v1::OrderStated& order) const;
  absl::Status FillOrder(const CsvRecord& record, absl::Time placed_at, events::v1::CustomerEvent& event);

  RowMapping mapping_;
  std::string digest_;
  absl::TimeZone zone_;
  int channel_ = 0;
  std::string date_format_;
  std::vector<Identifier> identifiers_;
  std::vector<std::pair<std::string, size_t>> properties_;  // sorted by key
  Column time_, amount_, currency_, units_, product_, order_id_, event_id_, location_;
  size_t expected_fields_ = 0;  // 0 until the first row is seen
  std::string last_order_id_;
};

struct CsvLayout {
  CsvOptions options;
  bool header = true;
  int skip_lines = 0;  // records before the header or the first row
};

// The rows of a file through a mapper.
class CsvEventReader final : public EventReader {
 public:
  // Reads the header. `in` must outlive it. Errors: those of RowMapper::Make, and a file without the header.
  static absl::StatusOr<std::unique_ptr<CsvEventReader>> Open(std::istream& in, const CsvLayout& layout,
                                                              const RowMapping& mapping, std::string file_digest);
  bool Next(ReadEvent& read) override;
  int64_t bytes_read() const override { return reader_.bytes_read(); }
  bool failed() const override { return reader_.failed(); }

 private:
  CsvEventReader(std::istream& in, const CsvOptions& options) : reader_(in, options) {}
  CsvReader reader_;
  std::optional<RowMapper> mapper_;
  CsvRecord record_;
};

}  // namespace tributary::cli
