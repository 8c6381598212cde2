// The embedded log against a plain RocksDB loop that writes the same bytes; one table on stdout.
//   eventlog_bench [directory]      (default: a directory under the current one, removed afterwards)
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <iostream>
#include <mutex>
#include <thread>
#include <vector>

#include "embedded/record_codec.h"
#include "fmt/format.h"
#include "rocksdb/db.h"
#include "rocksdb/write_batch.h"
#include "tributary/base/clock.h"
#include "tributary/base/random.h"
#include "tributary/eventlog/embedded/embedded_log.h"

namespace tributary::eventlog {
namespace {

constexpr size_t kValueBytes = 200;
constexpr int32_t kPartitions = 8;
const SystemClock g_clock;

Record SomeRecord(SeededRandom& random) {
  std::string value(kValueBytes, '\0');
  for (char& c : value) c = static_cast<char>('0' + random.Below(64));
  return {.key = "0123456789abcdef", .type = "web", .headers = {}, .value = std::move(value)};
}

PartitionRef At(int64_t i) { return {"journey", Partition(static_cast<int32_t>(i % kPartitions))}; }

std::unique_ptr<EventLog> Open(const std::string& path, bool sync, size_t tail_bytes) {
  static SystemRandom random;
  EmbeddedLogOptions options;
  options.path = path;
  options.logs = {{"journey", kPartitions}};
  options.clock = &g_clock;
  options.random = &random;
  options.sync = sync;
  options.tail_bytes = tail_bytes;
  auto log = OpenEmbeddedLog(options);
  if (!log.ok()) {
    std::cerr << log.status() << "\n";
    std::exit(1);
  }
  return *std::move(log);
}

double Rate(int64_t count, absl::Duration took) { return static_cast<double>(count) / absl::ToDoubleSeconds(took); }

// `appenders` threads, each with `in_flight` appends of its own under way, for `time`.
double AppendRate(EventLog& log, int appenders, int in_flight, absl::Duration time) {
  std::atomic<int64_t> total = 0;
  const absl::Duration start = g_clock.Monotonic();
  std::vector<std::jthread> threads;
  for (int appender = 0; appender < appenders; ++appender) {
    threads.emplace_back([&, appender] {
      SeededRandom random(static_cast<uint64_t>(appender));
      const Record record = SomeRecord(random);
      std::mutex mutex;
      std::condition_variable room;
      int under_way = 0;
      auto producer = *log.OpenProducer();
      for (int64_t i = appender; g_clock.Monotonic() - start < time; ++i) {
        {
          std::unique_lock lock(mutex);
          room.wait(lock, [&] { return under_way < in_flight; });
          ++under_way;
        }
        producer->Append(At(i), record, [&](absl::StatusOr<Offset> offset) {
          if (!offset.ok()) std::abort();
          ++total;
          std::lock_guard lock(mutex);
          --under_way;
          room.notify_one();
        });
      }
      producer.reset();
    });
  }
  threads.clear();
  return Rate(total, g_clock.Monotonic() - start);
}

// One thread, one synced WriteBatch of `batch` records of the same bytes at a time.
double RawRate(const std::string& path, int batch, absl::Duration time) {
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* raw = nullptr;
  if (!rocksdb::DB::Open(options, path, &raw).ok()) std::exit(1);
  std::unique_ptr<rocksdb::DB> db(raw);
  SeededRandom random(1);
  const std::string value = embedded::EncodeValue(SomeRecord(random));
  rocksdb::WriteOptions write;
  write.sync = true;
  int64_t count = 0;
  const absl::Duration start = g_clock.Monotonic();
  while (g_clock.Monotonic() - start < time) {
    rocksdb::WriteBatch records;
    for (int i = 0; i < batch; ++i, ++count) {
      records.Put(embedded::EncodeKey(1, Partition(static_cast<int32_t>(count % kPartitions)), Offset(count)), value);
    }
    if (!db->Write(write, &records).ok()) std::exit(1);
  }
  return Rate(count, g_clock.Monotonic() - start);
}

double ReadRate(EventLog& log) {
  int64_t count = 0;
  const absl::Duration start = g_clock.Monotonic();
  for (int64_t i = 0; i < kPartitions; ++i) {
    auto reader = *log.OpenReader(At(i), Offset(0));
    for (bool at_end = false; !at_end;) {
      auto result = reader->Poll({});
      if (!result.ok()) std::exit(1);
      count += static_cast<int64_t>(result->records.size());
      at_end = result->at_end;
    }
  }
  return Rate(count, g_clock.Monotonic() - start);
}

void Fill(EventLog& log, int64_t records) {
  SeededRandom random(7);
  auto producer = *log.OpenProducer();
  for (int64_t i = 0; i < records; ++i) producer->Append(At(i), SomeRecord(random), nullptr);
}

double DiskBytes(const std::string& path) {
  double bytes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    if (entry.is_regular_file()) bytes += static_cast<double>(entry.file_size());
  }
  return bytes;
}

void Print(std::string_view what, double figure, std::string_view unit) {
  std::cout << fmt::format("{:<58}{:>14.0f} {}\n", what, figure, unit) << std::flush;
}

void Appends(const std::string& root) {
  constexpr absl::Duration kTime = absl::Seconds(3);
  for (const auto& [appenders, in_flight] : {std::pair{1, 1}, {8, 1}, {64, 1}, {1, 1000}, {8, 1000}}) {
    const std::string path = fmt::format("{}/append-{}-{}", root, appenders, in_flight);
    const double ours = AppendRate(*Open(path, true, 64 << 20), appenders, in_flight, kTime);
    const double raw = RawRate(path + "-raw", appenders * in_flight, kTime);
    Print(fmt::format("synced appends, {} appenders x {} under way", appenders, in_flight), ours, "records/s");
    Print(fmt::format("  raw RocksDB, synced batches of {}", appenders * in_flight), raw, "records/s");
    std::cout << fmt::format("{:<58}{:>14.2f}\n", "  ratio", ours / raw);
  }
}

void Reads(const std::string& root) {
  constexpr int64_t kRecords = 1'000'000;
  const std::string path = root + "/read";
  {
    const auto log = Open(path, false, size_t{1} << 30);
    const absl::Duration start = g_clock.Monotonic();
    Fill(*log, kRecords);
    Print("unsynced appends, one session, a million records", Rate(kRecords, g_clock.Monotonic() - start), "records/s");
    Print("read from the tail", ReadRate(*log), "records/s");
  }
  const absl::Duration start = g_clock.Monotonic();
  const auto log = Open(path, false, 0);
  Print("open", absl::ToDoubleMilliseconds(g_clock.Monotonic() - start), "ms");
  Print("read from disk (page cache warm)", ReadRate(*log), "records/s");
  Print("bytes on disk per record", DiskBytes(path) / static_cast<double>(kRecords), "bytes");
}

}  // namespace
}  // namespace tributary::eventlog

int main(int argc, char** argv) {
  const std::string root = argc > 1 ? argv[1] : "eventlog-bench";
  std::filesystem::remove_all(root);
  std::filesystem::create_directories(root);
  tributary::eventlog::Appends(root);
  tributary::eventlog::Reads(root);
  std::filesystem::remove_all(root);
}
