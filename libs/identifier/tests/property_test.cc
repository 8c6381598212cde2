// What holds for every input, tried on random ones that are made of the pieces that matter.
#include <rapidcheck.h>

#include <cstdlib>

#include "gtest/gtest.h"
#include "tests/cases.h"
#include "tributary/identifier/identifier.h"
#include "tributary/identifier/text.h"

namespace tributary::identifier {
namespace {

// RC_PARAMS from outside wins, so that a failure can be replayed by its seed.
[[maybe_unused]] const int kRuns = setenv("RC_PARAMS", "max_success=2000", /*overwrite=*/0);

std::string Joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += part;
  return out;
}

rc::Gen<std::string> TextOf(std::vector<std::string> parts) {
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(std::move(parts))), &Joined);
}

rc::Gen<std::string> AnyText() {
  return rc::gen::oneOf(rc::gen::arbitrary<std::string>(),
                        TextOf({"a",      "Z",      "ß",      "ΐ",      "İ",      "Σ",      "ﬁ",      "Å",
                                "Ａ",     " ",      "\u00A0", "\t",     "\u200B", "\u200D", "\u0301", "\u0323",
                                "\u0E19", "\u0E38", "\u0E49", "\u0E48", "\u0E4D", "\u0E32", "\u0E33", "\uFDFA",
                                "가",     "\u1100", "\u1161", "\xFF",   "0",      "๑",      "ͅ",       "\u00AD"}));
}

rc::Gen<std::string> AnyPhone() {
  return rc::gen::oneOf(
      TextOf({"0",  "8", "1", "66", "+", "+66",       "00",        "(0)", " ", "-",   "/", "x",   "ext", ";ext=",
              "ต่อ", "๐", "๙", "８", ",", "081234567", "021234567", "+52", "1", "+54", "9", "+39", "+1"}),
      rc::gen::map(rc::gen::pair(rc::gen::elementOf(std::vector<std::string>{
                                     "+66", "+52", "+52 1", "+54", "+54 9", "+39", "+55", "+1", "+7", "+86", "+49",
                                     "+225", "0", "00", "0066", "+378", "+236", "+290"}),
                                 rc::gen::inRange<int64_t>(10'000'000, 99'999'999'999)),
                   [](const auto& both) { return both.first + std::to_string(both.second); }));
}

rc::Gen<std::string> AnyEmail() {
  return rc::gen::map(
      rc::gen::pair(TextOf({"a", "B", ".", "+", "ß", "İ", "Ａ", "น", "\u0E4D", "\u0E49", "\u0E32", "\u00AD"}),
                    TextOf({"a", "B", "-", "ß", "ไทย", "İ", "Ａ", "。", "xn--", "é", "\u0301", "1", "\u0E33", "ς"})),
      [](const auto& both) { return both.first + "@" + both.second + ".Example"; });
}

void IsIdempotent(const Identifier& raw) {
  const auto once = Normalise(raw);
  if (!once.ok()) return;
  const auto twice = Normalise(*once);
  RC_ASSERT(twice.ok());
  RC_ASSERT(*twice == *once);
  RC_ASSERT(!once->value.empty());
  RC_ASSERT(once->value.size() <= kMaxValueBytes);
  RC_ASSERT(IsValidUtf8(once->value));
}

TEST(Property, NormaliseIsIdempotentOverTheTable) {
  for (const Accepted& each : AcceptedCases()) {
    const auto twice = Normalise({each.type, IssuerFor(each.type), each.normal});
    ASSERT_TRUE(twice.ok()) << each.normal << ": " << twice.status();
    EXPECT_EQ(twice->value, each.normal);
  }
}

TEST(Property, NormaliseIsIdempotentOverRandomText) {
  EXPECT_TRUE(rc::check([] {
    const std::string type = *rc::gen::elementOf(std::vector<std::string>{"customer_id", "email", "phone", "cookie"});
    IsIdempotent({type, IssuerFor(type), *AnyText()});
  }));
}

TEST(Property, NormaliseIsIdempotentOverRandomPhones) {
  EXPECT_TRUE(rc::check([] {
    const std::string raw = *AnyPhone();
    RC_CLASSIFY(Normalise({"phone", "", raw}).ok(), "accepted");
    IsIdempotent({"phone", "", raw});
  }));
}

TEST(Property, NormaliseIsIdempotentOverRandomMail) {
  EXPECT_TRUE(rc::check([] {
    const std::string raw = *AnyEmail();
    RC_CLASSIFY(Normalise({"email", "", raw}).ok(), "accepted");
    IsIdempotent({"email", "", raw});
  }));
}

TEST(Property, SplitPhonesGivesOnlyNormalForms) {
  EXPECT_TRUE(rc::check([] {
    const auto numbers = SplitPhones(*AnyPhone() + *rc::gen::element<std::string>(" ", ",", "/", "") + *AnyPhone());
    if (!numbers.ok()) return;
    for (const std::string& number : *numbers) RC_ASSERT(Normalise({"phone", "", number})->value == number);
  }));
}

TEST(Property, FormsOfTextAreIdempotentAndWellFormed) {
  EXPECT_TRUE(rc::check([] {
    const std::string text = *AnyText();
    RC_ASSERT(NormalForm(NormalForm(text)) == NormalForm(text));
    RC_ASSERT(CompareForm(CompareForm(text)) == CompareForm(text));
    RC_ASSERT(IsValidUtf8(CompareForm(text)));
    RC_ASSERT(CompareForm(NormalForm(text)) == CompareForm(text));
  }));
}

}  // namespace
}  // namespace tributary::identifier
