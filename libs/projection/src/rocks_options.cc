#include "src/rocks_options.h"

#include <string>

#include "fmt/format.h"
#include "rocksdb/env.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/table.h"

namespace tributary::projection {

RocksResources::RocksResources(const Options& options)
    : block_cache_(rocksdb::NewLRUCache(options.block_cache_bytes)),
      write_buffers_(std::make_shared<rocksdb::WriteBufferManager>(options.write_buffer_bytes)) {
  // The threads are the process's: one flushes, two compact, for all stores. More would only take the
  // cores from the tasks.
  rocksdb::Env::Default()->SetBackgroundThreads(1, rocksdb::Env::HIGH);
  rocksdb::Env::Default()->SetBackgroundThreads(2, rocksdb::Env::LOW);
}

rocksdb::DBOptions DatabaseOptions(const RocksResources& resources) {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.write_buffer_manager = resources.write_buffers();
  options.max_background_jobs = 2;
  // Files of 32 MiB: 128 of them are 4 GiB per partition before a table is ever opened twice.
  options.max_open_files = 128;
  // A column family that is hardly written must not hold back the deletion of logs for ever.
  options.max_total_wal_size = 64 << 20;
  options.allow_concurrent_memtable_write = false;  // one thread commits
  options.skip_stats_update_on_db_open = true;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.max_log_file_size = 1 << 20;
  options.keep_log_file_num = 2;
  return options;
}

std::vector<rocksdb::ColumnFamilyDescriptor> ColumnFamilies(const RocksResources& resources) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = resources.block_cache();
  // Half of the look-ups are for rows that are not there yet.
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.cache_index_and_filter_blocks = true;  // else they are memory that nothing bounds
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
  table.format_version = 5;

  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.write_buffer_size = 16 << 20;
  options.arena_block_size = 64 << 10;  // a hundred memtables stand mostly empty
  options.memtable_whole_key_filtering = true;
  options.memtable_prefix_bloom_size_ratio = 0.01;
  options.target_file_size_base = 32 << 20;
  options.level_compaction_dynamic_level_bytes = true;
  options.compression = rocksdb::kLZ4Compression;

  rocksdb::ColumnFamilyOptions meta = options;
  meta.write_buffer_size = 1 << 20;
  return {{rocksdb::kDefaultColumnFamilyName, meta}, {"facts", options}, {"decisions", options}, {"caches", options}};
}

absl::Status FromRocks(const rocksdb::Status& status, std::string_view what) {
  if (status.ok()) return absl::OkStatus();
  const std::string text = fmt::format("{}: {}", what, status.ToString());
  if (status.IsCorruption()) return absl::DataLossError(text);
  if (status.IsNoSpace()) return absl::ResourceExhaustedError(text);
  // RocksDB has no code for a held lock: the file's by another process, the name's by this one.
  const bool locked = text.find("lock file") != std::string::npos || text.find("lock hold by") != std::string::npos;
  if (locked || status.IsInvalidArgument()) return absl::FailedPreconditionError(text);
  return absl::UnavailableError(text);
}

}  // namespace tributary::projection
