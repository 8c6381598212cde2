#include "identity/explain.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "identity/evidence.h"
#include "identity/queries.h"
#include "identity/tables.h"
#include "tributary/base/status.h"

namespace tributary::identity {
namespace {

// Visits an identifier's refusals, newest first, until `visit(refusal)` returns false. Those of subjects of another
// kind are another's: each kind has its own use of the identifier.
template <typename Visit>
void ScanRefusals(const projection::View& view, const std::string& workspace_id, const std::string& key,
                  events::v1::SubjectKind kind, const Visit& visit) {
  projection::ScanRange<std::tuple<std::string, int64_t, int32_t>> newest_first{.reverse = true};
  view.Scan(
      kRefusalsOfIdentifier, std::tuple(key),
      [&](const auto& place, const auto&) {
        const int64_t offset = std::get<1>(place);
        const auto row = view.Get(kRefusals, {workspace_id, offset, std::get<2>(place)});
        const auto profile = row == nullptr ? nullptr : view.Get(kProfiles, {row->refused().profile_id()});
        if (profile == nullptr || profile->subject_kind() != kind) return true;
        return visit(ToRefusal(*row, offset));
      },
      newest_first);
}

struct Subject {
  v1::ExplainedSubject told;
  std::vector<std::string> ids;  // of its profile; empty: of none
};

absl::Status NotFound(const Asked& asked) {
  return FieldError(absl::StatusCode::kNotFound, "IDENTIFIER_NOT_FOUND", asked.field, "is of no profile",
                    "Check type and issuer, or try another identifier");
}

absl::StatusOr<Subject> Find(const projection::View& view, const std::string& workspace_id, const Asked& asked,
                             int max_nodes) {
  Subject subject;
  v1::ExplainedSubject& told = subject.told;
  told.set_requested_profile_id(asked.profile_id);
  told.set_subject_kind(asked.subject_kind);
  std::string profile_id = asked.profile_id;
  if (profile_id.empty()) {
    *told.mutable_identifier() = asked.identifier;
    const auto row = view.Get(kIdentifiers, {asked.subject_kind, asked.identifier.key()});
    if (row == nullptr) {
      bool refused = false;
      ScanRefusals(view, workspace_id, asked.identifier.key(), asked.subject_kind,
                   [&](const v1::LinkRefusal&) { return !(refused = true); });
      return refused ? absl::StatusOr<Subject>(std::move(subject)) : NotFound(asked);
    }
    profile_id = row->profile_id();
  }
  TRIBUTARY_ASSIGN_OR_RETURN(const FoundProfile found, FindProfile(view, workspace_id, profile_id, asked.field));
  told.set_profile_id(found.profile_id);
  told.set_subject_kind(found.row->subject_kind());
  told.set_retired_count(found.row->retired_profile_ids_size());
  int32_t identifiers = 0;
  for (const storage::v1::TypeCount& count : found.row->counts()) identifiers += count.count();
  told.set_identifier_count(identifiers);
  if (int64_t{identifiers} + told.retired_count() + 1 > max_nodes) {
    return FieldError(absl::StatusCode::kResourceExhausted, "TOO_MUCH_EVIDENCE", asked.field,
                      fmt::format("is of a profile with more than {} identifiers and ids", max_nodes),
                      "Ask for the history of one identifier");
  }
  subject.ids = found.Ids();
  return subject;
}

std::vector<std::string> KeysOf(const projection::View& view, const Subject& subject) {
  if (subject.ids.empty()) return {subject.told.identifier().key()};
  std::vector<std::string> keys;
  for (const std::string& id : subject.ids) {
    view.Scan(kProfileIdentifiers, std::tuple(id), [&](const auto& key, const auto&) {
      keys.push_back(std::get<1>(key));
      return true;
    });
  }
  return keys;
}

// The identifiers of `of` that events of `from`'s profile had to leave out.
void AddKeptApart(const projection::View& view, const std::string& workspace_id, const Subject& of, const Subject& from,
                  std::vector<v1::LinkRefusal>& refusals, bool& truncated) {
  int rows = 0;
  for (const std::string& key : KeysOf(view, of)) {
    ScanRefusals(view, workspace_id, key, of.told.subject_kind(), [&](v1::LinkRefusal refusal) {
      if (++rows > kMaxRowsPerPage) {
        truncated = true;
        return false;
      }
      if (std::binary_search(from.ids.begin(), from.ids.end(), refusal.refused().profile_id())) {
        refusals.push_back(std::move(refusal));
      }
      return true;
    });
    if (truncated) return;
  }
}

void AddRefusals(const projection::View& view, const std::string& workspace_id, const Subject& a, const Subject& b,
                 v1::ExplainResponse& response) {
  std::vector<v1::LinkRefusal> refusals;
  bool truncated = false;
  AddKeptApart(view, workspace_id, a, b, refusals, truncated);
  AddKeptApart(view, workspace_id, b, a, refusals, truncated);
  std::sort(refusals.begin(), refusals.end(), [](const v1::LinkRefusal& x, const v1::LinkRefusal& y) {
    return std::tuple(y.intake_offset(), x.refused().index()) < std::tuple(x.intake_offset(), y.refused().index());
  });
  if (refusals.size() > kMaxExplainedRefusals) {
    refusals.resize(kMaxExplainedRefusals);
    truncated = true;
  }
  for (v1::LinkRefusal& refusal : refusals) *response.add_refusals() = std::move(refusal);
  response.set_refusals_truncated(truncated);
}

int64_t OffsetOf(const v1::IdentifierHistoryEntry& entry) {
  if (entry.has_linked()) return entry.linked().evidence().intake_offset();
  return entry.has_moved() ? entry.moved().evidence().intake_offset() : entry.refused().intake_offset();
}

// The link, and the merges that have moved it since, in their order.
void AddLinkAndMoves(const projection::View& view, const storage::v1::IdentifierRow& row, const std::string& key,
                     v1::GetIdentifierHistoryResponse& history) {
  std::string profile_id = row.linked_profile_id().empty() ? row.profile_id() : row.linked_profile_id();
  const auto of_profile = view.Get(kProfileIdentifiers, {profile_id, key});
  auto profile = view.Get(kProfiles, {profile_id});
  if (of_profile == nullptr || profile == nullptr) return;  // cannot be read: latched by the reader
  v1::IdentifierLink& linked = *history.add_entries()->mutable_linked();
  linked.set_profile_id(profile_id);
  *linked.mutable_evidence() = LinkEvidenceOf(row, *of_profile);
  linked.set_created(profile->created_offset() == row.first_offset());
  while (profile != nullptr && !profile->merge_id().empty()) {
    const auto merge = view.Get(kMerges, {profile->merge_id()});
    if (merge == nullptr) return;
    *history.add_entries()->mutable_moved() = MergeEvidenceOf(view, *merge);
    profile = view.Get(kProfiles, {merge->merged().winner_id()});
  }
}

}  // namespace

absl::StatusOr<v1::ExplainResponse> ReadExplanation(const projection::View& view, const std::string& workspace_id,
                                                    const Asked& a, const Asked& b, int max_nodes) {
  TRIBUTARY_ASSIGN_OR_RETURN(const Subject first, Find(view, workspace_id, a, max_nodes));
  TRIBUTARY_ASSIGN_OR_RETURN(const Subject second, Find(view, workspace_id, b, max_nodes));
  v1::ExplainResponse response;
  *response.mutable_a() = first.told;
  *response.mutable_b() = second.told;
  response.set_same_profile(!first.ids.empty() && first.told.profile_id() == second.told.profile_id());
  if (response.same_profile()) {
    const EvidenceGraph graph(view, workspace_id, first.ids);
    const auto place_of = [&](const Asked& asked) {
      return asked.profile_id.empty() ? graph.OfIdentifier(asked.identifier.key()) : graph.OfProfile(asked.profile_id);
    };
    for (v1::EvidenceStep& step : graph.Chain(place_of(a), place_of(b))) *response.add_steps() = std::move(step);
  } else if (first.told.subject_kind() == second.told.subject_kind()) {
    AddRefusals(view, workspace_id, first, second, response);
  }
  return response;
}

absl::StatusOr<v1::GetIdentifierHistoryResponse> ReadHistory(const projection::View& view,
                                                             const std::string& workspace_id, const Asked& asked) {
  v1::GetIdentifierHistoryResponse history;
  *history.mutable_identifier() = asked.identifier;
  const std::string& key = asked.identifier.key();
  if (const auto row = view.Get(kIdentifiers, {asked.subject_kind, key}); row != nullptr) {
    history.set_profile_id(row->profile_id());
    AddLinkAndMoves(view, *row, key, history);
  }
  int refusals = 0;
  ScanRefusals(view, workspace_id, key, asked.subject_kind, [&](v1::LinkRefusal refusal) {
    if (refusals++ == kMaxHistoryRefusals) {
      history.set_truncated(true);
      return false;
    }
    *history.add_entries()->mutable_refused() = std::move(refusal);
    return true;
  });
  if (history.entries().empty()) return NotFound(asked);
  auto& entries = *history.mutable_entries();
  std::stable_sort(entries.begin(), entries.end(),
                   [](const v1::IdentifierHistoryEntry& x, const v1::IdentifierHistoryEntry& y) {
                     return OffsetOf(x) < OffsetOf(y);
                   });
  return history;
}

}  // namespace tributary::identity
