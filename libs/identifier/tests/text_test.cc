#include "tributary/identifier/text.h"

#include "gtest/gtest.h"

namespace tributary::identifier {
namespace {

// น้ำ: with sara am; with nikhahit and sara aa; with the tone mark after the nikhahit.
constexpr char kSaraAm[] = "\u0E19\u0E49\u0E33";
constexpr char kApart[] = "\u0E19\u0E49\u0E4D\u0E32";
constexpr char kToneLast[] = "\u0E19\u0E4D\u0E49\u0E32";

TEST(CompareForm, TakesAllSpellingsOfSaraAmForOne) {
  EXPECT_EQ(CompareForm(kSaraAm), kSaraAm);
  EXPECT_EQ(CompareForm(kApart), kSaraAm);
  EXPECT_EQ(CompareForm(kToneLast), kSaraAm);
  EXPECT_EQ(CompareForm("\u0E01\u0E4D\u0E32"), "\u0E01\u0E33");
}

TEST(CompareForm, OrdersMarksThatAToneMarkMeetsWhenItMoves) {
  const std::string form = CompareForm("\u0E19\u0323\u0E4D\u0E49\u0E32");
  EXPECT_EQ(form, "\u0E19\u0E49\u0323\u0E33");
  EXPECT_EQ(CompareForm(form), form);
}

TEST(CompareForm, OrdersMarksBeforeFoldingMakesALetterOfOne) {
  const std::string with_iota_subscript = "\u0345\u0E4D\u0E49\u0E32";
  EXPECT_EQ(CompareForm(with_iota_subscript), CompareForm(NormalForm(with_iota_subscript)));
}

TEST(CompareForm, LeavesANikhahitWithoutSaraAaAlone) {
  EXPECT_EQ(CompareForm("\u0E01\u0E4D\u0E49"), "\u0E01\u0E4D\u0E49");
}

TEST(CompareForm, FoldsCaseAndWidth) {
  EXPECT_EQ(CompareForm("SOMCHAI"), "somchai");
  EXPECT_EQ(CompareForm("ＳＯＭＣＨＡＩ１"), "somchai1");
  EXPECT_EQ(CompareForm("Straße"), "strasse");
  EXPECT_EQ(CompareForm("ΣΑΣ"), CompareForm("σας"));
}

TEST(CompareForm, MakesEachRunOfWhiteSpaceOneBlankAndDropsInvisibleCharacters) {
  EXPECT_EQ(CompareForm(" \t Somchai \r\n  J. "), "somchai j.");
  EXPECT_EQ(CompareForm("\u00A0สมชาย\u3000\u2003ดี\u200B"), "สมชาย ดี");
  EXPECT_EQ(CompareForm(" \t"), "");
}

TEST(CompareForm, ReplacesIllFormedBytesAndGoesOn) {
  EXPECT_EQ(CompareForm("A\xFF"
                        "B"),
            "a\uFFFD"
            "b");
  EXPECT_EQ(CompareForm("\xE0\xB8"), "\uFFFD");
}

TEST(NormalForm, KeepsCaseAndBlanks) {
  EXPECT_EQ(NormalForm("  Ab  C "), "  Ab  C ");
  EXPECT_EQ(NormalForm("ＡB１"), "AB1");
  EXPECT_EQ(NormalForm(kToneLast), kSaraAm);
}

TEST(IsValidUtf8, RefusesOverlongSurrogateAndTruncated) {
  EXPECT_TRUE(IsValidUtf8("สมชาย"));
  EXPECT_TRUE(IsValidUtf8(""));
  EXPECT_FALSE(IsValidUtf8("\xC0\x80"));
  EXPECT_FALSE(IsValidUtf8("\xED\xA0\x80"));
  EXPECT_FALSE(IsValidUtf8("\xE0\xB8"));
}

}  // namespace
}  // namespace tributary::identifier
