// Owners of librdkafka's objects, and the one place that makes clients.
#pragma once

#include <librdkafka/rdkafka.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tributary/eventlog/kafka/kafka_log.h"

namespace tributary::eventlog::kafka {

template <auto destroy>
struct Destroy {
  template <typename T>
  void operator()(T* object) const {
    destroy(object);
  }
};
using TopicHandle = std::unique_ptr<rd_kafka_topic_t, Destroy<rd_kafka_topic_destroy>>;
using Queue = std::unique_ptr<rd_kafka_queue_t, Destroy<rd_kafka_queue_destroy>>;
using Event = std::unique_ptr<rd_kafka_event_t, Destroy<rd_kafka_event_destroy>>;
using Message = std::unique_ptr<rd_kafka_message_t, Destroy<rd_kafka_message_destroy>>;
using Headers = std::unique_ptr<rd_kafka_headers_t, Destroy<rd_kafka_headers_destroy>>;
using PartitionList = std::unique_ptr<rd_kafka_topic_partition_list_t, Destroy<rd_kafka_topic_partition_list_destroy>>;

using Settings = std::vector<std::pair<std::string, std::string>>;

// InvalidArgument naming the field.
absl::Status ValidateOptions(const KafkaOptions& options);

std::string TopicName(const KafkaOptions& options, std::string_view log);

// "what: text of `error`" as Unavailable.
absl::Status UnavailableFrom(std::string_view what, rd_kafka_resp_err_t error);

// One client of librdkafka with its threads and connections. Thread-safe.
class Handle {
 public:
  // `settings` come after those that all clients share. `events`: RD_KAFKA_EVENT_* that go to the main queue.
  static absl::StatusOr<std::unique_ptr<Handle>> Open(const KafkaOptions& options, rd_kafka_type_t type,
                                                      const Settings& settings, int events);

  rd_kafka_t* get() const { return client_.get(); }
  // Connections of this client that were closed so far, by either side. What was read from the next one comes after
  // it was counted, so that who compares before and after knows that all came through one connection.
  uint64_t closed_connections() const { return context_->closed.load(std::memory_order_acquire); }

 private:
  struct Context {
    std::function<void(std::string_view)> log_line;
    std::atomic<uint64_t> closed = 0;
  };
  Handle() = default;
  static void Log(const rd_kafka_t* client, int level, const char* facility, const char* text);
  static int CloseSocket(int socket, void* opaque);

  std::unique_ptr<Context> context_ = std::make_unique<Context>();
  std::unique_ptr<rd_kafka_t, Destroy<rd_kafka_destroy>> client_;  // last: its threads use the context
};

}  // namespace tributary::eventlog::kafka
