// Personal data stays where it belongs: values that nobody else would ever write are sent in, valid and not, and looked
// for in all that the platform says besides its answers to those who may see them.
#include <functional>
#include <string>
#include <vector>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "platform.h"
#include "tributary/ingestion/v1/ingestion.grpc.pb.h"

namespace tributary::e2e {
namespace {

using events::v1::CustomerEvent;
using ::testing::HasSubstr;
using ::testing::Not;
namespace ingestion_pb = ingestion::v1;
namespace profile_pb = profile::v1;

// Letters only, so that no normal form changes them; and digits that a phone number keeps.
constexpr char kCanary[] = "kanarienvogel";
constexpr char kCanaryPhone[] = "0812983476";
constexpr char kCanaryDigits[] = "812983476";

CustomerEvent NewEvent(const std::string& id) {
  CustomerEvent event;
  event.set_event_id(id);
  event.set_source_id("web");
  event.mutable_occurred_at()->set_seconds(1'735'689'600);
  event.set_channel(events::v1::CHANNEL_WEB);
  return event;
}

void AddIdentifier(CustomerEvent* event, const std::string& type, const std::string& value) {
  events::v1::Identifier* identifier = event->add_identifiers();
  identifier->set_type(type);
  identifier->set_value(value);
}

std::vector<CustomerEvent> Events() {
  const std::string address = fmt::format("{}@example.com", kCanary);
  std::vector<CustomerEvent> events;
  CustomerEvent& viewed = events.emplace_back(NewEvent("viewed"));
  AddIdentifier(&viewed, "email", address);
  AddIdentifier(&viewed, "phone", kCanaryPhone);
  viewed.mutable_context()->set_user_agent(kCanary);
  viewed.mutable_attribution()->set_landing_page(fmt::format("https://example.com/?q={}", kCanary));
  viewed.mutable_page_viewed()->set_url(fmt::format("https://example.com/{}", kCanary));
  viewed.mutable_page_viewed()->set_title(kCanary);
  events::v1::Property* property = viewed.add_properties();
  property->set_key("wish");
  property->mutable_value()->set_string_value(kCanary);

  CustomerEvent& stated = events.emplace_back(NewEvent("stated"));
  AddIdentifier(&stated, "email", address);
  events::v1::PersonName* name = stated.mutable_traits_stated()->add_names();
  name->set_language("en");
  name->set_full(kCanary);

  CustomerEvent& wrote = events.emplace_back(NewEvent("wrote"));
  AddIdentifier(&wrote, "phone", kCanaryPhone);
  wrote.mutable_feedback_given()->set_feedback_id("f1");
  wrote.mutable_feedback_given()->set_kind(events::v1::FeedbackGiven::KIND_COMPLAINT);
  wrote.mutable_feedback_given()->set_text(kCanary);
  return events;
}

// Each is refused, and the canary is in what is wrong with it.
std::vector<CustomerEvent> BadEvents() {
  std::vector<CustomerEvent> events;
  CustomerEvent& phone = events.emplace_back(NewEvent("bad-type"));
  AddIdentifier(&phone, fmt::format("No Type {}", kCanary), "1");
  CustomerEvent& url = events.emplace_back(NewEvent("bad-birth"));
  url.mutable_traits_stated()->set_birth_date(kCanary);
  CustomerEvent& property = events.emplace_back(NewEvent("bad-property"));
  events::v1::Property* decimal = property.add_properties();
  decimal->set_key("price");
  decimal->mutable_value()->set_decimal_value(kCanary);
  return events;
}

class CanaryTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(platform_.Start());
    ASSERT_EQ(platform_.Cli({"source", "create", "web", "--display-name", "Web"}).exit_code, 0);
  }

  ingestion_pb::IngestResponse Send(const std::vector<CustomerEvent>& events) {
    const rpc::Client client = platform_.Client();
    const auto stub = ingestion_pb::IngestionService::NewStub(client.channel());
    ingestion_pb::IngestRequest request;
    for (const CustomerEvent& event : events) *request.add_events() = event;
    auto response = client.Call(*stub, &ingestion_pb::IngestionService::Stub::Ingest, request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? *std::move(response) : ingestion_pb::IngestResponse();
  }

  std::string SecretOf(const std::string& role) {
    const Finished created = platform_.Cli({"credential", "create", "--role", role, "--json"});
    EXPECT_EQ(created.exit_code, 0) << created.out;
    const nlohmann::json answer = nlohmann::json::parse(created.out, nullptr, false);
    return answer.is_object() ? answer.value("secret", "") : "";
  }

  // All that a role gets to read of the canary's customer.
  std::string ReadAs(const rpc::Client& client, const std::string& token) {
    const auto stub = profile_pb::ProfileService::NewStub(client.channel());
    profile_pb::ProfileSelector who;
    who.mutable_identifier()->set_type("email");
    who.mutable_identifier()->set_value(fmt::format("{}@example.com", kCanary));
    std::string all;
    const auto take = [&](const auto& response) {
      EXPECT_TRUE(response.ok()) << response.status();
      if (response.ok()) all += response->DebugString();
    };
    profile_pb::GetProfileRequest profile;
    *profile.mutable_profile() = who;
    profile.set_token(token);
    take(client.Call(*stub, &profile_pb::ProfileService::Stub::GetProfile, profile));
    profile_pb::ListJourneyEntriesRequest journey;
    *journey.mutable_profile() = who;
    take(client.Call(*stub, &profile_pb::ProfileService::Stub::ListJourneyEntries, journey));
    profile_pb::GetTraitsRequest traits;
    *traits.mutable_profile() = who;
    take(client.Call(*stub, &profile_pb::ProfileService::Stub::GetTraits, traits));
    return all;
  }

  void ExpectNoCanary(const std::string& text, const std::string& where) {
    EXPECT_THAT(text, Not(HasSubstr(kCanary))) << where;
    EXPECT_THAT(text, Not(HasSubstr(kCanaryDigits))) << where;
  }

  Platform platform_;
};

TEST_F(CanaryTest, NoPersonalValueIsInKeysHeadersLogsErrorsMetricsOrAnswersToThoseWhoMayNotSeeIt) {
  const ingestion_pb::IngestResponse accepted = Send(Events());
  for (const ingestion_pb::IngestResult& result : accepted.results()) {
    EXPECT_EQ(result.status(), ingestion_pb::IngestResult::STATUS_ACCEPTED) << result.DebugString();
  }
  const ingestion_pb::IngestResponse refused = Send(BadEvents());
  for (const ingestion_pb::IngestResult& result : refused.results()) {
    EXPECT_EQ(result.status(), ingestion_pb::IngestResult::STATUS_REJECTED) << result.DebugString();
  }
  ExpectNoCanary(refused.DebugString(), "errors of events");

  const std::string seen = ReadAs(platform_.Client(), accepted.token());
  EXPECT_THAT(seen, HasSubstr(kCanary)) << "who may see it does, else this test sees nothing";
  for (const char* role : {"read", "marketer"}) {
    const rpc::Client client = platform_.ClientOf(SecretOf(role));
    ExpectNoCanary(ReadAs(client, accepted.token()), fmt::format("answers to the role {}", role));
  }

  int records = 0;
  const auto look = [&](const operations::v1::LogRecord& record, const std::string& place) {
    ++records;
    ExpectNoCanary(record.key(), "a key of " + place);
    ExpectNoCanary(record.type(), "a type of " + place);
    for (const auto& header : record.headers()) ExpectNoCanary(header.name() + header.value(), "a header of " + place);
  };
  platform_.ForEachRecord(look);
  EXPECT_GE(records, 6) << "three events in intake and in journey";

  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
           {"tasks"}, {"dead-letters", "list"}, {"refusals"}, {"verify"}, {"totals"}}) {
    ExpectNoCanary(platform_.Cli(command).out, command[0]);
  }
  ExpectNoCanary(platform_.Metrics(), "metrics");
  EXPECT_THAT(platform_.Metrics(), HasSubstr("tributary_")) << "else they were not read";
  ASSERT_EQ(platform_.Stop(), 0);
  ExpectNoCanary(platform_.ServerOutput(), "the server's log");
}

}  // namespace
}  // namespace tributary::e2e
