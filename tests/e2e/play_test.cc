// A history played by the simulated clock: however it is cut, and whatever happens on the way, the same comes of it.
#include <signal.h>

#include <algorithm>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "platform.h"
#include "tributary/generator/events.h"

namespace tributary::e2e {
namespace {

using profile::v1::ProfileService;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kStart[] = "2026-01-01T00:00:00+07:00";
constexpr absl::Duration kStep = absl::Hours(6);

// Each profile: its events and figures; not its ids, which are places in the log. And what was refused.
struct Outcome {
  std::multiset<std::string> profiles;
  int64_t merges = 0;
  std::string refusals;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

class PlayTest : public testing::Test {
 protected:
  // What a test starts and ends with; several of them in one test, each on a fresh directory.
  struct Stage {
    Stage() : platform({"--simulated-clock", kStart}) {}
    Platform platform;
  };

  void SetUp() override {
    const Finished generated =
        RunToEnd({TRIBUTARY_BINARY, "generate", "--kind", "history", "--people", "60", "--days", "30", "--start",
                  "2026-01-01", "--out", file_.string(), "--truth", (folder_.path() / "truth.ndjson").string()});
    ASSERT_EQ(generated.exit_code, 0) << generated.out;
  }

  static void StartWithSources(Platform& platform) {
    ASSERT_NO_FATAL_FAILURE(platform.Start());
    for (const generator::EventSource& source : generator::EventSources()) {
      const Finished created = platform.Cli({"source", "create", source.source_id, "--channel", source.channel});
      ASSERT_EQ(created.exit_code, 0) << created.out;
    }
  }

  std::vector<std::string> PlayCommand(const Platform& platform, const std::string& step) const {
    return platform.Command({"play", file_.string(), "--step", step, "--json"});
  }

  // To its end; what it printed.
  nlohmann::json Play(const Platform& platform, const std::string& step) const {
    const Finished played = RunToEnd(PlayCommand(platform, step));
    EXPECT_EQ(played.exit_code, 0) << played.out;
    return nlohmann::json::parse(played.out, nullptr, /*allow_exceptions=*/false);
  }

  static absl::Time TimeOf(const google::protobuf::Timestamp& time) {
    return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
  }

  // One profile as a line. Every entry was recorded within `step` after it happened, if one is given.
  static std::string Describe(const rpc::Client& client, ProfileService::Stub& stub,
                              const profile::v1::Profile& profile, std::optional<absl::Duration> step) {
    profile::v1::ListJourneyEntriesRequest request;
    request.mutable_profile()->set_profile_id(profile.profile_id());
    request.set_page_size(300);
    std::string line = fmt::format("{} orders, {} to {}:", profile.order_count(), profile.first_seen_at().seconds(),
                                   profile.last_seen_at().seconds());
    for (const profile::v1::Revenue& revenue : profile.revenues()) line += " " + revenue.ShortDebugString();
    do {
      const auto page = client.Call(stub, &ProfileService::Stub::ListJourneyEntries, request);
      EXPECT_TRUE(page.ok()) << page.status();
      if (!page.ok()) return line;
      for (const profile::v1::JourneyEntry& entry : page->entries()) {
        line += " " + entry.entry_id();
        if (!step.has_value()) continue;
        EXPECT_GE(TimeOf(entry.recorded_at()), TimeOf(entry.occurred_at()));
        EXPECT_LE(TimeOf(entry.recorded_at()), TimeOf(entry.occurred_at()) + *step);
      }
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    return line;
  }

  static Outcome OutcomeOf(const Platform& platform, std::optional<absl::Duration> step = std::nullopt) {
    Outcome outcome;
    const rpc::Client client = platform.Client();
    const auto stub = ProfileService::NewStub(client.channel());
    profile::v1::ListProfilesRequest request;
    request.set_page_size(1'000);
    const auto page = client.Call(*stub, &ProfileService::Stub::ListProfiles, request);
    EXPECT_TRUE(page.ok()) << page.status();
    if (!page.ok()) return outcome;
    EXPECT_EQ(page->next_page_token(), "");
    for (const profile::v1::Profile& profile : page->profiles()) {
      outcome.profiles.insert(Describe(client, *stub, profile, step));
      outcome.merges += profile.retired_profile_ids_size();
    }
    const Finished refusals = platform.Cli({"refusals", "--count", "--json"});
    EXPECT_EQ(refusals.exit_code, 0) << refusals.out;
    outcome.refusals = refusals.out;
    return outcome;
  }

  // Kills the server once a part of the history is in its log.
  static void KillMidway(Platform& platform, Process& playing) {
    ASSERT_TRUE(WaitUntil([&] { return platform.IntakeRecords() > 400; }, playing));
    ASSERT_FALSE(playing.WaitFor(absl::ZeroDuration())) << "it had ended before the kill";
    platform.Kill();
  }

  ScratchFolder folder_;
  const std::filesystem::path file_ = folder_.path() / "history.ndjson";
};

TEST_F(PlayTest, TheSameComesOfItHoweverItIsCutAndEverythingIsRecordedSoonAfterItHappened) {
  Stage fine;
  ASSERT_NO_FATAL_FAILURE(StartWithSources(fine.platform));
  const nlohmann::json played = Play(fine.platform, "6h");
  ASSERT_TRUE(played.is_object());
  EXPECT_GT(played["events"], 500);
  EXPECT_EQ(played["refused"], 0);
  EXPECT_GT(played["slices"], 80);
  const Outcome outcome = OutcomeOf(fine.platform, kStep);
  EXPECT_GT(outcome.profiles.size(), 30U);
  EXPECT_GT(outcome.merges, 5);

  Stage coarse;
  ASSERT_NO_FATAL_FAILURE(StartWithSources(coarse.platform));
  EXPECT_EQ(Play(coarse.platform, "7d")["slices"], 5);
  EXPECT_EQ(OutcomeOf(coarse.platform), outcome);

  EXPECT_EQ(Play(coarse.platform, "1d")["events"], played["events"]) << "once more";
  EXPECT_EQ(OutcomeOf(coarse.platform), outcome);
}

TEST_F(PlayTest, KilledMidwayItGoesOnByItselfOrIsRunAgainAndTheSameComesOfIt) {
  Stage whole;
  ASSERT_NO_FATAL_FAILURE(StartWithSources(whole.platform));
  Play(whole.platform, "6h");
  const Outcome outcome = OutcomeOf(whole.platform);

  Stage killed;
  ASSERT_NO_FATAL_FAILURE(StartWithSources(killed.platform));
  {
    Process playing(PlayCommand(killed.platform, "1h"), folder_.path() / "play.log");
    ASSERT_NO_FATAL_FAILURE(KillMidway(killed.platform, playing));
    ASSERT_NO_FATAL_FAILURE(killed.platform.Start());
    ASSERT_EQ(playing.WaitFor(absl::Seconds(60)), 0) << ReadAll(folder_.path() / "play.log");
  }
  EXPECT_EQ(OutcomeOf(killed.platform), outcome);

  Stage again;
  ASSERT_NO_FATAL_FAILURE(StartWithSources(again.platform));
  {
    Process playing(PlayCommand(again.platform, "1h"), folder_.path() / "again.log");
    ASSERT_NO_FATAL_FAILURE(KillMidway(again.platform, playing));
    playing.Signal(SIGKILL);
    ASSERT_EQ(playing.WaitFor(absl::Seconds(10)), 128 + SIGKILL);
  }
  ASSERT_NO_FATAL_FAILURE(again.platform.Start());
  Play(again.platform, "6h");
  EXPECT_EQ(OutcomeOf(again.platform), outcome);
  const Finished verified = again.platform.Cli({"verify"});
  EXPECT_EQ(verified.exit_code, 0) << verified.out;
}

TEST_F(PlayTest, TheClockStandsIsMovedNeverGoesBackAndFollowsTheWallAtTheEnd) {
  Stage stage;
  ASSERT_NO_FATAL_FAILURE(stage.platform.Start());
  EXPECT_THAT(stage.platform.Cli({"clock", "show"}).out, HasSubstr("2025-12-31 17:00:00"));
  EXPECT_EQ(stage.platform.Cli({"clock", "advance", "--to", "2026-01-05"}).exit_code, 0);
  const Finished back = stage.platform.Cli({"clock", "advance", "--to", "2026-01-04"});
  EXPECT_NE(back.exit_code, 0);
  EXPECT_THAT(back.out, HasSubstr("TIME_GOES_BACK"));
  const Finished beyond = stage.platform.Cli({"clock", "advance", "--to", "9000-01-01"});
  EXPECT_NE(beyond.exit_code, 0);
  EXPECT_THAT(beyond.out, HasSubstr("BEYOND_WALL_CLOCK"));
  stage.platform.Kill();
  ASSERT_NO_FATAL_FAILURE(stage.platform.Start());
  EXPECT_THAT(stage.platform.Cli({"clock", "show"}).out, HasSubstr("2026-01-05 00:00:00")) << "it does not go back";
  EXPECT_EQ(stage.platform.Cli({"clock", "advance", "--to", "now"}).exit_code, 0);
  EXPECT_THAT(stage.platform.Cli({"clock", "show"}).out, HasSubstr("follows the wall"));
  EXPECT_NE(RunToEnd(PlayCommand(stage.platform, "6h")).exit_code, 0) << "there is nothing to play by";
}

TEST_F(PlayTest, WhoFallsSilentEntersASegmentAtThatVeryMomentThoughTheClockLeapsOverIt) {
  Stage stage;
  Platform& platform = stage.platform;
  ASSERT_NO_FATAL_FAILURE(StartWithSources(platform));
  ASSERT_EQ(platform.Cli({"segment", "apply", "--id", "silent", "--rule", "inactive(10d)"}).exit_code, 0);
  ASSERT_EQ(platform.Cli({"clock", "advance", "--to", "2026-01-03"}).exit_code, 0);
  const auto seen = [](const char* id, const char* at) {
    return fmt::format(R"({{"event_id":"{0}","source_id":"web","occurred_at":"{1}","identifiers":)"
                       R"([{{"type":"email","value":"{0}@example.com"}}],"tracked":{{"name":"Seen"}}}})"
                       "\n",
                       id, at);
  };
  const std::filesystem::path events = folder_.path() / "seen.ndjson";
  WriteAll(events, seen("b", "2026-01-02T12:00:00Z") + seen("a", "2026-01-02T08:30:00Z"));
  ASSERT_EQ(platform.Cli({"ingest", events.string(), "--wait"}).exit_code, 0);
  const Finished advanced = platform.Cli({"clock", "advance", "--to", "2026-03-01", "--json"});
  ASSERT_EQ(advanced.exit_code, 0) << advanced.out;
  EXPECT_GE(nlohmann::json::parse(advanced.out, nullptr, false).value("stops", "0"), "2") << advanced.out;

  std::set<std::string> entered;
  std::istringstream members(platform.Cli({"segment", "members", "silent", "--json"}).out);
  for (std::string line; std::getline(members, line);) {
    entered.insert(nlohmann::json::parse(line, nullptr, false).value("entered_at", line));
  }
  EXPECT_THAT(entered, ElementsAre("2026-01-12T08:30:00Z", "2026-01-12T12:00:00Z"));
}

TEST_F(PlayTest, AServerWithTheWallsClockIsNotMovedAndPlaysNothing) {
  Platform platform;
  ASSERT_NO_FATAL_FAILURE(platform.Start());
  EXPECT_THAT(platform.Cli({"clock", "show"}).out, HasSubstr("the wall's"));
  const Finished moved = platform.Cli({"clock", "advance", "--to", "now"});
  EXPECT_EQ(moved.exit_code, 1);
  EXPECT_THAT(moved.out, HasSubstr("WALL_CLOCK"));
  const Finished played = RunToEnd(PlayCommand(platform, "6h"));
  EXPECT_EQ(played.exit_code, 1);
  EXPECT_THAT(played.out, HasSubstr("--simulated-clock"));
}

}  // namespace
}  // namespace tributary::e2e
