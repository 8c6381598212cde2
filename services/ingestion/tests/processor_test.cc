#include "ingestion/processor.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ingestion/tables.h"
#include "tributary/events/v1/registry.pb.h"
#include "tributary/ingestion/v1/ingestion.pb.h"
#include "tributary/processor/testing/test_driver.h"

namespace tributary::ingestion::testing {
namespace {

using events::v1::CredentialRevoked;
using events::v1::SourceUpdated;
using events::v1::WorkspaceCreated;
using processor::testing::ProcessorTestDriver;
using ::testing::HasSubstr;
using ::testing::Not;

class ProcessorTest : public ::testing::Test {
 protected:
  absl::StatusOr<processor::Reply> CreateWorkspace(const std::string& request_id, const std::string& id) {
    v1::CreateWorkspaceRequest request;
    request.mutable_workspace()->set_workspace_id(id);
    return driver_.Send(request_id, std::string(command::kCreateWorkspace), request);
  }

  absl::StatusOr<processor::Reply> CreateSource(const std::string& request_id, const std::string& id,
                                                const std::string& secret) {
    v1::CreateSourceRequest request;
    request.mutable_source()->set_workspace_id("w");
    request.mutable_source()->set_source_id(id);
    const auto offer = decider().secret_offers().Add(request_id, SecretDigest(secret));
    return driver_.Send(request_id, std::string(command::kCreateSource), request);
  }

  absl::StatusOr<processor::Reply> UpdatePriority(const std::string& request_id, int64_t revision, int32_t priority) {
    v1::UpdateSourceRequest request;
    request.mutable_source()->set_workspace_id("w");
    request.mutable_source()->set_source_id("web");
    request.mutable_source()->set_revision(revision);
    request.mutable_source()->set_priority(priority);
    request.mutable_source()->set_display_name("not in the mask");
    request.mutable_update_mask()->add_paths("priority");
    return driver_.Send(request_id, std::string(command::kUpdateSource), request);
  }

  const IngestionProcessor& decider() { return static_cast<const IngestionProcessor&>(driver_.task().processor()); }

  static storage::v1::RegistryReply BodyOf(const absl::StatusOr<processor::Reply>& reply) {
    storage::v1::RegistryReply body;
    EXPECT_TRUE(reply.ok()) << reply.status();
    if (reply.ok()) body.ParseFromString(reply->body);
    return body;
  }

  ProcessorTestDriver driver_{
      [] { return std::make_unique<IngestionProcessor>(IngestionProcessor::Options{.intake_partitions = 3}); },
      {.partition = {"registry", eventlog::Partition(0)}}};
};

TEST_F(ProcessorTest, WorkspacesSpreadOverIntake) {
  for (const char* id : {"a", "b", "c", "d"}) ASSERT_TRUE(CreateWorkspace(id, id).ok());
  std::vector<int32_t> partitions;
  for (const auto& created : driver_.Take<WorkspaceCreated>()) partitions.push_back(created.intake_partition());
  EXPECT_EQ(partitions, (std::vector<int32_t>{0, 1, 2, 0}));
}

TEST_F(ProcessorTest, AWorkspaceIdIsTakenOnce) {
  ASSERT_TRUE(CreateWorkspace("r1", "w").ok());
  const auto again = CreateWorkspace("r2", "w");
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->code, absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(again->reason, "WORKSPACE_EXISTS");
  EXPECT_EQ(driver_.Take<WorkspaceCreated>().size(), 1u);
}

TEST_F(ProcessorTest, ARetryGetsTheSameAnswerAndTheSecretOfTheFirstCall) {
  ASSERT_TRUE(CreateWorkspace("r1", "w").ok());
  const auto first = CreateSource("r2", "web", "twk_first");
  const auto retry = CreateSource("r2", "web", "twk_second");
  EXPECT_EQ(BodyOf(first).secret_digest(), SecretDigest("twk_first"));
  EXPECT_EQ(BodyOf(retry).secret_digest(), SecretDigest("twk_first")) << "whoever drew the second sees that it is void";
  driver_.Restart();
  EXPECT_EQ(BodyOf(CreateSource("r2", "web", "twk_third")).secret_digest(), SecretDigest("twk_first"));
}

TEST_F(ProcessorTest, TheSameRequestIdForAnotherRequestIsAConflict) {
  ASSERT_TRUE(CreateWorkspace("r1", "w").ok());
  EXPECT_EQ(CreateWorkspace("r1", "other").status().code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(ProcessorTest, NoSecretIsInAnyRecord) {
  const std::string canary = "twk_canary-of-this-test";
  ASSERT_TRUE(CreateWorkspace("r1", "w").ok());
  ASSERT_TRUE(CreateSource("r2", "web", canary).ok());
  auto reader = driver_.log().OpenReader({"registry", eventlog::Partition(0)}, eventlog::Offset(0)).value();
  const auto records = reader->Poll({}).value().records;
  ASSERT_GE(records.size(), 3u);
  bool digest_seen = false;
  for (const auto& record : records) {
    EXPECT_THAT(record->record.value, Not(HasSubstr(canary)));
    EXPECT_THAT(record->record.key, Not(HasSubstr(canary)));
    digest_seen = digest_seen || record->record.value.find(SecretDigest(canary)) != std::string::npos;
  }
  EXPECT_TRUE(digest_seen) << "the search would find it";
}

TEST_F(ProcessorTest, AnUpdateChangesWhatTheMaskNamesAndCountsRevisions) {
  ASSERT_TRUE(CreateWorkspace("r1", "w").ok());
  ASSERT_TRUE(CreateSource("r2", "web", "twk_a").ok());
  EXPECT_EQ(UpdatePriority("r3", 2, 9)->reason, "REVISION_MISMATCH");
  EXPECT_EQ(UpdatePriority("r4", 1, 9)->code, absl::StatusCode::kOk);
  EXPECT_EQ(UpdatePriority("r5", 0, 10)->code, absl::StatusCode::kOk) << "0 does not ask";
  const auto updated = driver_.Take<SourceUpdated>();
  ASSERT_EQ(updated.size(), 2u);
  EXPECT_EQ(updated[1].source().revision(), 3);
  EXPECT_EQ(updated[1].source().priority(), 10);
  EXPECT_EQ(updated[1].source().display_name(), "");
  EXPECT_EQ(updated[1].source().write_key_digest(), SecretDigest("twk_a"));
}

TEST_F(ProcessorTest, ARotatedWriteKeyIsGone) {
  ASSERT_TRUE(CreateWorkspace("r1", "w").ok());
  ASSERT_TRUE(CreateSource("r2", "web", "twk_a").ok());
  v1::RotateSourceWriteKeyRequest rotate;
  rotate.set_workspace_id("w");
  rotate.set_source_id("web");
  const auto offer = decider().secret_offers().Add("r3", SecretDigest("twk_b"));
  ASSERT_EQ(driver_.Send("r3", std::string(command::kRotateSourceWriteKey), rotate)->code, absl::StatusCode::kOk);
  const auto snapshot = driver_.Snapshot();
  EXPECT_FALSE(snapshot->view().Contains(kWriteKeys, {SecretDigest("twk_a")}));
  EXPECT_TRUE(snapshot->view().Contains(kWriteKeys, {SecretDigest("twk_b")}));
}

TEST_F(ProcessorTest, RevokingTwiceChangesNothing) {
  v1::CreateCredentialRequest create;
  create.mutable_credential()->set_role(events::v1::ROLE_OPERATOR);
  const auto offer = decider().secret_offers().Add("r1", SecretDigest("trk_a"));
  const auto created = driver_.Send("r1", std::string(command::kCreateCredential), create);
  v1::RevokeCredentialRequest revoke;
  revoke.set_credential_id(BodyOf(created).credential_id());
  EXPECT_TRUE(revoke.credential_id().size() == 21 && revoke.credential_id().rfind("cred-", 0) == 0);
  EXPECT_EQ(driver_.Send("r2", std::string(command::kRevokeCredential), revoke)->code, absl::StatusCode::kOk);
  EXPECT_EQ(driver_.Send("r3", std::string(command::kRevokeCredential), revoke)->code, absl::StatusCode::kOk);
  EXPECT_EQ(driver_.Take<CredentialRevoked>().size(), 1u);
}

TEST_F(ProcessorTest, ACommandWhoseSecretIsGoneDecidesNothingAndMayBeSentAgain) {
  ASSERT_TRUE(CreateWorkspace("r1", "w").ok());
  v1::CreateSourceRequest request;
  request.mutable_source()->set_workspace_id("w");
  request.mutable_source()->set_source_id("web");
  EXPECT_TRUE(driver_.Send("r2", std::string(command::kCreateSource), request)->retry);
  EXPECT_EQ(BodyOf(CreateSource("r2", "web", "twk_a")).source_id(), "web");
}

TEST_F(ProcessorTest, ARebuildGivesTheSameTables) {
  ASSERT_TRUE(CreateWorkspace("r1", "w").ok());
  ASSERT_TRUE(CreateSource("r2", "web", "twk_a").ok());
  ASSERT_TRUE(UpdatePriority("r3", 0, 3).ok());
  const auto [live, rebuilt] = driver_.DigestLiveAndRebuilt();
  EXPECT_EQ(live.facts_and_decisions, rebuilt.facts_and_decisions);
}

}  // namespace
}  // namespace tributary::ingestion::testing
