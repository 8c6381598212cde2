#include "text/record_text.h"

#include <map>
#include <memory>

#include "absl/strings/escaping.h"
#include "fmt/format.h"
#include "google/protobuf/descriptor.h"
#include "nlohmann/json.hpp"
#include "text/format.h"
#include "tributary/base/status.h"
#include "tributary/events/v1/customer_event.pb.h"
#include "tributary/events/v1/decision_batch.pb.h"
#include "tributary/events/v1/identity.pb.h"
#include "tributary/events/v1/registry.pb.h"
#include "tributary/options/v1/options.pb.h"

namespace tributary::cli {
namespace {

using google::protobuf::Descriptor;

// Every message of these files that is a record, by its type.
std::map<std::string, const Descriptor*> RecordTypes() {
  std::map<std::string, const Descriptor*> types;
  for (const Descriptor* one : {events::v1::CustomerEvent::descriptor(), events::v1::DecisionBatch::descriptor(),
                                events::v1::WorkspaceCreated::descriptor(), events::v1::LinkRefused::descriptor()}) {
    const auto* file = one->file();
    for (int i = 0; i < file->message_type_count(); ++i) {
      const auto* message = file->message_type(i);
      const std::string& type = message->options().GetExtension(options::v1::record_type);
      if (!type.empty()) types.emplace(type, message);
    }
  }
  return types;
}

nlohmann::ordered_json ValueJson(const std::string& type, const std::string& value) {
  static const auto* const kTypes = new std::map<std::string, const Descriptor*>(RecordTypes());
  const auto found = kTypes->find(type);
  if (found != kTypes->end()) {
    const std::unique_ptr<google::protobuf::Message> message(
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(found->second)->New());
    if (message->ParseFromString(value)) return nlohmann::ordered_json::parse(ToJson(*message));
  }
  return absl::Base64Escape(value);
}

}  // namespace

std::string ValueText(const std::string& type, const std::string& value) {
  auto json = ValueJson(type, value);
  if (type == "decision_batch" && json.is_object() && json.contains("decisions")) {
    for (auto& decision : json["decisions"]) {
      std::string bytes;
      const std::string decision_type = decision.value("type", "");
      if (!absl::Base64Unescape(decision.value("value", ""), &bytes)) continue;
      decision["value"] = ValueJson(decision_type, bytes);
    }
  }
  return json.dump();
}

std::string RecordSummary(const operations::v1::LogRecord& record) {
  std::string text = fmt::format("{} bytes", record.value().size());
  events::v1::DecisionBatch batch;
  if (record.type() != "decision_batch" || !batch.ParseFromString(record.value())) return text;
  text += fmt::format("  {} previous {} through {}", batch.processor(), batch.previous(), batch.through());
  std::map<std::string, int> counts;
  for (const auto& decision : batch.decisions()) ++counts[decision.type()];
  for (const auto& [type, count] : counts) text += fmt::format("  {}×{}", count, type);
  if (batch.outputs_size() > 0) text += fmt::format("  {} outputs", batch.outputs_size());
  return text;
}

}  // namespace tributary::cli
