// Random work on an overlay must look, step by step, like the same work on plain maps.
#include <deque>
#include <map>
#include <optional>

#include "tests/tables.h"
#include "tributary/base/random.h"

namespace tributary::projection {
namespace {

using Key = std::tuple<ProfileId, int64_t>;
using Rows = std::map<Key, std::string>;
using Layer = std::map<Key, std::optional<std::string>>;

constexpr Table<Kind::kDecisions, Key, StringValue> kOtherKind{32, "other kind, same id"};
constexpr Table<Kind::kFacts, Key, StringValue> kNeighbour{33, "neighbour", Reuse::kUnlikely};

struct Change {
  Key key;
  std::optional<std::string> before, after;
  bool operator==(const Change&) const = default;
};

std::optional<std::string> ValueOf(const Row<StringValue>& row) {
  if (row == nullptr) return std::nullopt;
  return row->value();
}

// The same for one table: what an overlay is said to be.
struct Model {
  Rows stored;
  std::deque<Layer> layers;
  std::vector<Change> changes;
  std::optional<std::pair<Layer, size_t>> savepoint;

  Rows Seen() const {
    Rows seen = stored;
    for (const Layer& layer : layers) Apply(layer, &seen);
    return seen;
  }
  static void Apply(const Layer& layer, Rows* rows) {
    for (const auto& [key, value] : layer) {
      if (value) {
        (*rows)[key] = *value;
      } else {
        rows->erase(key);
      }
    }
  }
  void Write(const Key& key, std::optional<std::string> value) {
    const Rows seen = Seen();
    const auto it = seen.find(key);
    changes.push_back({key, it == seen.end() ? std::nullopt : std::optional(it->second), value});
    layers.back()[key] = std::move(value);
  }
  void ForgetTop() {
    changes.clear();
    savepoint.reset();
  }
};

class OverlayAgainstModel {
 public:
  OverlayAgainstModel(std::shared_ptr<Store> store, const Overlay::Options& options, uint64_t seed)
      : desk_(std::move(store), options), options_(options), random_(seed) {}

  void Run(int steps) {
    for (int step = 0; step < steps && !::testing::Test::HasFailure(); ++step) {
      SCOPED_TRACE(step);
      Act(random_.Below(100));
      ASSERT_TRUE(desk_.status().ok()) << desk_.status();
      ASSERT_EQ(desk_.overlay->layers(), model_.layers.size());
      size_t rows = 0;
      for (const Layer& layer : model_.layers) rows += layer.size() * 2;  // each write goes to two tables
      ASSERT_EQ(desk_.overlay->pending_rows(), rows);
    }
  }

 private:
  Key RandomKey() {
    static const char* const kNames[] = {"a", "aa", "b", "\xff"};
    return {ProfileId(kNames[random_.Below(4)]), static_cast<int64_t>(random_.Below(8)) - 4};
  }

  void Act(uint64_t dice) {
    if (dice < 25) return Write();
    if (dice < 50) return ReadOne();
    if (dice < 65) return ScanSome();
    if (dice < 72) return Prefetch();
    if (dice < 79 && model_.layers.size() < 4) return Push();
    if (dice < 86) return Commit();
    if (dice < 88) return Drop();
    if (dice < 91) return Savepoint();
    if (dice < 94) return Rollback();
    if (dice < 98) return TakeChanges();
    return Reopen();
  }

  void Write() {
    if (model_.layers.empty()) Push();
    for (uint64_t n = 1 + random_.Below(4); n > 0; --n) {
      const Key key = RandomKey();
      const bool deletes = random_.Chance(30);
      const std::string value = std::to_string(random_.Below(1000));
      auto facts = desk_.writer<Kind::kFacts>();
      auto decisions = desk_.writer<Kind::kDecisions>();
      if (deletes) {
        facts.Delete(kEntries, key);
        decisions.Delete(kOtherKind, key);
      } else {
        facts.Put(kEntries, key, Text(value));
        decisions.Put(kOtherKind, key, Text("d" + value));
      }
      model_.Write(key, deletes ? std::nullopt : std::optional(value));
    }
  }
  void ReadOne() {
    const Key key = RandomKey();
    const Rows seen = model_.Seen();
    const auto it = seen.find(key);
    const std::optional<std::string> want = it == seen.end() ? std::nullopt : std::optional(it->second);
    ASSERT_EQ(ValueOf(desk_.view().Get(kEntries, key)), want);
    ASSERT_EQ(ValueOf(desk_.view().Get(kOtherKind, key)), want ? std::optional("d" + *want) : std::nullopt);
    ASSERT_EQ(desk_.view().Get(kNeighbour, key), nullptr);
  }
  void ScanSome() {
    ScanRange<Key> range;
    range.reverse = random_.Chance(50);
    if (random_.Chance(60)) range.from = RandomKey();
    const bool of_one = random_.Chance(50);
    const ProfileId profile = std::get<0>(RandomKey());
    const size_t limit = random_.Chance(30) ? random_.Below(5) + 1 : 1000;
    std::vector<std::pair<Key, std::string>> want;
    const Rows seen = model_.Seen();
    const auto add = [&](const auto& row) {
      if (of_one && std::get<0>(row.first) != profile) return;
      if (range.from && (range.reverse ? row.first > *range.from : row.first < *range.from)) return;
      if (want.size() < limit) want.emplace_back(row);
    };
    if (range.reverse) {
      std::for_each(seen.rbegin(), seen.rend(), add);
    } else {
      std::for_each(seen.begin(), seen.end(), add);
    }
    std::vector<std::pair<Key, std::string>> got;
    const auto visit = [&](const Key& key, const Row<StringValue>& row) {
      got.emplace_back(key, row->value());
      return got.size() < limit;
    };
    if (of_one) {
      desk_.view().Scan(kEntries, std::tuple(profile), visit, range);
    } else {
      desk_.view().Scan(kEntries, std::tuple<>(), visit, range);
    }
    ASSERT_EQ(got, want);
  }
  void Prefetch() {
    KeySet keys;
    for (uint64_t n = random_.Below(12); n > 0; --n) {
      keys.Add(kEntries, RandomKey());
      keys.Add(kOtherKind, RandomKey());
    }
    desk_.overlay->Prefetch(keys);
  }
  void Push() {
    desk_.overlay->Push();
    model_.layers.emplace_back();
    model_.ForgetTop();
  }
  void Commit() {
    if (model_.layers.empty()) return;
    const std::string meta = std::to_string(++commits_);
    ASSERT_TRUE(desk_.Commit(meta).ok());
    Model::Apply(model_.layers.front(), &model_.stored);
    model_.layers.pop_front();
    if (model_.layers.empty()) model_.ForgetTop();
    ASSERT_EQ(*desk_.store->Meta("position"), meta);
    Rows committed;
    desk_.store->TakeSnapshot()->view().Scan(kEntries, std::tuple<>(), [&](const Key& key, const auto& row) {
      committed[key] = row->value();
      return true;
    });
    ASSERT_EQ(committed, model_.stored);
  }
  void Drop() {
    desk_.overlay->DropAll();
    model_.layers.clear();
    model_.ForgetTop();
  }
  void Savepoint() {
    if (model_.layers.empty()) return;
    desk_.overlay->Savepoint();
    model_.savepoint.emplace(model_.layers.back(), model_.changes.size());
  }
  void Rollback() {
    if (!model_.savepoint) return;
    desk_.overlay->Rollback();
    model_.layers.back() = model_.savepoint->first;
    model_.changes.resize(model_.savepoint->second);
    model_.savepoint.reset();
  }
  void TakeChanges() {
    std::vector<Change> got;
    const Changes changes = desk_.overlay->TakeChanges();
    changes.ForEach(kEntries, [&](const Key& key, const auto& before, const auto& after) {
      got.push_back({key, ValueOf(before), ValueOf(after)});
    });
    ASSERT_EQ(got, model_.changes);
    model_.changes.clear();
    if (model_.savepoint) model_.savepoint->second = 0;
  }
  // As a task that starts again: layers and cache are gone.
  void Reopen() {
    desk_.overlay = Overlay::Create(desk_.store, options_);
    model_.layers.clear();
    model_.ForgetTop();
  }

  Desk desk_;
  const Overlay::Options options_;
  SeededRandom random_;
  Model model_;
  int commits_ = 0;
};

using OverlayModelTest = EitherStore;
INSTANTIATE_TEST_SUITE_P(OnDiskAndInMemory, OverlayModelTest, ::testing::Bool(), StoreName);

TEST_P(OverlayModelTest, AnyWorkLooksAsOnPlainMaps) {
  const uint64_t seeds = GetParam() ? 60 : 6;
  for (const size_t rows : {0, 1, 5, 16'384}) {
    for (uint64_t seed = 0; seed < seeds && !HasFailure(); ++seed) {
      SCOPED_TRACE(fmt::format("cache of {} rows, seed {}", rows, seed));
      OverlayAgainstModel(Open(fmt::format("{}-{}", rows, seed)), {.max_cached_rows = rows}, seed).Run(600);
    }
  }
}

TEST_P(OverlayModelTest, ACacheOfFewBytesIsAsTrue) {
  for (uint64_t seed = 0; seed < 5 && !HasFailure(); ++seed) {
    OverlayAgainstModel(Open(std::to_string(seed)), {.max_cached_rows = 100, .max_cached_bytes = 1500}, seed).Run(600);
  }
}

}  // namespace
}  // namespace tributary::projection
