#include <filesystem>
#include <sstream>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "input/csv_reader.h"
#include "input/event_json.h"
#include "input/file_digest.h"
#include "input/rejection.h"
#include "input/resume.h"
#include "input/row_mapping.h"
#include "text/format.h"
#include "tributary/base/status.h"

namespace tributary::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string ReasonOf(const absl::Status& status) { return DetailOf(status).value_or(ErrorDetail{}).reason; }
std::string FieldOf(const absl::Status& status) { return DetailOf(status).value_or(ErrorDetail{}).field; }

// "line: a|b" for a record, "line! REASON" for a bad one.
std::vector<std::string> ReadAll(const std::string& text, CsvOptions options = {}) {
  std::istringstream in(text);
  CsvReader reader(in, options);
  std::vector<std::string> all;
  CsvRecord record;
  while (true) {
    const auto more = reader.Next(record);
    if (!more.ok()) {
      all.push_back(fmt::format("{}! {}", record.line, ReasonOf(more.status())));
      continue;
    }
    if (!*more) return all;
    all.push_back(fmt::format("{}: {}", record.line, fmt::join(record.fields, "|")));
  }
}

TEST(CsvReader, SplitsAtSeparatorsAndKeepsEmptyColumns) {
  EXPECT_THAT(ReadAll("a,b,c\n,,\n1,2,\n"), ElementsAre("1: a|b|c", "2: ||", "3: 1|2|"));
  EXPECT_THAT(ReadAll("a;b\tc\n", {.separator = ';'}), ElementsAre("1: a|b\tc"));
}

TEST(CsvReader, TakesEveryLineEndAndNoneAtTheEndOfTheFile) {
  EXPECT_THAT(ReadAll("\xEF\xBB\xBF"
                      "a,b\r\nc,d\r\n\r\ne,f"),
              ElementsAre("1: a|b", "2: c|d", "4: e|f"));
}

TEST(CsvReader, ReadsQuotedSeparatorsQuotesAndLineBreaks) {
  EXPECT_THAT(ReadAll("\"a,b\",\"say \"\"hi\"\"\",\"\"\n\"two\nlines\",x\nnext,y\n"),
              ElementsAre("1: a,b|say \"hi\"|", "2: two\nlines|x", "4: next|y"));
}

TEST(CsvReader, AStrayQuoteCostsOneLineAndNotTheRest) {
  EXPECT_THAT(ReadAll("\"a\"x,b\nc,d\n"), ElementsAre("1! TEXT_AFTER_QUOTE", "2: c|d"));
  EXPECT_THAT(ReadAll("a,\"b\nc,d\ne,f\n"), ElementsAre("1! UNTERMINATED_QUOTE", "2: c|d", "3: e|f"));
}

TEST(CsvReader, RefusesWhatIsNoUtf8AndGoesOn) {
  EXPECT_THAT(ReadAll("\xCA\xC7\xD1\xCA,b\nสวัสดี,d\n"), ElementsAre("1! NOT_UTF8", "2: สวัสดี|d"));
}

TEST(CsvReader, RefusesALineBeyondTheBoundWithoutKeepingIt) {
  EXPECT_THAT(ReadAll(std::string(200'000, 'x') + "\na,b\n"), ElementsAre("1! TOO_LONG", "2: a|b"));
}

TEST(CsvReader, TakesAnyRunOfBlanksAsOneSeparator) {
  EXPECT_THAT(ReadAll(" 00001 19970101  1   11.77\r\n\t2 \"x\n", {.blanks = true}),
              ElementsAre("1: 00001|19970101|1|11.77", "2: 2|\"x"));
}

TEST(FileDigest, IsTheBeginningOfSha256) {
  std::istringstream in("abc");
  EXPECT_EQ(*DigestOf(in), "ba7816bf8f01cfea");
  EXPECT_EQ(RowId("ba7816bf8f01cfea", 17), "ba7816bf8f01cfea-17");
  EXPECT_EQ(DigestOfFile("/nowhere/at/all").status().code(), absl::StatusCode::kNotFound);
}

RowMapping Sales() {
  RowMapping mapping;
  mapping.source_id = "tills";
  mapping.identifiers = {{"customer_id", "member"}};
  mapping.time = "date";
  mapping.amount = "total";
  mapping.currency = "THB";
  return mapping;
}

std::vector<ReadEvent> MapAll(const std::string& text, const RowMapping& mapping, CsvLayout layout = {}) {
  std::istringstream in(text);
  auto reader = CsvEventReader::Open(in, layout, mapping, "0123456789abcdef");
  EXPECT_TRUE(reader.ok()) << reader.status();
  std::vector<ReadEvent> events;
  for (ReadEvent read; (*reader)->Next(read);) events.push_back(read);
  return events;
}

absl::Status OpenStatus(const std::string& text, const RowMapping& mapping) {
  std::istringstream in(text);
  return CsvEventReader::Open(in, {}, mapping, "0123456789abcdef").status();
}

TEST(RowMapping, MakesAnOrderOfARow) {
  RowMapping mapping = Sales();
  mapping.time_zone = "Asia/Bangkok";
  mapping.channel = "store";
  mapping.units = "pieces";
  mapping.product = "sku";
  mapping.properties = {{"till", "till"}, {"a", "sku"}};
  const auto events = MapAll("member,date,total,pieces,sku,till\n M7 ,2026-01-05,100.00,3,pad-thai,T1\n", mapping);
  ASSERT_EQ(events.size(), 1u);
  ASSERT_TRUE(events[0].status.ok()) << events[0].status;
  EXPECT_EQ(ToJson(events[0].event),
            R"({"event_id":"0123456789abcdef-2","source_id":"tills","occurred_at":"2026-01-04T17:00:00Z",)"
            R"("time_zone":"Asia/Bangkok","identifiers":[{"type":"customer_id","issuer":"tills","value":"M7"}],)"
            R"("channel":"CHANNEL_STORE","historical":true,"import_ref":"0123456789abcdef",)"
            R"("properties":[{"key":"a","value":{"string_value":"pad-thai"}},)"
            R"({"key":"till","value":{"string_value":"T1"}}],)"
            R"("order_stated":{"order":{"issuer":"tills","order_id":"0123456789abcdef-2"},"revision":"1",)"
            R"("status":"STATUS_COMPLETED","placed_at":"2026-01-04T17:00:00Z","lines":[{"line_id":"1",)"
            R"("product":{"product_id":"pad-thai"},"quantity":{"units":"3"},)"
            R"("unit_price":{"currency":"THB","units":"33","nanos":333333333}}],)"
            R"("total":{"currency":"THB","units":"100"}}})");
}

TEST(RowMapping, KeepsAmountsExact) {
  const auto events = MapAll("member,date,total\n1,2026-01-05,0.1\n1,2026-01-05,123456789012.123456789\n", Sales());
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].event.order_stated().total().nanos(), 100'000'000);
  EXPECT_EQ(MoneyText(events[1].event.order_stated().total()), "123,456,789,012.123456789 THB");
}

TEST(RowMapping, RowIdentityIsTheLineWhateverIsSkipped) {
  const auto with_header = MapAll("member,date,total\n1,2026-01-05,5\n\n1,2026-01-05,5\n", Sales());
  ASSERT_EQ(with_header.size(), 2u);
  EXPECT_EQ(with_header[0].event.event_id(), "0123456789abcdef-2");
  EXPECT_EQ(with_header[1].event.event_id(), "0123456789abcdef-4");
  RowMapping by_number = Sales();
  by_number.identifiers = {{"customer_id", "1"}};
  by_number.time = "2";
  by_number.amount = "3";
  const auto skipped = MapAll("member,date,total\n1,2026-01-05,5\n", by_number, {.header = false, .skip_lines = 1});
  ASSERT_EQ(skipped.size(), 1u);
  EXPECT_EQ(skipped[0].event.event_id(), "0123456789abcdef-2");
}

TEST(RowMapping, NamesColumnAndReasonOfABadRowWithoutItsValues) {
  RowMapping mapping = Sales();
  mapping.units = "n";
  const auto events = MapAll(
      "member,date,total,n\n"
      "1,secret-date,5,1\n1,2026-01-05,\"1,000\",1\n1,2026-01-05,-5,1\n1,2026-01-05,5,0\n ,2026-01-05,5,1\n"
      "1,2026-01-05,5\n1,2026-13-05,5,1\n1,2026-01-05,5,1\n",
      mapping);
  std::vector<std::string> got;
  for (const ReadEvent& read : events) {
    got.push_back(fmt::format("{} {} {}", read.line, FieldOf(read.status), ReasonOf(read.status)));
    EXPECT_THAT(std::string(read.status.message()), Not(HasSubstr("secret")));
  }
  EXPECT_THAT(got, ElementsAre("2 time MALFORMED_TIME", "3 amount MALFORMED_AMOUNT", "4 amount OUT_OF_RANGE",
                               "5 units OUT_OF_RANGE", "6 identifiers REQUIRED", "7  COLUMN_COUNT",
                               "8 time MALFORMED_TIME", "9  "));
}

TEST(RowMapping, RefusesTwoRowsInARowOfOneOrder) {
  RowMapping mapping = Sales();
  mapping.order_id = "no";
  const auto events = MapAll("member,date,total,no\n1,2026-01-05,5,A\n1,2026-01-05,6,A\n1,2026-01-05,6,B\n", mapping);
  ASSERT_EQ(events.size(), 3u);
  EXPECT_TRUE(events[0].status.ok());
  EXPECT_EQ(ReasonOf(events[1].status), "ORDER_REPEATED");
  EXPECT_EQ(events[2].event.order_stated().order().order_id(), "B");
}

TEST(RowMapping, TakesDatesInTheFormGiven) {
  RowMapping mapping = Sales();
  const auto occurred = [&](const std::string& format, const std::string& date) {
    mapping.date_format = format;
    const auto events = MapAll("member;date;total\n1;" + date + ";5\n", mapping, {.options = {.separator = ';'}});
    return TimeText(events.at(0).event.occurred_at(), absl::UTCTimeZone());
  };
  EXPECT_EQ(occurred("%Y%m%d", "19970325"), "1997-03-25 00:00:00");
  EXPECT_EQ(occurred("%d/%m/%Y %H:%M", "05/01/2026 14:30"), "2026-01-05 14:30:00");
  EXPECT_EQ(occurred("", "2026-01-05T14:30:00+07:00"), "2026-01-05 07:30:00");
  mapping.time_zone = "Asia/Bangkok";
  EXPECT_EQ(occurred("", "2026-01-05 14:30:00"), "2026-01-05 07:30:00");
}

TEST(RowMapping, TellsWhichOptionIsWrong) {
  const std::string file = "member,date,total\n1,2026-01-05,5\n";
  RowMapping mapping = Sales();
  mapping.amount = "sum";
  EXPECT_EQ(FieldOf(OpenStatus(file, mapping)), "--amount");
  EXPECT_THAT(std::string(OpenStatus(file, mapping).message()), HasSubstr("member, date, total"));
  mapping = Sales();
  mapping.currency.clear();
  EXPECT_EQ(FieldOf(OpenStatus(file, mapping)), "--currency");
  mapping = Sales();
  mapping.identifiers.clear();
  EXPECT_EQ(FieldOf(OpenStatus(file, mapping)), "--customer-id");
  mapping = Sales();
  mapping.time_zone = "Asia/Krungthep-Maha";
  EXPECT_EQ(FieldOf(OpenStatus(file, mapping)), "--time-zone");
  EXPECT_EQ(ReasonOf(OpenStatus("", Sales())), "EMPTY_FILE");
}

TEST(EventJson, ReadsContractsNamesAndShortEnumValues) {
  const std::string whole =
      R"({"event_id":"1","channel":"CHANNEL_STORE","identifiers":[{"type":"email","value":"a@example.com"}],)"
      R"("order_stated":{"status":"STATUS_COMPLETED","total":{"currency":"THB","units":"5"}}})";
  const std::string shorter =
      R"({"eventId":"1","channel":"store","identifiers":[{"type":"email","value":"a@example.com"}],)"
      R"("orderStated":{"status":"Completed","total":{"currency":"THB","units":5}}})";
  const auto a = ParseEvent(whole);
  const auto b = ParseEvent(shorter);
  ASSERT_TRUE(a.ok()) << a.status();
  ASSERT_TRUE(b.ok()) << b.status();
  EXPECT_EQ(a->SerializeAsString(), b->SerializeAsString());
  EXPECT_EQ(a->channel(), events::v1::CHANNEL_STORE);
}

TEST(EventJson, NamesTheFieldAndNeverTheValue) {
  for (const std::string json :
       {R"({"occurred_at":"secret"})", R"({"channel":"secret"})", R"({"order_stated":{"total":{"units":"secret"}}})",
        R"({"event_id": secret})", R"(["secret"])"}) {
    const auto event = ParseEvent(json);
    EXPECT_EQ(event.status().code(), absl::StatusCode::kInvalidArgument) << json;
    EXPECT_THAT(std::string(event.status().message()), Not(HasSubstr("secret")));
  }
  const auto unknown = ParseEvent(R"({"evnt_id":"1"})");
  EXPECT_EQ(ReasonOf(unknown.status()), "UNKNOWN_FIELD");
  EXPECT_THAT(std::string(unknown.status().message()), HasSubstr("evnt_id"));
}

TEST(NdjsonReader, NamesEventsWithoutIdByFileAndLine) {
  std::istringstream in("\n{\"tracked\":{\"name\":\"x\"}}\n{\"event_id\":\"own\",\"source_id\":\"other\"}\nnonsense\n");
  NdjsonReader reader(in, {.source_id = "site", .file_digest = "d", .historical = true});
  ReadEvent read;
  ASSERT_TRUE(reader.Next(read));
  EXPECT_EQ(read.event.event_id(), "d-2");
  EXPECT_EQ(read.event.source_id(), "site");
  EXPECT_TRUE(read.event.historical());
  ASSERT_TRUE(reader.Next(read));
  EXPECT_EQ(read.event.event_id(), "own");
  EXPECT_EQ(read.event.source_id(), "other");
  ASSERT_TRUE(reader.Next(read));
  EXPECT_EQ(read.line, 4);
  EXPECT_EQ(ReasonOf(read.status), "MALFORMED");
  EXPECT_FALSE(reader.Next(read));
}

TEST(NdjsonReader, RefusesEventsOfAStreamWithoutId) {
  std::istringstream in("{\"tracked\":{\"name\":\"x\"}}\n");
  NdjsonReader reader(in, {});
  ReadEvent read;
  ASSERT_TRUE(reader.Next(read));
  EXPECT_EQ(FieldOf(read.status), "event_id");
}

TEST(Progress, IsFoundAgainAndRefusedForAnotherFileOrSource) {
  const std::string path = (std::filesystem::path(testing::TempDir()) / "cli_progress_test").string();
  RemoveProgress(path);
  EXPECT_EQ(*LoadProgress(path, "d", "s"), std::nullopt);
  ASSERT_TRUE(SaveProgress(path, {.digest = "d", .source_id = "s", .lines = 500, .accepted = 499, .rejected = 1}).ok());
  const auto kept = LoadProgress(path, "d", "s");
  ASSERT_TRUE(kept.ok() && kept->has_value());
  EXPECT_EQ((*kept)->lines, 500);
  EXPECT_EQ((*kept)->accepted, 499);
  EXPECT_EQ(LoadProgress(path, "other", "s").status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(LoadProgress(path, "d", "other").status().code(), absl::StatusCode::kFailedPrecondition);
  RemoveProgress(path);
}

TEST(Rejection, HasFieldMessageAndMendEachInItsPlace) {
  const Rejection rejection = RejectionOf(7, InvalidField("MALFORMED", "amount", "is no amount", "Write 1"));
  EXPECT_EQ(rejection.field, "amount");
  EXPECT_EQ(rejection.message, "is no amount");
  EXPECT_EQ(rejection.mend, "Write 1");
  EXPECT_EQ(RejectionText(rejection), "line 7: amount: is no amount. Write 1");
}

TEST(RejectionReport, ShowsTheFirstAndSaysHowManyMore) {
  std::ostringstream err;
  RejectionReport report(err);
  for (int i = 1; i <= 12; ++i)
    report.Add({.line = i, .field = "amount", .message = "is no amount", .mend = "Write 1"});
  EXPECT_TRUE(report.Finish().ok());
  EXPECT_THAT(err.str(), HasSubstr("line 1: amount: is no amount. Write 1\n"));
  EXPECT_THAT(err.str(), Not(HasSubstr("line 11:")));
  EXPECT_THAT(err.str(), HasSubstr("... and 2 more"));
}

}  // namespace
}  // namespace tributary::cli
