// Tables, and a store of either sort with an overlay, for the tests of this folder.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "google/protobuf/wrappers.pb.h"
#include "tributary/base/strong_id.h"
#include "tributary/projection/overlay.h"
#include "tributary/projection/store.h"
#include "tributary/projection/table.h"
#include "tributary/projection/testing/write_right.h"

namespace tributary::projection {

using google::protobuf::Int64Value;
using google::protobuf::StringValue;
using ProfileId = StrongId<struct ProfileIdTag, std::string>;

inline constexpr Table<Kind::kFacts, std::tuple<ProfileId, int64_t>, StringValue> kEntries{32, "entries"};
inline constexpr Table<Kind::kFacts, std::tuple<std::string>, Int64Value> kCounts{33, "counts"};
inline constexpr Table<Kind::kDecisions, std::tuple<std::string>, StringValue> kCases{34, "cases"};
inline constexpr Table<Kind::kCaches, std::tuple<std::string>, Int64Value> kTotals{255, "totals"};

inline StringValue Text(std::string text) {
  StringValue value;
  value.set_value(std::move(text));
  return value;
}
inline Int64Value Number(int64_t number) {
  Int64Value value;
  value.set_value(number);
  return value;
}

// A directory that is gone with the object.
class TempDir {
 public:
  TempDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "projection-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  ~TempDir() { std::filesystem::remove_all(path_); }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

inline std::shared_ptr<Store> OpenStore(const std::string& path) {
  absl::StatusOr<std::shared_ptr<Store>> store = Store::Open({.path = path, .resources = nullptr});
  if (!store.ok()) ADD_FAILURE() << store.status();
  return store.ok() ? *std::move(store) : nullptr;
}

// An overlay with the rights of a task, and its typed doors.
struct Desk {
  explicit Desk(std::shared_ptr<Store> on, const Overlay::Options& options = {})
      : store(std::move(on)), overlay(Overlay::Create(store, options)) {}
  template <Kind K>
  Writer<K> writer() {
    return Writer<K>(testing::WriteRightForTests::Make(), overlay->writer(testing::WriteRightForTests::Make()));
  }
  View view() { return View(overlay->reader()); }
  absl::Status Commit(const std::string& meta = "") { return overlay->CommitBottom("position", meta); }
  absl::Status status() { return overlay->reader().status(); }

  std::shared_ptr<Store> store;
  std::unique_ptr<Overlay> overlay;
};

inline std::vector<std::string> EntriesOf(const View& view, const ProfileId& profile,
                                          const ScanRange<std::tuple<ProfileId, int64_t>>& range = {}) {
  std::vector<std::string> found;
  view.Scan(
      kEntries, std::tuple(profile),
      [&](const auto&, const Row<StringValue>& row) {
        found.push_back(row->value());
        return true;
      },
      range);
  return found;
}

// Runs on a store on disk and on one in memory: both keep the same promises.
class EitherStore : public ::testing::TestWithParam<bool> {
 protected:
  std::shared_ptr<Store> Open(const std::string& name = "store") {
    if (!GetParam()) return OpenStore(dir_ / name);
    return *Store::Open({.path = "", .resources = nullptr, .in_memory = true});
  }
  TempDir dir_;
};

inline std::string StoreName(const ::testing::TestParamInfo<bool>& in_memory) {
  return in_memory.param ? "Memory" : "Disk";
}

}  // namespace tributary::projection
