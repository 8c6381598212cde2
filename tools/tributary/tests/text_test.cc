#include <sstream>

#include "gmock/gmock.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "input/event_json.h"
#include "text/format.h"
#include "text/progress_bar.h"
#include "text/record_text.h"
#include "text/table.h"
#include "text/timeline.h"
#include "tributary/base/status.h"
#include "tributary/events/v1/decision_batch.pb.h"
#include "tributary/events/v1/identity.pb.h"

namespace tributary::cli {
namespace {

using ::testing::HasSubstr;

TEST(DisplayWidth, CountsColumnsAndNotBytes) {
  EXPECT_EQ(DisplayWidth("abc"), 3u);
  EXPECT_EQ(DisplayWidth("ที่"), 1u);  // one consonant with a vowel and a tone above it
  EXPECT_EQ(DisplayWidth("สวัสดี"), 4u);
  EXPECT_EQ(DisplayWidth("日本"), 4u);
  EXPECT_EQ(DisplayWidth("\xFF\xFE"), 2u);  // no UTF-8
}

TEST(OneLine, TakesOutWhatCouldSteerTheTerminal) {
  EXPECT_EQ(OneLine("a\x1B[31mb\nc\td"), "a [31mb c d");
  EXPECT_EQ(OneLine("\xFFz"), "\uFFFDz");
}

TEST(OneLine, ShortensByColumns) {
  EXPECT_EQ(OneLine("abcdef", 6), "abcdef");
  EXPECT_EQ(OneLine("abcdefg", 6), "abcde…");
  EXPECT_EQ(OneLine("สวัสดีครับ", 5), "สวัสดี…");
}

TEST(Table, AlignsThaiAndLatin) {
  Table table({{"name"}, {"sum", Table::Align::kRight}});
  table.Add({"สวัสดี", "5.00"});
  table.Add({"Somchai", "1,000.00"});
  std::ostringstream out;
  table.Print(out);
  EXPECT_EQ(out.str(),
            "name          sum\n"
            "สวัสดี         5.00\n"
            "Somchai  1,000.00\n");
}

TEST(Format, GroupsDigitsAndKeepsEveryOne) {
  EXPECT_EQ(Grouped(0), "0");
  EXPECT_EQ(Grouped(-1234567), "-1,234,567");
  EXPECT_EQ(AmountText(*Amount::Parse("2500315.63")), "2,500,315.63");
  EXPECT_EQ(AmountText(*Amount::Parse("-999.005")), "-999.005");
  events::v1::Decimal half;
  half.set_nanos(500'000'000);
  EXPECT_EQ(DecimalText(half), "0.5");
  half.set_units(10);
  half.set_nanos(0);
  EXPECT_EQ(DecimalText(half), "10");
}

TEST(Format, ReadsMoments) {
  const absl::TimeZone bangkok = *ZoneOf("Asia/Bangkok");
  const absl::Time expected = absl::FromUnixSeconds(1'767'546'000);  // 2026-01-04T17:00:00Z
  for (const char* text : {"2026-01-05", "2026-01-05 00:00", "2026-01-05T00:00:00", "2026-01-04T17:00:00Z"}) {
    EXPECT_EQ(*ParseMoment(text, bangkok, "--from"), expected) << text;
  }
  EXPECT_EQ(DetailOf(ParseMoment("tomorrow", bangkok, "--from").status())->field, "--from");
}

TEST(Format, TakesEnumValuesShortOrWholeAndNamesThePossible) {
  const auto& channel = *events::v1::Channel_descriptor();
  EXPECT_EQ(*ParseEnum(channel, "store", "--channel"), events::v1::CHANNEL_STORE);
  EXPECT_EQ(*ParseEnum(channel, "CHANNEL_STORE", "--channel"), events::v1::CHANNEL_STORE);
  EXPECT_THAT(std::string(ParseEnum(channel, "shop", "--channel").status().message()), HasSubstr("web, app, email"));
  EXPECT_EQ(EnumText(channel, events::v1::CHANNEL_CALL), "call");
  EXPECT_EQ(EnumText(channel, 0), "");
  EXPECT_EQ(EnumText(channel, 99), "99");
}

std::string Words(const std::string& json) {
  const auto event = ParseEvent(json);
  EXPECT_TRUE(event.ok()) << event.status();
  return event.ok() ? InWords(*event) : "";
}

TEST(Timeline, TellsInWordsWhatHappened) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"page_viewed":{"url":"https://x.test/menu","title":"Menu"}})", "saw page \"Menu\" (https://x.test/menu)"},
      {R"({"tracked":{"name":"Video Played"}})", "Video Played"},
      {R"({"product_interacted":{"action":"viewed","product":{"product_id":"sku1","name":"ผัดไทย"}}})",
       "looked at ผัดไทย"},
      {R"({"product_interacted":{"action":"searched","query":"แกง"}})", "searched for \"แกง\""},
      {R"({"cart_stated":{"cart_id":"1"}})", "emptied the cart"},
      {R"({"order_stated":{"order":{"issuer":"pos","order_id":"42"},"status":"completed","lines":[)"
       R"({"product":{"name":"ผัดไทย"},"quantity":{"units":2}},{"product":{"product_id":"water"},"quantity":{"units":1}}],)"
       R"("total":{"currency":"THB","units":1250,"nanos":500000000}}})",
       "ordered 2 × ผัดไทย, 1 × water for 1,250.50 THB (order pos/42, completed)"},
      {R"({"order_stated":{"order":{"issuer":"pos","order_id":"42"},"status":"cancelled",)"
       R"("total":{"currency":"THB","units":5}}})",
       "cancelled an order of 5.00 THB (order pos/42, cancelled)"},
      {R"({"return_stated":{"order":{"issuer":"pos","order_id":"42"},"refund":{"currency":"THB","units":5},)"
       R"("reason":"cold"}})",
       "got 5.00 THB back (order pos/42): \"cold\""},
      {R"({"payment_recorded":{"status":"failed","amount":{"currency":"THB","units":5},"method":"card"}})",
       "payment of 5.00 THB failed (card)"},
      {R"({"interaction_recorded":{"kind":"call","disposition":"answered","topic":"refund","wait":"65s"}})",
       "call (answered, refund, waited 1m 5s)"},
      {R"({"direction":"outbound","message_exchanged":{"text":"ขอบคุณค่ะ"}})", "we wrote: \"ขอบคุณค่ะ\""},
      {R"({"survey_answered":{"survey_id":"s1","complete":true,"answers":[{"kind":"nps","score":{"units":9},)"
       R"("max":{"units":10}}]}})",
       "answered survey s1: nps 9 of 10"},
      {R"({"feedback_given":{"kind":"complaint","topic":"delivery","text":"late"}})",
       "complained (delivery): \"late\""},
      {R"({"traits_stated":{"names":[{"language":"th","full":"สมชาย ใจดี"}]}})", "stated สมชาย ใจดี"},
      {R"({"consent_stated":{"status":"withdrawn","purpose":"marketing","channel":"sms"}})",
       "withdrew consent to marketing by sms"},
      {R"({"points_posted":{"programme":"gold","kind":"redeemed","points":-500}})", "-500 points redeemed (gold)"},
      {R"({"event_retracted":{"event":{"source_id":"pos","event_id":"7"},"reason":"typo"}})", "retracts pos/7 (typo)"},
  };
  for (const auto& [json, expected] : cases) EXPECT_EQ(Words(json), expected);
}

TEST(Timeline, SaysSomethingOfEveryBody) {
  const auto* body = events::v1::CustomerEvent::descriptor()->FindOneofByName("body");
  for (int i = 0; i < body->field_count(); ++i) {
    events::v1::CustomerEvent event;
    event.GetReflection()->MutableMessage(&event, body->field(i));
    EXPECT_FALSE(words::OfCommerce(event).empty() && words::OfContact(event).empty() &&
                 words::OfPerson(event).empty() && body->field(i)->name() != "tracked")
        << body->field(i)->name();
  }
}

TEST(Timeline, PrintsTheDayOnceAndTimesInTheZone) {
  std::ostringstream out;
  TimelinePrinter printer(out, *ZoneOf("Asia/Bangkok"));
  profile::v1::JourneyEntry entry;
  entry.mutable_event()->mutable_tracked()->set_name("Came");
  entry.mutable_event()->set_channel(events::v1::CHANNEL_STORE);
  entry.mutable_occurred_at()->set_seconds(1'767'546'000);
  printer.Print(entry);
  entry.mutable_occurred_at()->set_seconds(1'767'549'600);
  entry.mutable_event()->mutable_tracked()->set_name("Went");
  entry.set_retracted(true);
  printer.Print(entry);
  EXPECT_EQ(out.str(),
            "\nMon 2026-01-05\n"
            "  00:00:00  store     Came\n"
            "  01:00:00  store     Went  [retracted]\n");
}

TEST(RecordText, ShowsDecisionsOfABatchAndNoValuesInTheSummary) {
  events::v1::LinkRefused refused;
  events::v1::DecisionBatch batch;
  batch.set_processor("identity");
  batch.set_previous(-1);
  batch.set_through(4);
  auto* decision = batch.add_decisions();
  decision->set_type("link_refused");
  decision->set_value(refused.SerializeAsString());
  operations::v1::LogRecord record;
  record.set_type("decision_batch");
  record.set_value(batch.SerializeAsString());
  EXPECT_THAT(RecordSummary(record), HasSubstr("identity previous -1 through 4  1×link_refused"));
  EXPECT_THAT(ValueText(record.type(), record.value()), HasSubstr(R"("type":"link_refused","value":{})"));
  EXPECT_EQ(ValueText("unheard_of", "abc"), "\"YWJj\"");
}

TEST(ProgressBar, DrawsOnTerminalsAloneAndTellsTheTimeLeft) {
  FakeClock clock;
  std::ostringstream out;
  ProgressBar hidden(out, clock, false, "rows");
  hidden.Update(1, 1, 2);
  EXPECT_EQ(out.str(), "");
  ProgressBar bar(out, clock, true, "rows");
  bar.Update(0, 0, 1000);
  clock.Advance(absl::Seconds(10));
  bar.Update(50'000, 500, 1000);
  EXPECT_THAT(out.str(), HasSubstr(" 50%  50,000 rows  5,000/s  10.0s left"));
  const size_t drawn = out.str().size();
  clock.Advance(absl::Milliseconds(20));
  bar.Update(50'001, 501, 1000);
  EXPECT_EQ(out.str().size(), drawn);
}

}  // namespace
}  // namespace tributary::cli
