#include "ingestion/first_workspace.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "gtest/gtest.h"
#include "tests/harness.h"

namespace tributary::ingestion::testing {
namespace {

using Stub = v1::IngestionService::Stub;

// The platform makes "default" when it starts; these tests make another workspace the same way.
class FirstWorkspaceTest : public ::testing::Test {
 protected:
  ~FirstWorkspaceTest() override { std::filesystem::remove(file_); }

  FirstWorkspaceOptions Options(const std::string& address = "127.0.0.1:7070") {
    return {.registry = platform_.registry,
            .directory = platform_.directory.get(),
            .random = &platform_.random,
            .workspace_id = "first",
            .file = file_,
            .address = address};
  }
  // Those of the workspace, and those of none.
  int Credentials() {
    int count = 0;
    for (const char* workspace : {"first", ""}) {
      v1::ListCredentialsRequest request;
      request.set_workspace_id(workspace);
      const auto listed = platform_.Call(platform_.access.operator_secret, &Stub::ListCredentials, request);
      EXPECT_TRUE(listed.ok()) << listed.status();
      if (listed.ok()) count += listed->credentials_size();
    }
    return count - 1;  // the platform's own operator
  }
  void ExpectTheFileOpensTheDoor() {
    const ClientFile file = ReadClientFile(file_).value();
    const auto admin = platform_.directory->Verify(file.admin_secret);
    ASSERT_TRUE(admin.ok()) << admin.status();
    EXPECT_EQ(admin->workspace_id, "first");
    EXPECT_EQ(admin->role, rpc::Role::kAdmin);
    const auto oper = platform_.directory->Verify(file.operator_secret);
    ASSERT_TRUE(oper.ok()) << oper.status();
    EXPECT_TRUE(IsOperator(*oper));
    EXPECT_EQ(Credentials(), 2);
  }

  Platform platform_;
  const std::string file_ = TestPath("first.json");
};

TEST_F(FirstWorkspaceTest, AFirstStartMakesWorkspaceAndCredentials) {
  ASSERT_TRUE(EnsureFirstWorkspace(Options()).ok());
  struct stat status;
  ASSERT_EQ(::stat(file_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  ExpectTheFileOpensTheDoor();
}

TEST_F(FirstWorkspaceTest, ALaterStartRefreshesTheAddressAlone) {
  ASSERT_TRUE(EnsureFirstWorkspace(Options()).ok());
  const ClientFile before = ReadClientFile(file_).value();
  const eventlog::Offset end = *platform_.log->End({"registry", eventlog::Partition(0)});
  ASSERT_TRUE(EnsureFirstWorkspace(Options("127.0.0.1:9")).ok());
  const ClientFile after = ReadClientFile(file_).value();
  EXPECT_EQ(after.address, "127.0.0.1:9");
  EXPECT_EQ(after.admin_secret, before.admin_secret);
  EXPECT_EQ(*platform_.log->End({"registry", eventlog::Partition(0)}), end) << "nothing was decided";
  ExpectTheFileOpensTheDoor();
}

TEST_F(FirstWorkspaceTest, ACrashAfterAnyCommandIsMadeGood) {
  for (size_t done = 0; done <= 3; ++done) {
    const std::string id = fmt::format("crash-{}", done);
    FirstWorkspaceOptions options = Options();
    options.workspace_id = id;
    const ClientFile file{options.address, id, NewSecret(platform_.random, kCredentialPrefix),
                          NewSecret(platform_.random, kCredentialPrefix)};
    ASSERT_TRUE(WriteClientFile(file_, file).ok());
    const RegistryWrites writes({.registry = platform_.registry, .directory = platform_.directory.get()});
    auto commands = internal::FirstCommands(file, options);
    commands.resize(done);
    for (auto& first : commands) {
      std::promise<absl::Status> answered;
      writes.Send(first.command, first.secret, [&](const auto& written) { answered.set_value(written.status()); });
      ASSERT_TRUE(answered.get_future().get().ok());
    }
    const absl::Status ensured = EnsureFirstWorkspace(options);
    ASSERT_TRUE(ensured.ok()) << ensured;
    EXPECT_TRUE(platform_.directory->Verify(file.admin_secret).ok());
    EXPECT_TRUE(platform_.directory->Verify(file.operator_secret).ok());
    v1::ListCredentialsRequest request;
    request.set_workspace_id(id);
    EXPECT_EQ(platform_.Call(platform_.access.operator_secret, &Stub::ListCredentials, request)->credentials_size(), 1);
  }
  v1::ListCredentialsRequest operators;
  EXPECT_EQ(platform_.Call(platform_.access.operator_secret, &Stub::ListCredentials, operators)->credentials_size(), 5);
}

TEST_F(FirstWorkspaceTest, ALostFileIsMadeAnewWithSecretsOfItsOwn) {
  ASSERT_TRUE(EnsureFirstWorkspace(Options()).ok());
  const std::string before = ReadClientFile(file_)->admin_secret;
  std::filesystem::remove(file_);
  ASSERT_TRUE(EnsureFirstWorkspace(Options()).ok());
  const std::string after = ReadClientFile(file_)->admin_secret;
  EXPECT_NE(after, before);
  EXPECT_TRUE(platform_.directory->Verify(after).ok());
}

TEST_F(FirstWorkspaceTest, ARevokedCredentialIsNotMadeAgain) {
  ASSERT_TRUE(EnsureFirstWorkspace(Options()).ok());
  const ClientFile file = ReadClientFile(file_).value();
  v1::RevokeCredentialRequest revoke;
  revoke.set_credential_id(platform_.directory->Verify(file.admin_secret)->credential_id);
  ASSERT_TRUE(platform_.Call(file.admin_secret, &Stub::RevokeCredential, revoke).ok());
  ASSERT_TRUE(EnsureFirstWorkspace(Options()).ok());
  EXPECT_FALSE(platform_.directory->Verify(file.admin_secret).ok());
}

TEST_F(FirstWorkspaceTest, AFileThatIsNoneIsLeftAlone) {
  std::ofstream(file_) << "{\"address\": 5}";
  const absl::Status status = EnsureFirstWorkspace(Options());
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(std::filesystem::file_size(file_), 14u);
}

}  // namespace
}  // namespace tributary::ingestion::testing
