// Views and digests over a frozen source of rows.
#include <xxhash.h>

#include <array>
#include <utility>

#include "src/row_store.h"
#include "tributary/base/status.h"

namespace tributary::projection {
namespace {

class SourceReader final : public RawReader {
 public:
  explicit SourceReader(const RowSource& source) : source_(source) {}

  AnyRow Get(Kind kind, uint8_t table, std::string_view key, const google::protobuf::MessageLite& prototype) override {
    if (!status_.ok()) return nullptr;
    AnyRow row;
    Latch(source_.Get(kind, RawKey(table, key),
                      [&](std::string_view bytes) { row = Parse(kind, table, bytes, prototype); }));
    return status_.ok() ? row : nullptr;
  }

  void Scan(const RawScan& scan, const google::protobuf::MessageLite& prototype,
            const std::function<bool(std::string_view, const AnyRow&)>& visit) override {
    const KeyRange range = RangeOf(scan);
    if (!status_.ok() || range.empty()) return;
    const std::unique_ptr<RowCursor> cursor = source_.Scan(scan.kind, range, scan.reverse);
    for (; cursor->Valid(); cursor->Next()) {
      const AnyRow row = Parse(scan.kind, scan.table, cursor->value(), prototype);
      if (!status_.ok() || !visit(cursor->key().substr(1), row) || !status_.ok()) return;
    }
    Latch(cursor->status());
  }

  absl::Status status() const override { return status_; }
  void Latch(absl::Status status) override {
    if (status_.ok()) status_ = std::move(status);
  }

 private:
  AnyRow Parse(Kind kind, uint8_t table, std::string_view bytes, const google::protobuf::MessageLite& prototype) {
    absl::StatusOr<AnyRow> row = ParseRow(kind, table, bytes, prototype);
    if (row.ok()) return *std::move(row);
    Latch(row.status());
    return nullptr;
  }

  const RowSource& source_;
  absl::Status status_;
};

class SourceSnapshot final : public Snapshot {
 public:
  SourceSnapshot(std::shared_ptr<Store> store, std::unique_ptr<RowSource> source)
      : store_(std::move(store)), source_(std::move(source)), reader_(*source_) {}

  View view() override { return View(reader_); }
  absl::Status status() const override { return reader_.status(); }
  absl::StatusOr<std::string> Meta(std::string_view name) const override { return ReadMeta(*source_, name); }
  absl::StatusOr<Digest> ComputeDigest() const override { return ComputeDigestOf(*source_); }

 private:
  // Destroyed from the last to the first: the store goes after what reads it.
  const std::shared_ptr<Store> store_;
  const std::unique_ptr<RowSource> source_;
  SourceReader reader_;
};

class RowHash {
 public:
  RowHash() : state_(XXH3_createState(), XXH3_freeState) { XXH3_128bits_reset(state_.get()); }
  void Add(std::string_view part) {
    std::array<unsigned char, 8> size;
    for (size_t i = 0; i < size.size(); ++i) size[i] = static_cast<unsigned char>(part.size() >> (8 * i));
    XXH3_128bits_update(state_.get(), size.data(), size.size());
    XXH3_128bits_update(state_.get(), part.data(), part.size());
  }
  std::string Finish() const {
    XXH128_canonical_t bytes;
    XXH128_canonicalFromHash(&bytes, XXH3_128bits_digest(state_.get()));
    return std::string(reinterpret_cast<const char*>(bytes.digest), sizeof(bytes.digest));
  }

 private:
  std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> state_;
};

// Adds a kind's tables to `digest` and its rows to `total`.
absl::Status DigestKind(const RowSource& source, Kind kind, RowHash* total, Digest* digest) {
  std::optional<RowHash> of_table;
  const auto finish_table = [&] {
    if (of_table) digest->tables.back().digest = of_table->Finish();
  };
  const std::string kind_byte(1, static_cast<char>(kind));
  const std::unique_ptr<RowCursor> cursor = source.Scan(kind, KeyRange{}, /*reverse=*/false);
  for (; cursor->Valid(); cursor->Next()) {
    const auto table = static_cast<uint8_t>(cursor->key().front());
    if (!of_table || digest->tables.back().table != table) {
      finish_table();
      of_table.emplace();
      digest->tables.push_back({kind, table, 0, {}});
      total->Add(kind_byte);
    }
    for (RowHash* hash : {total, &*of_table}) {
      hash->Add(cursor->key());
      hash->Add(cursor->value());
    }
    ++digest->tables.back().rows;
    ++digest->rows;
  }
  finish_table();
  return cursor->status();
}

}  // namespace

std::unique_ptr<Snapshot> MakeSnapshot(std::shared_ptr<Store> store, std::unique_ptr<RowSource> source) {
  return std::make_unique<SourceSnapshot>(std::move(store), std::move(source));
}

absl::StatusOr<Digest> ComputeDigestOf(const RowSource& source) {
  Digest digest;
  RowHash canonical;
  TRIBUTARY_RETURN_IF_ERROR(DigestKind(source, Kind::kFacts, &canonical, &digest));
  TRIBUTARY_RETURN_IF_ERROR(DigestKind(source, Kind::kDecisions, &canonical, &digest));
  digest.facts_and_decisions = canonical.Finish();
  RowHash caches;
  TRIBUTARY_RETURN_IF_ERROR(DigestKind(source, Kind::kCaches, &caches, &digest));
  digest.caches = caches.Finish();
  return digest;
}

}  // namespace tributary::projection
