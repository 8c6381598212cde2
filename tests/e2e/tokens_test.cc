// Reads see what was written, at once: a token of any write, in any read of any service, while an import keeps every
// task busy, and across merges (DESIGN section 5).
#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "fmt/format.h"
#include "gtest/gtest.h"
#include "tokens_fixture.h"
#include "tributary/base/partitioning.h"
#include "tributary/profile/v1/segment.grpc.pb.h"

namespace tributary::e2e {
namespace {

using profile::v1::SegmentService;

constexpr int32_t kPartitions = 8;

TEST_F(TokensTest, EveryReadSeesWhatEveryWriteOfEventsWroteAtOnce) {
  int customers = 0;
  for (const WriteCall& write : Writes()) {
    for (size_t i = 0; i < ProfileReads(1).size() + IdentityReads({""}).size(); ++i) {
      const std::string name = fmt::format("customer{}", ++customers);
      const std::string mail = name + "@example.com";
      std::vector<ReadCall> reads = ProfileReads(1);
      for (ReadCall& read : IdentityReads({mail})) reads.push_back(std::move(read));
      const absl::StatusOr<std::string> token = write.write(Story(name));
      ASSERT_TRUE(token.ok()) << token.status();
      // The first read after the write is another one each time.
      const absl::StatusOr<bool> sees = reads[i].sees({.mail = mail, .id = ""}, *token);
      ASSERT_TRUE(sees.ok()) << write.name << " then " << reads[i].name << ": " << sees.status();
      EXPECT_TRUE(*sees) << write.name << " then " << reads[i].name;
    }
  }
}

TEST_F(TokensTest, EveryReadSeesTheWholeCustomerAfterTheWriteThatMergesTwo) {
  int across = 0;
  const size_t count = ProfileReads(2).size() + IdentityReads({""}).size();
  for (const WriteCall& write : Writes()) {
    for (size_t i = 0; i < count; ++i) {
      // Either mail address, either id.
      for (int by = static_cast<int>(i % 2); by < 4; by += 2) {
        const std::string name = fmt::format("pair{}-{}-{}", write.name, i, by);
        const std::vector<std::string> mails{name + "-a@example.com", name + "-b@example.com"};
        std::vector<std::string> ids;
        for (const char* piece : {"-a", "-b"}) {
          const absl::StatusOr<std::string> token = Ingest(Story(name + piece));
          ASSERT_TRUE(token.ok()) << token.status();
          const auto found =
              Ask(&ProfileService::Stub::GetProfile, {.mail = name + piece + "@example.com", .id = ""}, *token);
          ASSERT_TRUE(found.ok()) << found.status();
          ids.push_back(found->profile().profile_id());
        }
        if (JourneyPartitionOf(ids[0], kPartitions) != JourneyPartitionOf(ids[1], kPartitions)) ++across;
        CustomerEvent both = NewEvent(name + "-both", mails);
        both.mutable_page_viewed()->set_url("https://example.com/");
        const absl::StatusOr<std::string> token = write.write({both});
        ASSERT_TRUE(token.ok()) << token.status();
        std::vector<ReadCall> reads = ProfileReads(2);
        for (ReadCall& read : IdentityReads(mails)) reads.push_back(std::move(read));
        const Whom whom = by < 2 ? Whom{.mail = mails[static_cast<size_t>(by)], .id = ""}
                                 : Whom{.mail = "", .id = ids[static_cast<size_t>(by - 2)]};
        const absl::StatusOr<bool> sees = reads[i].sees(whom, *token);
        ASSERT_TRUE(sees.ok()) << write.name << " then " << reads[i].name << " by " << by << ": " << sees.status();
        EXPECT_TRUE(*sees) << write.name << " then " << reads[i].name << " by " << by;
      }
    }
  }
  EXPECT_GT(across, 20) << "most pairs are of different partitions";
}

TEST_F(TokensTest, EveryReadOfTheRegistrySeesEveryWriteOfIt) {
  using Stub = IngestionService::Stub;
  ingestion_pb::UpdateWorkspaceRequest update;
  for (int i = 0; i < 20; ++i) {
    update.mutable_workspace()->set_workspace_id("default");
    update.mutable_workspace()->set_display_name(fmt::format("name {}", i));
    *update.mutable_update_mask()->add_paths() = "display_name";
    const auto updated = operator_->Call(*ingestion_, &Stub::UpdateWorkspace, update);
    ASSERT_TRUE(updated.ok()) << updated.status();
    ingestion_pb::GetWorkspaceRequest get;
    get.set_token(updated->token());
    EXPECT_EQ(client_->Call(*ingestion_, &Stub::GetWorkspace, get)->workspace().display_name(),
              fmt::format("name {}", i));

    ingestion_pb::CreateSourceRequest create;
    create.mutable_source()->set_source_id(fmt::format("source-{}", i));
    create.mutable_source()->set_default_channel(events::v1::CHANNEL_STORE);
    const auto created = client_->Call(*ingestion_, &Stub::CreateSource, create);
    ASSERT_TRUE(created.ok()) << created.status();
    ingestion_pb::GetSourceRequest source;
    source.set_source_id(fmt::format("source-{}", i));
    source.set_token(created->token());
    EXPECT_TRUE(client_->Call(*ingestion_, &Stub::GetSource, source).ok());
    ingestion_pb::ListSourcesRequest list;
    list.set_token(created->token());
    EXPECT_EQ(client_->Call(*ingestion_, &Stub::ListSources, list)->sources_size(), i + 2);

    ingestion_pb::CreateCredentialRequest allow;
    allow.mutable_credential()->set_role(events::v1::ROLE_READ);
    const auto allowed = client_->Call(*ingestion_, &Stub::CreateCredential, allow);
    ASSERT_TRUE(allowed.ok()) << allowed.status();
    ingestion_pb::RevokeCredentialRequest revoke;
    revoke.set_credential_id(allowed->credential().credential_id());
    const auto revoked = client_->Call(*ingestion_, &Stub::RevokeCredential, revoke);
    ASSERT_TRUE(revoked.ok()) << revoked.status();
    ingestion_pb::ListCredentialsRequest credentials;
    credentials.set_page_size(1'000);
    credentials.set_token(revoked->token());
    const auto listed = client_->Call(*ingestion_, &Stub::ListCredentials, credentials);
    ASSERT_TRUE(listed.ok()) << listed.status();
    for (const auto& credential : listed->credentials()) {
      if (credential.credential_id() == revoke.credential_id()) {
        EXPECT_TRUE(credential.has_revoked_at());
      }
    }
  }
}

TEST_F(TokensTest, ReadsOfSegmentsSeeDefinitionsAndWhoEnteredByAnEvent) {
  using Stub = SegmentService::Stub;
  const auto segments = SegmentService::NewStub(client_->channel());
  profile_pb::GetSegmentRequest get;
  get.set_segment_id("buyers");
  for (int revision = 1; revision <= 5; ++revision) {
    profile_pb::UpdateSegmentRequest update;
    update.set_allow_missing(true);
    update.mutable_segment()->set_segment_id("buyers");
    update.mutable_segment()->set_display_name(fmt::format("Buyers {}", revision));
    update.mutable_segment()->set_rule_text("order_count >= 1");
    const auto updated = client_->Call(*segments, &Stub::UpdateSegment, update);
    ASSERT_TRUE(updated.ok()) << updated.status();
    get.set_token(updated->token());
    const auto got = client_->Call(*segments, &Stub::GetSegment, get);
    ASSERT_TRUE(got.ok()) << got.status();
    EXPECT_EQ(got->segment().revision(), revision);
    profile_pb::ListSegmentsRequest list;
    list.set_token(updated->token());
    const auto listed = client_->Call(*segments, &Stub::ListSegments, list);
    ASSERT_TRUE(listed.ok()) << listed.status();
    ASSERT_EQ(listed->segments_size(), 1);
    EXPECT_EQ(listed->segments(0).revision(), revision);
  }
  // From here on every partition knows the definition.
  while (!client_->Call(*segments, &Stub::GetSegment, get)->segment().take_in().done()) std::this_thread::yield();
  for (const WriteCall& write : Writes()) {
    for (int i = 0; i < 5; ++i) {
      const std::string name = fmt::format("buyer-{}-{}", write.name, i);
      const Whom whom{.mail = name + "@example.com", .id = ""};
      const absl::StatusOr<std::string> token = write.write(Story(name));
      ASSERT_TRUE(token.ok()) << token.status();
      profile_pb::ListProfileSegmentsRequest of_profile;
      Select(whom, of_profile.mutable_profile());
      of_profile.set_token(*token);
      const auto in = client_->Call(*segments, &Stub::ListProfileSegments, of_profile);
      ASSERT_TRUE(in.ok()) << in.status();
      ASSERT_EQ(in->segments_size(), 1);
      EXPECT_EQ(in->segments(0).segment_id(), "buyers");
      const auto profile = Ask(&ProfileService::Stub::GetProfile, whom, *token);
      ASSERT_TRUE(profile.ok()) << profile.status();
      EXPECT_EQ(profile->profile().segment_ids_size(), 1);
      profile_pb::ListSegmentMembersRequest members;
      members.set_segment_id("buyers");
      members.set_page_size(1'000);
      members.set_token(*token);
      const auto listed = client_->Call(*segments, &Stub::ListSegmentMembers, members);
      ASSERT_TRUE(listed.ok()) << listed.status();
      EXPECT_TRUE(std::any_of(listed->members().begin(), listed->members().end(), [&](const auto& member) {
        return member.profile_id() == in->profile_id();
      })) << write.name;
    }
  }
  profile_pb::DeleteSegmentRequest gone;
  gone.set_segment_id("buyers");
  const auto deleted = client_->Call(*segments, &Stub::DeleteSegment, gone);
  ASSERT_TRUE(deleted.ok()) << deleted.status();
  get.set_token(deleted->token());
  EXPECT_TRUE(absl::IsNotFound(client_->Call(*segments, &Stub::GetSegment, get).status()));
}

TEST_F(TokensTest, ReadsOfValueTiersSeeTheirDefinition) {
  using Stub = SegmentService::Stub;
  const auto segments = SegmentService::NewStub(client_->channel());
  for (int revision = 1; revision <= 5; ++revision) {
    profile_pb::UpdateValueTiersRequest update;
    update.mutable_value_tiers()->set_measure_text("order_count");
    auto* tier = update.mutable_value_tiers()->add_tiers();
    tier->set_tier_id("gold");
    tier->set_at_least_text(fmt::format("{}", revision));
    const auto updated = client_->Call(*segments, &Stub::UpdateValueTiers, update);
    ASSERT_TRUE(updated.ok()) << updated.status();
    profile_pb::GetValueTiersRequest get;
    get.set_token(updated->token());
    const auto got = client_->Call(*segments, &Stub::GetValueTiers, get);
    ASSERT_TRUE(got.ok()) << got.status();
    EXPECT_EQ(got->value_tiers().revision(), revision);
  }
}

TEST_F(TokensTest, ATokenOfOneServiceIsTakenByReadsOfAllOthers) {
  const absl::StatusOr<std::string> events = Ingest(Story("anybody"));
  ASSERT_TRUE(events.ok()) << events.status();
  ingestion_pb::GetWorkspaceRequest workspace;
  workspace.set_token(*events);
  const auto got = client_->Call(*ingestion_, &IngestionService::Stub::GetWorkspace, workspace);
  EXPECT_TRUE(got.ok()) << got.status();
  ingestion_pb::ListSourcesRequest sources;
  sources.set_token(*events);
  EXPECT_TRUE(client_->Call(*ingestion_, &IngestionService::Stub::ListSources, sources).ok());

  ingestion_pb::UpdateWorkspaceRequest update;
  update.mutable_workspace()->set_workspace_id("default");
  update.mutable_workspace()->set_display_name("Demo");
  *update.mutable_update_mask()->add_paths() = "display_name";
  const auto updated = operator_->Call(*ingestion_, &IngestionService::Stub::UpdateWorkspace, update);
  ASSERT_TRUE(updated.ok()) << updated.status();
  std::vector<ReadCall> reads = ProfileReads(1);
  for (ReadCall& read : IdentityReads({"anybody@example.com"})) reads.push_back(std::move(read));
  ASSERT_TRUE(reads[0].sees({.mail = "anybody@example.com", .id = ""}, *events).value());
  for (const ReadCall& read : reads) {
    const absl::StatusOr<bool> sees = read.sees({.mail = "anybody@example.com", .id = ""}, updated->token());
    EXPECT_TRUE(sees.ok()) << read.name << ": " << sees.status();
  }
  profile_pb::ListProfilesRequest list;
  list.set_page_size(1'000);
  for (const std::string& token : {*events, updated->token()}) {
    list.set_token(token);
    EXPECT_TRUE(client_->Call(*profiles_, &ProfileService::Stub::ListProfiles, list).ok());
    identity_pb::ListLinkRefusalsRequest refusals;
    refusals.set_token(token);
    EXPECT_TRUE(client_->Call(*identities_, &IdentityService::Stub::ListLinkRefusals, refusals).ok());
  }
}

}  // namespace
}  // namespace tributary::e2e
