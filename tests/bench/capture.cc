#include "capture.h"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>

#include "tributary/projection/overlay.h"
#include "tributary/projection/testing/write_right.h"

namespace tributary::bench {
namespace {

using projection::Kind;

std::string RawKey(Kind kind, uint8_t table, std::string_view key) {
  std::string raw;
  raw += static_cast<char>(kind);
  raw += static_cast<char>(table);
  raw += key;
  return raw;
}

// Notes what passes on to the overlay.
class NotingWriter final : public projection::RawWriter {
 public:
  explicit NotingWriter(projection::RawWriter& to) : to_(to) {}
  void Put(Kind kind, uint8_t table, std::string key, projection::AnyRow row,
           const google::protobuf::MessageLite& prototype, projection::Reuse reuse) override {
    writes_[RawKey(kind, table, key)] = row;
    to_.Put(kind, table, std::move(key), std::move(row), prototype, reuse);
  }
  std::map<std::string, projection::AnyRow> Take() { return std::exchange(writes_, {}); }

 private:
  projection::RawWriter& to_;
  std::map<std::string, projection::AnyRow> writes_;
};

}  // namespace

std::vector<RawSegment> Capture(processor::Processor& processor, const std::vector<eventlog::Record>& records,
                                size_t facts_per_segment) {
  auto store = projection::Store::Open({.in_memory = true});
  if (!store.ok()) std::abort();
  auto overlay = projection::Overlay::Create(*store, {});
  const projection::WriteRight right = projection::testing::WriteRightForTests::Make();
  std::vector<RawSegment> segments;
  for (size_t first = 0; first < records.size(); first += facts_per_segment) {
    overlay->Push();
    NotingWriter noting(overlay->writer(right));
    projection::Writer<Kind::kFacts> facts(right, noting);
    projection::Writer<Kind::kDecisions> decisions(right, noting);
    projection::Writer<Kind::kCaches> caches(right, noting);
    const projection::View view(overlay->reader());
    const auto derive = [&] {
      const projection::Changes changes = overlay->TakeChanges();
      if (!changes.empty()) processor.Derive(changes, view, caches);
    };
    std::set<std::string> reads;
    for (size_t i = first; i < std::min(first + facts_per_segment, records.size()); ++i) {
      processor::Fact fact;
      fact.offset = eventlog::Offset(static_cast<int64_t>(i) + 1);
      fact.type = records[i].type;
      fact.key = records[i].key;
      fact.value = processor::Payload(records[i].value);
      processor::KeySet keys;
      processor.Prefetch(fact, keys);
      for (const auto& item : keys.items()) reads.insert(RawKey(item.kind, item.table, item.key));
      const absl::Status applied =
          processor.ApplyFact(fact, projection::KindView<Kind::kFacts>(overlay->reader()), facts);
      if (!applied.ok()) {
        std::fprintf(stderr, "applying: %s\n", applied.ToString().c_str());
        std::abort();
      }
      derive();
      for (const processor::Decision& decision : processor.Decide(fact, view, absl::UnixEpoch()).decisions) {
        processor.ApplyDecision(decision, projection::KindView<Kind::kDecisions>(overlay->reader()), decisions);
        derive();
      }
    }
    RawSegment segment;
    segment.reads.assign(reads.begin(), reads.end());
    for (auto& [key, row] : noting.Take()) {
      segment.writes.emplace_back(key, row == nullptr ? std::nullopt : std::optional(row->SerializeAsString()));
    }
    segments.push_back(std::move(segment));
    if (!overlay->CommitBottom("", "").ok()) std::abort();
  }
  return segments;
}

}  // namespace tributary::bench
