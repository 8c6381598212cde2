#include "ingestion/directory.h"

#include "gtest/gtest.h"
#include "tests/harness.h"

namespace tributary::ingestion::testing {
namespace {

using Stub = v1::IngestionService::Stub;

TEST(DirectoryTest, KnowsWhoseSecretItIs) {
  Platform platform;
  const std::string write_key = platform.MakeSource("web");
  const auto admin = platform.directory->Verify(platform.access.admin_secret);
  ASSERT_TRUE(admin.ok()) << admin.status();
  EXPECT_EQ(admin->workspace_id, "default");
  EXPECT_EQ(admin->role, rpc::Role::kAdmin);
  const auto oper = platform.directory->Verify(platform.access.operator_secret);
  ASSERT_TRUE(oper.ok()) << oper.status();
  EXPECT_EQ(oper->workspace_id, "");
  EXPECT_TRUE(IsOperator(*oper));
  const auto source = platform.directory->Verify(write_key);
  ASSERT_TRUE(source.ok()) << source.status();
  EXPECT_EQ(source->role, rpc::Role::kIngest);
  EXPECT_EQ(source->source_id, "web");
  EXPECT_EQ(platform.directory->Verify("trk_guess").status().code(), absl::StatusCode::kUnauthenticated);
}

TEST(DirectoryTest, AChangeCountsFromTheNextCallOn) {
  Platform platform;
  const std::string before = platform.MakeSource("web");
  v1::RotateSourceWriteKeyRequest rotate;
  rotate.set_source_id("web");
  const auto rotated = platform.Call(platform.access.admin_secret, &Stub::RotateSourceWriteKey, rotate);
  ASSERT_TRUE(rotated.ok()) << rotated.status();
  EXPECT_FALSE(platform.directory->Verify(before).ok());
  EXPECT_TRUE(platform.directory->Verify(rotated->write_key()).ok());
  v1::UpdateSourceRequest update;
  update.mutable_source()->set_source_id("web");
  update.mutable_source()->set_state(events::v1::SOURCE_STATE_DISABLED);
  update.mutable_update_mask()->add_paths("state");
  ASSERT_TRUE(platform.Call(platform.access.admin_secret, &Stub::UpdateSource, update).ok());
  EXPECT_FALSE(platform.directory->FindWorkspace("default")->FindSource("web")->active);
}

TEST(DirectoryTest, ARevokedCredentialIsKnownButOpensNothing) {
  Platform platform;
  const auto admin = platform.directory->Verify(platform.access.admin_secret);
  v1::RevokeCredentialRequest revoke;
  revoke.set_credential_id(admin->credential_id);
  ASSERT_TRUE(platform.Call(platform.access.admin_secret, &Stub::RevokeCredential, revoke).ok());
  EXPECT_EQ(platform.directory->Verify(platform.access.admin_secret).status().code(),
            absl::StatusCode::kUnauthenticated);
  EXPECT_TRUE(platform.directory->KnowsCredential(SecretDigest(platform.access.admin_secret)));
}

TEST(DirectoryTest, UntilTheRegistryWasReadNobodyIsToldThatTheSecretIsWrong) {
  FakeClock clock;
  SystemRandom random;
  auto log = eventlog::MakeMemoryLog({.logs = {{"registry", 1}}, .clock = &clock}).value();
  IngestionProcessor decider({});
  processor::TaskOptions options;
  options.partition = {"registry", eventlog::Partition(0)};
  auto task = processor::Task::Open(options, {.log = log.get(),
                                              .store = projection::Store::Open({.in_memory = true}).value(),
                                              .processor = &decider,
                                              .clock = &clock,
                                              .random = &random})
                  .value();
  const RegistryDirectory directory(task.get());
  EXPECT_EQ(directory.Verify("trk_x").status().code(), absl::StatusCode::kUnavailable);
  while (task->Step().kind == processor::Progress::Kind::kWorked) {
  }
  EXPECT_EQ(directory.Verify("trk_x").status().code(), absl::StatusCode::kUnauthenticated);
}

}  // namespace
}  // namespace tributary::ingestion::testing
