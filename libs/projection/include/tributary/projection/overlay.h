// The segments of docs/protocol.md: layers of decoded rows over a store, committed from the bottom or
// dropped together.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "tributary/projection/store.h"
#include "tributary/projection/table.h"

namespace tributary::projection {

// One thread, and one overlay for a store at a time: its cache takes itself for the only writer. Reads
// look through the layers from the top, then into a bounded cache of decoded rows (absent ones too),
// then into the store. Nothing is serialised before its commit.
class Overlay {
 public:
  struct Options {
    // Decoded rows of the store that are kept between segments. Where one of the bounds is reached the
    // half that was not used last is forgotten. 0 rows: no cache, and Prefetch is in vain.
    size_t max_cached_rows = 16'384;
    size_t max_cached_bytes = 8 << 20;  // near enough
    // Whether TakeChanges() tells anything. Without it a write need not read the row that it replaces.
    bool record_changes = true;
  };
  static std::unique_ptr<Overlay> Create(std::shared_ptr<Store> store, const Options& options);
  virtual ~Overlay() = default;

  // Reads all layers. Its status() latches the first error of all reads, Prefetch included, for the
  // overlay's whole life; from then on CommitBottom refuses.
  virtual RawReader& reader() = 0;
  // Writes to the top layer; there must be one (else the process ends). A write of facts or decisions
  // also reads the row that it replaces, where changes are recorded.
  virtual RawWriter& writer(WriteRight) = 0;

  // Opens a layer on top. Savepoint and changes of the one below are forgotten.
  virtual void Push() = 0;
  virtual size_t layers() const = 0;
  // Forgets all layers. What was read from the store stays cached.
  virtual void DropAll() = 0;
  // Writes the bottom layer and a meta row (none if the name is empty) atomically into the store, and
  // removes the layer; kill -9 loses nothing of it afterwards. On an error nothing was written and the
  // layer stays: the latched error of a read, or the store's (RESOURCE_EXHAUSTED: no space left;
  // see Store::Health).
  virtual absl::Status CommitBottom(std::string_view meta_name, const std::string& meta_value) = 0;

  // Remembers the top layer as it is; Rollback undoes what was written since, its changes too, and ends
  // the savepoint. One at a time: a new one replaces it. A Rollback without one ends the process.
  virtual void Savepoint() = 0;
  virtual void Rollback() = 0;

  // What was written since the last call (or Push); only kinds facts and decisions are recorded.
  // `before` is what a read would have answered just before that write.
  virtual Changes TakeChanges() = 0;

  // Fetches those keys that no layer nor the cache holds by one MultiGet per kind.
  virtual void Prefetch(const KeySet& keys) = 0;

  // Rows in all layers, for bounds; a row that is in two layers counts twice.
  virtual size_t pending_rows() const = 0;
};

}  // namespace tributary::projection
