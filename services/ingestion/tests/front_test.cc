#include "ingestion/front.h"

#include "gtest/gtest.h"
#include "tests/harness.h"
#include "tributary/base/status.h"

namespace tributary::ingestion::testing {
namespace {

using Stub = v1::IngestionService::Stub;

std::string ReasonOf(const absl::Status& status) {
  const auto detail = DetailOf(status);
  return detail.has_value() ? detail->reason : "";
}

class FrontTest : public ::testing::Test {
 protected:
  v1::CreateSourceRequest SourceRequest(const std::string& id) {
    v1::CreateSourceRequest request;
    request.mutable_source()->set_source_id(id);
    return request;
  }
  std::string MakeCredential(events::v1::Role role, const std::string& workspace = "default") {
    v1::CreateCredentialRequest request;
    request.mutable_credential()->set_role(role);
    request.mutable_credential()->set_workspace_id(workspace);
    const auto created = platform_.Call(oper_, &Stub::CreateCredential, request);
    EXPECT_TRUE(created.ok()) << created.status();
    return created.ok() ? created->secret() : "";
  }
  absl::Status MakeWorkspace(const std::string& id) {
    v1::CreateWorkspaceRequest request;
    request.mutable_workspace()->set_workspace_id(id);
    request.mutable_workspace()->set_default_currency("THB");
    return platform_.Call(oper_, &Stub::CreateWorkspace, request).status();
  }

  Platform platform_;
  const std::string admin_ = platform_.access.admin_secret;
  const std::string oper_ = platform_.access.operator_secret;
};

TEST_F(FrontTest, AWriteIsSeenByAReadThatCarriesItsToken) {
  auto request = SourceRequest("web");
  request.mutable_source()->set_priority(3);
  const auto created = platform_.Call(admin_, &Stub::CreateSource, request);
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_EQ(created->write_key().rfind("twk_", 0), 0u);
  EXPECT_EQ(created->source().revision(), 1);
  EXPECT_EQ(created->source().workspace_id(), "default");
  EXPECT_EQ(created->source().state(), events::v1::SOURCE_STATE_ACTIVE);
  v1::GetSourceRequest get;
  get.set_source_id("web");
  get.set_token(created->token());
  const auto got = platform_.Call(admin_, &Stub::GetSource, get);
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(got->source().SerializeAsString(), created->source().SerializeAsString());
  get.set_token("no token");
  EXPECT_EQ(ReasonOf(platform_.Call(admin_, &Stub::GetSource, get).status()), "INVALID_TOKEN");
}

TEST_F(FrontTest, ASecretIsToldOnce) {
  auto request = SourceRequest("web");
  request.set_request_id("5e9b2f5e-0000-4000-8000-000000000001");
  ASSERT_TRUE(platform_.Call(admin_, &Stub::CreateSource, request).ok());
  const absl::Status again = platform_.Call(admin_, &Stub::CreateSource, request).status();
  EXPECT_EQ(again.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(again), "SECRET_ALREADY_TOLD");
  request.mutable_source()->set_source_id("other");
  const absl::Status reused = platform_.Call(admin_, &Stub::CreateSource, request).status();
  EXPECT_EQ(reused.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(ReasonOf(reused), "REQUEST_ID_REUSED");
}

TEST_F(FrontTest, ARetryWithoutASecretGetsTheSameAnswer) {
  platform_.MakeSource("web");
  v1::UpdateSourceRequest request;
  request.mutable_source()->set_source_id("web");
  request.mutable_source()->set_priority(9);
  request.mutable_update_mask()->add_paths("priority");
  request.set_request_id("5e9b2f5e-0000-4000-8000-000000000002");
  EXPECT_EQ(platform_.Call(admin_, &Stub::UpdateSource, request)->source().revision(), 2);
  EXPECT_EQ(platform_.Call(admin_, &Stub::UpdateSource, request)->source().revision(), 2);
  request.set_request_id("");
  request.mutable_source()->set_revision(1);
  EXPECT_EQ(ReasonOf(platform_.Call(admin_, &Stub::UpdateSource, request).status()), "REVISION_MISMATCH");
  request.mutable_update_mask()->add_paths("source_id");
  EXPECT_EQ(DetailOf(platform_.Call(admin_, &Stub::UpdateSource, request).status())->field, "update_mask");
}

TEST_F(FrontTest, AnOperatorChangesWhatTheMaskNamesOfAWorkspace) {
  v1::UpdateWorkspaceRequest request;
  v1::Workspace& wanted = *request.mutable_workspace();
  wanted.set_workspace_id("default");
  wanted.set_display_name("Hotels");
  wanted.mutable_ingest_quota()->set_events_per_second(500);
  wanted.mutable_ingest_quota()->set_burst_events(2'000);
  request.mutable_update_mask()->add_paths("ingest_quota.events_per_second");
  const auto updated = platform_.Call(oper_, &Stub::UpdateWorkspace, request);
  ASSERT_TRUE(updated.ok()) << updated.status();
  EXPECT_EQ(updated->workspace().ingest_quota().events_per_second(), 500);
  EXPECT_EQ(updated->workspace().ingest_quota().burst_events(), 0);
  EXPECT_EQ(updated->workspace().display_name(), "");
  EXPECT_EQ(updated->workspace().default_currency(), "USD");
  EXPECT_EQ(updated->workspace().revision(), 2);
  EXPECT_EQ(platform_.directory->FindWorkspace("default")->events_per_second, 500);
  v1::GetWorkspaceRequest get;
  get.set_token(updated->token());
  EXPECT_EQ(platform_.Call(admin_, &Stub::GetWorkspace, get)->workspace().SerializeAsString(),
            updated->workspace().SerializeAsString());

  wanted.set_revision(1);
  EXPECT_EQ(ReasonOf(platform_.Call(oper_, &Stub::UpdateWorkspace, request).status()), "REVISION_MISMATCH");
  wanted.set_revision(2);
  request.clear_update_mask();
  const auto whole = platform_.Call(oper_, &Stub::UpdateWorkspace, request);
  ASSERT_TRUE(whole.ok()) << whole.status();
  EXPECT_EQ(whole->workspace().display_name(), "Hotels");
  EXPECT_EQ(whole->workspace().ingest_quota().burst_events(), 2'000);
}

TEST_F(FrontTest, AWorkspaceIsChangedByOperatorsAloneAndWithinBounds) {
  v1::UpdateWorkspaceRequest request;
  request.mutable_workspace()->set_workspace_id("default");
  EXPECT_EQ(platform_.Call(admin_, &Stub::UpdateWorkspace, request).status().code(),
            absl::StatusCode::kPermissionDenied);
  request.mutable_workspace()->mutable_ingest_quota()->set_events_per_second(-1);
  EXPECT_EQ(DetailOf(platform_.Call(oper_, &Stub::UpdateWorkspace, request).status())->field,
            "workspace.ingest_quota.events_per_second");
  request.mutable_workspace()->clear_ingest_quota();
  request.mutable_update_mask()->add_paths("default_currency");
  EXPECT_EQ(DetailOf(platform_.Call(oper_, &Stub::UpdateWorkspace, request).status())->field, "update_mask");
  request.clear_update_mask();
  request.mutable_workspace()->set_workspace_id("nowhere");
  EXPECT_EQ(ReasonOf(platform_.Call(oper_, &Stub::UpdateWorkspace, request).status()), "WORKSPACE_NOT_FOUND");
}

TEST_F(FrontTest, AWorkspaceIsCreatedWithItsQuota) {
  v1::CreateWorkspaceRequest request;
  request.mutable_workspace()->set_workspace_id("hotel");
  request.mutable_workspace()->set_default_currency("THB");
  request.mutable_workspace()->mutable_ingest_quota()->set_events_per_second(70);
  const auto created = platform_.Call(oper_, &Stub::CreateWorkspace, request);
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_EQ(created->workspace().ingest_quota().events_per_second(), 70);
  EXPECT_EQ(created->workspace().revision(), 1);
  EXPECT_EQ(platform_.directory->FindWorkspace("hotel")->events_per_second, 70);
}

TEST_F(FrontTest, AnotherWorkspaceIsNotFound) {
  ASSERT_TRUE(MakeWorkspace("other").ok());
  const std::string stranger = MakeCredential(events::v1::ROLE_ADMIN, "other");
  platform_.MakeSource("web");
  v1::GetSourceRequest get;
  get.set_workspace_id("default");
  get.set_source_id("web");
  EXPECT_EQ(platform_.Call(stranger, &Stub::GetSource, get).status().code(), absl::StatusCode::kNotFound);
  get.set_workspace_id("");
  EXPECT_EQ(platform_.Call(stranger, &Stub::GetSource, get).status().code(), absl::StatusCode::kNotFound);
  v1::RevokeCredentialRequest revoke;
  revoke.set_credential_id(platform_.directory->Verify(admin_)->credential_id);
  EXPECT_EQ(platform_.Call(stranger, &Stub::RevokeCredential, revoke).status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(platform_.directory->Verify(admin_).ok());
  EXPECT_EQ(platform_.Call(stranger, &Stub::ListWorkspaces, {})->workspaces_size(), 1);
  EXPECT_EQ(platform_.Call(oper_, &Stub::ListWorkspaces, {})->workspaces_size(), 2);
}

TEST_F(FrontTest, RolesBoundWhatMayBeCalled) {
  const std::string reader = MakeCredential(events::v1::ROLE_READ);
  const std::string sender = MakeCredential(events::v1::ROLE_INGEST);
  EXPECT_TRUE(platform_.Call(reader, &Stub::ListSources, {}).ok());
  EXPECT_EQ(platform_.Call(sender, &Stub::ListSources, {}).status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(platform_.Call(reader, &Stub::CreateSource, SourceRequest("x")).status().code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_TRUE(platform_.Call(sender, &Stub::GetWorkspace, {}).ok());
  v1::CreateWorkspaceRequest workspace;
  EXPECT_EQ(platform_.Call(admin_, &Stub::CreateWorkspace, workspace).status().code(),
            absl::StatusCode::kPermissionDenied);
  v1::CreateCredentialRequest operator_request;
  operator_request.mutable_credential()->set_role(events::v1::ROLE_OPERATOR);
  EXPECT_EQ(platform_.Call(admin_, &Stub::CreateCredential, operator_request).status().code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_TRUE(platform_.Call(oper_, &Stub::CreateCredential, operator_request).ok());
  EXPECT_EQ(platform_.Call("", &Stub::GetWorkspace, {}).status().code(), absl::StatusCode::kUnauthenticated);
}

TEST_F(FrontTest, AShapeErrorNamesTheFieldAndTheMend) {
  const absl::Status status = platform_.Call(admin_, &Stub::CreateSource, SourceRequest("Web Shop")).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  const auto detail = DetailOf(status);
  ASSERT_TRUE(detail.has_value());
  EXPECT_EQ(detail->reason, "MALFORMED");
  EXPECT_EQ(detail->field, "source.source_id");
  EXPECT_FALSE(detail->mend.empty());
}

TEST_F(FrontTest, ListsAreTurnedPageByPage) {
  for (const char* id : {"a", "b", "c", "d", "e"}) platform_.MakeSource(id);
  v1::ListSourcesRequest request;
  request.set_page_size(2);
  std::string ids;
  int pages = 0;
  do {
    const auto page = platform_.Call(admin_, &Stub::ListSources, request);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const auto& source : page->sources()) ids += source.source_id();
    request.set_page_token(page->next_page_token());
    ++pages;
  } while (!request.page_token().empty());
  EXPECT_EQ(ids, "abcde");
  EXPECT_EQ(pages, 3);
  request.set_page_token("bm90IG91cnM");
  EXPECT_EQ(ReasonOf(platform_.Call(admin_, &Stub::ListSources, request).status()), "INVALID_PAGE_TOKEN");
  request.set_page_token("");
  request.set_page_size(1001);
  EXPECT_EQ(ReasonOf(platform_.Call(admin_, &Stub::ListSources, request).status()), "OUT_OF_RANGE");
}

}  // namespace
}  // namespace tributary::ingestion::testing
