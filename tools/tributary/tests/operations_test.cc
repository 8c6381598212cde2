// What `tributary verify`, `tasks` and `dead-letters` say where there is nothing to say it of.
#include <sstream>

#include "app.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tributary/base/status.h"
#include "tributary/operations/v1/operations.grpc.pb.h"
#include "tributary/rpc/server.h"
#include "tributary/rpc/status.h"

namespace tributary::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Verifies one task, or none.
class Operations final : public operations::v1::OperationsService::Service {
 public:
  grpc::Status Verify(grpc::ServerContext*, const operations::v1::VerifyRequest* request,
                      grpc::ServerWriter<operations::v1::VerifyResponse>* writer) override {
    asked = request->tasks();
    if (!refusal.ok()) return rpc::ToGrpc(refusal);
    operations::v1::VerifyResponse news;
    news.mutable_result()->mutable_task()->set_processor("profile");
    news.mutable_result()->set_clean(clean);
    if (has_task) writer->Write(news);
    return grpc::Status::OK;
  }
  grpc::Status ListTasks(grpc::ServerContext*, const operations::v1::ListTasksRequest*,
                         operations::v1::ListTasksResponse*) override {
    return rpc::ToGrpc(refusal);
  }

  operations::v1::TaskSelector asked;
  absl::Status refusal;
  bool has_task = true;
  bool clean = true;
};

class OperationsCommandTest : public testing::Test {
 protected:
  int Run(std::vector<std::string> arguments) {
    out_.str("");
    err_.str("");
    Session session{.out = out_, .err = err_, .in = in_, .clock = clock_, .random = random_};
    arguments.insert(arguments.end(), {"--server", fmt::format("127.0.0.1:{}", server_->port()), "--credential", "s"});
    return RunCommandLine(session, std::move(arguments));
  }

  Operations operations_;
  std::unique_ptr<rpc::Server> server_ = rpc::Server::Start({}, {&operations_}).value();
  std::ostringstream out_;
  std::ostringstream err_;
  std::istringstream in_;
  FakeClock clock_;
  SeededRandom random_{1};
};

TEST_F(OperationsCommandTest, HealthTellsWhetherItServesAndWaitsUntilItDoes) {
  EXPECT_EQ(Run({"health"}), kUnreachable);
  EXPECT_THAT(err_.str(), HasSubstr("does not serve"));
  server_->SetServing("", true);
  EXPECT_EQ(Run({"health", "--wait", "5"}), kOk);
  EXPECT_EQ(out_.str(), "serving\n");
  EXPECT_EQ(Run({"health", "--service", "nobody"}), kFailed);
}

TEST_F(OperationsCommandTest, VerifySaysThatAllIsWellOnlyOfTasksThatItLookedAt) {
  EXPECT_EQ(Run({"verify", "--processor", "profile", "--partition", "3"}), kOk) << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("The projections are what the log says."));
  EXPECT_EQ(operations_.asked.processor(), "profile");
  EXPECT_EQ(operations_.asked.partition(), 3);
  operations_.clean = false;
  EXPECT_EQ(Run({"verify"}), kDifferences);
  EXPECT_THAT(out_.str(), Not(HasSubstr("are what the log says")));
  operations_.has_task = false;
  for (const char* more : {"--processor", "--log"}) {
    EXPECT_EQ(Run({"verify", more, "bogus"}), kFailed);
    EXPECT_EQ(out_.str(), "");
    EXPECT_THAT(err_.str(), HasSubstr("nothing was verified"));
  }
  EXPECT_EQ(Run({"verify", "--json"}), kFailed);
}

TEST_F(OperationsCommandTest, WhatTheServerRefusesIsAFailure) {
  operations_.refusal = FieldError(absl::StatusCode::kNotFound, "NO_SUCH_TASK", "tasks", "no task is named so", "Mend");
  EXPECT_EQ(Run({"verify", "--processor", "profil"}), kFailed);
  EXPECT_THAT(err_.str(), HasSubstr("NO_SUCH_TASK"));
  EXPECT_EQ(Run({"tasks", "--processor", "profil"}), kFailed);
  EXPECT_THAT(err_.str(), HasSubstr("mend: Mend"));
}

TEST_F(OperationsCommandTest, AServerWithoutTasksShowsNoEmptyTable) {
  EXPECT_EQ(Run({"tasks"}), kOk);
  EXPECT_EQ(out_.str(), "no tasks\n");
}

}  // namespace
}  // namespace tributary::cli
