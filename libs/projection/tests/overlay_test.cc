// What the segments promise: which layer is seen, what a commit, a rollback and a drop leave.
#include "tributary/projection/overlay.h"

#include "tests/tables.h"

namespace tributary::projection {
namespace {

using Strings = std::vector<std::string>;
using EntryRange = ScanRange<std::tuple<ProfileId, int64_t>>;

class OverlayTest : public EitherStore {
 protected:
  void PutEntry(const std::string& profile, int64_t n, const std::string& text) {
    desk_.writer<Kind::kFacts>().Put(kEntries, {ProfileId(profile), n}, Text(text));
  }
  void DeleteEntry(const std::string& profile, int64_t n) {
    desk_.writer<Kind::kFacts>().Delete(kEntries, {ProfileId(profile), n});
  }
  void PutCount(const std::string& name, int64_t n) { desk_.writer<Kind::kFacts>().Put(kCounts, {name}, Number(n)); }
  int64_t CountOf(const std::string& name) {
    const Row<Int64Value> row = desk_.view().Get(kCounts, {name});
    return row == nullptr ? -1 : row->value();
  }
  int64_t CommittedCountOf(const std::string& name) {
    const Row<Int64Value> row = desk_.store->TakeSnapshot()->view().Get(kCounts, {name});
    return row == nullptr ? -1 : row->value();
  }

  Desk desk_{Open()};
};
INSTANTIATE_TEST_SUITE_P(OnDiskAndInMemory, OverlayTest, ::testing::Bool(), StoreName);

TEST_P(OverlayTest, TheTopmostLayerIsSeen) {
  EXPECT_EQ(CountOf("a"), -1);
  desk_.overlay->Push();
  PutCount("a", 1);
  desk_.overlay->Push();
  EXPECT_EQ(CountOf("a"), 1);
  PutCount("a", 2);
  EXPECT_EQ(CountOf("a"), 2);
  desk_.overlay->Push();
  desk_.writer<Kind::kFacts>().Delete(kCounts, {"a"});
  EXPECT_EQ(CountOf("a"), -1);
  EXPECT_EQ(desk_.overlay->layers(), 3u);
  EXPECT_EQ(desk_.overlay->pending_rows(), 3u);
  EXPECT_EQ(CommittedCountOf("a"), -1);
}

TEST_P(OverlayTest, ACommitWritesTheBottomLayerAndItsMetaAndNothingElse) {
  desk_.overlay->Push();
  PutCount("a", 1);
  desk_.overlay->Push();
  PutCount("a", 2);
  PutCount("b", 2);
  ASSERT_TRUE(desk_.Commit("first").ok());
  EXPECT_EQ(CommittedCountOf("a"), 1);
  EXPECT_EQ(CommittedCountOf("b"), -1);
  EXPECT_EQ(*desk_.store->Meta("position"), "first");
  EXPECT_EQ(CountOf("a"), 2);
  ASSERT_TRUE(desk_.Commit("second").ok());
  EXPECT_EQ(CommittedCountOf("a"), 2);
  EXPECT_EQ(CommittedCountOf("b"), 2);
  EXPECT_EQ(desk_.overlay->layers(), 0u);
  EXPECT_EQ(desk_.overlay->pending_rows(), 0u);
}

TEST_P(OverlayTest, ACommitWithoutAMetaNameLeavesMetaAlone) {
  desk_.overlay->Push();
  ASSERT_TRUE(desk_.Commit("first").ok());
  desk_.overlay->Push();
  PutCount("a", 1);
  ASSERT_TRUE(desk_.overlay->CommitBottom("", "").ok());
  EXPECT_EQ(*desk_.store->Meta("position"), "first");
  EXPECT_EQ(CommittedCountOf("a"), 1);
}

TEST_P(OverlayTest, DroppedLayersLeaveNoTrace) {
  desk_.overlay->Push();
  PutCount("a", 1);
  ASSERT_TRUE(desk_.Commit().ok());
  desk_.overlay->Push();
  PutCount("a", 2);
  desk_.overlay->Push();
  desk_.writer<Kind::kFacts>().Delete(kCounts, {"a"});
  desk_.overlay->DropAll();
  EXPECT_EQ(desk_.overlay->layers(), 0u);
  EXPECT_EQ(desk_.overlay->pending_rows(), 0u);
  EXPECT_EQ(CountOf("a"), 1);
  desk_.overlay->Push();
  EXPECT_TRUE(desk_.overlay->TakeChanges().empty());
}

TEST_P(OverlayTest, ACachedRowIsReplacedByItsCommit) {
  EXPECT_EQ(CountOf("a"), -1);  // known as absent
  desk_.overlay->Push();
  PutCount("a", 1);
  ASSERT_TRUE(desk_.Commit().ok());
  EXPECT_EQ(CountOf("a"), 1);
  desk_.overlay->Push();
  desk_.writer<Kind::kFacts>().Delete(kCounts, {"a"});
  ASSERT_TRUE(desk_.Commit().ok());
  EXPECT_EQ(CountOf("a"), -1);
}

TEST_P(OverlayTest, ARollbackUndoesWhatWasWrittenSinceTheSavepoint) {
  desk_.overlay->Push();
  PutCount("kept", 1);
  PutCount("changed", 1);
  desk_.overlay->Savepoint();
  PutCount("changed", 2);
  PutCount("changed", 3);
  PutCount("new", 1);
  desk_.writer<Kind::kFacts>().Delete(kCounts, {"kept"});
  desk_.overlay->Rollback();
  EXPECT_EQ(CountOf("kept"), 1);
  EXPECT_EQ(CountOf("changed"), 1);
  EXPECT_EQ(CountOf("new"), -1);
  EXPECT_EQ(desk_.overlay->pending_rows(), 2u);
  EXPECT_EQ(desk_.overlay->TakeChanges().items().size(), 2u);
  ASSERT_TRUE(desk_.Commit().ok());
  EXPECT_EQ(CommittedCountOf("changed"), 1);
  EXPECT_EQ(CommittedCountOf("new"), -1);
}

TEST_P(OverlayTest, ARollbackKeepsChangesThatWereTaken) {
  desk_.overlay->Push();
  PutCount("a", 1);
  desk_.overlay->Savepoint();
  PutCount("a", 2);
  EXPECT_EQ(desk_.overlay->TakeChanges().items().size(), 2u);
  PutCount("a", 3);
  desk_.overlay->Rollback();
  EXPECT_TRUE(desk_.overlay->TakeChanges().empty());
  EXPECT_EQ(CountOf("a"), 1);
}

TEST_P(OverlayTest, ChangesTellEachWriteOfFactsAndDecisionsWithWhatItReplaced) {
  desk_.overlay->Push();
  PutCount("a", 1);
  ASSERT_TRUE(desk_.Commit().ok());
  Desk fresh(desk_.store);  // nothing cached
  fresh.overlay->Push();
  fresh.writer<Kind::kFacts>().Put(kCounts, {"a"}, Number(2));
  fresh.writer<Kind::kFacts>().Delete(kCounts, {"a"});
  fresh.writer<Kind::kDecisions>().Put(kCases, {"c"}, Text("open"));
  fresh.writer<Kind::kCaches>().Put(kTotals, {"t"}, Number(1));
  const Changes changes = fresh.overlay->TakeChanges();
  std::vector<std::pair<int64_t, int64_t>> counts;
  const auto number = [](const Row<Int64Value>& row) { return row == nullptr ? -1 : row->value(); };
  changes.ForEach(kCounts, [&](const auto& key, const Row<Int64Value>& before, const Row<Int64Value>& after) {
    EXPECT_EQ(std::get<0>(key), "a");
    counts.emplace_back(number(before), number(after));
  });
  EXPECT_EQ(counts, (std::vector<std::pair<int64_t, int64_t>>{{1, 2}, {2, -1}}));
  int cases = 0;
  changes.ForEach(kCases, [&](const auto&, const Row<StringValue>& before, const Row<StringValue>& after) {
    ++cases;
    EXPECT_EQ(before, nullptr);
    EXPECT_EQ(after->value(), "open");
  });
  EXPECT_EQ(cases, 1);
  changes.ForEach(kTotals, [](const auto&, const auto&, const auto&) { ADD_FAILURE() << "caches are not recorded"; });
  EXPECT_TRUE(fresh.overlay->TakeChanges().empty());
}

TEST_P(OverlayTest, WhoWantsNoChangesGetsNoneAndReadsAndUndoesTheSame) {
  desk_.overlay->Push();
  PutCount("a", 1);
  ASSERT_TRUE(desk_.Commit().ok());
  const auto overlay = Overlay::Create(desk_.store, {.record_changes = false});
  Writer<Kind::kFacts> out(testing::WriteRightForTests::Make(), overlay->writer(testing::WriteRightForTests::Make()));
  const View view(overlay->reader());
  overlay->Push();
  out.Put(kCounts, {"b"}, Number(1));
  overlay->Savepoint();
  out.Put(kCounts, {"a"}, Number(2));
  EXPECT_EQ(view.Get(kCounts, {"a"})->value(), 2);
  EXPECT_TRUE(overlay->TakeChanges().empty());
  overlay->Rollback();
  EXPECT_EQ(view.Get(kCounts, {"a"})->value(), 1);
  EXPECT_EQ(view.Get(kCounts, {"b"})->value(), 1);
  ASSERT_TRUE(overlay->CommitBottom("", "").ok());
  EXPECT_EQ(CommittedCountOf("a"), 1);
  EXPECT_EQ(CommittedCountOf("b"), 1);
}

TEST_P(OverlayTest, AScanMergesLayersAndStoreInOrder) {
  desk_.overlay->Push();
  for (const int64_t n : {-5, 1, 3, 5}) PutEntry("p", n, "store" + std::to_string(n));
  PutEntry("o", 9, "other");
  PutEntry("pp", 0, "other");
  ASSERT_TRUE(desk_.Commit().ok());
  desk_.overlay->Push();
  PutEntry("p", 2, "low2");
  PutEntry("p", 3, "low3");
  DeleteEntry("p", 5);
  desk_.overlay->Push();
  PutEntry("p", 4, "high4");
  DeleteEntry("p", 2);
  const ProfileId p("p");
  EXPECT_EQ(EntriesOf(desk_.view(), p), (Strings{"store-5", "store1", "low3", "high4"}));
  EXPECT_EQ(EntriesOf(desk_.view(), p, {.from = std::nullopt, .reverse = true}),
            (Strings{"high4", "low3", "store1", "store-5"}));
  PutEntry("p", 0, "high0");  // after the first scan has sorted the layer
  EXPECT_EQ(EntriesOf(desk_.view(), p, EntryRange{{{p, 0}}, false}), (Strings{"high0", "store1", "low3", "high4"}));
  EXPECT_EQ(EntriesOf(desk_.view(), p, EntryRange{{{p, 2}}, false}), (Strings{"low3", "high4"}));
  EXPECT_EQ(EntriesOf(desk_.view(), p, EntryRange{{{p, 3}}, true}), (Strings{"low3", "store1", "high0", "store-5"}));
  EXPECT_EQ(EntriesOf(desk_.view(), p, EntryRange{{{p, -6}}, true}), Strings{});
  EXPECT_EQ(EntriesOf(desk_.view(), p, EntryRange{{{ProfileId("q"), 0}}, false}), Strings{});
  Strings all;
  desk_.view().Scan(kEntries, std::tuple<>(), [&](const auto& key, const auto&) {
    all.push_back(std::get<0>(key).value());
    return all.size() < 3;
  });
  EXPECT_EQ(all, (Strings{"o", "p", "p"})) << "stops where the visitor says so";
}

TEST_P(OverlayTest, ATableWithTheLastIdIsScannedToItsEnd) {
  desk_.overlay->Push();
  for (const char* name : {"", "a", "\xff\xff"}) desk_.writer<Kind::kCaches>().Put(kTotals, {name}, Number(1));
  ASSERT_TRUE(desk_.Commit().ok());
  for (const bool reverse : {false, true}) {
    int rows = 0;
    desk_.view().Scan(kTotals, std::tuple<>(), [&](const auto&, const auto&) { return ++rows > 0; },
                      {.from = std::nullopt, .reverse = reverse});
    EXPECT_EQ(rows, 3);
  }
}

TEST_P(OverlayTest, AScanMayReadAndScan) {
  desk_.overlay->Push();
  PutEntry("p", 1, "a");
  PutEntry("p", 2, "b");
  PutCount("a", 1);
  int inner = 0;
  desk_.view().Scan(kEntries, std::tuple<>(), [&](const auto& key, const auto&) {
    EXPECT_EQ(CountOf("a"), 1);
    inner += static_cast<int>(EntriesOf(desk_.view(), std::get<0>(key)).size());
    return true;
  });
  EXPECT_EQ(inner, 4);
}

TEST_P(OverlayTest, PrefetchedRowsAreReadAsTheyAre) {
  desk_.overlay->Push();
  PutCount("a", 1);
  PutEntry("p", 1, "e");
  ASSERT_TRUE(desk_.Commit().ok());
  Desk fresh(desk_.store);
  fresh.overlay->Push();
  fresh.writer<Kind::kFacts>().Put(kCounts, {"b"}, Number(2));
  KeySet keys;
  for (const char* name : {"c", "b", "a", "a"}) keys.Add(kCounts, {name});
  keys.Add(kEntries, {ProfileId("p"), 1});
  keys.Add(kCases, {"none"});
  fresh.overlay->Prefetch(keys);
  EXPECT_TRUE(fresh.status().ok());
  EXPECT_EQ(fresh.view().Get(kCounts, {"a"})->value(), 1);
  EXPECT_EQ(fresh.view().Get(kCounts, {"b"})->value(), 2);
  EXPECT_EQ(fresh.view().Get(kCounts, {"c"}), nullptr);
  EXPECT_EQ(fresh.view().Get(kEntries, {ProfileId("p"), 1})->value(), "e");
  EXPECT_EQ(fresh.view().Get(kCases, {"none"}), nullptr);
}

TEST_P(OverlayTest, AfterALatchedErrorNothingIsReadOrCommitted) {
  desk_.overlay->Push();
  PutCount("a", 1);
  desk_.overlay->reader().Latch(absl::DataLossError("first"));
  desk_.overlay->reader().Latch(absl::InternalError("second"));
  EXPECT_EQ(CountOf("a"), -1);
  EXPECT_EQ(desk_.status().message(), "first");
  EXPECT_EQ(desk_.Commit("x").code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(desk_.overlay->layers(), 1u);
  EXPECT_EQ(CommittedCountOf("a"), -1);
}

using OverlayDeathTest = OverlayTest;
INSTANTIATE_TEST_SUITE_P(OnDiskAndInMemory, OverlayDeathTest, ::testing::Bool(), StoreName);

TEST_P(OverlayDeathTest, MisuseEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(PutCount("a", 1), "a write needs a layer");
  EXPECT_DEATH(desk_.Commit().IgnoreError(), "a commit needs a layer");
  desk_.overlay->Push();
  EXPECT_DEATH(desk_.overlay->Rollback(), "a rollback needs a savepoint");
  PutEntry("p", 1, "a");
  const auto write = [&](const auto&, const auto&) {
    PutCount("a", 1);
    return true;
  };
  EXPECT_DEATH(desk_.view().Scan(kEntries, std::tuple<>(), write), "must not write");
}

}  // namespace
}  // namespace tributary::projection
