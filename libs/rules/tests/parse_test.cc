// What texts mean, and what is said of those that mean nothing.
#include <string>
#include <string_view>
#include <vector>

#include "google/protobuf/text_format.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "tributary/base/status.h"
#include "tributary/rules/rule.h"

namespace tributary::rules {
namespace {

events::v1::Rule Message(const std::string& text) {
  events::v1::Rule rule;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &rule)) << text;
  return rule;
}

void ExpectMeans(std::string_view text, const std::string& message) {
  const auto rule = ParseRule(text);
  ASSERT_TRUE(rule.ok()) << rule.status();
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(*rule, Message(message))) << rule->DebugString();
}

std::string Canonical(std::string_view text) {
  const auto rule = ParseRule(text);
  return rule.ok() ? FormatRule(*rule) : std::string(rule.status().message());
}

std::string ErrorOf(std::string_view text) {
  const auto rule = ParseRule(text);
  if (rule.ok()) return "no error: " + FormatRule(*rule);
  const auto detail = DetailOf(rule.status());
  EXPECT_TRUE(detail.has_value() && detail->reason == "INVALID_RULE" && detail->field == "rule") << rule.status();
  return std::string(rule.status().message());
}

std::string OperandErrorOf(std::string_view text) {
  const auto operand = ParseOperand(text);
  return operand.ok() ? "no error: " + FormatOperand(*operand) : std::string(operand.status().message());
}

TEST(ParseRule, AComparisonBecomesAMessage) {
  ExpectMeans("net_revenue.THB > 5000.50 THB", R"(comparison {
    left { field: "net_revenue.THB" } operator: RULE_OPERATOR_GREATER
    right { money { currency: "THB" units: 5000 nanos: 500000000 } } })");
}

TEST(ParseRule, CountsAndSumsCarryTypeConditionAndWindow) {
  ExpectMeans("sum(total THB of order_stated where channel = store within 4w) >= 1000 THB", R"(comparison {
    left { sum { field: "total" currency: "THB" events {
      body_type: "order_stated" within { seconds: 2419200 }
      condition { comparison { left { field: "channel" } operator: RULE_OPERATOR_EQUAL right { text: "store" } } } } } }
    operator: RULE_OPERATOR_GREATER_OR_EQUAL right { money { currency: "THB" units: 1000 } } })");
  EXPECT_EQ(Canonical("count(any within 30d where channel in (web,\"app\")) > 10"),
            "count(any where channel in (web, app) within 30d) > 10");
}

TEST(ParseRule, NotBindsCloserThanAndAndAndCloserThanOr) {
  EXPECT_EQ(Canonical("(not (inactive(1d))) and ((order_count=1) or (order_count=2))"),
            "not inactive(1d) and (order_count = 1 or order_count = 2)");
  EXPECT_EQ(Canonical("inactive(1d) or (inactive(2d) and not inactive(3d))"),
            "inactive(1d) or inactive(2d) and not inactive(3d)");
  // Groups within groups stay as they were written.
  EXPECT_EQ(Canonical("(inactive(1d) and inactive(2d)) and inactive(3d)"),
            "(inactive(1d) and inactive(2d)) and inactive(3d)");
  EXPECT_EQ(Canonical("not (inactive(1d) or inactive(2d))"), "not (inactive(1d) or inactive(2d))");
}

TEST(ParseRule, LiteralsHaveOneCanonicalForm) {
  EXPECT_EQ(Canonical("order_count >= 3.500"), "order_count >= 3.5");
  EXPECT_EQ(Canonical("points.club > -10"), "points.club > -10");
  EXPECT_EQ(Canonical("recency > 2w or recency < 36h or recency = 90m or recency <= 0d"),
            "recency > 14d or recency < 36h or recency = 90m or recency <= 0s");
  EXPECT_EQ(Canonical("last_seen_at < 2026-01-01T07:00:00+07:00"), "last_seen_at < 2026-01-01");
  EXPECT_EQ(Canonical("last_seen_at < 2026-01-01T07:00:00.25Z"), "last_seen_at < 2026-01-01T07:00:00.25Z");
  EXPECT_EQ(Canonical("traits.city in (\"Bangkok\" , \"\\u0e40ชียง\\\"ใหม่\\n\")"),
            "traits.city in (\"Bangkok\", \"เชียง\\\"ใหม่\\n\")");
  EXPECT_EQ(Canonical("traits.\"ชื่อ เล่น\" exists # a comment\n and traits.\"a.b\" = true"),
            "traits.\"ชื่อ เล่น\" exists and traits.a.b = true");
  EXPECT_EQ(Canonical("favourite_channel = \"line\" and subject_kind != account"),
            "favourite_channel = line and subject_kind != account");
}

TEST(ParseRule, ListsOfOneComeBackAsTheirRule) {
  EXPECT_EQ(FormatRule(Message("all_of { rules { any_of { rules { inactive_for { seconds: 60 } } } } }")),
            "inactive(1m)");
}

TEST(ParseRule, ErrorsNamePlaceFindAndExpectation) {
  EXPECT_EQ(ErrorOf(""),
            "rule: line 1, column 1: found the end, expected a field, `count`, `sum`, `inactive`, `not` or `(`");
  EXPECT_EQ(ErrorOf("order_count >= 3 adn inactive(1d)"),
            "rule: line 1, column 18: found `adn`, expected `and`, `or` or the end. Did you mean `and`?");
  EXPECT_EQ(ErrorOf("order_count >= 3\n  AND inactive(1d)"),
            "rule: line 2, column 3: found `AND`, expected `and`, `or` or the end. Did you mean `and`?");
  EXPECT_EQ(ErrorOf("(order_count >= 3"), "rule: line 1, column 18: found the end, expected `and`, `or` or `)`");
  EXPECT_EQ(
      ErrorOf("order_count"),
      "rule: line 1, column 12: found the end, expected `=`, `!=`, `<`, `<=`, `>`, `>=`, `in`, `contains` or `exists`");
  EXPECT_EQ(ErrorOf("order_count => 3"), "rule: line 1, column 14: found `>`, expected a value");
  EXPECT_EQ(ErrorOf("order_count == 3"), "rule: line 1, column 13: found `==`. Write `=`.");
  EXPECT_EQ(ErrorOf("inactive(60)"), "rule: line 1, column 10: found `60`, expected a duration such as `90d`");
  EXPECT_EQ(
      ErrorOf("inactive(60x)"),
      "rule: line 1, column 10: `60x` is neither a number nor a duration. Durations end in w, d, h, m or s, e.g. 90d.");
  EXPECT_EQ(ErrorOf("traits.city = Bangkok"),
            "rule: line 1, column 15: found `Bangkok`, expected a value (texts stand in double quotes)");
  EXPECT_EQ(ErrorOf("traits.city = 'Bangkok'"),
            "rule: line 1, column 15: found `'`. Texts stand between straight double quotes.");
  EXPECT_EQ(ErrorOf("traits.city = \"Bangkok"),
            "rule: line 1, column 15: this text has no end. End it by a double quote on the same line.");
  EXPECT_EQ(ErrorOf("last_seen_at < 2026-02-30"),
            "rule: line 1, column 16: `2026-02-30` is no day or time. Write 2026-01-31 (midnight UTC) or "
            "2026-01-31T18:00:00+07:00.");
  EXPECT_EQ(
      ErrorOf("count(order_stated wthin 90d) > 3"),
      "rule: line 1, column 20: found `wthin`, expected `where`, `within`, `and`, `or` or `)`. Did you mean `within`?");
  EXPECT_EQ(
      ErrorOf("order_count > 1234567890123456789"),
      "rule: line 1, column 15: this is no number, or out of bounds. Numbers have at most 18 digits before the point "
      "and 9 after it.");
}

TEST(ParseRule, ColumnsCountCharactersOfAnyScript) {
  EXPECT_EQ(ErrorOf("traits.city = \"เชียงใหม่\" adn inactive(1d)"),
            "rule: line 1, column 27: found `adn`, expected `and`, `or` or the end. Did you mean `and`?");
  const auto position = PositionOf(ParseRule("# ก\ntraits.\"ก\" ! 3").status());
  ASSERT_TRUE(position.has_value());
  EXPECT_EQ(position->line, 2);
  EXPECT_EQ(position->column, 12);
  EXPECT_FALSE(PositionOf(absl::InvalidArgumentError("x")).has_value());
}

TEST(ParseRule, ErrorsDoNotRepeatTexts) {
  EXPECT_EQ(ErrorOf("\"somchai@example.com\" = 3"),
            "rule: line 1, column 1: found a text, expected a field, `count`, `sum`, `inactive`, `not` or `(`");
}

TEST(ParseRule, MisspeltNamesAreMended) {
  EXPECT_EQ(ErrorOf("inactive(1d) and net_revenu.THB > 5 THB"),
            "rule: line 1, column 18: customers have no field `net_revenu`. Did you mean `net_revenue`?");
  EXPECT_EQ(ErrorOf("count(order_sated within 3d) > 1"),
            "rule: line 1, column 7: there are no events `order_sated` that count. Did you mean `order_stated`?");
  EXPECT_EQ(ErrorOf("count(order_stated where chanel = web) > 1"),
            "rule: line 1, column 26: `order_stated` has no field `chanel`. Did you mean `channel`?");
  EXPECT_EQ(
      ErrorOf("favourite_channel = lin"),
      "rule: line 1, column 21: `favourite_channel` is one of `web`, `app`, `email`, `sms`, `line`, `push`, `call`, "
      "`chat`, `social`, `store`, `property`, `kiosk`, `post`, `field` and `partner`. Did you mean `line`?");
  EXPECT_EQ(
      ErrorOf("count(order_stated where status = \"complete\") > 1"),
      "rule: line 1, column 35: `status` is one of `placed`, `confirmed`, `completed`, `cancelled` and `pending`. "
      "Did you mean `completed`?");
  EXPECT_EQ(ErrorOf("city = \"Bangkok\""),
            "rule: line 1, column 1: customers have no field `city`. Further traits are `traits.city`.");
}

TEST(ParseRule, TypesAreHeld) {
  EXPECT_EQ(
      ErrorOf("net_revenue.THB > 5000"),
      "rule: line 1, column 19: `net_revenue.THB` is money in THB and is compared with a number. Write e.g. `5000 "
      "THB`.");
  EXPECT_EQ(ErrorOf("net_revenue.THB > 5000 USD"),
            "rule: line 1, column 19: `net_revenue.THB` is money in THB and is compared with money in USD. Write e.g. "
            "`5000 THB`.");
  EXPECT_EQ(ErrorOf("order_count in (1, 2, \"x\")"),
            "rule: line 1, column 23: `order_count` is a number and is compared with text. Write e.g. `3`.");
  EXPECT_EQ(ErrorOf("gender > \"f\""),
            "rule: line 1, column 8: `gender` is not more or less than text. Use =, != or in.");
  EXPECT_EQ(ErrorOf("traits.vip > true"),
            "rule: line 1, column 12: `traits` is not more or less than true or false. Use =, != or in.");
  EXPECT_EQ(
      ErrorOf("traits.spent > 3 THB"),
      "rule: line 1, column 16: `traits.spent` is text, a number, a time, true or false and is compared with money in "
      "THB. Write e.g. `\"Bangkok\"`.");
  EXPECT_EQ(ErrorOf("count(any) exists"),
            "rule: line 1, column 12: `count(...)` always exists. Compare it with a value.");
  EXPECT_EQ(ErrorOf("net_revenue > 3 THB"),
            "rule: line 1, column 1: `net_revenue` lacks its currency. Write e.g. `net_revenue.THB`.");
  EXPECT_EQ(
      ErrorOf("net_revenue.thb > 3 THB"),
      "rule: line 1, column 1: `net_revenue` needs a currency after the dot. Write three upper-case letters, e.g. "
      "`net_revenue.THB`.");
  EXPECT_EQ(ErrorOf("gender.x = \"f\""), "rule: line 1, column 1: `gender` has nothing after a dot. Write `gender`.");
  EXPECT_EQ(ErrorOf("sum(total of order_stated) > 3 THB"),
            "rule: line 1, column 11: a sum of `total` needs a currency. Write e.g. `sum(total THB of ...)`.");
  EXPECT_EQ(ErrorOf("sum(status of order_stated) > 3"),
            "rule: line 1, column 5: `status` is text and cannot be summed. Sum numbers or money.");
  EXPECT_EQ(ErrorOf("sum(points THB of points_posted) > 3 THB"),
            "rule: line 1, column 12: `points` is no money and has no currency. Write `sum(points of ...)`.");
  EXPECT_EQ(ErrorOf("count(order_stated where rating > 3) > 3"),
            "rule: line 1, column 26: `order_stated` has no field `rating`. It is a field of `feedback_given` and "
            "`public_post_observed`.");
  EXPECT_EQ(ErrorOf("count(order_stated where product = \"a\") > 3"),
            "rule: line 1, column 34: `product` is a list of texts. Write `product contains ...`.");
  EXPECT_EQ(ErrorOf("count(any where count(any) > 1) > 1"),
            "rule: line 1, column 17: a condition of events cannot count or sum. Ask for fields of the event.");
  EXPECT_EQ(ErrorOf("count(any where inactive(1d)) > 1"),
            "rule: line 1, column 26: a condition of events cannot ask for `inactive`. Ask it beside count or sum.");
  EXPECT_EQ(ErrorOf("count(event_retracted) > 1").substr(0, 72),
            "rule: line 1, column 7: there are no events `event_retracted` that count");
}

TEST(ParseRule, BoundsAreHeld) {
  EXPECT_EQ(ErrorOf("inactive(0d)").substr(0, 70),
            "rule: line 1, column 10: a duration here is of whole seconds, 1s to 36");
  EXPECT_EQ(ErrorOf("inactive(36501d)"),
            "rule: line 1, column 10: this duration is out of bounds. Durations are 0s to 36500d.");
  std::string deep = "inactive(1d)";
  for (int i = 0; i < 9; ++i) deep = "not " + deep;
  EXPECT_TRUE(ParseRule(deep).ok());
  EXPECT_EQ(ErrorOf("not " + deep), "rule: line 1, column 41: rules are nested more than 10 deep. Make it flatter.");
  EXPECT_EQ(ErrorOf(std::string(10'000, '(')), "rule: line 1, column 65: this is nested too deep. Make it flatter.");
  std::string many = "inactive(1d)";
  for (int i = 1; i < 50; ++i) many += " or inactive(1d)";
  EXPECT_TRUE(ParseRule(many).ok());
  EXPECT_EQ(ErrorOf(many + " or inactive(1d)"),
            "rule: line 1, column 1: a list has 1 to 50 rules. Put them into lists.");
  EXPECT_EQ(ErrorOf("(" + many + ") and (" + many + ") and (" + many + ") and (" + many + ")"),
            "rule: line 1, column 3131: there are more than 200 rules. Split it.");
  EXPECT_EQ(ErrorOf("traits.x = \"" + std::string(257, 'x') + "\""),
            "rule: line 1, column 12: a text has at most 256 bytes of UTF-8. Shorten it.");
  EXPECT_EQ(ErrorOf(std::string(16'385, ' ')), "rule: has more than 16384 bytes. Shorten it.");
  EXPECT_EQ(ErrorOf("\xFF"), "rule: is not UTF-8. Save it as UTF-8.");
}

TEST(ParseOperand, TakesNumbersMoneyAndDurations) {
  for (const std::string_view text :
       {"net_revenue.THB", "order_count", "recency", "count(order_stated within 90d)",
        "sum(total THB of order_stated where status = completed within 365d)", "sum(points of points_posted)"}) {
    const auto operand = ParseOperand(text);
    ASSERT_TRUE(operand.ok()) << operand.status();
    EXPECT_EQ(FormatOperand(*operand), text);
  }
  EXPECT_EQ(OperandErrorOf("last_seen_at"),
            "rule: line 1, column 1: `last_seen_at` is a time. Name a number, money or a duration.");
  EXPECT_EQ(OperandErrorOf("traits.score").substr(0, 52), "rule: line 1, column 1: `traits` is text, a number, ");
  EXPECT_EQ(OperandErrorOf("order_count > 3"), "rule: line 1, column 13: found `>`, expected the end");
}

TEST(Compile, ErrorsNameThePathInTheMessage) {
  const auto field_of = [](const std::string& message) {
    const auto compiled = CompiledRule::Compile(Message(message));
    if (compiled.ok()) return std::string("compiles");
    return DetailOf(compiled.status()).value_or(ErrorDetail{}).field;
  };
  EXPECT_EQ(field_of(""), "rule");
  EXPECT_EQ(field_of("all_of {}"), "rule.all_of.rules");
  EXPECT_EQ(
      field_of("all_of { rules { inactive_for { seconds: 1 } } rules { comparison { left { field: 'order_count' } "
               "operator: RULE_OPERATOR_LESS right { text: 'x' } } } }"),
      "rule.all_of.rules[1].comparison.right[0]");
  EXPECT_EQ(field_of("negated { inactive_for { seconds: 1 nanos: 1 } }"), "rule.negated.inactive_for");
  EXPECT_EQ(field_of("comparison { left { count {} } right { number { units: 1 } } }"), "rule.comparison.operator");
  EXPECT_EQ(field_of("comparison { left { count {} } operator: RULE_OPERATOR_EQUAL }"), "rule.comparison.right");
  EXPECT_EQ(
      field_of("comparison { left { count {} } operator: RULE_OPERATOR_EQUAL right { number { units: 1 nanos: -1 } } "
               "}"),
      "rule.comparison.right[0]");
  EXPECT_EQ(field_of("comparison { left { count { events { body_type: 'x' } } } operator: RULE_OPERATOR_EQUAL right { "
                     "number {} } }"),
            "rule.comparison.left.count.events.body_type");
  EXPECT_EQ(field_of("comparison { left { count { events { condition { comparison { left { field: 'x' } } } } } } "
                     "operator: RULE_OPERATOR_EQUAL right { number {} } }"),
            "rule.comparison.left.count.events.condition.comparison.left.field");
  EXPECT_EQ(
      field_of("comparison { left { field: 'last_seen_at' } operator: RULE_OPERATOR_LESS right { time { nanos: -1 } } "
               "}"),
      "rule.comparison.right[0]");
  EXPECT_EQ(field_of("comparison { left { field: 'gender' } operator: RULE_OPERATOR_EXISTS }"), "compiles");
}

}  // namespace
}  // namespace tributary::rules
