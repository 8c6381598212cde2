// A platform that is busy with an import, and on it every write that gives a token and every read that takes one.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "fmt/format.h"
#include "gtest/gtest.h"
#include "platform.h"
#include "tributary/base/clock.h"
#include "tributary/identity/v1/identity.grpc.pb.h"
#include "tributary/ingestion/v1/ingestion.grpc.pb.h"
#include "tributary/rpc/status.h"

namespace tributary::e2e {

using events::v1::CustomerEvent;
using identity::v1::IdentityService;
using ingestion::v1::IngestionService;
using profile::v1::ProfileService;
namespace identity_pb = identity::v1;
namespace ingestion_pb = ingestion::v1;
namespace profile_pb = profile::v1;

inline CustomerEvent NewEvent(const std::string& id, const std::vector<std::string>& mails) {
  CustomerEvent event;
  event.set_event_id(id);
  event.set_source_id("web");
  event.mutable_occurred_at()->set_seconds(1'735'689'600);
  event.set_channel(events::v1::CHANNEL_WEB);
  for (const std::string& mail : mails) {
    events::v1::Identifier* identifier = event.add_identifiers();
    identifier->set_type("email");
    identifier->set_value(mail);
  }
  return event;
}

// What one customer does in one write, so that each read has something to see.
inline std::vector<CustomerEvent> Story(const std::string& name) {
  const std::string mail = name + "@example.com";
  std::vector<CustomerEvent> events;
  CustomerEvent& order = events.emplace_back(NewEvent(name + "-order", {mail}));
  order.mutable_order_stated()->mutable_order()->set_issuer("till");
  order.mutable_order_stated()->mutable_order()->set_order_id(name);
  order.mutable_order_stated()->mutable_total()->set_currency("THB");
  order.mutable_order_stated()->mutable_total()->set_units(100);
  CustomerEvent& traits = events.emplace_back(NewEvent(name + "-traits", {mail}));
  traits.mutable_traits_stated()->set_language("th");
  CustomerEvent& consent = events.emplace_back(NewEvent(name + "-consent", {mail}));
  consent.mutable_consent_stated()->set_purpose("news");
  consent.mutable_consent_stated()->set_channel(events::v1::CHANNEL_EMAIL);
  consent.mutable_consent_stated()->set_status(events::v1::ConsentStated::STATUS_GIVEN);
  CustomerEvent& member = events.emplace_back(NewEvent(name + "-member", {mail}));
  member.mutable_membership_stated()->mutable_account()->set_type("customer_id");
  member.mutable_membership_stated()->mutable_account()->set_issuer("erp");
  member.mutable_membership_stated()->mutable_account()->set_value("C-" + name);
  return events;
}

// Whom a read is about: a mail address, or a profile id.
struct Whom {
  std::string mail;
  std::string id;
};

class TokensTest : public testing::Test {
 protected:
  // One read with a token. Not OK: it failed; false: it did not see the write.
  struct ReadCall {
    std::string name;
    std::function<absl::StatusOr<bool>(const Whom&, const std::string& token)> sees;
  };
  struct WriteCall {
    std::string name;
    std::function<absl::StatusOr<std::string>(const std::vector<CustomerEvent>&)> write;  // the token
  };

  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(platform_.Start());
    ASSERT_EQ(platform_.Cli({"source", "create", "web"}).exit_code, 0);
    client_.emplace(platform_.Client());
    operator_.emplace(platform_.Client("operator_secret"));
    profiles_ = ProfileService::NewStub(client_->channel());
    identities_ = IdentityService::NewStub(client_->channel());
    ingestion_ = IngestionService::NewStub(client_->channel());
    importer_ = std::thread([this] { Import(); });
    while (imported_ < 2'000 && !importer_failed_) std::this_thread::yield();
  }
  void TearDown() override {
    done_ = true;
    if (importer_.joinable()) importer_.join();
    EXPECT_FALSE(importer_failed_);
  }

  absl::StatusOr<std::string> Ingest(const std::vector<CustomerEvent>& events) {
    ingestion_pb::IngestRequest request;
    for (const CustomerEvent& event : events) *request.add_events() = event;
    const auto response = client_->Call(*ingestion_, &IngestionService::Stub::Ingest, request);
    if (!response.ok()) return response.status();
    for (const auto& result : response->results()) {
      if (result.status() != ingestion_pb::IngestResult::STATUS_ACCEPTED) {
        return absl::InternalError(result.ShortDebugString());
      }
    }
    return response->token();
  }

  absl::StatusOr<std::string> IngestByStream(const std::vector<CustomerEvent>& events) {
    grpc::ClientContext context;
    client_->Prepare(context);
    const auto stream = ingestion_->IngestStream(&context);
    ingestion_pb::IngestStreamRequest request;
    request.mutable_open();
    stream->Write(request);
    request.mutable_batch()->set_sequence(1);
    for (const CustomerEvent& event : events) *request.mutable_batch()->add_events() = event;
    stream->Write(request);
    stream->WritesDone();
    std::string token;
    ingestion_pb::IngestStreamResponse response;
    while (stream->Read(&response)) {
      if (response.has_acknowledged()) token = response.acknowledged().token();
    }
    const absl::Status status = rpc::FromGrpc(stream->Finish());
    if (!status.ok()) return status;
    return token;
  }

  std::vector<WriteCall> Writes() {
    return {{"Ingest", [this](const auto& events) { return Ingest(events); }},
            {"IngestStream", [this](const auto& events) { return IngestByStream(events); }}};
  }

  // A read of the profile service that selects one profile.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Ask(grpc::Status (ProfileService::Stub::*method)(grpc::ClientContext*, const Request&,
                                                                            Response*),
                               const Whom& whom, const std::string& token) {
    Request request;
    Select(whom, request.mutable_profile());
    request.set_token(token);
    return client_->Call(*profiles_, method, request);
  }
  template <typename Selector>
  static void Select(const Whom& whom, Selector* selector) {
    if (!whom.id.empty()) return selector->set_profile_id(whom.id);
    selector->mutable_identifier()->set_type("email");
    selector->mutable_identifier()->set_value(whom.mail);
  }

  // `parts`: stories that the customer is made of.
  std::vector<ReadCall> ProfileReads(int parts) {
    const auto as = [](const auto& response, const auto& sees) -> absl::StatusOr<bool> {
      if (!response.ok()) return response.status();
      return sees(*response);
    };
    using Stub = ProfileService::Stub;
    return {
        {"GetProfile",
         [=, this](const Whom& whom, const std::string& token) {
           return as(Ask(&Stub::GetProfile, whom, token), [&](const auto& r) {
             return r.profile().entry_count() >= 4 * parts && r.profile().order_count() == parts;
           });
         }},
        {"ListJourneyEntries",
         [=, this](const Whom& whom, const std::string& token) {
           return as(Ask(&Stub::ListJourneyEntries, whom, token),
                     [&](const auto& r) { return r.entries_size() >= 4 * parts; });
         }},
        {"ListOrders",
         [=, this](const Whom& whom, const std::string& token) {
           return as(Ask(&Stub::ListOrders, whom, token), [&](const auto& r) { return r.orders_size() == parts; });
         }},
        {"GetTraits",
         [=, this](const Whom& whom, const std::string& token) {
           return as(Ask(&Stub::GetTraits, whom, token), [&](const auto& r) {
             return r.stated().language() == "th" && r.computed().order_count() == parts;
           });
         }},
        {"ListConsents",
         [=, this](const Whom& whom, const std::string& token) {
           return as(Ask(&Stub::ListConsents, whom, token),
                     [&](const auto& r) { return r.consents_size() == 1 && r.consents(0).statement_count() == parts; });
         }},
        {"ListMemberships",
         [=, this](const Whom& whom, const std::string& token) {
           return as(Ask(&Stub::ListMemberships, whom, token),
                     [&](const auto& r) { return r.memberships_size() == parts; });
         }},
        {"WatchProfile",
         [=, this](const Whom& whom, const std::string& token) -> absl::StatusOr<bool> {
           grpc::ClientContext context;
           client_->Prepare(context);
           profile_pb::WatchProfileRequest request;
           Select(whom, request.mutable_profile());
           request.set_token(token);
           const auto stream = profiles_->WatchProfile(&context, request);
           profile_pb::WatchProfileResponse first;
           if (!stream->Read(&first)) return rpc::FromGrpc(stream->Finish());
           context.TryCancel();
           (void)stream->Finish();
           return first.profile().order_count() == parts;
         }},
    };
  }

  // Reads that know customers by identifiers or ids of identity. `mails`: all of the customer's.
  std::vector<ReadCall> IdentityReads(const std::vector<std::string>& mails) {
    using Stub = IdentityService::Stub;
    const auto id_of = [this](const Whom& whom, const std::string& token) -> absl::StatusOr<std::string> {
      if (!whom.id.empty()) return whom.id;
      identity_pb::ResolveIdentifierRequest request;
      request.mutable_identifier()->set_type("email");
      request.mutable_identifier()->set_value(whom.mail);
      request.set_token(token);
      const auto response = client_->Call(*identities_, &Stub::ResolveIdentifier, request);
      if (!response.ok()) return response.status();
      return response->profile_id();
    };
    return {
        {"ResolveIdentifier",
         [=](const Whom&, const std::string& token) -> absl::StatusOr<bool> {
           std::vector<std::string> ids;
           for (const std::string& mail : mails) {
             const auto id = id_of({.mail = mail, .id = ""}, token);
             if (!id.ok()) return id.status();
             ids.push_back(*id);
           }
           return std::adjacent_find(ids.begin(), ids.end(), std::not_equal_to<>()) == ids.end();
         }},
        {"GetIdentityProfile",
         [=, this](const Whom& whom, const std::string& token) -> absl::StatusOr<bool> {
           identity_pb::GetIdentityProfileRequest request;
           const auto id = id_of(whom, token);
           if (!id.ok()) return id.status();
           request.set_profile_id(*id);
           request.set_token(token);
           const auto response = client_->Call(*identities_, &Stub::GetIdentityProfile, request);
           if (!response.ok()) return response.status();
           return response->profile().identifiers_size() == static_cast<int>(mails.size());
         }},
        {"Explain",
         [=, this](const Whom& whom, const std::string& token) -> absl::StatusOr<bool> {
           identity_pb::ExplainRequest request;
           Select(whom, request.mutable_a());
           Select({.mail = mails.back(), .id = ""}, request.mutable_b());
           request.set_token(token);
           const auto response = client_->Call(*identities_, &Stub::Explain, request);
           if (!response.ok()) return response.status();
           return response->same_profile();
         }},
        {"GetIdentifierHistory",
         [=, this](const Whom&, const std::string& token) -> absl::StatusOr<bool> {
           identity_pb::GetIdentifierHistoryRequest request;
           request.mutable_identifier()->set_type("email");
           request.mutable_identifier()->set_value(mails.front());
           request.set_token(token);
           return client_->Call(*identities_, &Stub::GetIdentifierHistory, request).ok();
         }},
    };
  }

  // Goes on beside the test's own writes, as fast as the platform lets a bulk stream be.
  void Import() {
    const rpc::Client client = platform_.Client();
    const auto stub = IngestionService::NewStub(client.channel());
    grpc::ClientContext context;
    client.Prepare(context);
    context.set_deadline(absl::ToChronoTime(SystemClock().Now() + absl::Minutes(5)));
    const auto stream = stub->IngestStream(&context);
    // Writes wait for the window, and answers must be read meanwhile.
    std::thread reader([&] {
      ingestion_pb::IngestStreamResponse response;
      while (stream->Read(&response)) {
        for (const auto& result : response.acknowledged().results()) {
          if (result.status() != ingestion_pb::IngestResult::STATUS_ACCEPTED) importer_failed_ = true;
          ++imported_;
        }
      }
    });
    ingestion_pb::IngestStreamRequest open;
    open.mutable_open()->set_bulk(true);
    bool open_still = stream->Write(open);
    for (int64_t batch = 0; !done_ && open_still; ++batch) {
      ingestion_pb::IngestStreamRequest request;
      request.mutable_batch()->set_sequence(batch + 1);
      for (int64_t n = batch * 200; n < (batch + 1) * 200; ++n) {
        CustomerEvent event = NewEvent(fmt::format("import-{}", n), {fmt::format("c{}@import.example", n / 4)});
        event.mutable_page_viewed()->set_url("https://example.com/");
        *request.mutable_batch()->add_events() = std::move(event);
      }
      open_still = stream->Write(request);
    }
    stream->WritesDone();
    reader.join();
    const absl::Status status = rpc::FromGrpc(stream->Finish());
    EXPECT_TRUE(status.ok()) << status;
  }

  Platform platform_;
  std::optional<rpc::Client> client_;
  std::optional<rpc::Client> operator_;
  std::unique_ptr<ProfileService::Stub> profiles_;
  std::unique_ptr<IdentityService::Stub> identities_;
  std::unique_ptr<IngestionService::Stub> ingestion_;
  std::thread importer_;
  std::atomic<int64_t> imported_ = 0;
  std::atomic<bool> importer_failed_ = false;
  std::atomic<bool> done_ = false;
};

}  // namespace tributary::e2e
