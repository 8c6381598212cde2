// The example of the README, as it stands there.
#include <gmock/gmock.h>

#include "google/protobuf/wrappers.pb.h"
#include "tributary/processor/testing/test_driver.h"

namespace tributary::processor {
namespace {

using google::protobuf::Int64Value;
using google::protobuf::StringValue;

// [example]
constexpr projection::Table<Kind::kFacts, std::tuple<std::string>, Int64Value> kOrders{32, "orders"};
constexpr projection::Table<Kind::kDecisions, std::tuple<std::string>, StringValue> kThanked{33, "thanked"};

// Thanks a customer for the third order, and again 30 days later.
class Thanks final : public Processor {
 public:
  std::string_view name() const override { return "thanks"; }
  uint32_t format() const override { return 1; }
  Handling Handles(std::string_view type) const override {
    return type == "order" ? Handling::kApplied : Handling::kUnknown;
  }
  void Prefetch(const Fact& fact, KeySet& keys) const override { keys.Add(kOrders, {std::string(fact.key)}); }

  absl::Status ApplyFact(const Fact& fact, const KindView<Kind::kFacts>& facts, Writer<Kind::kFacts>& out) override {
    const std::string customer(fact.key);
    const auto before = facts.Get(kOrders, {customer});
    Int64Value orders;
    orders.set_value(before == nullptr ? 1 : before->value() + 1);
    out.Put(kOrders, {customer}, orders);
    return absl::OkStatus();
  }
  void ApplyDecision(const Decision& decision, const KindView<Kind::kDecisions>&,
                     Writer<Kind::kDecisions>& out) override {
    const auto* customer = decision.value.As<StringValue>();
    out.Put(kThanked, {customer->value()}, *customer);
  }
  void Derive(const Changes&, const View&, Writer<Kind::kCaches>&) override {}

  Decided Decide(const Input& input, const View& view, absl::Time now) override {
    const auto* fact = std::get_if<Fact>(&input);
    const auto* timer = std::get_if<DueTimer>(&input);
    StringValue customer;
    customer.set_value(fact != nullptr ? std::string(fact->key) : timer->key);
    const bool thanked = view.Contains(kThanked, {customer.value()});
    if (fact != nullptr && (fact->historical || thanked || view.Get(kOrders, {customer.value()})->value() < 3))
      return {};
    Decided decided;
    decided.decisions.push_back({"thanked", Payload::Of(customer)});
    if (fact != nullptr) decided.decisions.push_back(ArmTimer(customer.value(), "again", now + absl::Hours(24 * 30)));
    return decided;
  }
};

TEST(Thanks, ComeAtTheThirdOrderAndThirtyDaysLater) {
  testing::ProcessorTestDriver driver([] { return std::make_unique<Thanks>(); });
  for (int i = 0; i < 4; ++i) driver.Pipe({.key = "c1", .type = "order", .headers = {}, .value = ""});
  EXPECT_EQ(driver.TakeDecisions().size(), 2U);  // thanked, timer_armed
  driver.Advance(absl::Hours(24 * 30));
  EXPECT_EQ(driver.TakeDecisions().size(), 2U);  // timer_fired, thanked
  const auto [live, rebuilt] = driver.DigestLiveAndRebuilt();
  EXPECT_EQ(live.facts_and_decisions, rebuilt.facts_and_decisions);
}
// [example]

}  // namespace
}  // namespace tributary::processor
