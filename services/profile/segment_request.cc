#include "profile/segment_request.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "fmt/format.h"
#include "profile/definitions.h"
#include "tributary/base/money.h"
#include "tributary/base/status.h"
#include "tributary/projection/key.h"
#include "tributary/rpc/masking.h"
#include "tributary/rules/personal.h"
#include "tributary/rules/rule.h"

namespace tributary::profile {
namespace {

using events::v1::Rule;
using events::v1::RuleLiteral;
using events::v1::RuleOperand;

constexpr size_t kMaxIdBytes = 63;
constexpr size_t kMaxNameBytes = 256;
constexpr size_t kMaxDescriptionBytes = 2'048;
// As message; a text that may be sent needs less.
constexpr size_t kMaxRuleBytes = 64 << 10;
// What a token is for; request.h has others.
constexpr int32_t kOfIds = 21;
constexpr int32_t kOfMembers = 22;

// An error of the rules library, told of where the rule stands in the request.
absl::Status Below(const absl::Status& error, std::string_view from, const std::string& field) {
  std::optional<ErrorDetail> detail = DetailOf(error);
  if (!detail.has_value()) return error;
  if (detail->field.starts_with(from)) detail->field = field + detail->field.substr(from.size());
  if (detail->mend.empty()) detail->mend = "Write what was expected there; docs/rules.md shows the language";
  return WithDetail(absl::Status(error.code(), error.message()), *detail);
}

absl::Status TwoRules(const std::string& field) {
  return InvalidField("CONTRADICTION", field + "_text", fmt::format("says something else than {}", field),
                      "Send one of the two");
}

absl::Status CheckText(const std::string& text, size_t max_bytes, std::string_view field) {
  if (text.size() <= max_bytes) return absl::OkStatus();
  return InvalidField("TOO_LONG", field, fmt::format("has {} bytes", text.size()),
                      fmt::format("Send at most {}", max_bytes));
}

absl::Status CheckRevision(int64_t revision, std::string_view field) {
  if (revision >= 0) return absl::OkStatus();
  return InvalidField("OUT_OF_RANGE", field, "is negative", "Send the revision that was read, or none");
}

// Puts into the mask, in full and in order, what is to be changed.
absl::Status FillMask(const v1::UpdateSegmentRequest& request, v1::UpdateSegmentRequest* body) {
  const v1::Segment& segment = request.segment();
  std::set<std::string> paths;
  for (const std::string& path : request.update_mask().paths()) {
    if (path != "display_name" && path != "description" && path != "rule" && path != "rule_text") {
      return InvalidField("MALFORMED", "update_mask", "names a field that cannot be changed",
                          "Name display_name, description or rule");
    }
    paths.insert(path == "rule_text" ? "rule" : path);
  }
  if (paths.contains("rule") && !body->segment().has_rule()) {
    return InvalidField("REQUIRED", "segment.rule", "is named by update_mask and not set", "Send rule_text or rule");
  }
  if (paths.empty()) {
    if (!segment.display_name().empty()) paths.insert("display_name");
    if (!segment.description().empty()) paths.insert("description");
    if (body->segment().has_rule()) paths.insert("rule");
  }
  body->clear_update_mask();
  for (const std::string& path : paths) body->mutable_update_mask()->add_paths(path);
  return absl::OkStatus();
}

constexpr std::string_view kLeft = "rule.comparison.left";

// An error of `measure` itself, whatever it is compared with.
absl::Status CheckMeasure(const RuleOperand& measure) {
  events::v1::ValueTierDefinition any;
  any.mutable_at_least()->mutable_number();
  const auto rule = rules::CompiledRule::Compile(RuleOf(measure, any));
  const std::optional<ErrorDetail> detail = DetailOf(rule.status());
  if (!detail.has_value() || !detail->field.starts_with(kLeft)) return absl::OkStatus();
  return Below(rule.status(), kLeft, "value_tiers.measure");
}

absl::StatusOr<RuleOperand> MeasureOf(const v1::ValueTiers& tiers) {
  if (tiers.measure_text().empty()) {
    TRIBUTARY_RETURN_IF_ERROR(CheckMeasure(tiers.measure()));
    return tiers.measure();
  }
  absl::StatusOr<RuleOperand> measure = rules::ParseOperand(tiers.measure_text());
  if (!measure.ok()) {
    const std::optional<ErrorDetail> detail = DetailOf(measure.status());
    return Below(measure.status(), detail.has_value() ? detail->field : "", "value_tiers.measure_text");
  }
  if (tiers.has_measure() && tiers.measure().SerializeAsString() != measure->SerializeAsString()) {
    return TwoRules("value_tiers.measure");
  }
  return measure;
}

// The bound that `tier` states as text, if it does: what stands behind the operator in a rule.
absl::StatusOr<RuleLiteral> BoundOf(const RuleOperand& measure, const v1::ValueTier& tier, const std::string& field) {
  if (tier.at_least_text().empty()) return tier.at_least();
  const std::string before = rules::FormatOperand(measure) + " >= ";
  absl::StatusOr<Rule> rule = rules::ParseRule(before + tier.at_least_text());
  if (!rule.ok() || rule->comparison().right_size() != 1) {
    return InvalidField("INVALID_RULE", field + "_text", "is no value that can be compared with the measure",
                        "Send e.g. 5000, 5000 THB or 30d, of the measure's type");
  }
  const RuleLiteral& bound = rule->comparison().right(0);
  if (tier.has_at_least() && tier.at_least().SerializeAsString() != bound.SerializeAsString()) return TwoRules(field);
  return bound;
}

std::optional<Amount> SizeOf(const RuleLiteral& literal) {
  switch (literal.kind_case()) {
    case RuleLiteral::kNumber:
      return Amount::Of(literal.number().units(), literal.number().nanos()).value_or(Amount());
    case RuleLiteral::kMoney:
      return Amount::Of(literal.money().units(), literal.money().nanos()).value_or(Amount());
    case RuleLiteral::kDuration:
      return Amount::Of(literal.duration().seconds(), literal.duration().nanos()).value_or(Amount());
    default:
      return std::nullopt;
  }
}

// Fills in one tier; `below`: the bound of the one before, made this one's.
absl::Status ReadTier(const RuleOperand& measure, const std::string& at, v1::ValueTier* tier,
                      std::optional<Amount>* below) {
  TRIBUTARY_RETURN_IF_ERROR(CheckSegmentId(tier->tier_id(), at + ".tier_id"));
  TRIBUTARY_RETURN_IF_ERROR(CheckText(tier->display_name(), kMaxNameBytes, at + ".display_name"));
  const std::string field = at + ".at_least";
  TRIBUTARY_ASSIGN_OR_RETURN(*tier->mutable_at_least(), BoundOf(measure, *tier, field));
  tier->clear_at_least_text();
  tier->clear_size();
  const std::optional<Amount> bound = SizeOf(tier->at_least());
  if (!bound.has_value()) {
    return InvalidField("REQUIRED", field, "is no number, money nor duration", "Send at_least or at_least_text");
  }
  events::v1::ValueTierDefinition definition;
  *definition.mutable_at_least() = tier->at_least();
  if (const auto rule = rules::CompiledRule::Compile(RuleOf(measure, definition)); !rule.ok()) {
    return Below(rule.status(), "rule.comparison.right[0]", field);
  }
  if (below->has_value() && *bound <= **below) {
    return InvalidField("NOT_ASCENDING", field, "is not above the bound of the tier before it",
                        "Send the lowest tier first, with bounds that differ");
  }
  *below = bound;
  return absl::OkStatus();
}

absl::Status CheckSeen(const rpc::CallInfo& call, const std::vector<std::string>& personal, std::string_view field) {
  if (personal.empty() || rpc::SeesPersonal(call.principal.role)) return absl::OkStatus();
  return FieldError(
      absl::StatusCode::kPermissionDenied, "PERSONAL_FIELD", field,
      fmt::format("looks at personal data, which the credential's role is not shown: {}", fmt::join(personal, ", ")),
      "Leave it out, or let a manager or admin define it");
}

absl::Status BadPageToken() {
  return InvalidField("INVALID_PAGE_TOKEN", "page_token", "is not one of this list",
                      "Pass next_page_token as it was returned and leave the rest of the request as it was, or start "
                      "again without one");
}

template <typename Key>
std::string Encode(const Key& key) {
  return absl::WebSafeBase64Escape(ToAbsl(projection::EncodeKey(key)));
}

template <typename Key>
bool Decode(std::string_view token, Key* key) {
  std::string bytes;
  return absl::WebSafeBase64Unescape(ToAbsl(token), &bytes) && projection::DecodeKey(bytes, key);
}

}  // namespace

absl::StatusOr<Rule> RuleOf(const std::string& text, const Rule* message, const std::string& field) {
  Rule rule;
  if (!text.empty()) {
    absl::StatusOr<Rule> parsed = rules::ParseRule(text);
    if (!parsed.ok()) return Below(parsed.status(), "rule", field + "_text");
    if (message != nullptr && message->SerializeAsString() != parsed->SerializeAsString()) return TwoRules(field);
    rule = *std::move(parsed);
  } else if (message != nullptr) {
    rule = *message;
    if (rule.ByteSizeLong() > kMaxRuleBytes) {
      return InvalidField("TOO_LONG", field, fmt::format("has {} bytes", rule.ByteSizeLong()),
                          fmt::format("Send at most {}", kMaxRuleBytes));
    }
    if (const auto compiled = rules::CompiledRule::Compile(rule); !compiled.ok()) {
      return Below(compiled.status(), "rule", field);
    }
  } else {
    return InvalidField("REQUIRED", field, "is not set", "Send rule_text or rule");
  }
  return rule;
}

absl::Status CheckMayAsk(const rpc::CallInfo& call, const Rule& rule, std::string_view field) {
  return CheckSeen(call, rules::PersonalFields(rule), field);
}

absl::Status CheckMayAsk(const rpc::CallInfo& call, const v1::UpdateSegmentRequest& command) {
  // A rule that stays as it is may be anybody's.
  const auto& mask = command.update_mask().paths();
  if (std::find(mask.begin(), mask.end(), "rule") == mask.end()) return absl::OkStatus();
  return CheckMayAsk(call, command.segment().rule(), "segment.rule");
}

absl::Status CheckMayAsk(const rpc::CallInfo& call, const v1::UpdateValueTiersRequest& command) {
  return CheckSeen(call, rules::PersonalFields(command.value_tiers().measure()), "value_tiers.measure");
}

absl::Status CheckSegmentId(const std::string& id, std::string_view field) {
  if (id.empty()) return InvalidField("REQUIRED", field, "is empty", "Send an id");
  const auto inner = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; };
  if (id.size() <= kMaxIdBytes && id[0] != '-' && id[0] != '_' && std::all_of(id.begin(), id.end(), inner)) {
    return absl::OkStatus();
  }
  return InvalidField("MALFORMED", field, "is no id",
                      "Send a letter a-z or digit and up to 62 of a-z, 0-9, '_' and '-'");
}

absl::StatusOr<v1::UpdateSegmentRequest> CommandOf(const v1::UpdateSegmentRequest& request,
                                                   const std::string& workspace) {
  const v1::Segment& segment = request.segment();
  TRIBUTARY_RETURN_IF_ERROR(CheckSegmentId(segment.segment_id(), "segment.segment_id"));
  TRIBUTARY_RETURN_IF_ERROR(CheckText(segment.display_name(), kMaxNameBytes, "segment.display_name"));
  TRIBUTARY_RETURN_IF_ERROR(CheckText(segment.description(), kMaxDescriptionBytes, "segment.description"));
  TRIBUTARY_RETURN_IF_ERROR(CheckRevision(segment.revision(), "segment.revision"));
  v1::UpdateSegmentRequest body;
  body.set_workspace_id(workspace);
  body.set_allow_missing(request.allow_missing());
  v1::Segment& wanted = *body.mutable_segment();
  wanted.set_segment_id(segment.segment_id());
  wanted.set_display_name(segment.display_name());
  wanted.set_description(segment.description());
  wanted.set_revision(segment.revision());
  if (segment.has_rule() || !segment.rule_text().empty()) {
    TRIBUTARY_ASSIGN_OR_RETURN(
        *wanted.mutable_rule(),
        RuleOf(segment.rule_text(), segment.has_rule() ? &segment.rule() : nullptr, "segment.rule"));
  }
  TRIBUTARY_RETURN_IF_ERROR(FillMask(request, &body));
  return body;
}

absl::StatusOr<v1::DeleteSegmentRequest> CommandOf(const v1::DeleteSegmentRequest& request,
                                                   const std::string& workspace) {
  TRIBUTARY_RETURN_IF_ERROR(CheckSegmentId(request.segment_id(), "segment_id"));
  TRIBUTARY_RETURN_IF_ERROR(CheckRevision(request.revision(), "revision"));
  v1::DeleteSegmentRequest body = request;
  body.set_workspace_id(workspace);
  body.clear_request_id();
  return body;
}

absl::StatusOr<v1::UpdateValueTiersRequest> CommandOf(const v1::UpdateValueTiersRequest& request,
                                                      const std::string& workspace) {
  if (!request.has_value_tiers()) {
    return InvalidField("REQUIRED", "value_tiers", "is not set", "Send the tiers, or an empty message for none");
  }
  const v1::ValueTiers& tiers = request.value_tiers();
  TRIBUTARY_RETURN_IF_ERROR(CheckRevision(tiers.revision(), "value_tiers.revision"));
  if (tiers.tiers_size() > kMaxTiers) {
    return InvalidField("TOO_MANY", "value_tiers.tiers", fmt::format("are {}", tiers.tiers_size()),
                        fmt::format("Send at most {}", kMaxTiers));
  }
  v1::UpdateValueTiersRequest body;
  body.set_workspace_id(workspace);
  v1::ValueTiers& wanted = *body.mutable_value_tiers();
  wanted.set_revision(tiers.revision());
  if (tiers.tiers_size() == 0) return body;
  if (!tiers.has_measure() && tiers.measure_text().empty()) {
    return InvalidField("REQUIRED", "value_tiers.measure", "is not set", "Send measure_text or measure");
  }
  TRIBUTARY_ASSIGN_OR_RETURN(*wanted.mutable_measure(), MeasureOf(tiers));
  if (wanted.measure().ByteSizeLong() > kMaxRuleBytes / kMaxTiers) {
    return InvalidField("TOO_LONG", "value_tiers.measure", fmt::format("has {} bytes", wanted.measure().ByteSizeLong()),
                        "Send a simpler one");
  }
  *wanted.mutable_tiers() = tiers.tiers();
  std::set<std::string> ids;
  std::optional<Amount> below;
  for (int i = 0; i < wanted.tiers_size(); ++i) {
    const std::string at = fmt::format("value_tiers.tiers[{}]", i);
    TRIBUTARY_RETURN_IF_ERROR(ReadTier(wanted.measure(), at, wanted.mutable_tiers(i), &below));
    if (ids.insert(wanted.tiers(i).tier_id()).second) continue;
    return InvalidField("DUPLICATE", at + ".tier_id", "is that of another tier, too", "Give each tier its own");
  }
  return body;
}

absl::StatusOr<std::string> IdPositionOf(std::string_view list, std::string_view page_token) {
  if (page_token.empty()) return "";
  std::tuple<int32_t, std::string, std::string> token;
  if (!Decode(page_token, &token) || std::get<0>(token) != kOfIds || std::get<1>(token) != list) return BadPageToken();
  return std::get<2>(token);
}

std::string IdPageToken(std::string_view list, std::string_view last_id) {
  return Encode(std::tuple(kOfIds, std::string(list), std::string(last_id)));
}

absl::StatusOr<MembersPosition> PositionOf(const v1::ListSegmentMembersRequest& request, int32_t partitions) {
  if (request.page_token().empty()) return MembersPosition(0, "");
  std::tuple<int32_t, std::string, int32_t, std::string> token;
  if (!Decode(request.page_token(), &token) || std::get<0>(token) != kOfMembers ||
      std::get<1>(token) != request.segment_id() || std::get<2>(token) < 0 || std::get<2>(token) >= partitions) {
    return BadPageToken();
  }
  return MembersPosition(std::get<2>(token), std::get<3>(token));
}

std::string PageToken(const v1::ListSegmentMembersRequest& request, const MembersPosition& position) {
  return Encode(std::tuple(kOfMembers, request.segment_id(), std::get<0>(position), std::get<1>(position)));
}

}  // namespace tributary::profile
