#include "tributary/projection/key.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <tuple>

#include "tributary/base/random.h"
#include "tributary/base/strong_id.h"

namespace tributary::projection {
namespace {

using Name = StrongId<struct NameTag, std::string>;
using Key = std::tuple<std::string, int64_t, absl::Time, Name, uint32_t, int32_t, uint64_t>;

// Few values, so that parts are often equal, and the bytes that the encoding itself uses.
std::string RandomString(SeededRandom& random) {
  static constexpr char kBytes[] = {'\x00', '\x01', '\x02', 'a', '\x7f', '\x80', '\xfe', '\xff'};
  std::string s;
  for (uint64_t size = random.Below(4); size > 0; --size) s.push_back(kBytes[random.Below(sizeof(kBytes))]);
  return s;
}

template <typename T>
T RandomInteger(SeededRandom& random) {
  switch (random.Below(4)) {
    case 0:
      return static_cast<T>(random.Below(3) - 1);
    case 1:
      return std::numeric_limits<T>::min();
    case 2:
      return std::numeric_limits<T>::max();
    default:
      return static_cast<T>(random.Next64());
  }
}

Key RandomKey(SeededRandom& random) {
  absl::Time time = absl::FromUnixMicros(static_cast<int64_t>(random.Next64() >> 8) * (random.Chance(50) ? 1 : -1));
  if (random.Chance(20)) time = random.Chance(50) ? absl::InfinitePast() : absl::InfiniteFuture();
  return {RandomString(random),           RandomInteger<int64_t>(random),  time,
          Name(RandomString(random)),     RandomInteger<uint32_t>(random), RandomInteger<int32_t>(random),
          RandomInteger<uint64_t>(random)};
}

TEST(Key, SortsAsItsTupleDoesAndComesBackWhole) {
  SeededRandom random(1);
  for (int i = 0; i < 50'000; ++i) {
    Key a = RandomKey(random);
    Key b = RandomKey(random);
    if (random.Chance(70)) std::get<0>(b) = std::get<0>(a);
    if (random.Chance(50)) std::get<1>(b) = std::get<1>(a);
    if (random.Chance(50)) std::get<2>(b) = std::get<2>(a);
    if (random.Chance(50)) std::get<3>(b) = std::get<3>(a);
    const std::string a_bytes = EncodeKey(a);
    const std::string b_bytes = EncodeKey(b);
    ASSERT_EQ(a < b, a_bytes < b_bytes) << "round " << i;
    ASSERT_EQ(a == b, a_bytes == b_bytes) << "round " << i;
    Key back;
    ASSERT_TRUE(DecodeKey(a_bytes, &back)) << "round " << i;
    ASSERT_EQ(back, a) << "round " << i;
  }
}

TEST(Key, OfAShorterTupleIsAPrefixOfTheLongerOneAndOfNoOther) {
  SeededRandom random(2);
  for (int i = 0; i < 20'000; ++i) {
    const std::tuple<std::string, Name> longer(RandomString(random), Name(RandomString(random)));
    const std::tuple<std::string> shorter(random.Chance(50) ? std::get<0>(longer) : RandomString(random));
    ASSERT_EQ(EncodeKey(longer).starts_with(EncodeKey(shorter)), std::get<0>(longer) == std::get<0>(shorter));
  }
}

TEST(Key, OfAnotherShapeIsRefused) {
  const std::string bytes = EncodeKey(std::tuple<std::string, int32_t>("a", 7));
  std::tuple<std::string, int32_t> same;
  std::tuple<std::string, int64_t> too_short;
  std::tuple<std::string> too_long;
  EXPECT_TRUE(DecodeKey(bytes, &same));
  EXPECT_FALSE(DecodeKey(bytes, &too_short));
  EXPECT_FALSE(DecodeKey(bytes, &too_long));
  for (size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(DecodeKey(bytes.substr(0, size), &same)) << size;
  EXPECT_FALSE(DecodeKey(std::string("a\0\x02", 3), &too_long));
}

TEST(Key, HasTheseBytesForEver) {
  const std::tuple<std::string, int32_t, uint32_t, absl::Time> key(std::string("a\0", 2), -2, 258,
                                                                   absl::FromUnixMicros(1));
  EXPECT_EQ(EncodeKey(key), std::string("a\x00\xff\x00\x01"
                                        "\x7f\xff\xff\xfe"
                                        "\x00\x00\x01\x02"
                                        "\x80\x00\x00\x00\x00\x00\x00\x01",
                                        21));
}

TEST(Key, TimesAreRoundedDownToMicroseconds) {
  for (const absl::Duration offset : {absl::Seconds(5), absl::Seconds(-5)}) {
    std::tuple<absl::Time> back;
    ASSERT_TRUE(DecodeKey(EncodeKey(std::tuple(absl::UnixEpoch() + offset + absl::Nanoseconds(999))), &back));
    EXPECT_EQ(std::get<0>(back), absl::UnixEpoch() + offset);
  }
}

}  // namespace
}  // namespace tributary::projection
