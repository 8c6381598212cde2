#include "tributary/rpc/masking.h"

#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/message_differencer.h"
#include "tributary/events/v1/customer_event.pb.h"

namespace tributary::rpc {
namespace {

using events::v1::CustomerEvent;

CustomerEvent Parse(const char* text) {
  CustomerEvent event;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &event));
  return event;
}

TEST(Masking, HidesWhatTheContractMarksAndNothingElse) {
  CustomerEvent event = Parse(R"(
    event_id: "e1" source_id: "till"
    identifiers { type: "email" issuer: "shop" value: "som@example.com" }
    context { ip: "203.0.113.7" locale: "th-TH" }
    properties { key: "mood" value { string_value: "angry" } }
    properties { key: "guests" value { int64_value: 3 } }
    message_exchanged { text: "My name is Som" language: "en" }
  )");
  MaskPersonal(event);
  const CustomerEvent masked = Parse(R"(
    event_id: "e1" source_id: "till"
    identifiers { type: "email" issuer: "shop" value: "***" }
    context { ip: "***" locale: "th-TH" }
    properties { key: "mood" value { string_value: "***" } }
    properties { key: "guests" value { int64_value: 3 } }
    message_exchanged { text: "***" language: "en" }
  )");
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(event, masked)) << event.DebugString();
  MaskPersonal(event);
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(event, masked)) << "again changes nothing";
}

TEST(Masking, LeavesUnsetWhatWasUnset) {
  CustomerEvent event = Parse(R"(event_id: "e1" message_exchanged { language: "en" })");
  const CustomerEvent before = event;
  MaskPersonal(event);
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(event, before));
}

TEST(Masking, WhoTalksToCustomersSeesThem) {
  for (const Role role : {Role::kAgent, Role::kManager, Role::kAdmin, Role::kOperator}) {
    EXPECT_TRUE(SeesPersonal(role)) << RoleName(role);
  }
  for (const Role role : {Role::kIngest, Role::kRead, Role::kMarketer}) {
    EXPECT_FALSE(SeesPersonal(role)) << RoleName(role);
  }
}

}  // namespace
}  // namespace tributary::rpc
