// What `tributary play` looks at before it moves a clock that never goes back.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "app.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tributary/base/status.h"
#include "tributary/ingestion/v1/ingestion.grpc.pb.h"
#include "tributary/operations/v1/operations.grpc.pb.h"
#include "tributary/rpc/server.h"

namespace tributary::cli {
namespace {

using ::testing::HasSubstr;

// Its clock stands at 2026-01-01, and refuses to be moved: that a move is asked for is what matters here.
class Operations final : public operations::v1::OperationsService::Service {
 public:
  grpc::Status GetClock(grpc::ServerContext*, const operations::v1::GetClockRequest*,
                        operations::v1::GetClockResponse* response) override {
    response->mutable_now()->set_seconds(1'767'225'600);
    response->mutable_wall_now()->set_seconds(1'798'761'600);
    response->set_simulated(true);
    return grpc::Status::OK;
  }
  grpc::Status AdvanceClock(grpc::ServerContext*, const operations::v1::AdvanceClockRequest*,
                            grpc::ServerWriter<operations::v1::AdvanceClockResponse>*) override {
    ++moves;
    return {grpc::StatusCode::ABORTED, "it is moving"};
  }

  int moves = 0;
};

// Has two sources, on two pages.
class Sources final : public ingestion::v1::IngestionService::Service {
 public:
  grpc::Status ListSources(grpc::ServerContext*, const ingestion::v1::ListSourcesRequest* request,
                           ingestion::v1::ListSourcesResponse* response) override {
    if (!may_list) return {grpc::StatusCode::PERMISSION_DENIED, "no"};
    const bool first = request->page_token().empty();
    auto* source = response->add_sources();
    source->set_source_id(first ? "app" : "web");
    source->set_state(source->source_id() == disabled ? events::v1::SOURCE_STATE_DISABLED
                                                      : events::v1::SOURCE_STATE_ACTIVE);
    if (first) response->set_next_page_token("next");
    return grpc::Status::OK;
  }

  bool may_list = true;
  std::string disabled;
};

class PlayCommandTest : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }

  // An event at that time of the year's first day; later ones are other days.
  static std::string Event(const std::string& source, const std::string& when, const std::string& more = "") {
    return fmt::format(R"({{"event_id":"e","source_id":"{}","occurred_at":"2026-01-{}Z"{}}})"
                       "\n",
                       source, when, more);
  }

  // Whether the clock was asked to move. It then fails in any case.
  bool Moves(const std::string& text, std::vector<std::string> more = {}) {
    std::ofstream(path_) << text;
    err_.str("");
    operations_.moves = 0;
    Session session{.out = out_, .err = err_, .in = in_, .clock = clock_, .random = random_};
    std::vector<std::string> arguments = {
        "play", path_, "--server", fmt::format("127.0.0.1:{}", server_->port()), "--credential", "s"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    EXPECT_EQ(RunCommandLine(session, std::move(arguments)), kFailed);
    return operations_.moves > 0;
  }

  const std::string path_ = (std::filesystem::path(testing::TempDir()) /
                             fmt::format("play_{}", testing::UnitTest::GetInstance()->current_test_info()->name()))
                                .string();
  Operations operations_;
  Sources sources_;
  std::unique_ptr<rpc::Server> server_ = rpc::Server::Start({}, {&operations_, &sources_}).value();
  std::ostringstream out_;
  std::ostringstream err_;
  std::istringstream in_;
  FakeClock clock_;
  SeededRandom random_{1};
};

TEST_F(PlayCommandTest, PlaysEventsOfSourcesThatAreThere) {
  EXPECT_TRUE(Moves(Event("app", "02T00:00:00") + Event("web", "03T00:00:00"))) << err_.str();
  EXPECT_TRUE(Moves(Event("", "02T00:00:00"), {"--source", "web"})) << err_.str();
}

TEST_F(PlayCommandTest, LeavesTheClockWhereSourcesAreMissing) {
  EXPECT_FALSE(Moves(Event("web", "02T00:00:00") + Event("pos", "03T00:00:00")));
  EXPECT_THAT(err_.str(), HasSubstr("(UNKNOWN_SOURCE): FILE: its events name sources that are not there: pos\n"
                                    "mend: Create it: tributary source create pos --channel ..."));
  std::string many;
  for (int i = 10; i < 25; ++i) many += Event(fmt::format("s{}", i), "02T00:00:00");
  EXPECT_FALSE(Moves(many));
  EXPECT_THAT(err_.str(),
              HasSubstr("s10, s11, s12, s13, s14, s15, s16, s17, s18, s19 and 5 more\nmend: Create each: "));
  EXPECT_FALSE(Moves(Event("", "02T00:00:00")));
  EXPECT_THAT(err_.str(), HasSubstr("--source: is not given"));
  EXPECT_FALSE(Moves(Event("", "02T00:00:00"), {"--source", "pos"}));
  EXPECT_THAT(err_.str(), HasSubstr("tributary source create pos"));
}

TEST_F(PlayCommandTest, LeavesTheClockWhereASourceIsDisabled) {
  sources_.disabled = "app";
  EXPECT_FALSE(Moves(Event("web", "02T00:00:00") + Event("app", "03T00:00:00")));
  EXPECT_THAT(err_.str(), HasSubstr("(SOURCE_DISABLED): FILE: its events name sources that are disabled: app\n"
                                    "mend: Enable it: tributary source enable app"));
  EXPECT_FALSE(Moves(Event("", "02T00:00:00"), {"--source", "app"}));
  EXPECT_TRUE(Moves(Event("web", "02T00:00:00"))) << err_.str();
}

TEST_F(PlayCommandTest, WhoMayNotListSourcesPlaysWithoutThatLook) {
  sources_.may_list = false;
  EXPECT_TRUE(Moves(Event("pos", "02T00:00:00"))) << err_.str();
}

TEST_F(PlayCommandTest, LeavesTheClockWhereAFileIsNotByTime) {
  const std::string lines = Event("web", "02T00:00:00") + "\nno event\n" + Event("web", "05T12:00:00") +
                            Event("web", "05T11:00:00") + Event("web", "05T06:00:00");
  EXPECT_TRUE(Moves(lines)) << err_.str();
  EXPECT_FALSE(Moves(lines + Event("web", "05T05:59:59")));
  EXPECT_THAT(err_.str(), HasSubstr("(NOT_BY_TIME): line 7: lies before line 4 by more than --step\n"
                                    "mend: Sort the file by occurred_at"));
  EXPECT_TRUE(Moves(lines + Event("web", "05T05:59:59"), {"--step", "7h"})) << err_.str();
}

TEST_F(PlayCommandTest, AnEventThatWasSentLaterStandsWhereItWasSent) {
  EXPECT_TRUE(Moves(Event("web", "05T00:00:00") + Event("web", "02T00:00:00", R"(,"sent_at":"2026-01-05T01:00:00Z")")))
      << err_.str();
  EXPECT_FALSE(
      Moves(Event("web", "02T00:00:00", R"(,"sent_at":"2026-01-05T01:00:00Z")") + Event("web", "04T00:00:00")));
}

}  // namespace
}  // namespace tributary::cli
