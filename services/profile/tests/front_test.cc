#include "profile/front.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "profile/tests/front_fixture.h"

namespace tributary::profile::testing {
namespace {

TEST_F(ProfileFrontTest, AReadWithATokenSeesWhatWasWritten) {
  for (int i = 0; i < 20; ++i) {
    Put("p0-1-0", Order("p0-1-0", "e" + std::to_string(i), 100 + i, std::to_string(i), 0, Cents("THB", 1177)));
    const auto response = Get("p0-1-0");
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->profile().order_count(), i + 1);
  }
  EXPECT_EQ(Text(Get("p0-1-0")->profile().revenues(0).net()), "235.40 THB");
}

// One customer in two pieces: one entry of the winner, three of the loser.
struct Pair {
  std::string winner;
  std::string loser;
};

class ProfileMergesTest : public ProfileFrontTest {
 protected:
  void PutPieces(const Pair& pair) {
    Append(pair.winner, Order(pair.winner, pair.winner + "-w", 400, pair.winner, 0, Cents("THB", 100)));
    for (int i = 0; i < 3; ++i) {
      const std::string id = fmt::format("{}-l{}", pair.loser, i);
      Append(pair.loser, Order(pair.loser, id, 100 * (i + 1), id, 0, Cents("THB", 100)));
    }
  }
  // To both, as identity does.
  void PutMerge(const Pair& pair) {
    Append(pair.loser, Merge(pair.winner, pair.loser));
    if (JourneyPartitionOf(pair.winner, kPartitions) != JourneyPartitionOf(pair.loser, kPartitions)) {
      Append(pair.winner, Merge(pair.winner, pair.loser));
    }
  }
  // Without a token: reads see what is there.
  template <typename M>
  void Append(const std::string& profile, const M& message) {
    producer_->Append(
        {"journey", processor::Partition(JourneyPartitionOf(profile, kPartitions))},
        {.key = profile, .type = std::string(processor::RecordType<M>()), .value = message.SerializeAsString()},
        [](const absl::StatusOr<eventlog::Offset>& offset) { ASSERT_TRUE(offset.ok()); });
  }

  // The ids of a journey, read two entries a page.
  std::vector<std::string> PagedEntries(ProfileService::Stub& stub, const rpc::Client& client, const std::string& id) {
    std::vector<std::string> ids;
    v1::ListJourneyEntriesRequest request;
    request.mutable_profile()->set_profile_id(id);
    request.set_page_size(2);
    request.set_order(v1::JOURNEY_ORDER_ASCENDING);
    do {
      const auto page = client.Call(stub, &ProfileService::Stub::ListJourneyEntries, request);
      if (!page.ok()) return {page.status().ToString()};
      for (const v1::JourneyEntry& entry : page->entries()) ids.push_back(entry.event().event_id());
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    return ids;
  }

  // Reads both ids of a pair, whole and in pages, and holds them against what may be seen.
  void ReadPair(ProfileService::Stub& stub, const rpc::Client& client, const Pair& pair) {
    v1::GetProfileRequest request;
    request.mutable_profile()->set_profile_id(pair.loser);
    const auto loser = client.Call(stub, &ProfileService::Stub::GetProfile, request);
    ASSERT_TRUE(loser.ok()) << loser.status();
    EXPECT_THAT(loser->profile().order_count(), ::testing::AnyOf(3, 4));
    EXPECT_EQ(loser->profile().order_count() == 4, loser->profile().profile_id() == pair.winner);
    request.mutable_profile()->set_profile_id(pair.winner);
    const auto winner = client.Call(stub, &ProfileService::Stub::GetProfile, request);
    ASSERT_TRUE(winner.ok()) << winner.status();
    EXPECT_THAT(winner->profile().order_count(), ::testing::AnyOf(1, 4));
    EXPECT_EQ(Text(winner->profile().revenues(0).net()), fmt::format("{}.00 THB", winner->profile().order_count()));
    std::vector<std::string> whole;
    for (int i = 0; i < 3; ++i) whole.push_back(fmt::format("{}-l{}", pair.loser, i));
    std::vector<std::string> merged = whole;
    merged.push_back(pair.winner + "-w");
    EXPECT_THAT(PagedEntries(stub, client, pair.loser), ::testing::AnyOf(whole, merged));
  }
};

TEST_F(ProfileMergesTest, AReaderThroughAThousandMergesNeverSeesAPartialOrDoubledCustomer) {
  constexpr int kMerges = 1'000;
  std::vector<Pair> pairs;
  for (int i = 0; i < kMerges; ++i)
    pairs.push_back({fmt::format("p0-{}-0", 2 * i + 1), fmt::format("p0-{}-0", 2 * i + 2)});
  for (const Pair& pair : pairs) PutPieces(pair);
  // What was put last: from here on all pieces are there.
  Put("p0-1-0", Event("p0-1-0", "p0-1-0-x", 500));
  Put("p0-2-0", Retraction("p0-2-0", "p0-2-0-x", 500, "of nothing"));
  for (const Pair& pair : pairs) ASSERT_TRUE(Get(pair.loser).ok());
  std::atomic<int> merged = 0;
  std::vector<std::thread> readers;
  for (uint64_t seed = 1; seed <= 2; ++seed) {
    readers.emplace_back([&, seed] {
      const rpc::Client client =
          rpc::Client::Open({.target = fmt::format("127.0.0.1:{}", server_->port()), .bearer_secret = kAgentSecret})
              .value();
      const auto stub = ProfileService::NewStub(client.channel());
      SeededRandom random(seed);
      // Around the pair that is being merged; and once more after the last.
      for (bool last = false; !last;) {
        const int now = merged.load();
        last = now == kMerges;
        const int i = std::clamp(now - 2 + static_cast<int>(random.Below(5)), 1, kMerges - 1);
        ReadPair(*stub, client, pairs[static_cast<size_t>(i)]);
      }
    });
  }
  for (const Pair& pair : pairs) {
    PutMerge(pair);
    ++merged;
    // Not a burst that is over before the first read: each ten are waited for.
    if (merged % 10 != 0) continue;
    for (int32_t partition = 0; partition < kPartitions; ++partition) {
      const std::string bystander = IdIn(partition, 2 * kMerges);
      Put(bystander, Event(bystander, fmt::format("after-{}", merged.load()), 600));
    }
    EXPECT_EQ(Get(pair.loser)->profile().order_count(), 4);
  }
  for (std::thread& reader : readers) reader.join();
  for (const Pair& pair : pairs) {
    const auto response = Get(pair.loser);
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->profile().profile_id(), pair.winner);
    EXPECT_EQ(response->profile().order_count(), 4);
  }
}

TEST_F(ProfileMergesTest, AReadOfOneWhosePiecesAreOnTheirWayIsRefusedAtItsDeadline) {
  const Pair pair{IdIn(0), IdIn(1)};
  PutPieces(pair);
  Append(pair.winner, Merge(pair.winner, pair.loser));  // the loser's partition has not heard of it
  Put(pair.winner, Event(pair.winner, "x", 500));
  v1::GetProfileRequest request;
  request.mutable_profile()->set_profile_id(pair.winner);
  request.set_token(Token());
  const rpc::Client client = rpc::Client::Open({.target = fmt::format("127.0.0.1:{}", server_->port()),
                                                .bearer_secret = kAgentSecret,
                                                .deadline = absl::Milliseconds(300)})
                                 .value();
  const auto stub = ProfileService::NewStub(client.channel());
  const auto refused = client.Call(*stub, &ProfileService::Stub::GetProfile, request);
  ExpectError(refused.status(), absl::StatusCode::kUnavailable, "PROFILE_MOVING", "profile");
  Append(pair.loser, Merge(pair.winner, pair.loser));
  EXPECT_EQ(Get(pair.winner)->profile().order_count(), 4);
}

TEST_F(ProfileMergesTest, AListMarksOneWhosePiecesAreOnTheirWayAndTellsNoFigures) {
  const Pair pair{IdIn(0), IdIn(1)};
  PutPieces(pair);
  Append(pair.winner, Merge(pair.winner, pair.loser));
  Put(pair.winner, Event(pair.winner, "x", 500));
  Put(pair.loser, Event(pair.loser, "y", 500));
  const auto list = Call(&ProfileService::Stub::ListProfiles, v1::ListProfilesRequest());
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_EQ(list->profiles_size(), 2);
  for (const v1::Profile& profile : list->profiles()) {
    EXPECT_EQ(profile.moving(), profile.profile_id() == pair.winner);
    EXPECT_EQ(profile.order_count(), profile.moving() ? 0 : 3);
  }
}

TEST_F(ProfileFrontTest, AProfileIsFoundByAnyIdentifierAndByARetiredId) {
  const std::string winner = "p0-1-0";
  const std::string loser = IdIn(JourneyPartitionOf(winner, kPartitions), 5);
  Put(winner, Event(winner, "a", 100));
  Put(winner, Event(loser, "b", 200));
  Put(winner, Merge(winner, loser));
  v1::GetProfileRequest request;
  request.mutable_profile()->mutable_identifier()->set_type("email");
  request.mutable_profile()->mutable_identifier()->set_value("a@example.com");
  const auto by_identifier = Call(&ProfileService::Stub::GetProfile, request);
  ASSERT_TRUE(by_identifier.ok()) << by_identifier.status();
  EXPECT_EQ(by_identifier->profile().entry_count(), 2);
  const auto by_retired = Get(loser);
  ASSERT_TRUE(by_retired.ok()) << by_retired.status();
  EXPECT_EQ(by_retired->profile().profile_id(), winner);
  EXPECT_EQ(by_retired->profile().requested_profile_id(), loser);
  request.mutable_profile()->mutable_identifier()->set_value("b@example.com");
  ExpectError(Call(&ProfileService::Stub::GetProfile, request).status(), absl::StatusCode::kNotFound,
              "PROFILE_NOT_FOUND", "profile");
  request.mutable_profile()->mutable_identifier()->clear_value();
  ExpectError(Call(&ProfileService::Stub::GetProfile, request).status(), absl::StatusCode::kInvalidArgument, "REQUIRED",
              "profile.identifier.value");
}

TEST_F(ProfileFrontTest, AnotherWorkspacesProfileIsNotFound) {
  Put("p0-1-0", Event("p0-1-0", "a", 100));
  ASSERT_TRUE(Get("p0-1-0").ok());
  ExpectError(Get("p0-1-0", kForeignSecret).status(), absl::StatusCode::kNotFound, "PROFILE_NOT_FOUND", "profile");
  v1::ListJourneyEntriesRequest journey;
  journey.mutable_profile()->set_profile_id("p0-1-0");
  ExpectError(Call(&ProfileService::Stub::ListJourneyEntries, journey, kForeignSecret).status(),
              absl::StatusCode::kNotFound, "PROFILE_NOT_FOUND", "profile");
  v1::ListOrdersRequest orders;
  orders.mutable_profile()->set_profile_id("p0-1-0");
  ExpectError(Call(&ProfileService::Stub::ListOrders, orders, kForeignSecret).status(), absl::StatusCode::kNotFound,
              "PROFILE_NOT_FOUND", "profile");
  EXPECT_EQ(Call(&ProfileService::Stub::ListProfiles, {}, kForeignSecret)->profiles_size(), 0);
  v1::GetProfileRequest request;
  request.set_workspace_id(kWorkspace);
  request.mutable_profile()->set_profile_id("p0-1-0");
  ExpectError(Call(&ProfileService::Stub::GetProfile, request, kForeignSecret).status(), absl::StatusCode::kNotFound,
              "WORKSPACE_NOT_FOUND", "workspace_id");
}

TEST_F(ProfileFrontTest, AWriteKeyReadsNothing) {
  EXPECT_EQ(Get("p0-1-0", kIngestSecret).status().code(), absl::StatusCode::kPermissionDenied);
}

TEST_F(ProfileFrontTest, TheJourneyIsPagedFilteredAndLatestFirst) {
  for (int i = 0; i < 7; ++i) Put("p0-1-0", Event("p0-1-0", "e" + std::to_string(i), 100 + i / 3));
  Put("p0-1-0", Order("p0-1-0", "order", 500, "A", 0, Cents("THB", 100)));
  v1::ListJourneyEntriesRequest request;
  request.mutable_profile()->set_profile_id("p0-1-0");
  request.mutable_filter()->add_body_types("page_viewed");
  request.set_page_size(3);
  std::vector<std::string> ids;
  do {
    const auto response = Call(&ProfileService::Stub::ListJourneyEntries, request);
    ASSERT_TRUE(response.ok()) << response.status();
    for (const v1::JourneyEntry& entry : response->entries()) ids.push_back(entry.entry_id());
    request.set_page_token(response->next_page_token());
    if (ids.size() == 3) {
      v1::ListJourneyEntriesRequest other = request;
      other.mutable_filter()->add_body_types("order_stated");
      ExpectError(Call(&ProfileService::Stub::ListJourneyEntries, other).status(), absl::StatusCode::kInvalidArgument,
                  "INVALID_PAGE_TOKEN", "page_token");
    }
  } while (!request.page_token().empty());
  EXPECT_THAT(ids, ::testing::ElementsAre("shop/e6", "shop/e5", "shop/e4", "shop/e3", "shop/e2", "shop/e1", "shop/e0"));
}

TEST_F(ProfileFrontTest, OrdersArePagedToTheEndAlsoThoseOfWhichOnlyReturnsAreKnown) {
  Put("p0-1-0", Order("p0-1-0", "e1", 100, "A", 0, Cents("THB", 100)));
  Put("p0-1-0", Return("p0-1-0", "e2", 100, "B", "R", 0, Cents("THB", 100)));
  Put("p0-1-0", Return("p0-1-0", "e3", 100, "C", "R", 0, Cents("THB", 100)));
  v1::ListOrdersRequest request;
  request.mutable_profile()->set_profile_id("p0-1-0");
  request.set_page_size(1);
  std::vector<std::string> ids;
  do {
    const auto response = Call(&ProfileService::Stub::ListOrders, request);
    ASSERT_TRUE(response.ok()) << response.status();
    for (const v1::Order& order : response->orders()) ids.push_back(order.order().order_id());
    request.set_page_token(response->next_page_token());
  } while (!request.page_token().empty() && ids.size() < 10);
  EXPECT_THAT(ids, ::testing::ElementsAre("A", "B", "C"));
}

TEST_F(ProfileFrontTest, ProfilesAreListedOverAllPartitions) {
  std::vector<std::string> put;
  for (const int32_t partition : {0, 1}) {
    for (int i = 0; i < 3; ++i) {
      put.push_back(IdIn(partition, i));
      Put(put.back(), Event(put.back(), "e", 100));
    }
  }
  for (const int32_t size : {1, 2, 3, 4, 6, 0}) {
    v1::ListProfilesRequest request;
    request.set_page_size(size);
    std::vector<std::string> listed;
    do {
      const auto response = Call(&ProfileService::Stub::ListProfiles, request);
      ASSERT_TRUE(response.ok()) << response.status();
      for (const v1::Profile& profile : response->profiles()) listed.push_back(profile.profile_id());
      request.set_page_token(response->next_page_token());
    } while (!request.page_token().empty());
    EXPECT_THAT(listed, ::testing::UnorderedElementsAreArray(put)) << size;
  }
}

TEST_F(ProfileFrontTest, ErrorsNameFieldAndMend) {
  v1::GetProfileRequest nobody;
  ExpectError(Call(&ProfileService::Stub::GetProfile, nobody).status(), absl::StatusCode::kInvalidArgument, "REQUIRED",
              "profile");
  nobody.mutable_profile()->set_profile_id("p0-1-0");
  nobody.set_token("no token");
  ExpectError(Call(&ProfileService::Stub::GetProfile, nobody).status(), absl::StatusCode::kInvalidArgument,
              "INVALID_TOKEN", "token");

  const auto journey_error = [this](const std::function<void(v1::ListJourneyEntriesRequest&)>& spoil) {
    v1::ListJourneyEntriesRequest request;
    request.mutable_profile()->set_profile_id("p0-1-0");
    spoil(request);
    return Call(&ProfileService::Stub::ListJourneyEntries, request).status();
  };
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  ExpectError(journey_error([](auto& r) { r.set_page_size(1001); }), kInvalid, "OUT_OF_RANGE", "page_size");
  ExpectError(journey_error([](auto& r) { r.set_page_token("?"); }), kInvalid, "INVALID_PAGE_TOKEN", "page_token");
  ExpectError(journey_error([](auto& r) { r.mutable_filter()->add_body_types("event_id"); }), kInvalid,
              "UNKNOWN_BODY_TYPE", "filter.body_types[0]");
  ExpectError(journey_error([](auto& r) { r.mutable_filter()->add_channels(events::v1::CHANNEL_UNSPECIFIED); }),
              kInvalid, "UNKNOWN_CHANNEL", "filter.channels[0]");
  ExpectError(journey_error([](auto& r) {
                *r.mutable_filter()->mutable_from() = At(10);
                *r.mutable_filter()->mutable_until() = At(9);
              }),
              kInvalid, "INVERTED_RANGE", "filter.until");
}

}  // namespace
}  // namespace tributary::profile::testing
