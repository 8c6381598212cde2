#include "tributary/rpc/credentials.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tributary/base/status.h"

namespace tributary::rpc {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(RoleTest, NamesGoThereAndBack) {
  for (Role role : {Role::kIngest, Role::kRead, Role::kAgent, Role::kManager, Role::kMarketer, Role::kAdmin}) {
    EXPECT_EQ(RoleFromName(RoleName(role)), role);
  }
  EXPECT_EQ(RoleName(Role::kMarketer), "marketer");
  EXPECT_EQ(RoleFromName("owner"), std::nullopt);
  EXPECT_EQ(RoleFromName(""), std::nullopt);
}

TEST(AccessRuleTest, AllowsTheNamedRolesAndAdmins) {
  constexpr AccessRule kRule = AccessRule::AnyOf({Role::kRead, Role::kAgent});
  EXPECT_TRUE(kRule.Allows(Role::kRead));
  EXPECT_TRUE(kRule.Allows(Role::kAgent));
  EXPECT_TRUE(kRule.Allows(Role::kAdmin));
  EXPECT_FALSE(kRule.Allows(Role::kIngest));
  EXPECT_FALSE(AccessRule::AdminOnly().Allows(Role::kManager));
  EXPECT_TRUE(AccessRule::AnyRole().Allows(Role::kIngest));
}

TEST(AccessRuleTest, ARefusalSaysWhichRolesMay) {
  const absl::Status status = AccessRule::AnyOf({Role::kMarketer}).Check({.workspace_id = "w1", .role = Role::kAgent});
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  ASSERT_TRUE(DetailOf(status).has_value());
  EXPECT_EQ(DetailOf(status)->reason, "ROLE_NOT_ALLOWED");
  EXPECT_THAT(DetailOf(status)->mend, HasSubstr("marketer, admin"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("the role agent may not"));
}

TEST(BearerSecretTest, IsWhatFollowsTheScheme) {
  EXPECT_EQ(*BearerSecret("Bearer abc.def"), "abc.def");
  EXPECT_EQ(*BearerSecret("bearer abc.def"), "abc.def");
}

TEST(BearerSecretTest, AnythingElseIsUnauthenticatedAndNotRepeated) {
  EXPECT_EQ(DetailOf(BearerSecret(std::nullopt).status())->reason, "CREDENTIAL_MISSING");
  const std::string too_long = "Bearer " + std::string(513, 'x');
  for (std::string_view header : {std::string_view(""), std::string_view("Bearer "), std::string_view("Bearer"),
                                  std::string_view("Basic hunter2"), std::string_view(too_long)}) {
    const absl::Status status = BearerSecret(header).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated);
    EXPECT_EQ(DetailOf(status)->reason, "CREDENTIAL_MALFORMED");
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("hunter2")));
  }
}

}  // namespace
}  // namespace tributary::rpc
