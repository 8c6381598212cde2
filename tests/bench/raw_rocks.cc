#include "raw_rocks.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "rocksdb/filter_policy.h"
#include "rocksdb/table.h"
#include "rocksdb/write_batch.h"

namespace tributary::bench {
namespace {

void Must(const rocksdb::Status& status) {
  if (status.ok() || status.IsNotFound()) return;
  std::fprintf(stderr, "rocksdb: %s\n", status.ToString().c_str());
  std::abort();
}

}  // namespace

RawRocks::RawRocks(std::string path) : path_(std::move(path)) {
  std::filesystem::remove_all(path_);
  rocksdb::Options options;
  options.create_if_missing = true;
  options.write_buffer_size = 64 << 20;
  options.memtable_whole_key_filtering = true;
  options.memtable_prefix_bloom_size_ratio = 0.01;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(128 << 20);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  rocksdb::DB* db = nullptr;
  Must(rocksdb::DB::Open(options, path_, &db));
  db_.reset(db);
}

RawRocks::~RawRocks() {
  db_.reset();
  std::filesystem::remove_all(path_);
}

void RawRocks::MultiGet(const std::vector<std::string>& read, std::vector<rocksdb::PinnableSlice>* values) {
  std::vector<rocksdb::Slice> keys(read.begin(), read.end());
  values->resize(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  db_->MultiGet(rocksdb::ReadOptions(), db_->DefaultColumnFamily(), keys.size(), keys.data(), values->data(),
                statuses.data());
  for (const rocksdb::Status& status : statuses) Must(status);
}

void RawRocks::Run(const RawSegment& segment) {
  std::vector<rocksdb::PinnableSlice> values;
  MultiGet(segment.reads, &values);
  Write(segment.writes);
}

std::map<std::string, std::string> RawRocks::Read(const std::vector<std::string>& keys) {
  std::vector<rocksdb::PinnableSlice> values;
  MultiGet(keys, &values);
  std::map<std::string, std::string> found;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (!values[i].empty()) found.emplace(keys[i], values[i].ToString());
  }
  return found;
}

void RawRocks::Write(const std::vector<std::pair<std::string, std::optional<std::string>>>& writes) {
  rocksdb::WriteBatch batch;
  for (const auto& [key, value] : writes) Must(value ? batch.Put(key, *value) : batch.Delete(key));
  Must(db_->Write(rocksdb::WriteOptions(), &batch));
}

}  // namespace tributary::bench
