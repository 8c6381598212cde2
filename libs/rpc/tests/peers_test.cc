#include "tributary/rpc/peers.h"

#include <set>

#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "tributary/base/status.h"

namespace tributary::rpc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

void ExpectRefused(const absl::Status& status, std::string_view reason, std::string_view field, std::string_view what) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  const ErrorDetail detail = DetailOf(status).value_or(ErrorDetail{});
  EXPECT_EQ(detail.reason, reason);
  EXPECT_EQ(detail.field, field);
  EXPECT_THAT(std::string(status.message()), HasSubstr(std::string(what)));
}

TEST(PeersTest, ATemplateGivesEachInstanceItsAddress) {
  EXPECT_THAT(*ParsePeers("tributary-profile-{ordinal}.tributary-profile:7070", 3),
              ElementsAre("tributary-profile-0.tributary-profile:7070", "tributary-profile-1.tributary-profile:7070",
                          "tributary-profile-2.tributary-profile:7070"));
  EXPECT_THAT(*ParsePeers("host{ordinal}:707{ordinal}", 2), ElementsAre("host0:7070", "host1:7071"));
}

TEST(PeersTest, AListIsByOrdinal) {
  EXPECT_THAT(*ParsePeers("10.0.0.7:7070, [::1]:7071,localhost:1", 3),
              ElementsAre("10.0.0.7:7070", "[::1]:7071", "localhost:1"));
}

TEST(PeersTest, AWrongAddressIsNamed) {
  const auto refused = [](std::string_view peers, int32_t replicas, std::string_view reason, std::string_view what) {
    SCOPED_TRACE(peers);
    ExpectRefused(ParsePeers(peers, replicas).status(), reason, "peers", what);
  };
  refused("", 2, "PEERS_MISSING", "no addresses");
  refused("a:1,b:2", 3, "PEERS_MISCOUNTED", "2 addresses for 3 instances");
  refused("a:1,b:2,", 2, "PEERS_MISCOUNTED", "3 addresses for 2");
  refused("a:1,a:1", 2, "PEER_REPEATED", "'a:1' is given twice");
  refused("a:1,b", 2, "PEER_MALFORMED", "'b' has no host or no port");
  refused("a:1,:7", 2, "PEER_MALFORMED", "':7' has no host or no port");
  refused("a:1,b:0", 2, "PEER_MALFORMED", "'b:0' has no port from 1 to 65535");
  refused("a:1,b:+7", 2, "PEER_MALFORMED", "no port");
  refused("a:1,::1:7070", 2, "PEER_MALFORMED", "IPv6 address without brackets");
  refused("a:1,b c:2", 2, "PEER_MALFORMED", "a space");
  refused("host-{ordnal}:7070", 1, "PEER_MALFORMED", "placeholder other than {ordinal}");
  refused("host:7070{ordinal}", 2, "PEER_MALFORMED", "'host:70700' has no port from 1 to 65535");
}

TEST(PeerRouterTest, OptionsThatDoNotFitAreRefused) {
  const auto refused = [](const PeerRouterOptions& options, std::string_view reason, std::string_view field,
                          std::string_view what) {
    ExpectRefused(PeerRouter::Create(options).status(), reason, field, what);
  };
  refused({}, "REQUIRED", "service", "is empty");
  refused({.service = "profile", .replicas = 0}, "OUT_OF_RANGE", "replicas", "0 is not 1 to 1024");
  refused({.service = "profile", .replicas = 2, .ordinal = 2, .peers = "a:1,b:2"}, "OUT_OF_RANGE", "ordinal",
          "2 is not 0 to 1, for 2 instances");
  refused({.service = "profile", .replicas = 2}, "PEERS_MISSING", "peers", "no addresses");
  refused(
      {.service = "profile", .replicas = 2, .peers = "a:1,b:2", .connection = {.tls = true, .certificate_file = "x"}},
      "TLS_INCOMPLETE", "certificate_file", "");
}

TEST(PeerRouterTest, EachInstanceServesWhatItOwnsAndKnowsAChannelToTheOwnerOfTheRest) {
  std::vector<std::unique_ptr<PeerRouter>> routers;
  for (int32_t ordinal = 0; ordinal < 3; ++ordinal) {
    routers.push_back(
        PeerRouter::Create({.service = "profile", .replicas = 3, .ordinal = ordinal, .peers = "127.0.0.1:{ordinal}7"})
            .value());
  }
  std::set<grpc::Channel*> channels;
  for (int32_t partition = 0; partition < 64; ++partition) {
    const int32_t owner = Ownership("profile", 3).OwnerOf("journey", partition);
    for (int32_t ordinal = 0; ordinal < 3; ++ordinal) {
      const Owner told = routers.at(static_cast<size_t>(ordinal))->OwnerOf("journey", partition);
      EXPECT_EQ(told.ordinal, owner);
      EXPECT_EQ(told.local(), owner == ordinal);
      if (ordinal == 0 && !told.local()) {
        channels.insert(told.remote.get());
        EXPECT_EQ(told.remote->GetState(/*try_to_connect=*/false), GRPC_CHANNEL_IDLE) << "connects when it is used";
      }
    }
  }
  EXPECT_EQ(channels.size(), 2u) << "one for each of the others";
}

TEST(PeerRouterTest, OneInstanceOwnsEverythingAndNeedsNoAddress) {
  const auto router = PeerRouter::Create({.service = "profile"}).value();
  EXPECT_TRUE(router->OwnerOf("journey", 7).local());
  EXPECT_EQ(router->ordinal(), 0);
}

}  // namespace
}  // namespace tributary::rpc
