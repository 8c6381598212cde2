#include <limits>

#include "gtest/gtest.h"
#include "tributary/base/clock.h"
#include "tributary/base/money.h"
#include "tributary/base/random.h"
#include "tributary/base/status.h"
#include "tributary/base/strong_id.h"

namespace tributary {
namespace {

absl::StatusOr<int> Half(int n) {
  if (n % 2 != 0) return absl::InvalidArgumentError("odd");
  return n / 2;
}

absl::StatusOr<int> Quarter(int n) {
  TRIBUTARY_ASSIGN_OR_RETURN(const int half, Half(n));
  TRIBUTARY_ASSIGN_OR_RETURN(const int quarter, Half(half));
  return quarter;
}

TEST(StatusTest, AssignOrReturnPassesValuesAndErrors) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(Quarter(6).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(StatusTest, FieldErrorCarriesReasonFieldAndMend) {
  const absl::Status status = InvalidField("BAD_DATE", "events[2].occurred_at", "is empty", "Give a date");
  EXPECT_EQ(FromAbsl(status.message()), "events[2].occurred_at: is empty. Give a date");
  const auto detail = DetailOf(Annotate(status, "ingest"));
  ASSERT_TRUE(detail.has_value());
  EXPECT_EQ(detail->reason, "BAD_DATE");
  EXPECT_EQ(detail->field, "events[2].occurred_at");
  EXPECT_EQ(detail->mend, "Give a date");
  EXPECT_FALSE(DetailOf(absl::InternalError("plain")).has_value());
}

TEST(AmountTest, ParsesAndPrintsExactly) {
  for (const char* text : {"0.00", "11.77", "-0.50", "100.00", "0.005", "999999999999999999.999999999"}) {
    EXPECT_EQ(Amount::Parse(text)->ToString(), text);
  }
  EXPECT_EQ(Amount::Parse("5")->ToString(), "5.00");
  EXPECT_EQ(Amount::Parse(".5")->nanos(), 500'000'000);
  EXPECT_EQ(Amount::Parse("-1.25")->units(), -1);
  EXPECT_EQ(Amount::Parse("-1.25")->nanos(), -250'000'000);
}

TEST(AmountTest, RefusesWhatIsNoAmount) {
  for (const char* text : {"", ".", "-", "1,000", "1.2.3", "1e3", "1.0000000001", "1234567890123456789", " 1"}) {
    EXPECT_FALSE(Amount::Parse(text).ok()) << text;
  }
  EXPECT_FALSE(Amount::Of(1, -1).ok());
  EXPECT_FALSE(Amount::Of(0, 1'000'000'000).ok());
  EXPECT_FALSE(Amount::FromDouble(std::numeric_limits<double>::quiet_NaN()).ok());
  EXPECT_FALSE(Amount::FromDouble(1e15).ok());
}

TEST(AmountTest, SumsAreExact) {
  Amount sum;
  for (int i = 0; i < 10; ++i) sum += *Amount::Parse("0.1");
  EXPECT_EQ(sum, *Amount::Parse("1"));
  EXPECT_EQ((*Amount::Parse("1.50") - *Amount::Parse("2")).ToString(), "-0.50");
  EXPECT_EQ(Amount::FromDouble(11.77)->ToString(), "11.77");
}

TEST(FakeClockTest, MonotonicNeverGoesBack) {
  FakeClock clock;
  const absl::Time start = clock.Now();
  clock.Advance(absl::Seconds(5));
  clock.Set(start);
  EXPECT_EQ(clock.Now(), start);
  EXPECT_EQ(clock.Monotonic(), absl::Seconds(5));
}

TEST(SimulatedClockTest, StandsUntilItIsMovedAndNeverGoesBack) {
  FakeClock wall;
  const absl::Time start = wall.Now() - absl::Hours(100);
  SimulatedClock clock(wall, start);
  wall.Advance(absl::Seconds(5));
  EXPECT_EQ(clock.Now(), start);
  EXPECT_EQ(clock.Monotonic(), absl::Seconds(5)) << "pauses are real";
  EXPECT_EQ(clock.WallNow(), wall.Now()) << "and deadlines";
  clock.MoveTo(start + absl::Hours(1));
  clock.MoveTo(start);
  EXPECT_EQ(clock.Now(), start + absl::Hours(1));
}

TEST(SimulatedClockTest, IsNeverLaterThanTheWall) {
  FakeClock wall;
  EXPECT_EQ(SimulatedClock(wall, wall.Now() + absl::Hours(1)).Now(), wall.Now());
  SimulatedClock clock(wall, wall.Now() - absl::Hours(1));
  clock.MoveTo(wall.Now() + absl::Hours(1));
  EXPECT_EQ(clock.Now(), wall.Now());
}

TEST(SimulatedClockTest, FollowsTheWallOnceToldAndNotBack) {
  FakeClock wall;
  SimulatedClock clock(wall, wall.Now() - absl::Hours(1));
  EXPECT_FALSE(clock.follows_wall());
  clock.FollowWall();
  EXPECT_TRUE(clock.follows_wall());
  EXPECT_EQ(clock.Now(), wall.Now());
  wall.Advance(absl::Seconds(5));
  const absl::Time latest = wall.Now();
  EXPECT_EQ(clock.Now(), latest);
  wall.Set(latest - absl::Minutes(1));
  EXPECT_EQ(clock.Now(), latest);
}

TEST(SimulatedClockTest, WaitingForATimeIsInVainWhileItStands) {
  FakeClock wall;
  const absl::Time start = wall.Now() - absl::Hours(1);
  SimulatedClock clock(wall, start);
  EXPECT_EQ(clock.Until(start + absl::Seconds(1)), absl::InfiniteDuration());
  EXPECT_LE(clock.Until(start), absl::ZeroDuration());
  clock.FollowWall();
  EXPECT_EQ(clock.Until(wall.Now() + absl::Seconds(1)), absl::Seconds(1));
}

TEST(RandomTest, SeedDecidesAndUuidIsVersion4) {
  SeededRandom a(7);
  SeededRandom b(7);
  EXPECT_EQ(a.Next64(), b.Next64());
  const std::string uuid = NewUuid(a);
  ASSERT_EQ(uuid.size(), 36u);
  EXPECT_EQ(uuid[14], '4');
  EXPECT_NE(std::string("89ab").find(uuid[19]), std::string::npos);
}

}  // namespace
}  // namespace tributary
