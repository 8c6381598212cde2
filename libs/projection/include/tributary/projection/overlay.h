// The segments of docs/protocol.md: layers of decoded rows over a store, committed from the bottom or
// dropped together.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "tributary/projection/store.h"
#include "tributary/projection/table.h"

namespace tributary::projection {

// One thread. Reads look through the layers from the top, then into a bounded cache of decoded rows,
// then into the store.
class Overlay {
 public:
  struct Options {
    // Decoded rows of the store that are kept between segments; the cache is emptied when it is full.
    size_t max_cached_rows = 16'384;
  };
  static std::unique_ptr<Overlay> Create(std::shared_ptr<Store> store, const Options& options);
  virtual ~Overlay() = default;

  // Reads all layers; its status() latches the errors of all reads.
  virtual RawReader& reader() = 0;
  // Writes to the top layer; there must be one.
  virtual RawWriter& writer(WriteRight) = 0;

  // Opens a layer on top.
  virtual void Push() = 0;
  virtual size_t layers() const = 0;
  // Forgets all layers.
  virtual void DropAll() = 0;
  // Writes the bottom layer and a meta row atomically into the store, and removes the layer. On an
  // error nothing was written and the layer stays.
  virtual absl::Status CommitBottom(std::string_view meta_name, const std::string& meta_value) = 0;

  // Remembers the top layer as it is; Rollback undoes what was written since. One at a time.
  virtual void Savepoint() = 0;
  virtual void Rollback() = 0;

  // What was written since the last call (or Push); only kinds facts and decisions are recorded.
  virtual Changes TakeChanges() = 0;

  // Fetches those keys that no layer nor the cache holds by one MultiGet per kind.
  virtual void Prefetch(const KeySet& keys) = 0;

  // Rows and bytes in all layers, for bounds.
  virtual size_t pending_rows() const = 0;
};

}  // namespace tributary::projection
