// What holds of every rule and every journey.
#include <rapidcheck.h>

#include <cstdlib>
#include <set>

#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "tests/plain.h"
#include "tests/random_rule.h"
#include "tributary/rules/rule.h"

namespace tributary::rules {
namespace {

using google::protobuf::util::MessageDifferencer;
using testing::FakeCustomer;
using testing::Journey;
using testing::Plain;
using testing::RuleMaker;

// RC_PARAMS from outside wins, so that a failure can be replayed by its seed.
[[maybe_unused]] const int kRuns = setenv("RC_PARAMS", "max_success=3000", /*overwrite=*/0);

template <typename Property>
void Check(Property property) {
  EXPECT_TRUE(rc::check(property));
}

TEST(RulesForAll, TextGivesTheRuleBack) {
  Check([] {
    const auto rule = RuleMaker(/*wide=*/true).Rule();
    const std::string text = FormatRule(rule);
    const auto parsed = ParseRule(text);
    if (!parsed.ok()) RC_FAIL(std::string(parsed.status().message()) + "\n" + text);
    if (!MessageDifferencer::Equals(*parsed, rule)) RC_FAIL(text + "\n" + rule.ShortDebugString());
    RC_ASSERT(FormatRule(*parsed) == text);
  });
}

TEST(RulesForAll, TextGivesTheOperandBack) {
  Check([] {
    const auto operand = RuleMaker(/*wide=*/true).Operand();
    const auto parsed = ParseOperand(FormatOperand(operand));
    if (!parsed.ok()) RC_FAIL(std::string(parsed.status().message()) + "\n" + FormatOperand(operand));
    RC_ASSERT(MessageDifferencer::Equals(*parsed, operand));
  });
}

TEST(RulesForAll, NoTextBreaksTheParser) {
  Check([] {
    // A rule's text with pieces of it swapped, doubled, dropped.
    std::string text = FormatRule(RuleMaker(/*wide=*/true).Rule());
    const int edits = 1 + testing::Below(3);
    for (int i = 0; i < edits; ++i) {
      const auto at = static_cast<size_t>(testing::Below(static_cast<int>(text.size()) + 1));
      const auto size = static_cast<size_t>(testing::Below(4));
      if (testing::Below(2) == 0) {
        text.erase(at, size);
      } else {
        text.insert(at, testing::OneOf<std::string>({"(", ")", " not ", "\"", "2026-13-01", "-", "#", "\xFF", " in ",
                                                     " count(", "9999999999999999999999d", "\\u12", "."}));
      }
    }
    const auto parsed = ParseRule(text);
    if (parsed.ok()) {
      RC_ASSERT(CompiledRule::Compile(*parsed).ok());
    } else {
      RC_ASSERT(parsed.status().code() == absl::StatusCode::kInvalidArgument);
    }
  });
}

// Every moment at which a verdict can change, with its neighbours.
std::set<absl::Time> Moments(const Journey& journey) {
  std::set<absl::Time> out;
  const auto add = [&out](absl::Time time) {
    for (int seconds = 0; seconds <= 20; ++seconds) {
      const int64_t micros = absl::ToUnixMicros(time + absl::Seconds(seconds));
      for (const int64_t offset : {-1, 0, 1, 2}) out.insert(absl::FromUnixMicros(micros + offset));
    }
  };
  for (const auto& past : journey.events) add(past.occurred_at);
  const auto last_order = journey.fields.find("last_order_at");
  if (last_order != journey.fields.end()) add(std::get<absl::Time>(last_order->second));
  out.insert(absl::FromUnixSeconds(0));
  out.insert(absl::FromUnixSeconds(30));
  out.insert(absl::FromUnixSeconds(200));
  return out;
}

TEST(RulesForAll, VerdictIsThePlainOneAtEveryMomentAndStandsUntilItSays) {
  int changes = 0;
  int held = 0;
  Check([&] {
    const auto rule = RuleMaker(/*wide=*/false).Rule();
    const auto compiled = CompiledRule::Compile(rule);
    RC_ASSERT(compiled.ok());
    const Journey journey = testing::SomeJourney();
    // Asked only when the last verdict stands no longer, as a timer would.
    Verdict verdict{.stands_until = absl::InfinitePast()};
    bool first = true;
    for (const absl::Time now : Moments(journey)) {
      const bool plain = Plain(journey, now).Holds(rule);
      if (now >= verdict.stands_until) {
        const Verdict next = compiled->Evaluate(FakeCustomer(journey, now), now);
        RC_ASSERT(next.stands_until > now);
        RC_ASSERT(next.stands_until == absl::InfiniteFuture() ||
                  absl::FromUnixMicros(absl::ToUnixMicros(next.stands_until)) == next.stands_until);
        if (!first && next.holds != verdict.holds) ++changes;
        verdict = next;
        first = false;
      }
      held += verdict.holds ? 1 : 0;
      if (verdict.holds != plain) {
        RC_FAIL(FormatRule(rule) + "\nat " + absl::FormatTime(now, absl::UTCTimeZone()) + " is " +
                (plain ? "true" : "false"));
      }
    }
  });
  // The random ones are worth their time only if verdicts come and go.
  EXPECT_GT(changes, 500);
  EXPECT_GT(held, 10'000);
}

TEST(RulesForAll, OnlyWhatTheyDependOnIsAsked) {
  class Watched : public FakeCustomer {
   public:
    Watched(const Journey& journey, absl::Time now, const CompiledRule::Dependencies& known)
        : FakeCustomer(journey, now), known_(known) {}
    Value Field(std::string_view name, std::string_view key) const override {
      good &= std::find(known_.fields.begin(), known_.fields.end(), name) != known_.fields.end();
      return FakeCustomer::Field(name, key);
    }
    void VisitEvents(int body, absl::Time after, absl::Time until,
                     const std::function<bool(const EventView&)>& visit) const override {
      good &= known_.bodies == std::vector<int>{0} ||
              std::find(known_.bodies.begin(), known_.bodies.end(), body) != known_.bodies.end();
      FakeCustomer::VisitEvents(body, after, until, visit);
    }
    mutable bool good = true;

   private:
    const CompiledRule::Dependencies& known_;
  };
  Check([] {
    const auto compiled = CompiledRule::Compile(RuleMaker(/*wide=*/false).Rule());
    RC_ASSERT(compiled.ok());
    const Journey journey = testing::SomeJourney();
    const absl::Time now = absl::FromUnixSeconds(30);
    const Watched customer(journey, now, compiled->dependencies());
    (void)compiled->Evaluate(customer, now);
    RC_ASSERT(customer.good);
  });
}

}  // namespace
}  // namespace tributary::rules
