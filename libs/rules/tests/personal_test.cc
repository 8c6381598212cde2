// Which rules look at personal data, by the annotations of the contracts.
#include "tributary/rules/personal.h"

#include <set>
#include <string>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tributary/base/status.h"
#include "tributary/rules/rule.h"

namespace tributary::rules {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

std::vector<std::string> Of(std::string_view text) {
  const auto rule = ParseRule(text);
  EXPECT_TRUE(rule.ok()) << text << ": " << rule.status();
  return rule.ok() ? PersonalFields(*rule) : std::vector<std::string>();
}

TEST(PersonalFieldsTest, AreFoundWhereverTheyStand) {
  EXPECT_THAT(Of("birth_date = \"1990-01-01\""), ElementsAre("birth_date"));
  EXPECT_THAT(Of("order_count > 3 and not (recency < 3d or traits.city exists)"), ElementsAre("traits"));
  EXPECT_THAT(Of("traits.a = 1 and traits.b = 2 and gender = \"x\""), ElementsAre("gender", "traits"));
  EXPECT_THAT(Of("count(tracked where name = \"Played\" and properties.seat = \"A1\") > 0"), ElementsAre("properties"));
  EXPECT_THAT(Of("sum(total THB of order_stated where properties.note exists) > 1 THB"), ElementsAre("properties"));
  EXPECT_THAT(PersonalFields(ParseOperand("count(any where properties.x = 1)").value()), ElementsAre("properties"));
}

TEST(PersonalFieldsTest, AreNotWhatACustomerDidOrIsWorth) {
  EXPECT_THAT(Of("net_revenue.THB > 5000 THB and language = \"th\" and inactive(60d)"), IsEmpty());
  EXPECT_THAT(Of("count(any where channel = line) > 3 and count(feedback_given where topic = \"x\") > 1"), IsEmpty());
  EXPECT_THAT(Of("sum(points of points_posted where kind = earned) > 3"), IsEmpty());
  EXPECT_THAT(PersonalFields(ParseOperand("net_revenue.THB").value()), IsEmpty());
  EXPECT_THAT(PersonalFields(events::v1::Rule()), IsEmpty());
}

// Of all fields that rules know: whoever adds one sees here what it is taken for.
TEST(PersonalFieldsTest, OfAllFieldsAreThese) {
  std::set<std::string> personal;
  const auto take = [&](const events::v1::Rule& rule, const std::string& prefix) {
    for (const std::string& name : PersonalFields(rule)) personal.insert(prefix + name);
  };
  for (const FieldDescription& field : CustomerFields()) {
    events::v1::Rule rule;
    rule.mutable_comparison()->mutable_left()->set_field(std::string(field.name) + ".key");
    take(rule, "customer's ");
  }
  for (const EventFieldDescription& field : EventFields()) {
    events::v1::Rule rule;
    events::v1::RuleEvents& events = *rule.mutable_comparison()->mutable_left()->mutable_count()->mutable_events();
    events.mutable_condition()->mutable_comparison()->mutable_left()->set_field(std::string(field.name));
    take(rule, "event's ");
  }
  EXPECT_THAT(personal, UnorderedElementsAre("customer's birth_date", "customer's gender", "customer's traits",
                                             "event's properties"));
}

}  // namespace
}  // namespace tributary::rules
