#include "tributary/eventlog/embedded/embedded_log.h"

#include <utility>

#include "absl/container/flat_hash_map.h"
#include "embedded/partition_log.h"
#include "embedded/reader.h"
#include "embedded/record_codec.h"
#include "embedded/store.h"
#include "embedded/writer.h"
#include "src/health.h"
#include "src/log_specs.h"
#include "tributary/base/status.h"

namespace tributary::eventlog {
namespace embedded {
namespace {

// What a record in memory takes beside its bytes.
constexpr size_t kRecordOverhead = sizeof(StoredRecord) + 64;

using Partitions = absl::flat_hash_map<PartitionRef, std::unique_ptr<PartitionLog>>;

absl::StatusOr<PartitionLog*> FindPartition(const Partitions& partitions, const PartitionRef& ref) {
  const auto it = partitions.find(ref);
  if (it == partitions.end()) return absl::NotFoundError(fmt::format("no partition {}", ref.ToString()));
  return it->second.get();
}

class EmbeddedProducer final : public Producer {
 public:
  EmbeddedProducer(const Partitions& partitions, Writer& writer) : partitions_(partitions), writer_(writer) {}
  ~EmbeddedProducer() override { session_->Wait(); }

  void Append(const PartitionRef& target, Record record, AppendCallback done) override {
    embedded::Append append;
    append.session = session_;
    append.done = std::move(done);
    append.bytes = kRecordOverhead + record.Size();
    absl::StatusOr<PartitionLog*> partition = FindPartition(partitions_, target);
    if (partition.ok()) append.partition = *partition;
    append.refusal = partition.ok() ? Validate(record) : partition.status();
    if (append.refusal.ok()) {
      append.encoded = EncodeValue(record);
      append.stored = std::make_shared<StoredRecord>();
      append.stored->record = std::move(record);
    } else {
      append.bytes = kRecordOverhead;  // the record itself need not wait
    }
    writer_.Enqueue(std::move(append));
  }

 private:
  const Partitions& partitions_;
  Writer& writer_;
  const std::shared_ptr<Session> session_ = std::make_shared<Session>();
};

class EmbeddedLog final : public EventLog {
 public:
  EmbeddedLog(const EmbeddedLogOptions& options, std::unique_ptr<Store> store, std::shared_ptr<HealthState> health)
      : health_(health), store_(std::move(store)) {
    for (const Store::FoundPartition& found : store_->partitions()) {
      partitions_.emplace(found.ref, std::make_unique<PartitionLog>(found.ref, found.number, found.end));
    }
    const Writer::Options writer{.clock = options.clock,
                                 .sync = options.sync,
                                 .tail_bytes = options.tail_bytes,
                                 .max_waiting_bytes = options.max_waiting_bytes};
    writer_ = std::make_unique<Writer>(writer, store_->db(), std::move(health));
  }

  const std::string& id() const override { return store_->id(); }
  const std::vector<LogSpec>& logs() const override { return store_->logs(); }

  absl::StatusOr<std::unique_ptr<PartitionReader>> OpenReader(const PartitionRef& ref, Offset from) override {
    TRIBUTARY_ASSIGN_OR_RETURN(const PartitionLog* partition, FindPartition(partitions_, ref));
    if (from < Offset(0)) return absl::OutOfRangeError(fmt::format("{}: offset {} is negative", ref.ToString(), from));
    return std::make_unique<Reader>(*partition, store_->db(), from);
  }

  absl::StatusOr<std::unique_ptr<Producer>> OpenProducer(const ProducerOptions&) override {
    return std::make_unique<EmbeddedProducer>(partitions_, *writer_);
  }

  absl::StatusOr<Offset> End(const PartitionRef& ref) override {
    TRIBUTARY_ASSIGN_OR_RETURN(const PartitionLog* partition, FindPartition(partitions_, ref));
    return partition->End();
  }

  std::shared_ptr<void> Watch(const PartitionRef& ref, std::function<void()> wake) override {
    absl::StatusOr<PartitionLog*> partition = FindPartition(partitions_, ref);
    return partition.ok() ? (*partition)->watchers().Add(std::move(wake)) : nullptr;
  }

  absl::Status Health() const override { return health_->Get(); }

 private:
  const std::shared_ptr<HealthState> health_;
  // In the order in which they are needed: the writer goes first, the database last.
  const std::unique_ptr<Store> store_;
  Partitions partitions_;
  std::unique_ptr<Writer> writer_;
};

}  // namespace
}  // namespace embedded

absl::StatusOr<std::unique_ptr<EventLog>> OpenEmbeddedLog(const EmbeddedLogOptions& options) {
  if (options.path.empty() || options.clock == nullptr || options.random == nullptr) {
    return absl::InvalidArgumentError("the embedded log needs a path, a clock and a source of randomness");
  }
  TRIBUTARY_RETURN_IF_ERROR(ValidateSpecs(options.logs));
  auto health = std::make_shared<HealthState>();
  TRIBUTARY_ASSIGN_OR_RETURN(auto store, embedded::Store::Open(options, health));
  return std::make_unique<embedded::EmbeddedLog>(options, std::move(store), std::move(health));
}

}  // namespace tributary::eventlog
