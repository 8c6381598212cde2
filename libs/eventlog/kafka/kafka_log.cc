#include "tributary/eventlog/kafka/kafka_log.h"

#include <algorithm>
#include <condition_variable>
#include <thread>
#include <utility>

#include "kafka/admin.h"
#include "kafka/consumer_pool.h"
#include "kafka/handle.h"
#include "kafka/partition.h"
#include "kafka/positions.h"
#include "kafka/producer.h"
#include "kafka/reader.h"
#include "kafka/topics.h"
#include "src/health.h"
#include "tributary/base/mutex.h"
#include "tributary/base/status.h"

namespace tributary::eventlog {
namespace kafka {
namespace {

// Looks again and again at what nothing tells of.
constexpr std::chrono::milliseconds kLookEvery(100);
constexpr absl::Duration kReportEvery = absl::Seconds(1);

class KafkaLog final : public EventLog {
 public:
  KafkaLog(const KafkaOptions& options, std::string id, Partitions partitions, std::unique_ptr<Admin> admin)
      : options_(options),
        id_(std::move(id)),
        partitions_(std::move(partitions)),
        admin_(std::move(admin)),
        pool_(options_),
        positions_(options_.topic_prefix, *options_.clock) {}
  ~KafkaLog() override {
    {
      MutexLock lock(mutex_);
      stopping_ = true;
    }
    stop_.notify_one();
    if (looker_.joinable()) looker_.join();
    positions_.Flush(*admin_, absl::ZeroDuration());
  }

  absl::Status Start() {
    TRIBUTARY_ASSIGN_OR_RETURN(producer_, ProducerConnection::Open(options_, waker_, health_));
    looker_ = std::thread([this] { Look(); });
    return absl::OkStatus();
  }

  const std::string& id() const override { return id_; }
  const std::vector<LogSpec>& logs() const override { return options_.logs; }

  absl::StatusOr<std::unique_ptr<PartitionReader>> OpenReader(const PartitionRef& ref, Offset from) override {
    TRIBUTARY_ASSIGN_OR_RETURN(KafkaPartition * partition, FindPartition(partitions_, ref));
    if (from < Offset(0)) return absl::OutOfRangeError(fmt::format("{}: offset {} is negative", ref.ToString(), from));
    return std::make_unique<KafkaReader>(ReaderDeps{.clock = *options_.clock,
                                                    .admin = *admin_,
                                                    .pool = pool_,
                                                    .waker = waker_,
                                                    .open = readers_,
                                                    .log_id = id_,
                                                    .timeout = options_.request_timeout},
                                         *partition, from);
  }

  absl::StatusOr<std::unique_ptr<Producer>> OpenProducer(const ProducerOptions& producer) override {
    if (!producer.own_connection) return std::make_unique<KafkaProducer>(partitions_, producer_);
    TRIBUTARY_ASSIGN_OR_RETURN(auto own, ProducerConnection::Open(options_, waker_, health_));
    return std::make_unique<KafkaProducer>(partitions_, std::move(own));
  }

  absl::StatusOr<Offset> End(const PartitionRef& ref) override {
    TRIBUTARY_ASSIGN_OR_RETURN(KafkaPartition * partition, FindPartition(partitions_, ref));
    TRIBUTARY_ASSIGN_OR_RETURN(const Offset end, admin_->FetchEnd(*partition));
    partition->SawEnd(end);
    return partition->known_end();
  }

  absl::StatusOr<Offset> LastKnownEnd(const PartitionRef& ref) override {
    TRIBUTARY_ASSIGN_OR_RETURN(KafkaPartition * partition, FindPartition(partitions_, ref));
    // Its readers' fetches tell how far it reaches; without one nothing does.
    return readers_.Reads(*partition) ? partition->known_end() : End(ref);
  }

  std::shared_ptr<void> Watch(const PartitionRef& ref, std::function<void()> wake) override {
    absl::StatusOr<KafkaPartition*> partition = FindPartition(partitions_, ref);
    if (!partition.ok()) return nullptr;
    const std::shared_ptr<std::atomic<int>> watches = (*partition)->watches();
    ++*watches;
    auto handle = (*partition)->watchers().Add(std::move(wake));
    return std::shared_ptr<void>(handle.get(), [handle, watches](void*) mutable {
      handle.reset();
      --*watches;
    });
  }

  absl::Status Health() const override { return health_->Get(); }

  void ReportPosition(std::string_view consumer, const PartitionRef& ref, Offset next) override {
    const absl::StatusOr<KafkaPartition*> partition = FindPartition(partitions_, ref);
    if (partition.ok()) positions_.Report(consumer, **partition, next);
  }

 private:
  void Look() {
    MutexLock lock(mutex_);
    while (!stop_.wait_for(lock.native(), kLookEvery, [this] { return stopping_; })) {
      lock.native().unlock();
      readers_.ParkIdle(options_.reader_idle);
      WakeUnread();
      positions_.Flush(*admin_, kReportEvery);
      lock.native().lock();
    }
  }

  // A partition that is watched and read by nobody here: its growth is asked for.
  void WakeUnread() {
    for (const auto& [ref, partition] : partitions_) {
      if (*partition->watches() == 0 || readers_.Reads(*partition)) continue;
      const Offset known = partition->known_end();
      const absl::StatusOr<Offset> end = admin_->FetchEnd(*partition);
      if (!end.ok()) return;  // the brokers are away; later
      partition->SawEnd(*end);
      if (*end > known) waker_.Wake(*partition);
    }
  }

  const KafkaOptions options_;
  const std::string id_;
  const std::shared_ptr<HealthState> health_ = std::make_shared<HealthState>();
  // In the order in which they are needed: clients of librdkafka go before what their threads use.
  const Partitions partitions_;
  Waker waker_;
  const std::unique_ptr<Admin> admin_;
  ConsumerPool pool_;
  OpenReaders readers_;
  GroupPositions positions_;
  std::shared_ptr<ProducerConnection> producer_;

  Mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ TRIBUTARY_GUARDED_BY(mutex_) = false;
  std::thread looker_;
};

// The id that all partitions hold.
absl::StatusOr<std::string> CheckGenesis(const KafkaOptions& options, Admin& admin, const Partitions& partitions) {
  std::vector<KafkaPartition*> all;
  for (const auto& [ref, partition] : partitions) all.push_back(partition.get());
  TRIBUTARY_ASSIGN_OR_RETURN(const std::vector<std::string> ids, ReadGenesis(options, admin, all));
  for (size_t i = 0; i < all.size(); ++i) {
    if (ids[i].empty()) {
      return FieldError(absl::StatusCode::kFailedPrecondition, "KAFKA_GENESIS_MISSING", all[i]->ref().ToString(),
                        "is empty", "Run `tributary topics apply`.");
    }
    if (ids[i] != ids[0]) {
      return absl::DataLossError(fmt::format("{} belongs to the log {}, {} to {}: one of them was made anew",
                                             all[i]->ref().ToString(), ids[i], all[0]->ref().ToString(), ids[0]));
    }
  }
  return ids[0];
}

}  // namespace
}  // namespace kafka

absl::StatusOr<std::unique_ptr<EventLog>> OpenKafkaLog(const KafkaOptions& options) {
  TRIBUTARY_RETURN_IF_ERROR(kafka::ValidateOptions(options));
  TRIBUTARY_ASSIGN_OR_RETURN(auto admin, kafka::Admin::Open(options));
  TRIBUTARY_RETURN_IF_ERROR(kafka::CheckTopics(options, *admin));
  kafka::Partitions partitions = kafka::MakePartitions(options);
  TRIBUTARY_ASSIGN_OR_RETURN(std::string id, kafka::CheckGenesis(options, *admin, partitions));
  auto log = std::make_unique<kafka::KafkaLog>(options, std::move(id), std::move(partitions), std::move(admin));
  TRIBUTARY_RETURN_IF_ERROR(log->Start());
  return log;
}

}  // namespace tributary::eventlog
