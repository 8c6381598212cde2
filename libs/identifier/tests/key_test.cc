#include "tributary/identifier/key.h"

#include <set>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace tributary::identifier {
namespace {

constexpr std::string_view kSecret = "0123456789abcdef";

KeyMaker Maker(std::optional<std::string_view> secret = std::nullopt) { return KeyMaker::Create(secret).value(); }

OpaqueKey KeyOf(const Identifier& raw) { return Maker().Make("w", Normalise(raw).value()); }

TEST(Key, IsEqualForEqualNormalForms) {
  EXPECT_EQ(KeyOf({"phone", "", "+66 (0)81 234 5678"}), KeyOf({"phone", "", "๐๘๑-๒๓๔-๕๖๗๘"}));
  EXPECT_EQ(KeyOf({"email", "", " A.B@Example.COM"}), KeyOf({"email", "", "a.b@example.com"}));
  EXPECT_NE(KeyOf({"phone", "", "02 123 4567"}), KeyOf({"phone", "", "02 123 4567 ext 12"}));
}

TEST(Key, DiffersByEachFieldAndByWhereOneFieldEnds) {
  for (const KeyMaker& maker : {Maker(), Maker(kSecret)}) {
    const std::set<OpaqueKey> keys = {
        maker.Make("w", {"t", "i", "v"}),  maker.Make("w2", {"t", "i", "v"}), maker.Make("w", {"t2", "i", "v"}),
        maker.Make("w", {"t", "i2", "v"}), maker.Make("w", {"t", "i", "v2"}), maker.Make("w", {"t", "", "iv"}),
        maker.Make("w", {"t", "iv", ""}),  maker.Make("wt", {"", "i", "v"}),  maker.Make("", {"wt", "i", "v"}),
    };
    EXPECT_EQ(keys.size(), 9u);
  }
}

// Keys stand in logs: these bytes were computed apart from this code and never change.
TEST(Key, StaysTheSameInEveryRelease) {
  const Identifier identifier{"email", "", "a@example.com"};
  EXPECT_EQ(Maker().Make("acme", identifier).ToHex(), "d34625bf53505a13eb2ac582a27c65d5");
  EXPECT_EQ(Maker(kSecret).Make("acme", identifier).ToHex(), "f5c06a1f9e2789b7d8e7578af64749bd");
}

TEST(Key, DependsOnTheSecret) {
  const Identifier identifier{"line_user", "channel", "U1"};
  EXPECT_NE(Maker(kSecret).Make("w", identifier), Maker("fedcba9876543210").Make("w", identifier));
  EXPECT_EQ(Maker(kSecret).Make("w", identifier), Maker(kSecret).Make("w", identifier));
}

TEST(Key, RefusesAShortSecret) {
  EXPECT_EQ(KeyMaker::Create("short").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(KeyMaker::Create("").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Key, ComesBackFromItsBytes) {
  const OpaqueKey key = KeyOf({"cookie", "web", "abc"});
  EXPECT_EQ(key.bytes().size(), OpaqueKey::kBytes);
  EXPECT_EQ(key.ToHex().size(), 2 * OpaqueKey::kBytes);
  EXPECT_EQ(OpaqueKey::FromBytes(key.bytes()).value(), key);
  EXPECT_FALSE(OpaqueKey::FromBytes("too short").ok());
  EXPECT_NE(OpaqueKey(), key);
}

TEST(Key, IsTheSameFromManyThreadsAtOnce) {
  for (const KeyMaker& maker : {Maker(), Maker(kSecret)}) {
    const auto key_of = [&maker](int i) { return maker.Make("w", {"device", "app", std::to_string(i)}); };
    std::vector<OpaqueKey> expected;
    for (int i = 0; i < 500; ++i) expected.push_back(key_of(i));
    std::vector<std::vector<OpaqueKey>> seen(4);
    std::vector<std::thread> threads;
    for (auto& mine : seen) {
      threads.emplace_back([&mine, &key_of] {
        for (int i = 0; i < 500; ++i) mine.push_back(key_of(i));
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const auto& mine : seen) EXPECT_EQ(mine, expected);
  }
}

}  // namespace
}  // namespace tributary::identifier
