#include "tributary/rpc/masking.h"

#include <map>
#include <set>
#include <string>
#include <vector>

#include "google/protobuf/descriptor.h"
#include "tributary/base/mutex.h"
#include "tributary/options/v1/options.pb.h"

namespace tributary::rpc {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

bool IsPersonal(const FieldDescriptor* field) { return field->options().GetExtension(options::v1::personal); }

bool IsMessage(const FieldDescriptor* field) { return field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE; }

// Whether the message marks anything itself, here or further below.
bool MarksFields(const Descriptor* message, std::set<const Descriptor*>& seen) {
  if (!seen.insert(message).second) return false;
  for (int i = 0; i < message->field_count(); ++i) {
    const FieldDescriptor* field = message->field(i);
    if (IsMessage(field) ? MarksFields(field->message_type(), seen) : IsPersonal(field)) return true;
  }
  return false;
}

bool MarksFields(const Descriptor* message) {
  std::set<const Descriptor*> seen;
  return MarksFields(message, seen);
}

// Whether there is anything to mask in such a message.
bool HoldsPersonal(const Descriptor* message, std::set<const Descriptor*>& seen) {
  if (!seen.insert(message).second) return false;
  for (int i = 0; i < message->field_count(); ++i) {
    const FieldDescriptor* field = message->field(i);
    if (IsPersonal(field) || (IsMessage(field) && HoldsPersonal(field->message_type(), seen))) return true;
  }
  return false;
}

// The same, found out once for each type: most answers, those to writers above all, hold nothing personal.
bool HoldsPersonal(const Descriptor* message) {
  static Mutex mutex;
  static auto* const known = new std::map<const Descriptor*, bool>();  // never destroyed: calls may outlive main()
  const MutexLock lock(mutex);
  const auto [at, is_new] = known->try_emplace(message, false);
  if (is_new) {
    std::set<const Descriptor*> seen;
    at->second = HoldsPersonal(message, seen);
  }
  return at->second;
}

void MaskText(Message& message, const FieldDescriptor* field) {
  const Reflection& reflection = *message.GetReflection();
  if (!field->is_repeated()) {
    if (!reflection.GetString(message, field).empty()) reflection.SetString(&message, field, kMasked);
    return;
  }
  for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
    reflection.SetRepeatedString(&message, field, i, kMasked);
  }
}

}  // namespace

bool SeesPersonal(Role role) {
  return role == Role::kAgent || role == Role::kManager || role == Role::kAdmin || role == Role::kOperator;
}

void MaskPersonal(Message& message) {
  if (!HoldsPersonal(message.GetDescriptor())) return;
  const Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (IsMessage(field)) {
      if (IsPersonal(field) && !MarksFields(field->message_type())) {
        reflection.ClearField(&message, field);
      } else if (field->is_repeated()) {
        for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
          MaskPersonal(*reflection.MutableRepeatedMessage(&message, field, i));
        }
      } else {
        MaskPersonal(*reflection.MutableMessage(&message, field));
      }
    } else if (IsPersonal(field)) {
      if (field->type() == FieldDescriptor::TYPE_STRING) {
        MaskText(message, field);
      } else {
        reflection.ClearField(&message, field);
      }
    }
  }
}

}  // namespace tributary::rpc
