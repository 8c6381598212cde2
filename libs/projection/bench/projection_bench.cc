// An overlay against a raw RocksDB loop that reads, changes and writes the same keys and bytes.
//
// An event adds to its profile's row (read, modify, write) and puts a journey entry (which must not be
// there yet). Segments of kEventsPerSegment events are prefetched, applied and committed together. The
// raw loop does a MultiGet for the segment's keys, parses, changes, serialises and writes one batch.
#include <benchmark/benchmark.h>
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <unordered_map>

#include "src/rocks_options.h"
#include "tests/tables.h"
#include "tributary/base/random.h"

namespace tributary::projection {
namespace {

constexpr int kEventsPerSegment = 64;
constexpr size_t kTextBytes = 150;

constexpr Table<Kind::kFacts, std::tuple<std::string>, StringValue> kProfiles{36, "profiles"};

struct Event {
  std::string profile;
  int64_t at;
};

class Events {
 public:
  explicit Events(uint64_t profiles) : random_(1), profiles_(profiles) {}
  std::vector<Event> Segment() {
    std::vector<Event> events;
    for (int i = 0; i < kEventsPerSegment; ++i) {
      events.push_back({fmt::format("profile-{:012}", random_.Below(profiles_)), ++at_});
    }
    return events;
  }

 private:
  SeededRandom random_;
  const uint64_t profiles_;
  int64_t at_ = 0;
};

// The new row of a profile: as long as ever, another content.
StringValue Changed(const StringValue* before, int64_t at) {
  std::string text = before == nullptr ? std::string(kTextBytes, 'x') : before->value();
  text[static_cast<size_t>(at) % kTextBytes] ^= 1;
  return Text(std::move(text));
}

void OverlaySegments(benchmark::State& state, std::shared_ptr<Store> store) {
  Desk desk(std::move(store));
  Events events(static_cast<uint64_t>(state.range(0)));
  const std::string entry(kTextBytes, 'e');
  KeySet keys;
  for (auto _ : state) {
    const std::vector<Event> segment = events.Segment();
    keys.Clear();
    for (const Event& event : segment) {
      keys.Add(kProfiles, {event.profile});
      keys.Add(kEntries, {ProfileId(event.profile), event.at});
    }
    desk.overlay->Prefetch(keys);
    desk.overlay->Push();
    auto writer = desk.writer<Kind::kFacts>();
    const View view = desk.view();
    for (const Event& event : segment) {
      if (view.Contains(kEntries, {ProfileId(event.profile), event.at})) std::abort();
      writer.Put(kEntries, {ProfileId(event.profile), event.at}, Text(entry));
      const Row<StringValue> profile = view.Get(kProfiles, {event.profile});
      writer.Put(kProfiles, {event.profile}, Changed(profile.get(), event.at));
      benchmark::DoNotOptimize(desk.overlay->TakeChanges());
    }
    if (!desk.Commit("at").ok()) std::abort();
  }
  state.SetItemsProcessed(state.iterations() * kEventsPerSegment);
}

void OverlayOnDisk(benchmark::State& state) {
  TempDir dir;
  OverlaySegments(state, OpenStore(dir / "store"));
}
BENCHMARK(OverlayOnDisk)->Arg(2'000)->Arg(100'000)->MinTime(4);

void OverlayInMemory(benchmark::State& state) {
  OverlaySegments(state, *Store::Open({.path = "", .resources = nullptr, .in_memory = true}));
}
BENCHMARK(OverlayInMemory)->Arg(2'000);

void RawSegments(benchmark::State& state) {
  TempDir dir;
  const RocksResources resources({});
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  rocksdb::DB* raw = nullptr;
  if (!rocksdb::DB::Open(DatabaseOptions(resources), dir / "store", ColumnFamilies(resources), &families, &raw).ok()) {
    std::abort();
  }
  const std::unique_ptr<rocksdb::DB> db(raw);
  Events events(static_cast<uint64_t>(state.range(0)));
  const std::string entry = Text(std::string(kTextBytes, 'e')).SerializeAsString();
  std::string bytes;
  for (auto _ : state) {
    const std::vector<Event> segment = events.Segment();
    std::vector<std::string> keys;
    for (const Event& event : segment) {
      keys.push_back("\x24" + EncodeKey(std::tuple(event.profile)));
      keys.push_back("\x20" + EncodeKey(std::tuple(event.profile, event.at)));
    }
    std::vector<rocksdb::Slice> slices(keys.begin(), keys.end());
    std::vector<rocksdb::PinnableSlice> values(keys.size());
    std::vector<rocksdb::Status> statuses(keys.size());
    db->MultiGet(rocksdb::ReadOptions(), families[1], keys.size(), slices.data(), values.data(), statuses.data());
    rocksdb::WriteBatch batch;
    std::unordered_map<std::string_view, StringValue> rows;
    for (size_t i = 0; i < segment.size(); ++i) {
      if (!statuses[2 * i + 1].IsNotFound()) std::abort();
      const auto [row, first] = rows.try_emplace(keys[2 * i]);
      const bool found = !first || statuses[2 * i].ok();
      if (first && found) row->second.ParseFromArray(values[2 * i].data(), static_cast<int>(values[2 * i].size()));
      row->second = Changed(found ? &row->second : nullptr, segment[i].at);
      batch.Put(families[1], slices[2 * i + 1], entry).PermitUncheckedError();
    }
    for (const auto& [key, row] : rows) {
      row.SerializeToString(&bytes);
      batch.Put(families[1], rocksdb::Slice(key.data(), key.size()), bytes).PermitUncheckedError();
    }
    batch.Put(families[0], "position", "at").PermitUncheckedError();
    if (!db->Write(rocksdb::WriteOptions(), &batch).ok()) std::abort();
  }
  state.SetItemsProcessed(state.iterations() * kEventsPerSegment);
  for (rocksdb::ColumnFamilyHandle* family : families) db->DestroyColumnFamilyHandle(family).PermitUncheckedError();
}
BENCHMARK(RawSegments)->Arg(2'000)->Arg(100'000)->MinTime(4);

void ScanOfTwentyEntries(benchmark::State& state) {
  TempDir dir;
  Desk desk(OpenStore(dir / "store"));
  desk.overlay->Push();
  for (int64_t profile = 0; profile < 1000; ++profile) {
    for (int64_t n = 0; n < 20; ++n) {
      desk.writer<Kind::kFacts>().Put(kEntries, {ProfileId(std::to_string(profile)), n}, Text("entry"));
    }
  }
  if (state.range(0) == 0 && !desk.Commit().ok()) std::abort();
  int64_t profile = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(EntriesOf(desk.view(), ProfileId(std::to_string(profile++ % 1000))));
  }
  state.SetItemsProcessed(state.iterations() * 20);
}
BENCHMARK(ScanOfTwentyEntries)->Arg(0)->Arg(1)->ArgName("pending");

void OpenCommitDropInMemory(benchmark::State& state) {
  for (auto _ : state) {
    Desk desk(*Store::Open({.path = "", .resources = nullptr, .in_memory = true}));
    desk.overlay->Push();
    desk.writer<Kind::kFacts>().Put(kCounts, {"a"}, Number(1));
    if (!desk.Commit("at").ok()) std::abort();
    benchmark::DoNotOptimize(desk.store->TakeSnapshot());
  }
}
BENCHMARK(OpenCommitDropInMemory);

void ReopenOnDisk(benchmark::State& state) {
  TempDir dir;
  for (auto _ : state) {
    Desk desk(OpenStore(dir / "store"));
    desk.overlay->Push();
    desk.writer<Kind::kFacts>().Put(kCounts, {"a"}, Number(1));
    if (!desk.Commit("at").ok()) std::abort();
  }
}
BENCHMARK(ReopenOnDisk)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tributary::projection

BENCHMARK_MAIN();
