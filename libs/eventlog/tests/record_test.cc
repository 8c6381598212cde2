#include "tributary/eventlog/record.h"

#include <algorithm>
#include <string>
#include <vector>

#include "embedded/record_codec.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/log_specs.h"
#include "tributary/base/random.h"
#include "tributary/base/status.h"

namespace tributary::eventlog {
namespace {

using embedded::DecodeCatalog;
using embedded::DecodeOffset;
using embedded::DecodeValue;
using embedded::EncodeCatalog;
using embedded::EncodeKey;
using embedded::EncodeValue;
using embedded::StampValue;

Record SomeRecord() {
  return {
      .key = "profile", .type = "event", .headers = {{"processor", "identity"}, {"previous", "41"}}, .value = "body"};
}

std::string SomeBytes() {
  std::string bytes = EncodeValue(SomeRecord());
  StampValue(absl::FromUnixNanos(1'767'225'600'123'456'789), bytes);
  return bytes;
}

TEST(Record, FindHeaderGivesTheFirstOfThatName) {
  const Record record{.key = "", .type = "t", .headers = {{"a", "1"}, {"b", "2"}, {"a", "3"}}, .value = ""};
  EXPECT_EQ(record.FindHeader("a"), "1");
  EXPECT_EQ(record.FindHeader("c"), std::nullopt);
}

TEST(Record, SizeCountsAllItsBytes) { EXPECT_EQ(SomeRecord().Size(), 7u + 5 + 9 + 8 + 8 + 2 + 4); }

TEST(Record, ARefusalNamesTheField) {
  Record record = SomeRecord();
  record.headers.assign(kMaxHeaders + 1, {"", ""});
  EXPECT_EQ(DetailOf(Validate(record))->field, "headers");
  record = SomeRecord();
  record.key.assign(kMaxKeyBytes + 1, 'k');
  EXPECT_EQ(DetailOf(Validate(record))->field, "key");
}

TEST(LogSpecs, RefuseWhatCannotBeALog) {
  EXPECT_TRUE(ValidateSpecs({{"dead_letter", 1}, {"journey2", kMaxPartitions}}).ok());
  for (const LogSpec& spec : {LogSpec{"", 1}, LogSpec{"Journey", 1}, LogSpec{"dead-letter", 1}, LogSpec{"2nd", 1},
                              LogSpec{"journey", 0}, LogSpec{"journey", kMaxPartitions + 1}}) {
    EXPECT_EQ(ValidateSpecs({spec}).code(), absl::StatusCode::kInvalidArgument) << spec.name;
  }
  EXPECT_EQ(ValidateSpecs({{"journey", 1}, {"journey", 1}}).code(), absl::StatusCode::kInvalidArgument);
}

TEST(RecordCodec, KeysSortAsTheLogDoes) {
  const std::vector<std::string> keys = {
      EncodeKey(1, Partition(0), Offset(0)),   EncodeKey(1, Partition(0), Offset(255)),
      EncodeKey(1, Partition(0), Offset(256)), EncodeKey(1, Partition(0), Offset(int64_t{1} << 40)),
      EncodeKey(1, Partition(1), Offset(0)),   EncodeKey(1, Partition(256), Offset(0)),
      EncodeKey(2, Partition(0), Offset(0))};
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
  EXPECT_LT(embedded::CatalogKey(), keys.front());
  EXPECT_EQ(DecodeOffset(keys[3]), Offset(int64_t{1} << 40));
  EXPECT_EQ(DecodeOffset(keys[3].substr(1)), std::nullopt);
  EXPECT_EQ(DecodeOffset(std::string(16, '\xff')), std::nullopt);
}

TEST(RecordCodec, ValuesComeBackWhole) {
  const auto stored = DecodeValue(Offset(7), SomeBytes());
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_EQ((*stored)->offset, Offset(7));
  EXPECT_EQ(absl::ToUnixNanos((*stored)->appended_at), 1'767'225'600'123'456'789);
  EXPECT_EQ((*stored)->record.key, "profile");
  EXPECT_EQ((*stored)->record.type, "event");
  EXPECT_EQ((*stored)->record.headers, SomeRecord().headers);
  EXPECT_EQ((*stored)->record.value, "body");
}

TEST(RecordCodec, TheFormatOnDiskStaysAsItIs) {
  std::string bytes = EncodeValue({.key = "k", .type = "t", .headers = {{"h", "1"}}, .value = "vv"});
  StampValue(absl::FromUnixNanos(0x0102), bytes);
  EXPECT_EQ(bytes, std::string("\x01\x02\x01\0\0\0\0\0\0\x01t\x01k\x01\x01h\x01"
                               "1\x02vv",
                               21));
}

TEST(RecordCodec, EveryTruncationAndEveryAdditionIsDataLoss) {
  const std::string bytes = SomeBytes();
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodeValue(Offset(0), bytes.substr(0, size)).status().code(), absl::StatusCode::kDataLoss) << size;
  }
  EXPECT_EQ(DecodeValue(Offset(0), bytes + "x").status().code(), absl::StatusCode::kDataLoss);
}

TEST(RecordCodec, AnotherVersionIsDataLoss) {
  std::string bytes = SomeBytes();
  bytes[0] = 2;
  EXPECT_EQ(DecodeValue(Offset(0), bytes).status().code(), absl::StatusCode::kDataLoss);
}

TEST(RecordCodec, DamagedBytesAreDecodedOrDataLossButNeverCrash) {
  SeededRandom random(20260101);
  const std::string value = SomeBytes();
  const std::string catalog = EncodeCatalog({.id = "an-id", .logs = {{"journey", 8}, {"registry", 1}}});
  for (int round = 0; round < 200'000; ++round) {
    std::string bytes = random.Chance(70) ? value : catalog;
    for (uint64_t i = 1 + random.Below(4); i > 0; --i)
      bytes[random.Below(bytes.size())] = static_cast<char>(random.Next64());
    if (random.Chance(30)) bytes.resize(random.Below(2 * bytes.size()), static_cast<char>(random.Next64()));
    const absl::Status as_value = DecodeValue(Offset(0), bytes).status();
    EXPECT_TRUE(as_value.ok() || as_value.code() == absl::StatusCode::kDataLoss);
    const absl::Status as_catalog = DecodeCatalog(bytes).status();
    EXPECT_TRUE(as_catalog.ok() || as_catalog.code() == absl::StatusCode::kDataLoss);
  }
}

TEST(RecordCodec, TheCatalogComesBackWhole) {
  const auto catalog = DecodeCatalog(EncodeCatalog({.id = "an-id", .logs = {{"journey", 8}, {"registry", 1}}}));
  ASSERT_TRUE(catalog.ok()) << catalog.status();
  EXPECT_EQ(catalog->id, "an-id");
  ASSERT_EQ(catalog->logs.size(), 2u);
  EXPECT_EQ(catalog->logs[0].name, "journey");
  EXPECT_EQ(catalog->logs[0].partitions, 8);
  EXPECT_EQ(catalog->logs[1].name, "registry");
}

}  // namespace
}  // namespace tributary::eventlog
