// What a store promises, on disk and in memory.
#include "tributary/projection/store.h"

#include <atomic>
#include <thread>

#include "tests/tables.h"

namespace tributary::projection {
namespace {

using StoreTest = EitherStore;
INSTANTIATE_TEST_SUITE_P(OnDiskAndInMemory, StoreTest, ::testing::Bool(), StoreName);

void WriteSample(Desk& desk, bool backwards) {
  desk.overlay->Push();
  for (int i = 0; i < 20; ++i) {
    const int n = backwards ? 19 - i : i;
    desk.writer<Kind::kFacts>().Put(kEntries, {ProfileId("p" + std::to_string(n % 3)), n}, Text("e"));
    desk.writer<Kind::kDecisions>().Put(kCases, {std::to_string(n)}, Text("open"));
    desk.writer<Kind::kCaches>().Put(kTotals, {std::to_string(n)}, Number(n));
  }
  ASSERT_TRUE(desk.Commit("at 20").ok());
}

Digest DigestOf(Store& store) { return *store.TakeSnapshot()->ComputeDigest(); }

TEST_P(StoreTest, RowsOfEveryKindAreReadAsTheyWereCommitted) {
  Desk desk(Open());
  WriteSample(desk, false);
  const std::unique_ptr<Snapshot> snapshot = desk.store->TakeSnapshot();
  EXPECT_EQ(snapshot->view().Get(kEntries, {ProfileId("p1"), 7})->value(), "e");
  EXPECT_EQ(snapshot->view().Get(kCases, {"3"})->value(), "open");
  EXPECT_EQ(snapshot->view().Get(kTotals, {"19"})->value(), 19);
  EXPECT_EQ(snapshot->view().Get(kCases, {"20"}), nullptr);
  EXPECT_EQ(snapshot->view().Get(kCounts, {"3"}), nullptr);
  EXPECT_TRUE(snapshot->status().ok());
}

TEST_P(StoreTest, MetaIsThatOfTheLastCommitAndEmptyBeforeTheFirst) {
  Desk desk(Open());
  EXPECT_EQ(*desk.store->Meta("position"), "");
  WriteSample(desk, false);
  const std::unique_ptr<Snapshot> then = desk.store->TakeSnapshot();
  desk.overlay->Push();
  ASSERT_TRUE(desk.Commit("at 21").ok());
  EXPECT_EQ(*desk.store->Meta("position"), "at 21");
  EXPECT_EQ(*then->Meta("position"), "at 20");
  EXPECT_EQ(*then->Meta("other"), "");
}

TEST_P(StoreTest, ASnapshotDoesNotSeeLaterCommits) {
  Desk desk(Open());
  WriteSample(desk, false);
  const std::unique_ptr<Snapshot> then = desk.store->TakeSnapshot();
  const Digest before = *then->ComputeDigest();
  desk.overlay->Push();
  desk.writer<Kind::kFacts>().Put(kEntries, {ProfileId("p1"), 7}, Text("changed"));
  desk.writer<Kind::kFacts>().Put(kEntries, {ProfileId("p1"), 8}, Text("new"));
  desk.writer<Kind::kFacts>().Delete(kEntries, {ProfileId("p1"), 1});
  ASSERT_TRUE(desk.Commit().ok());
  EXPECT_EQ(EntriesOf(then->view(), ProfileId("p1")), std::vector<std::string>(7, "e"));
  EXPECT_EQ(then->ComputeDigest()->facts_and_decisions, before.facts_and_decisions);
  EXPECT_NE(DigestOf(*desk.store).facts_and_decisions, before.facts_and_decisions);
  EXPECT_EQ(EntriesOf(desk.store->TakeSnapshot()->view(), ProfileId("p1")),
            (std::vector<std::string>{"e", "changed", "new", "e", "e", "e", "e"}));
}

TEST_P(StoreTest, ASnapshotKeepsItsStoreAlive) {
  std::unique_ptr<Snapshot> snapshot;
  {
    Desk desk(Open());
    WriteSample(desk, false);
    snapshot = desk.store->TakeSnapshot();
  }
  EXPECT_EQ(snapshot->view().Get(kTotals, {"19"})->value(), 19);
}

TEST_P(StoreTest, SnapshotsAreReadByOtherThreadsWhileCommitsGoOn) {
  Desk desk(Open());
  std::atomic<bool> done = false;
  std::atomic<int> snapshots = 0;
  const auto read = [&] {
    for (; !done; ++snapshots) {
      const std::unique_ptr<Snapshot> snapshot = desk.store->TakeSnapshot();
      const std::string meta = *snapshot->Meta("position");
      const Row<Int64Value> row = snapshot->view().Get(kCounts, {"n"});
      EXPECT_EQ(row == nullptr ? "" : std::to_string(row->value()), meta);
      int64_t rows = 0;
      snapshot->view().Scan(kTotals, std::tuple<>(), [&](const auto&, const Row<Int64Value>& total) {
        rows += total->value();
        return true;
      });
      EXPECT_EQ(std::to_string(rows), meta.empty() ? "0" : meta);
      EXPECT_GE(desk.store->Meta("position")->size(), meta.size());
    }
  };
  std::thread reader(read);
  std::thread other(read);
  for (int i = 1; i <= 300 || snapshots < 300; ++i) {
    desk.overlay->Push();
    desk.writer<Kind::kFacts>().Put(kCounts, {"n"}, Number(i));
    // Fifty rows whose sum is i.
    const int n = i % 50;
    desk.writer<Kind::kCaches>().Put(kTotals, {std::to_string(n)}, Number((i - n) / 50 + (n == 0 ? 0 : 1)));
    ASSERT_TRUE(desk.Commit(std::to_string(i)).ok());
  }
  done = true;
  reader.join();
  other.join();
}

TEST_P(StoreTest, DigestsAreEqualWhateverTheOrderOfWrites) {
  Desk one(Open("one"));
  Desk two(Open("two"));
  WriteSample(one, false);
  two.overlay->Push();
  two.writer<Kind::kFacts>().Put(kCounts, {"passing"}, Number(1));
  two.writer<Kind::kFacts>().Put(kEntries, {ProfileId("p1"), 7}, Text("other"));
  ASSERT_TRUE(two.Commit().ok());
  WriteSample(two, true);
  two.overlay->Push();
  two.writer<Kind::kFacts>().Delete(kCounts, {"passing"});
  ASSERT_TRUE(two.Commit("elsewhere").ok());
  const Digest a = DigestOf(*one.store);
  const Digest b = DigestOf(*two.store);
  EXPECT_EQ(a.facts_and_decisions, b.facts_and_decisions);
  EXPECT_EQ(a.caches, b.caches);
  EXPECT_EQ(a.rows, 60u);
  ASSERT_EQ(a.tables.size(), 3u);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(a.tables[i].digest, b.tables[i].digest);
  EXPECT_EQ(a.tables[0].table, 32);
  EXPECT_EQ(a.tables[0].rows, 20u);
  EXPECT_EQ(a.tables[2].kind, Kind::kCaches);
  EXPECT_EQ(a.facts_and_decisions.size(), 16u);
}

TEST_P(StoreTest, ADigestChangesWithAnyChangeOfARow) {
  Desk desk(Open());
  WriteSample(desk, false);
  Digest last = DigestOf(*desk.store);
  const auto changed = [&](auto write) {
    desk.overlay->Push();
    write();
    EXPECT_TRUE(desk.Commit().ok());
    const Digest now = DigestOf(*desk.store);
    const bool differs = now.facts_and_decisions != last.facts_and_decisions;
    last = now;
    return differs;
  };
  auto facts = desk.writer<Kind::kFacts>();
  EXPECT_TRUE(changed([&] { facts.Put(kEntries, {ProfileId("p1"), 7}, Text("f")); }));
  EXPECT_TRUE(changed([&] { facts.Delete(kEntries, {ProfileId("p1"), 7}); }));
  EXPECT_TRUE(changed([&] { facts.Put(kCounts, {"x"}, Int64Value()); }));
  EXPECT_TRUE(changed([&] { desk.writer<Kind::kDecisions>().Put(kCases, {"0"}, Text("shut")); }));
  EXPECT_FALSE(changed([&] { desk.writer<Kind::kDecisions>().Put(kCases, {"0"}, Text("shut")); }));
  const std::string caches = last.caches;
  EXPECT_FALSE(changed([&] { desk.writer<Kind::kCaches>().Put(kTotals, {"0"}, Number(99)); }));
  EXPECT_NE(last.caches, caches);
}

TEST_P(StoreTest, ACheckpointOpensElsewhereWithTheSameDigestAndMeta) {
  Desk desk(Open());
  WriteSample(desk, false);
  const Digest digest = DigestOf(*desk.store);
  ASSERT_TRUE(desk.store->Checkpoint(dir_ / "copy").ok());
  EXPECT_FALSE(desk.store->Checkpoint(dir_ / "copy").ok()) << "the path exists";
  desk.overlay->Push();
  desk.writer<Kind::kFacts>().Put(kCounts, {"later"}, Number(1));
  ASSERT_TRUE(desk.Commit("at 21").ok());
  const std::shared_ptr<Store> copy = OpenStore(dir_ / "copy");
  EXPECT_EQ(DigestOf(*copy).facts_and_decisions, digest.facts_and_decisions);
  EXPECT_EQ(DigestOf(*copy).caches, digest.caches);
  EXPECT_EQ(*copy->Meta("position"), "at 20");
}

TEST_P(StoreTest, ARowThatDoesNotParseIsDataLossThatNamesTheTableAndNotTheContent) {
  // The same id with two types: bytes that are no UTF-8, read as a text.
  constexpr Table<Kind::kFacts, std::tuple<std::string>, google::protobuf::BytesValue> kBytes{40, "bytes"};
  constexpr Table<Kind::kFacts, std::tuple<std::string>, StringValue> kText{40, "text"};
  const std::shared_ptr<Store> store = Open();
  {
    Desk desk(store);
    google::protobuf::BytesValue bytes;
    bytes.set_value("\xff secret");
    desk.overlay->Push();
    desk.writer<Kind::kFacts>().Put(kBytes, {"hidden"}, bytes);
    ASSERT_TRUE(desk.Commit().ok());
  }
  const auto expect_data_loss = [](const absl::Status& status) {
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    const std::string text = status.ToString();
    EXPECT_NE(text.find("40"), std::string::npos) << text;
    EXPECT_EQ(text.find("secret"), std::string::npos) << text;
    EXPECT_EQ(text.find("hidden"), std::string::npos) << text;
  };
  const auto never = [](const auto&, const auto&) {
    ADD_FAILURE() << "visited a row that does not parse";
    return true;
  };
  const std::unique_ptr<Snapshot> got = store->TakeSnapshot();
  EXPECT_EQ(got->view().Get(kText, {"hidden"}), nullptr);
  expect_data_loss(got->status());
  const std::unique_ptr<Snapshot> scanned = store->TakeSnapshot();
  scanned->view().Scan(kText, std::tuple<>(), never);
  expect_data_loss(scanned->status());
  Desk getting(store);
  EXPECT_EQ(getting.view().Get(kText, {"hidden"}), nullptr);
  expect_data_loss(getting.status());
  Desk scanning(store);
  scanning.view().Scan(kText, std::tuple<>(), never);
  expect_data_loss(scanning.status());
  Desk prefetching(store);
  KeySet keys;
  keys.Add(kText, {"hidden"});
  prefetching.overlay->Prefetch(keys);
  expect_data_loss(prefetching.status());
}

TEST(DiskStore, IsReopenedAsItWasLeft) {
  TempDir dir;
  std::string digest;
  {
    Desk desk(OpenStore(dir / "store"));
    WriteSample(desk, false);
    digest = DigestOf(*desk.store).facts_and_decisions;
    EXPECT_GT(*desk.store->DiskBytes(), 0u);
    EXPECT_TRUE(desk.store->Health().ok());
  }
  const std::shared_ptr<Store> again = OpenStore(dir / "store");
  EXPECT_EQ(DigestOf(*again).facts_and_decisions, digest);
  EXPECT_EQ(*again->Meta("position"), "at 20");
}

TEST(DiskStore, IsOpenOnceAtATime) {
  TempDir dir;
  const std::shared_ptr<Store> store = OpenStore(dir / "store");
  EXPECT_EQ(Store::Open({.path = dir / "store", .resources = nullptr}).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(Store::Destroy(dir / "store").ok());
}

TEST(DiskStore, SharesMemoryWithOthers) {
  TempDir dir;
  const std::shared_ptr<SharedResources> shared = SharedResources::Create({});
  std::vector<std::shared_ptr<Store>> stores;
  for (int i = 0; i < 5; ++i) {
    stores.push_back(*Store::Open({.path = dir / std::to_string(i), .resources = shared}));
    Desk desk(stores.back());
    WriteSample(desk, false);
  }
  for (const auto& store : stores) EXPECT_EQ(DigestOf(*store).rows, 60u);
}

TEST(DiskStore, IsDestroyedWithItsFilesAndAgainWithoutError) {
  TempDir dir;
  {
    Desk desk(OpenStore(dir / "store"));
    WriteSample(desk, false);
  }
  EXPECT_TRUE(Store::Destroy(dir / "store").ok());
  EXPECT_TRUE(Store::Destroy(dir / "store").ok());
  EXPECT_EQ(DigestOf(*OpenStore(dir / "store")).rows, 0u);
}

}  // namespace
}  // namespace tributary::projection
