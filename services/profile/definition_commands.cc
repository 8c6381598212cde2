#include "profile/definition_commands.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>

#include "fmt/format.h"
#include "profile/definitions.h"
#include "profile/entry.h"
#include "profile/processor.h"
#include "profile/tables.h"
#include "tributary/processor/record_type.h"
#include "tributary/profile/v1/segment.pb.h"

namespace tributary::profile {
namespace {

using events::v1::SegmentDefined;
using events::v1::ValueTiersDefined;
using processor::Command;
using processor::Decided;
using processor::Decision;
using processor::Reply;
using projection::Row;
using projection::View;

Decided Rejected(absl::StatusCode code, std::string reason, std::string field, std::string message) {
  Decided decided;
  decided.reply = Reply::Reject(code, std::move(reason), std::move(field), std::move(message));
  return decided;
}

Decided Malformed() { return Rejected(absl::StatusCode::kInternal, "MALFORMED", "body", "the command does not parse"); }

Decided RevisionMismatch(std::string field) {
  return Rejected(absl::StatusCode::kAborted, "REVISION_MISMATCH", std::move(field),
                  "the definition has changed meanwhile; read it and try again");
}

Decided NoSuchSegment(std::string field) {
  return Rejected(absl::StatusCode::kNotFound, "SEGMENT_NOT_FOUND", std::move(field),
                  "there is no such segment in the workspace; see the list");
}

// The definition as decided, and as a record for partition 0.
template <typename M>
Decided Accepted(M defined) {
  Decided decided;
  storage::v1::DefinitionReply reply;
  reply.set_revision(defined.revision());
  decided.reply = Reply::Ok(reply);
  processor::Output output;
  output.to = {std::string(ProfileProcessor::kLog), processor::Partition(0)};
  output.type = std::string(processor::RecordType<M>());
  output.key = defined.workspace_id();
  output.value = defined.SerializeAsString();
  decided.outputs.push_back(std::move(output));
  decided.decisions.push_back(Decision::Of(std::move(defined)));
  return decided;
}

int32_t CountSegments(const View& view, const std::string& workspace) {
  int32_t count = 0;
  view.Scan(kDecidedSegments, std::tuple(workspace), [&](const SegmentKey&, const Row<storage::v1::SegmentRow>& row) {
    if (!row->defined().deleted()) ++count;
    return true;
  });
  return count;
}

// Takes what the mask names from the request. True if the rule is another.
bool Change(const v1::UpdateSegmentRequest& request, SegmentDefined* defined) {
  bool another = false;
  for (const std::string& path : request.update_mask().paths()) {
    if (path == "display_name") defined->set_display_name(request.segment().display_name());
    if (path == "description") defined->set_description(request.segment().description());
    if (path != "rule") continue;
    another = defined->rule().SerializeAsString() != request.segment().rule().SerializeAsString();
    *defined->mutable_rule() = request.segment().rule();
  }
  return another;
}

Decided UpdateSegment(const Command& command, const View& view, absl::Time now) {
  v1::UpdateSegmentRequest request;
  if (!request.ParseFromString(command.body)) return Malformed();
  const v1::Segment& wanted = request.segment();
  const std::string& workspace = request.workspace_id();
  const auto row = view.Get(kDecidedSegments, {workspace, wanted.segment_id()});
  const bool exists = row != nullptr && !row->defined().deleted();
  if (!exists && !request.allow_missing()) return NoSuchSegment("segment.segment_id");
  if (wanted.revision() != 0 && (!exists || wanted.revision() != row->defined().revision())) {
    return RevisionMismatch("segment.revision");
  }
  SegmentDefined defined;
  if (exists) {
    defined = row->defined();
  } else {
    if (!wanted.has_rule()) {
      return Rejected(absl::StatusCode::kInvalidArgument, "REQUIRED", "segment.rule",
                      "is not set, and a new segment needs one; send rule_text or rule");
    }
    if (CountSegments(view, workspace) >= kMaxSegments) {
      return Rejected(absl::StatusCode::kResourceExhausted, "TOO_MANY_SEGMENTS", "segment.segment_id",
                      fmt::format("the workspace has {} segments; delete one that is not used", kMaxSegments));
    }
    defined.set_workspace_id(workspace);
    defined.set_segment_id(wanted.segment_id());
    *defined.mutable_created_at() = TimestampOf(absl::ToUnixMicros(now));
    if (row != nullptr) defined.set_rule_revision(row->defined().rule_revision());
  }
  if (Change(request, &defined) || !exists) defined.set_rule_revision(defined.rule_revision() + 1);
  defined.set_revision((row == nullptr ? 0 : row->defined().revision()) + 1);
  *defined.mutable_updated_at() = TimestampOf(absl::ToUnixMicros(now));
  return Accepted(std::move(defined));
}

Decided DeleteSegment(const Command& command, const View& view, absl::Time now) {
  v1::DeleteSegmentRequest request;
  if (!request.ParseFromString(command.body)) return Malformed();
  const auto row = view.Get(kDecidedSegments, {request.workspace_id(), request.segment_id()});
  if (row == nullptr || row->defined().deleted()) return NoSuchSegment("segment_id");
  if (request.revision() != 0 && request.revision() != row->defined().revision()) return RevisionMismatch("revision");
  SegmentDefined defined;
  defined.set_workspace_id(request.workspace_id());
  defined.set_segment_id(request.segment_id());
  defined.set_revision(row->defined().revision() + 1);
  defined.set_rule_revision(row->defined().rule_revision() + 1);
  defined.set_deleted(true);
  *defined.mutable_updated_at() = TimestampOf(absl::ToUnixMicros(now));
  return Accepted(std::move(defined));
}

Decided UpdateValueTiers(const Command& command, const View& view, absl::Time now) {
  v1::UpdateValueTiersRequest request;
  if (!request.ParseFromString(command.body)) return Malformed();
  const v1::ValueTiers& wanted = request.value_tiers();
  const auto row = view.Get(kDecidedValueTiers, {request.workspace_id()});
  const int64_t revision = row == nullptr ? 0 : row->defined().revision();
  if (wanted.revision() != 0 && wanted.revision() != revision) return RevisionMismatch("value_tiers.revision");
  ValueTiersDefined defined;
  defined.set_workspace_id(request.workspace_id());
  defined.set_revision(revision + 1);
  if (wanted.has_measure()) *defined.mutable_measure() = wanted.measure();
  for (const v1::ValueTier& tier : wanted.tiers()) {
    events::v1::ValueTierDefinition& of = *defined.add_tiers();
    of.set_tier_id(tier.tier_id());
    of.set_display_name(tier.display_name());
    *of.mutable_at_least() = tier.at_least();
  }
  *defined.mutable_updated_at() = TimestampOf(absl::ToUnixMicros(now));
  return Accepted(std::move(defined));
}

}  // namespace

Decided DecideDefinition(const Command& command, const View& view, absl::Time now) {
  if (command.type == kUpdateSegment) return UpdateSegment(command, view, now);
  if (command.type == kDeleteSegment) return DeleteSegment(command, view, now);
  if (command.type == kUpdateValueTiers) return UpdateValueTiers(command, view, now);
  return Rejected(absl::StatusCode::kUnimplemented, "UNKNOWN_COMMAND", "type",
                  fmt::format("profile knows no command '{}'", command.type));
}

std::vector<processor::Output> SpreadDefinition(const processor::Fact& fact, int32_t journey_partitions) {
  std::vector<processor::Output> outputs;
  for (int32_t i = 1; i < journey_partitions; ++i) {
    processor::Output output;
    output.to = {std::string(ProfileProcessor::kLog), processor::Partition(i)};
    output.type = std::string(fact.type);
    output.key = std::string(fact.key);
    output.value = processor::FactPatch{};
    output.forwards = true;
    outputs.push_back(std::move(output));
  }
  return outputs;
}

}  // namespace tributary::profile
