// What the embedded log does beyond the contract: what it finds when it opens, and damaged files.
#include "tributary/eventlog/embedded/embedded_log.h"

#include <algorithm>
#include <fstream>
#include <functional>

#include "embedded/record_codec.h"
#include "gmock/gmock.h"
#include "rocksdb/db.h"
#include "tests/scratch_log.h"

namespace tributary::eventlog {
namespace {

using embedded::EncodeKey;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class EmbeddedLog : public ScratchLogTest {
 protected:
  // Changes the database behind the log's back.
  void Damage(const std::function<void(rocksdb::DB&)>& damage) {
    log_.reset();
    rocksdb::DB* db = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(rocksdb::Options(), options_.path, &db).ok());
    damage(*db);
    delete db;
  }
  // The newest write-ahead file, closed.
  std::filesystem::path WalFile() {
    log_.reset();
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(options_.path)) {
      if (entry.path().extension() == ".log") files.push_back(entry.path());
    }
    return *std::max_element(files.begin(), files.end());
  }
  const std::string third_ = EncodeKey(1, Partition(0), Offset(3));
};

TEST_F(EmbeddedLog, OptionsMustBeWhole) {
  options_.clock = nullptr;
  EXPECT_EQ(Open().code(), absl::StatusCode::kInvalidArgument);
  options_.clock = &clock_;
  options_.logs.push_back({"Not A Name", 1});
  EXPECT_EQ(Open().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(EmbeddedLog, IsOpenOnceAtATime) {
  MustOpen();
  const absl::Status second = OpenEmbeddedLog(options_).status();
  EXPECT_EQ(second.code(), absl::StatusCode::kFailedPrecondition) << second;
  EXPECT_THAT(std::string(second.message()), HasSubstr("open already"));
}

TEST_F(EmbeddedLog, OtherPartitionCountsAreRefusedByName) {
  MustOpen();
  options_.logs[0].partitions = 3;
  const absl::Status status = Open();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("'journey'"), HasSubstr("2 partitions"), HasSubstr("3 wanted")));
}

TEST_F(EmbeddedLog, ALogThatIsNotNamedAnyMoreIsRefusedByName) {
  MustOpen();
  options_.logs.pop_back();
  const absl::Status status = Open();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("'registry'"));
}

TEST_F(EmbeddedLog, NamingNoLogsTakesThoseThatAreThere) {
  MustOpen();
  const std::vector<LogSpec> made = std::exchange(options_.logs, {});
  MustOpen();
  ASSERT_EQ(log_->logs().size(), made.size());
  EXPECT_EQ(log_->logs()[0].name, made[0].name);
  EXPECT_EQ(log_->logs()[0].partitions, made[0].partitions);
  EXPECT_TRUE(log_->OpenReader(journey_, Offset(0)).ok());
}

TEST_F(EmbeddedLog, NamingNoLogsCreatesNone) {
  options_.logs.clear();
  EXPECT_EQ(Open().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(EmbeddedLog, ANewLogIsAddedAndTheOthersStay) {
  MustOpen();
  const std::string id = log_->id();
  ASSERT_TRUE(Append("kept").ok());
  options_.logs.insert(options_.logs.begin(), {"intake", 2});
  MustOpen();
  EXPECT_EQ(log_->id(), id);
  EXPECT_THAT(*Values(), ElementsAre("kept"));
  EXPECT_EQ(ReadAll(*log_, {"intake", Partition(1)})->front()->record.value, id);
  MustOpen();
  EXPECT_EQ(*log_->End({"intake", Partition(1)}), Offset(1)) << "created once";
}

TEST_F(EmbeddedLog, TwoLogsHaveTwoIds) {
  MustOpen();
  const std::string id = log_->id();
  log_.reset();
  std::filesystem::remove_all(options_.path);
  MustOpen();
  EXPECT_NE(log_->id(), id);
}

TEST_F(EmbeddedLog, StampsRecordsWithItsClock) {
  MustOpen();
  clock_.Advance(absl::Hours(5));
  ASSERT_TRUE(Append("x").ok());
  EXPECT_EQ(ReadAll(*log_, journey_, Offset(1))->front()->appended_at, clock_.Now());
}

TEST_F(EmbeddedLog, RecordsInTheTailAreSharedByAllReaders) {
  MustOpen();
  ASSERT_TRUE(Append("x").ok());
  EXPECT_EQ(ReadAll(*log_, journey_, Offset(1))->front(), ReadAll(*log_, journey_, Offset(1))->front());
}

TEST_F(EmbeddedLog, TheTailKeepsToItsBytesAndDropsTheOldestOfAllPartitions) {
  options_.tail_bytes = 10'000;
  MustOpen();
  const PartitionRef quiet{"registry", Partition(0)};
  ASSERT_TRUE(AppendAndWait(*NewProducer(), quiet, Make("old")).ok());
  const std::weak_ptr<const StoredRecord> old = ReadAll(*log_, quiet, Offset(1))->front();
  EXPECT_FALSE(old.expired());
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(Append(std::string(4'000, 'x')).ok());
  EXPECT_TRUE(old.expired());
  EXPECT_EQ(ReadAll(*log_, quiet, Offset(1))->front()->record.value, "old") << "from disk";
  EXPECT_EQ(Values()->size(), 4u);
}

TEST_F(EmbeddedLog, AReaderThatIsBehindFollowsToTheEndAcrossTheTail) {
  options_.tail_bytes = 20'000;
  MustOpen();
  auto reader = *log_->OpenReader(journey_, Offset(0));
  int64_t next = 0;
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(Append(std::string(100 + i, 'x')).ok());
    if (i % 3 != 0) continue;  // falls behind, and now and then catches up
    const auto result = reader->Poll({.max_records = i % 50 == 0 ? 1000u : 2u});
    ASSERT_TRUE(result.ok()) << result.status();
    for (const RecordPtr& record : result->records) ASSERT_EQ(record->offset, Offset(next++));
  }
  for (bool at_end = false; !at_end;) {
    const auto result = reader->Poll({.max_records = 5});
    for (const RecordPtr& record : result->records) ASSERT_EQ(record->offset, Offset(next++));
    at_end = result->at_end;
  }
  EXPECT_EQ(next, 301);
}

TEST_F(EmbeddedLog, AMissingRecordIsDataLossAndWhatIsBeforeItIsRead) {
  MustOpen();
  for (const char* value : {"1", "2", "3", "4"}) ASSERT_TRUE(Append(value).ok());
  Damage([&](rocksdb::DB& db) { ASSERT_TRUE(db.Delete(rocksdb::WriteOptions(), third_).ok()); });
  MustOpen();
  auto reader = *log_->OpenReader(journey_, Offset(0));
  const auto before = reader->Poll({});
  ASSERT_TRUE(before.ok()) << before.status();
  EXPECT_EQ(before->records.size(), 3u);
  EXPECT_FALSE(before->at_end);
  for (int i = 0; i < 2; ++i) {
    const absl::Status status = reader->Poll({}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("journey/0"), HasSubstr("offset 3")));
    EXPECT_EQ(reader->position(), Offset(3));
  }
}

TEST_F(EmbeddedLog, ADamagedRecordIsDataLoss) {
  MustOpen();
  for (const char* value : {"1", "2", "3"}) ASSERT_TRUE(Append(value).ok());
  Damage([&](rocksdb::DB& db) { ASSERT_TRUE(db.Put(rocksdb::WriteOptions(), third_, "\x01garbage").ok()); });
  MustOpen();
  EXPECT_EQ(Values().status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(EmbeddedLog, APartitionWithoutItsGenesisDoesNotOpen) {
  MustOpen();
  ASSERT_TRUE(Append("1").ok());
  Damage([&](rocksdb::DB& db) {
    ASSERT_TRUE(db.Delete(rocksdb::WriteOptions(), EncodeKey(1, Partition(0), Offset(0))).ok());
  });
  EXPECT_EQ(Open().code(), absl::StatusCode::kDataLoss);
}

TEST_F(EmbeddedLog, AGenesisOfAnotherLogDoesNotOpen) {
  MustOpen();
  Damage([&](rocksdb::DB& db) {
    const std::string other =
        embedded::EncodeValue({.key = "", .type = std::string(kGenesisType), .headers = {}, .value = "another-id"});
    ASSERT_TRUE(db.Put(rocksdb::WriteOptions(), EncodeKey(1, Partition(1), Offset(0)), other).ok());
  });
  const absl::Status status = Open();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("journey/1"));
}

TEST_F(EmbeddedLog, RecordsWithoutACatalogDoNotOpenAsAnEmptyLog) {
  MustOpen();
  ASSERT_TRUE(Append("1").ok());
  Damage([&](rocksdb::DB& db) { ASSERT_TRUE(db.Delete(rocksdb::WriteOptions(), embedded::CatalogKey()).ok()); });
  EXPECT_EQ(Open().code(), absl::StatusCode::kDataLoss);
}

TEST_F(EmbeddedLog, AWriteThatWasTornByACrashIsGoneAndTheRestIsThere) {
  MustOpen();
  for (const char* value : {"1", "2", "3"}) ASSERT_TRUE(Append(value).ok());
  const std::filesystem::path wal = WalFile();
  std::filesystem::resize_file(wal, std::filesystem::file_size(wal) - 3);
  MustOpen();
  EXPECT_THAT(*Values(), ElementsAre("1", "2"));
  EXPECT_EQ(*Append("anew"), Offset(3));
}

TEST_F(EmbeddedLog, DamageBeforeAcknowledgedRecordsDoesNotOpenAsIfTheyWereNot) {
  MustOpen();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Append(std::string(1'000, 'x')).ok());
  const std::filesystem::path wal = WalFile();
  std::fstream file(wal, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(std::filesystem::file_size(wal) / 2));
  file.put('y');
  file.close();
  EXPECT_EQ(Open().code(), absl::StatusCode::kDataLoss);
}

TEST_F(EmbeddedLog, RecordsOfAllSizesAreReadFromDiskOverManyFiles) {
  options_.tail_bytes = 0;
  std::vector<std::string> expected;
  for (int round = 0; round < 4; ++round) {
    MustOpen();  // each time what was in memory goes to a file
    auto producer = NewProducer();
    for (const size_t size : {0u, 1u, 100u, 127u, 128u, 129u, 5'000u, 300'000u}) {
      expected.push_back(std::string(size, static_cast<char>('a' + round)));
      producer->Append(journey_, Make(expected.back()), nullptr);
    }
  }
  MustOpen();
  EXPECT_EQ(*Values(), expected);
}

}  // namespace
}  // namespace tributary::eventlog
