// The rules of proto/README.md that descriptors can show, checked on the .proto files themselves, so
// that a new file is covered the day it is added.
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "google/protobuf/compiler/importer.h"
#include "google/protobuf/descriptor.h"
#include "gtest/gtest.h"
#include "re2/re2.h"
#include "tributary/options/v1/options.pb.h"

namespace tributary {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::MethodDescriptor;
using google::protobuf::compiler::DiskSourceTree;
using google::protobuf::compiler::Importer;
using google::protobuf::compiler::MultiFileErrorCollector;

class FailOnError : public MultiFileErrorCollector {
 public:
  void AddError(const std::string& file, int line, int column, const std::string& message) override {
    ADD_FAILURE() << file << ":" << line + 1 << ":" << column + 1 << ": " << message;
  }
};

void AppendWithNested(const Descriptor* message, std::vector<const Descriptor*>& messages) {
  messages.push_back(message);
  for (int i = 0; i < message->nested_type_count(); ++i) AppendWithNested(message->nested_type(i), messages);
}

std::vector<const Descriptor*> MessagesOf(const FileDescriptor* file) {
  std::vector<const Descriptor*> messages;
  for (int i = 0; i < file->message_type_count(); ++i) AppendWithNested(file->message_type(i), messages);
  return messages;
}

std::vector<const FieldDescriptor*> FieldsOf(const Descriptor* message) {
  std::vector<const FieldDescriptor*> fields;
  for (int i = 0; i < message->field_count(); ++i) fields.push_back(message->field(i));
  return fields;
}

std::string RecordType(const Descriptor* message) {
  return message->options().GetExtension(tributary::options::v1::record_type);
}

bool IsPersonal(const FieldDescriptor* field) {
  return field->options().GetExtension(tributary::options::v1::personal);
}

// Full name of a personal field in `message` or below it; empty if there is none.
std::string FirstPersonalField(const Descriptor* message, std::set<const Descriptor*>& seen) {
  if (!seen.insert(message).second) return "";
  for (const FieldDescriptor* field : FieldsOf(message)) {
    if (IsPersonal(field)) return field->full_name();
    if (field->message_type() == nullptr) continue;
    if (std::string below = FirstPersonalField(field->message_type(), seen); !below.empty()) return below;
  }
  return "";
}

class ContractRules : public testing::Test {
 protected:
  ContractRules() {
    sources_.MapPath("", PROTO_ROOT);
    // Debian keeps the well-known types here.
    sources_.MapPath("", PROTOBUF_INCLUDE_DIR);
    const std::filesystem::path root(PROTO_ROOT);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / "tributary")) {
      if (entry.path().extension() != ".proto") continue;
      const FileDescriptor* file = importer_.Import(std::filesystem::relative(entry.path(), root).string());
      if (file != nullptr) files_.push_back(file);
    }
  }

  void SetUp() override { ASSERT_FALSE(files_.empty()); }

  // Messages that are kept: in a log or in a projection.
  std::vector<const Descriptor*> StoredMessages() const {
    std::vector<const Descriptor*> stored;
    for (const FileDescriptor* file : files_) {
      if (file->package() != "tributary.events.v1" && file->package() != "tributary.storage.v1") continue;
      for (const Descriptor* message : MessagesOf(file)) stored.push_back(message);
    }
    return stored;
  }

  std::vector<const MethodDescriptor*> Methods() const {
    std::vector<const MethodDescriptor*> methods;
    for (const FileDescriptor* file : files_) {
      for (int i = 0; i < file->service_count(); ++i) {
        for (int j = 0; j < file->service(i)->method_count(); ++j) methods.push_back(file->service(i)->method(j));
      }
    }
    return methods;
  }

  DiskSourceTree sources_;
  FailOnError errors_;
  Importer importer_{&sources_, &errors_};
  std::vector<const FileDescriptor*> files_;
};

TEST_F(ContractRules, RecordTypesAreShortUniqueAndInEventsAlone) {
  std::map<std::string, std::string> seen;
  for (const FileDescriptor* file : files_) {
    for (const Descriptor* message : MessagesOf(file)) {
      const std::string type = RecordType(message);
      if (type.empty()) continue;
      EXPECT_TRUE(RE2::FullMatch(type, "[a-z][a-z0-9_]{0,31}")) << message->full_name();
      EXPECT_EQ(file->package(), "tributary.events.v1") << message->full_name();
      EXPECT_TRUE(seen.emplace(type, message->full_name()).second) << type << ": " << seen[type];
    }
  }
  EXPECT_THAT(seen, testing::Contains(testing::Key("customer_event")));
}

TEST_F(ContractRules, WhatIsStoredHoldsNoMapsForTheirBytesHaveNoOrder) {
  for (const Descriptor* message : StoredMessages()) {
    for (const FieldDescriptor* field : FieldsOf(message)) EXPECT_FALSE(field->is_map()) << field->full_name();
  }
}

TEST_F(ContractRules, WhatIsStoredHoldsNoFloatingPointButAClientsOwn) {
  std::vector<std::string> floating;
  for (const Descriptor* message : StoredMessages()) {
    for (const FieldDescriptor* field : FieldsOf(message)) {
      const auto type = field->cpp_type();
      if (type == FieldDescriptor::CPPTYPE_DOUBLE || type == FieldDescriptor::CPPTYPE_FLOAT) {
        floating.push_back(field->full_name());
      }
    }
  }
  EXPECT_THAT(floating, testing::ElementsAre("tributary.events.v1.PropertyValue.double_value"));
}

// A merge takes events along, and a fact that waits is kept whole.
TEST_F(ContractRules, OfAllRecordsOnlyTheCustomerEventAndWhatCarriesItHoldPersonalFields) {
  std::vector<std::string> personal;
  for (const Descriptor* message : StoredMessages()) {
    if (RecordType(message).empty()) continue;
    std::set<const Descriptor*> seen;
    if (!FirstPersonalField(message, seen).empty()) personal.push_back(RecordType(message));
  }
  EXPECT_THAT(personal,
              testing::UnorderedElementsAre("customer_event", "profile_rows_moved", "fact_forwarded", "fact_held"));
}

TEST_F(ContractRules, KeysAndIdsAreNeverPersonal) {
  for (const FileDescriptor* file : files_) {
    for (const Descriptor* message : MessagesOf(file)) {
      for (const FieldDescriptor* field : FieldsOf(message)) {
        if (!RE2::FullMatch(field->name(), "(.*_)?(id|key|digest)")) continue;
        if (field->name() == "tax_id") continue;  // A number that the state gives out, not an id of ours.
        EXPECT_FALSE(IsPersonal(field)) << field->full_name();
      }
    }
  }
}

TEST_F(ContractRules, ListsAreTurnedPageByPage) {
  for (const MethodDescriptor* method : Methods()) {
    if (!RE2::PartialMatch(method->name(), "^List")) continue;
    EXPECT_NE(method->input_type()->FindFieldByName("page_size"), nullptr) << method->full_name();
    EXPECT_NE(method->input_type()->FindFieldByName("page_token"), nullptr) << method->full_name();
    EXPECT_NE(method->output_type()->FindFieldByName("next_page_token"), nullptr) << method->full_name();
  }
}

TEST_F(ContractRules, WritesCanBeRepeatedSafely) {
  for (const MethodDescriptor* method : Methods()) {
    if (method->output_type()->FindFieldByName("token") == nullptr) continue;  // Not a write.
    if (method->name() == "Ingest") continue;                                  // Its events name themselves.
    if (method->server_streaming()) continue;                                  // Tells what to read with.
    EXPECT_NE(method->input_type()->FindFieldByName("request_id"), nullptr) << method->full_name();
  }
}

TEST_F(ContractRules, NoFileHasMoreThanSeventyMessages) {
  for (const FileDescriptor* file : files_) EXPECT_LE(MessagesOf(file).size(), 70u) << file->name();
}

}  // namespace
}  // namespace tributary
