// Acknowledged is durable, and happens once: the server is killed in the middle of ingestion, again and again.
#include <atomic>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "platform.h"
#include "tributary/base/random.h"
#include "tributary/ingestion/v1/ingestion.grpc.pb.h"

namespace tributary::e2e {
namespace {

namespace ingestion_pb = ingestion::v1;
namespace profile_pb = profile::v1;
using IngestionStub = ingestion_pb::IngestionService::Stub;
using ProfileStub = profile_pb::ProfileService::Stub;

constexpr int kCustomers = 24;
constexpr int kThreads = 4;
constexpr int kBatch = 25;
constexpr int kRounds = 4;
constexpr char kSource[] = "web";

enum class Fate { kUnknown, kAcknowledged };

struct Sent {
  int customer = 0;
  Fate fate = Fate::kUnknown;
};

std::string CustomerId(int customer) { return fmt::format("{:05}", customer + 1); }

// What was sent, and what the server said to it. Thread-safe.
class Ledger {
 public:
  ingestion_pb::IngestRequest NewBatch(SeededRandom& random) {
    std::lock_guard lock(mutex_);
    ingestion_pb::IngestRequest request;
    for (int i = 0; i < kBatch; ++i) {
      const std::string id = fmt::format("event-{:06}", ++last_id_);
      const int customer = static_cast<int>(random.Below(kCustomers));
      sent_[id] = {.customer = customer};
      events::v1::CustomerEvent* event = request.add_events();
      event->set_event_id(id);
      event->set_source_id(kSource);
      event->mutable_occurred_at()->set_seconds(1'735'689'600 + last_id_);
      events::v1::Identifier* identifier = event->add_identifiers();
      identifier->set_type("customer_id");
      identifier->set_issuer("shop");
      identifier->set_value(CustomerId(customer));
      event->mutable_tracked()->set_name("Killed Or Not");
    }
    return request;
  }

  void Acknowledge(const ingestion_pb::IngestRequest& request, const ingestion_pb::IngestResponse& response) {
    std::lock_guard lock(mutex_);
    for (const ingestion_pb::IngestResult& result : response.results()) {
      EXPECT_EQ(result.status(), ingestion_pb::IngestResult::STATUS_ACCEPTED) << result.error().message();
      sent_[request.events(result.index()).event_id()].fate = Fate::kAcknowledged;
    }
    ++batches_;
  }

  int batches() const { return batches_; }
  const std::map<std::string, Sent>& sent() const { return sent_; }

 private:
  std::mutex mutex_;
  int last_id_ = 0;
  std::map<std::string, Sent> sent_;
  std::atomic<int> batches_{0};
};

class KillTest : public testing::Test {
 protected:
  // Sends new batches until the server is gone. A batch whose fate is unknown is handed back.
  std::optional<ingestion_pb::IngestRequest> SendUntilKilled(uint64_t seed,
                                                             std::optional<ingestion_pb::IngestRequest> first) {
    SeededRandom random(seed);
    const rpc::Client client = platform_.Client();
    const auto stub = ingestion_pb::IngestionService::NewStub(client.channel());
    while (true) {
      std::optional<ingestion_pb::IngestRequest> again = std::exchange(first, std::nullopt);
      ingestion_pb::IngestRequest request = again ? *std::move(again) : ledger_.NewBatch(random);
      const auto response = client.Call(*stub, &IngestionStub::Ingest, request);
      if (response.ok()) {
        ledger_.Acknowledge(request, *response);
      } else if (response.status().code() != absl::StatusCode::kResourceExhausted) {
        return request;
      }
    }
  }

  void CreateSource() {
    const Finished created = platform_.Cli({"source", "create", kSource, "--channel", "web"});
    ASSERT_EQ(created.exit_code, 0) << created.out;
  }

  // One more event; what is visible with its token is visible with every earlier one's.
  std::string TokenOfAll() {
    SeededRandom random(0);
    const ingestion_pb::IngestRequest request = ledger_.NewBatch(random);
    const rpc::Client client = platform_.Client();
    const auto stub = ingestion_pb::IngestionService::NewStub(client.channel());
    const auto response = client.Call(*stub, &IngestionStub::Ingest, request);
    EXPECT_TRUE(response.ok()) << response.status();
    if (!response.ok()) return "";
    ledger_.Acknowledge(request, *response);
    return response->token();
  }

  // How often each event stands in the journey of `customer`, and what the profile says their number is.
  std::map<std::string, int> Journey(int customer, const std::string& token, int64_t* entry_count) {
    const rpc::Client client = platform_.Client();
    const auto stub = profile_pb::ProfileService::NewStub(client.channel());
    profile_pb::ListJourneyEntriesRequest request;
    auto* identifier = request.mutable_profile()->mutable_identifier();
    identifier->set_type("customer_id");
    identifier->set_issuer("shop");
    identifier->set_value(CustomerId(customer));
    request.set_token(token);
    request.set_page_size(300);
    std::map<std::string, int> found;
    do {
      const auto page = client.Call(*stub, &ProfileStub::ListJourneyEntries, request);
      EXPECT_TRUE(page.ok()) << page.status();
      if (!page.ok()) return found;
      for (const profile_pb::JourneyEntry& entry : page->entries()) ++found[entry.event().event_id()];
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    profile_pb::GetProfileRequest get;
    *get.mutable_profile() = request.profile();
    const auto profile = client.Call(*stub, &ProfileStub::GetProfile, get);
    EXPECT_TRUE(profile.ok()) << profile.status();
    *entry_count = profile.ok() ? profile->profile().entry_count() : -1;
    return found;
  }

  void ExpectEveryAcknowledgedEventOnce(const std::string& token) {
    std::map<int, std::map<std::string, int>> found;
    for (int customer = 0; customer < kCustomers; ++customer) {
      int64_t entry_count = 0;
      found[customer] = Journey(customer, token, &entry_count);
      EXPECT_EQ(entry_count, static_cast<int64_t>(found[customer].size()));
    }
    int lost = 0;
    int unknown_found = 0;
    for (const auto& [id, sent] : ledger_.sent()) {
      const auto entry = found[sent.customer].find(id);
      const int times = entry == found[sent.customer].end() ? 0 : entry->second;
      EXPECT_LE(times, 1) << id << " happened more than once";
      lost += sent.fate == Fate::kAcknowledged && times == 0 ? 1 : 0;
      unknown_found += sent.fate == Fate::kUnknown ? times : 0;
      if (entry != found[sent.customer].end()) found[sent.customer].erase(entry);
    }
    EXPECT_EQ(lost, 0) << "acknowledged events are missing";
    for (const auto& [customer, others] : found) EXPECT_TRUE(others.empty()) << "entries that nobody sent";
    std::cout << fmt::format("{} events sent, {} batches acknowledged, {} unacknowledged ones found\n",
                             ledger_.sent().size(), ledger_.batches(), unknown_found);
  }

  Platform platform_;
  Ledger ledger_;
};

TEST_F(KillTest, EveryAcknowledgedEventIsThereOnceAfterKillsAtRandomMoments) {
  const char* given = std::getenv("TRIBUTARY_E2E_SEED");
  const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
  std::cout << "seed " << seed << " (TRIBUTARY_E2E_SEED=" << seed << " gives the same choices)\n";
  SeededRandom random(seed);
  ASSERT_NO_FATAL_FAILURE(platform_.Start());
  ASSERT_NO_FATAL_FAILURE(CreateSource());
  std::vector<std::optional<ingestion_pb::IngestRequest>> unknown(kThreads);
  for (int round = 0; round < kRounds; ++round) {
    if (round > 0) {
      ASSERT_NO_FATAL_FAILURE(platform_.Start());
    }
    const int until = ledger_.batches() + 1 + static_cast<int>(random.Below(60));
    std::vector<std::thread> threads;
    for (auto& batch : unknown) {
      // Half of what has no answer is sent again, as clients do; the rest is left as it is.
      if (batch && random.Chance(50)) batch.reset();
      threads.emplace_back(
          [&batch, this, thread_seed = random.Next64()] { batch = SendUntilKilled(thread_seed, std::move(batch)); });
    }
    EXPECT_TRUE(WaitUntil([&] { return ledger_.batches() >= until; }, platform_.server()));
    platform_.Kill();
    for (std::thread& thread : threads) thread.join();
  }
  ASSERT_NO_FATAL_FAILURE(platform_.Start());
  ExpectEveryAcknowledgedEventOnce(TokenOfAll());
  const Finished verified = platform_.Cli({"verify"});
  EXPECT_EQ(verified.exit_code, 0) << verified.out;
}

}  // namespace
}  // namespace tributary::e2e
