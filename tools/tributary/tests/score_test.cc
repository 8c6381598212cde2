#include "commands/score.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "app.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tributary/identity/v1/identity.grpc.pb.h"

namespace tributary::cli {
namespace {

using generator::TrueIdentifier;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TrueIdentifier Email(int number, int32_t person, int32_t group) {
  return {"email", "", fmt::format("e{}@example.com", number), {person}, group};
}

// Knows the identifiers that it is given, by value.
class KnownIdentifiers final : public identity::v1::IdentityService::Service {
 public:
  explicit KnownIdentifiers(std::map<std::string, std::string> profile_of) : profile_of_(std::move(profile_of)) {}
  grpc::Status ResolveIdentifier(grpc::ServerContext*, const identity::v1::ResolveIdentifierRequest* request,
                                 identity::v1::ResolveIdentifierResponse* response) override {
    const auto found = profile_of_.find(request->identifier().value());
    if (found == profile_of_.end()) return {grpc::StatusCode::NOT_FOUND, "of no profile"};
    response->set_profile_id(found->second);
    return grpc::Status::OK;
  }

 private:
  const std::map<std::string, std::string> profile_of_;
};

class ScoreTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = (std::filesystem::path(testing::TempDir()) /
             fmt::format("score_{}", testing::UnitTest::GetInstance()->current_test_info()->name()))
                .string();
  }
  void TearDown() override { std::filesystem::remove(path_); }

  void Serve(std::map<std::string, std::string> profile_of) {
    service_ = std::make_unique<KnownIdentifiers>(std::move(profile_of));
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
  }
  int Run(std::vector<std::string> more) {
    Session session{.out = out_, .err = err_, .in = in_, .clock = clock_, .random = random_};
    std::vector<std::string> arguments = {
        "score", "--truth", path_, "--server", fmt::format("127.0.0.1:{}", port_), "--credential", "secret"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return RunCommandLine(session, arguments);
  }

  std::string path_;
  std::unique_ptr<KnownIdentifiers> service_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 1;
  std::ostringstream out_;
  std::ostringstream err_;
  std::istringstream in_;
  FakeClock clock_;
  SeededRandom random_{1};
};

TEST_F(ScoreTest, ComparesTheServersProfilesWithTheTruth) {
  std::ofstream(path_) << generator::FormatTruth(
      {.events = {}, .identifiers = {Email(1, 1, 1), Email(2, 1, 1), Email(3, 1, 2), Email(4, 2, 3), Email(5, 2, 3)}});
  // 1, 2 and 4 are one profile, 3 is another, 5 is none.
  Serve({{"e1@example.com", "p0-1-0"},
         {"e2@example.com", "p0-1-0"},
         {"e3@example.com", "p0-3-0"},
         {"e4@example.com", "p0-1-0"}});
  ASSERT_EQ(Run({"--json"}), kOk) << err_.str();
  const auto score = nlohmann::json::parse(out_.str());
  EXPECT_EQ(score["identifiers"], 5);
  EXPECT_EQ(score["found"], 4);
  EXPECT_EQ(score["profiles"], 2);
  EXPECT_EQ(score["pairs_in_one_profile"], 3);
  EXPECT_EQ(score["right_pairs"], 1);
  EXPECT_EQ(score["pairs_of_one_person"], 4);
  EXPECT_EQ(score["joined_pairs"], 1);
  EXPECT_EQ(score["linkable_pairs"], 2);
  EXPECT_EQ(score["linkable_recall"], 0.5);
}

TEST_F(ScoreTest, PrintsATableForPeople) {
  std::ofstream(path_) << generator::FormatTruth({.events = {}, .identifiers = {Email(1, 1, 1), Email(2, 1, 1)}});
  Serve({{"e1@example.com", "p0-1-0"}, {"e2@example.com", "p0-1-0"}});
  ASSERT_EQ(Run({}), kOk) << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("2 identifiers, 2 of them in 1 profiles"));
  EXPECT_THAT(out_.str(), HasSubstr("1.00000"));
}

TEST_F(ScoreTest, ATruthThatCannotBeReadIsSaid) {
  EXPECT_EQ(Run({}), kFailed);
  EXPECT_THAT(err_.str(), HasSubstr("--truth"));
  std::ofstream(path_) << "{}\n";
  EXPECT_EQ(Run({}), kFailed);
  EXPECT_THAT(err_.str(), HasSubstr("line 1"));
}

TEST(ResolveAllTest, AnswersInTheirOrderWhateverTheNumberInFlight) {
  std::vector<TrueIdentifier> identifiers;
  for (int i = 0; i < 200; ++i) identifiers.push_back(Email(i, 1, 1));
  for (const int in_flight : {1, 3, 64}) {
    const auto profiles = ResolveAll(identifiers, in_flight, [](const TrueIdentifier& identifier) {
      return absl::StatusOr<std::string>("of " + identifier.value);
    });
    ASSERT_TRUE(profiles.ok());
    for (size_t i = 0; i < identifiers.size(); ++i) EXPECT_EQ((*profiles)[i], "of " + identifiers[i].value);
  }
}

TEST(ResolveAllTest, NotFoundIsNoProfileAndAnyOtherErrorEndsIt) {
  const auto resolve = [](const TrueIdentifier& identifier) -> absl::StatusOr<std::string> {
    if (identifier.persons[0] == 1) return absl::NotFoundError("none");
    if (identifier.persons[0] == 2) return absl::PermissionDeniedError("no");
    return "p";
  };
  EXPECT_THAT(*ResolveAll({Email(1, 1, 1), Email(2, 3, 1)}, 2, resolve), ElementsAre("", "p"));
  std::atomic<int> asked = 0;
  const auto failing = ResolveAll({Email(1, 2, 1), Email(2, 3, 1), Email(3, 3, 1)}, 1, [&](const TrueIdentifier& one) {
    ++asked;
    return resolve(one);
  });
  EXPECT_TRUE(absl::IsPermissionDenied(failing.status()));
  EXPECT_EQ(asked, 1);
}

}  // namespace
}  // namespace tributary::cli
