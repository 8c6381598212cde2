#include "tributary/rules/personal.h"

#include <set>
#include <string_view>

#include "absl/strings/str_split.h"
#include "google/protobuf/descriptor.h"
#include "tributary/base/status.h"
#include "tributary/events/v1/customer_event.pb.h"
#include "tributary/options/v1/options.pb.h"
#include "tributary/rules/rule.h"

namespace tributary::rules {
namespace {

using events::v1::CustomerEvent;
using events::v1::Rule;
using events::v1::RuleOperand;
using google::protobuf::Descriptor;

bool IsPersonal(const Descriptor& message, const std::string& name) {
  const auto* field = message.FindFieldByName(name);
  return field != nullptr && field->options().GetExtension(options::v1::personal);
}

// A field of the envelope, or of the messages of the bodies that have it.
bool IsPersonalOfEvents(const std::string& name, const std::string& body_type) {
  const Descriptor& envelope = *CustomerEvent::descriptor();
  if (IsPersonal(envelope, name)) return true;
  for (const EventFieldDescription& row : EventFields()) {
    if (row.name != name) continue;
    for (const std::string& body : std::vector<std::string>(absl::StrSplit(ToAbsl(row.bodies), ", "))) {
      const auto* field = envelope.FindFieldByName(body);
      if (field == nullptr || (!body_type.empty() && body != body_type)) continue;
      if (IsPersonal(*field->message_type(), name)) return true;
    }
  }
  return false;
}

class Search {
 public:
  void OfOperand(const RuleOperand& operand, const std::string* body_type) {
    switch (operand.kind_case()) {
      case RuleOperand::kField:
        return OfPath(operand.field(), body_type);
      case RuleOperand::kCount:
        return OfRule(operand.count().events().condition(), &operand.count().events().body_type());
      case RuleOperand::kSum:
        OfPath(operand.sum().field(), &operand.sum().events().body_type());
        return OfRule(operand.sum().events().condition(), &operand.sum().events().body_type());
      case RuleOperand::KIND_NOT_SET:
        return;
    }
  }
  // `body_type`: of the events that it is a condition of; null: of a customer.
  void OfRule(const Rule& rule, const std::string* body_type) {
    switch (rule.kind_case()) {
      case Rule::kAllOf:
        for (const Rule& one : rule.all_of().rules()) OfRule(one, body_type);
        return;
      case Rule::kAnyOf:
        for (const Rule& one : rule.any_of().rules()) OfRule(one, body_type);
        return;
      case Rule::kNegated:
        return OfRule(rule.negated(), body_type);
      case Rule::kComparison:
        return OfOperand(rule.comparison().left(), body_type);
      case Rule::kInactiveFor:
      case Rule::KIND_NOT_SET:
        return;
    }
  }
  std::vector<std::string> Found() const { return {found_.begin(), found_.end()}; }

 private:
  void OfPath(const std::string& path, const std::string* body_type) {
    const std::string name = path.substr(0, path.find('.'));
    const bool personal = body_type == nullptr ? IsPersonal(*events::v1::TraitsStated::descriptor(), name)
                                               : IsPersonalOfEvents(name, *body_type);
    if (personal) found_.insert(name);
  }

  std::set<std::string> found_;
};

}  // namespace

std::vector<std::string> PersonalFields(const Rule& rule) {
  Search search;
  search.OfRule(rule, nullptr);
  return search.Found();
}

std::vector<std::string> PersonalFields(const RuleOperand& operand) {
  Search search;
  search.OfOperand(operand, nullptr);
  return search.Found();
}

}  // namespace tributary::rules
