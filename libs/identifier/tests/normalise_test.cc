#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/phone.h"
#include "tests/cases.h"
#include "tributary/base/status.h"
#include "tributary/identifier/identifier.h"

namespace tributary::identifier {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string ReasonOf(const absl::Status& status) {
  const auto detail = DetailOf(status);
  return detail.has_value() ? detail->reason : "no detail";
}

TEST(Normalise, GivesOneFormToEverySpelling) {
  for (const Accepted& each : AcceptedCases()) {
    const auto normal = Normalise({each.type, IssuerFor(each.type), each.raw});
    ASSERT_TRUE(normal.ok()) << each.type << " '" << each.raw << "': " << normal.status();
    EXPECT_EQ(*normal, (Identifier{each.type, IssuerFor(each.type), each.normal})) << each.raw;
  }
}

TEST(Normalise, RefusesWhatIdentifiesNobodyWithItsReason) {
  for (const Refused& each : RefusedCases()) {
    const auto normal = Normalise({each.type, IssuerFor(each.type), each.raw});
    ASSERT_FALSE(normal.ok()) << each.type << " '" << each.raw << "' became " << normal->value;
    EXPECT_EQ(normal.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(ReasonOf(normal.status()), each.reason) << each.type << " '" << each.raw << "'";
  }
}

TEST(Normalise, NeverRepeatsInAnErrorWhatWasGiven) {
  for (const Refused& each : RefusedCases()) {
    if (each.raw.size() < 6) continue;  // "0" or "a@" may well be part of an innocent word
    const absl::Status status = Normalise({each.type, IssuerFor(each.type), each.raw}).status();
    // The whole status: the message and the detail that travels with it.
    EXPECT_THAT(status.ToString(absl::StatusToStringMode::kWithEverything), Not(HasSubstr(each.raw)));
  }
  const absl::Status type = Normalise({"Somchai Jaidee", "secretissuer", "secretvalue"}).status();
  const absl::Status issuer = Normalise({"email", "secretissuer", "a@example.com"}).status();
  for (const absl::Status& status : {type, issuer}) {
    EXPECT_THAT(status.ToString(absl::StatusToStringMode::kWithEverything),
                Not(testing::AnyOf(HasSubstr("Somchai"), HasSubstr("secret"))));
  }
}

TEST(Normalise, NamesTheFieldAndTheMend) {
  const absl::Status status = Normalise({"phone", "", "1669"}, {.field = "events[3].identifiers[0]"}).status();
  const auto detail = DetailOf(status);
  ASSERT_TRUE(detail.has_value());
  EXPECT_EQ(detail->field, "events[3].identifiers[0].value");
  EXPECT_EQ(detail->mend, "Leave the identifier out");
}

TEST(Normalise, WantsAnIssuerWhereTheValueMeansNothingWithoutOne) {
  for (const char* type : {"customer_id", "loyalty_card", "line_user", "device", "cookie", "own_type"}) {
    for (const char* none : {"", "  ", "null", "n/a"}) {
      const absl::Status status = Normalise({type, none, "v1"}).status();
      EXPECT_EQ(ReasonOf(status), reason::kMissingIssuer) << type;
      EXPECT_EQ(DetailOf(status)->field, "identifier.issuer");
    }
  }
}

TEST(Normalise, WantsNoIssuerWhereTheValueIsTheSameWhoeverGaveIt) {
  EXPECT_EQ(ReasonOf(Normalise({"email", "shop", "a@example.com"}).status()), reason::kUnexpectedIssuer);
  EXPECT_EQ(ReasonOf(Normalise({"phone", "shop", "0812345678"}).status()), reason::kUnexpectedIssuer);
  EXPECT_TRUE(Normalise({"phone", " ", "0812345678"}).ok());
}

TEST(Normalise, TreatsTheIssuerAsText) {
  EXPECT_EQ(Normalise({"line_user", " Ｃhannel ", "U1"})->issuer, "Channel");
  EXPECT_EQ(ReasonOf(Normalise({"line_user", "a\x01", "U1"}).status()), reason::kInvalidText);
  EXPECT_EQ(ReasonOf(Normalise({"line_user", std::string(257, 'i'), "U1"}).status()), reason::kTooLong);
}

TEST(Normalise, ReadsNationalNumbersByTheRegion) {
  EXPECT_EQ(Normalise({"phone", "", "030 901820"}, {.default_region = "DE"})->value, "+4930901820");
  EXPECT_EQ(Normalise({"phone", "", "0049 30 901820"}, {.default_region = "DE"})->value, "+4930901820");
  EXPECT_EQ(ReasonOf(Normalise({"phone", "", "081 234 5678"}, {.default_region = "SG"}).status()),
            reason::kMalformedPhone);
  EXPECT_EQ(Normalise({"phone", "", "+66 81 234 5678"}, {.default_region = ""})->value, "+66812345678");
  EXPECT_EQ(ReasonOf(Normalise({"phone", "", "0812345678"}, {.default_region = ""}).status()), reason::kMalformedPhone);
}

TEST(Normalise, FollowsTheRulesItIsGiven) {
  IdentifierRules rules = IdentifierRules::Default();
  rules.blocked_values.insert("front.desk@example.com");
  rules.blocked_phones.push_back("+6681234????");
  rules.types.push_back({"mobile", 3, 5, IssuerRule::kForbidden, ValueForm::kPhoneNumber});
  const NormaliseOptions options{.rules = &rules};
  EXPECT_EQ(ReasonOf(Normalise({"email", "", "Front.Desk@Example.com"}, options).status()), reason::kBlockedValue);
  EXPECT_EQ(ReasonOf(Normalise({"phone", "", "081 234 5678"}, options).status()), reason::kBlockedValue);
  EXPECT_EQ(ReasonOf(Normalise({"phone", "", "081 234 5678 x1"}, options).status()), reason::kBlockedValue);
  EXPECT_EQ(Normalise({"mobile", "", "089 123 4567"}, options)->value, "+66891234567");
}

TEST(Rules, AreTheTableOfDefaults) {
  const IdentifierRules& rules = IdentifierRules::Default();
  int priority = 0;
  for (const auto& [type, limit] : std::vector<std::pair<std::string_view, int>>{{kCustomerId, 1},
                                                                                 {kLoyaltyCard, 5},
                                                                                 {kLineUser, 5},
                                                                                 {kEmail, 5},
                                                                                 {kPhone, 5},
                                                                                 {kDevice, 100},
                                                                                 {kCookie, 100}}) {
    EXPECT_EQ(rules.For(type).type, type);
    EXPECT_EQ(rules.For(type).priority, ++priority) << type;
    EXPECT_EQ(rules.For(type).limit_per_profile, limit) << type;
  }
  EXPECT_EQ(&rules.For("own_type"), &rules.custom);
  EXPECT_GT(rules.custom.priority, priority);
}

TEST(SplitPhones, GivesEachNumberOnceInOrder) {
  EXPECT_THAT(SplitPhones("081-234-5678, 02 123 4567 ต่อ 12 / +66 (0)81 234 5678").value(),
              ElementsAre("+66812345678", "+6621234567;ext=12"));
  EXPECT_THAT(SplitPhones("0812345678 0891234567 021234567").value(),
              ElementsAre("+66812345678", "+66891234567", "+6621234567"));
  EXPECT_THAT(SplitPhones("0812345678").value(), ElementsAre("+66812345678"));
}

TEST(SplitPhones, RefusesAFieldInWhichOneIsNoNumber) {
  EXPECT_EQ(ReasonOf(SplitPhones("02-123-4567/8").status()), reason::kMalformedPhone);
  EXPECT_EQ(ReasonOf(SplitPhones("0812345678, 1669").status()), reason::kShortCode);
  EXPECT_EQ(ReasonOf(SplitPhones("-").status()), reason::kBlockedValue);
}

TEST(PhoneParts, TellsTheExtensionFromTheNumber) {
  EXPECT_EQ(PhonePartsOf("+6621234567;ext=012").number, "+6621234567");
  EXPECT_EQ(PhonePartsOf("+6621234567;ext=012").extension, "012");
  EXPECT_EQ(PhonePartsOf("+6621234567").number, "+6621234567");
  EXPECT_EQ(PhonePartsOf("+6621234567").extension, "");
}

// The plan tells mobile numbers by their first digits; all of the first five are tried, each with some endings.
TEST(PlainThaiMobile, SaysWhatTheLibrarySays) {
  int plain = 0;
  for (int first_five = 0; first_five < 100'000; ++first_five) {
    const std::string national = fmt::format("{:05}{:04}", first_five, (first_five * 7919) % 10'000);
    const auto fast = PlainThaiMobile("+66" + national, "TH");
    if (!fast.has_value()) continue;
    ++plain;
    ASSERT_EQ(fast, AssignedE164("+66" + national, "TH")) << national;
    if (first_five % 10 == 0) {
      ASSERT_EQ(PlainThaiMobile("0" + national, "TH"), AssignedE164("0" + national, "TH"));
    }
  }
  EXPECT_EQ(plain, 26'000);
}

TEST(PlainThaiMobile, LeavesEverythingElseToTheLibrary) {
  for (const char* other : {"", "+66", "081 234 5678", "+6621234567", "+66012345678", "+66672345678", "+668123456789",
                            "+6681234567", "08123456789"}) {
    EXPECT_FALSE(PlainThaiMobile(other, "TH").has_value()) << other;
  }
  EXPECT_FALSE(PlainThaiMobile("0812345678", "DE").has_value());
}

}  // namespace
}  // namespace tributary::identifier
