// tributary explain: why two are one customer, or why not, and what became of an identifier.
#include <memory>

#include "commands/commands.h"
#include "commands/selector.h"
#include "fmt/format.h"
#include "input/source_check.h"
#include "text/format.h"
#include "text/tree.h"
#include "tributary/base/status.h"
#include "tributary/identity/v1/identity.grpc.pb.h"

namespace tributary::cli {
namespace {

using events::v1::IdentifierKey;
using identity::v1::IdentityService;

struct Flags {
  std::string a;
  std::string b;
  std::string kind;
  std::string time_zone;
};

// "p0-1842-0" or "TYPE[:ISSUER]=VALUE".
absl::StatusOr<identity::v1::IdentitySelector> ParseSelector(const std::string& text, const std::string& kind,
                                                             std::string_view name) {
  SelectorFlags flags;
  flags.kind = kind;
  const size_t equals = text.find('=');
  if (equals == 0) {
    return InvalidField("MALFORMED", name, "names no type before its '='",
                        "Write a profile id, or e.g. email=a@example.com or line_user:shop-oa=U1234");
  }
  (equals == std::string::npos ? flags.profile_id : flags.identifier) = text;
  TRIBUTARY_ASSIGN_OR_RETURN(profile::v1::ProfileSelector parsed, SelectorOf(flags));
  identity::v1::IdentitySelector selector;
  if (parsed.has_identifier()) {
    *selector.mutable_identifier() = parsed.identifier();
    selector.set_subject_kind(parsed.subject_kind());
  } else {
    selector.set_profile_id(parsed.profile_id());
  }
  return selector;
}

// "cookie #3fa2c91b (website)": enough of the opaque key to tell identifiers apart, and nothing of the value.
std::string KeyText(const IdentifierKey& identifier) {
  if (identifier.type().empty()) return "something of no known type";
  std::string text = identifier.type();
  if (!identifier.key().empty()) text += " #" + Hex(identifier.key()).substr(0, 8);
  if (!identifier.issuer().empty()) text += fmt::format(" ({})", identifier.issuer());
  return text;
}

std::string KindText(events::v1::SubjectKind kind) { return EnumText(*events::v1::SubjectKind_descriptor(), kind); }

class Explainer {
 public:
  explicit Explainer(absl::TimeZone zone) : zone_(zone) {}

  Tree Explanation(const identity::v1::ExplainResponse& answer) const {
    if (!answer.same_profile()) return Apart(answer);
    Tree tree{fmt::format("{} and {} are one customer: {}", NameText(answer.a()), NameText(answer.b()),
                          answer.a().profile_id()),
              {}};
    for (const auto& step : answer.steps()) AddStep(step, tree);
    if (answer.steps().empty()) tree.Add("the same is named twice, or one began without any identifier");
    return tree;
  }

  Tree History(const identity::v1::GetIdentifierHistoryResponse& history) const {
    Tree tree{fmt::format("{} is of {}", KeyText(history.identifier()),
                          history.profile_id().empty() ? "nobody" : history.profile_id()),
              {}};
    if (history.truncated()) tree.Add("(older refusals are left out)");
    for (const auto& entry : history.entries()) {
      if (entry.has_linked()) {
        tree.Add(fmt::format("{}: linked to {}{}", EventText(entry.linked().evidence()), entry.linked().profile_id(),
                             entry.linked().created() ? ", which begins with it" : ""));
      } else if (entry.has_moved()) {
        tree.Add(fmt::format("{}: {}", EventText(entry.moved().evidence()), MergeText(entry.moved())));
      } else {
        tree.Add(RefusalText(entry.refused()));
      }
    }
    return tree;
  }

  Tree Profile(const identity::v1::IdentityProfile& profile) const {
    Tree tree{fmt::format("{}, {}", profile.profile_id(), KindText(profile.subject_kind())), {}};
    AddIdentifiers(profile, profile.profile_id(), tree);
    for (const auto& merge : profile.merges()) {
      Tree& part = tree.Add(fmt::format("{}: {}", EventText(merge.evidence()), MergeText(merge)));
      AddIdentifiers(profile, merge.loser_id(), part);
    }
    if (profile.truncated()) tree.Add("(more are left out)");
    return tree;
  }

 private:
  std::string EventText(const std::string& source_id, const std::string& event_id, int64_t offset,
                        const google::protobuf::Timestamp& time) const {
    return fmt::format("{}  {}/{} at offset {}", TimeText(time, zone_), source_id, event_id, offset);
  }
  std::string EventText(const identity::v1::EvidenceEvent& event) const {
    return EventText(event.source_id(), event.event_id(), event.intake_offset(),
                     event.has_recorded_at() ? event.recorded_at() : event.decided_at());
  }

  static std::string MergeText(const identity::v1::MergeEvidence& merge) {
    return fmt::format("{} became part of {} (merge {})", merge.loser_id(), merge.winner_id(), merge.merge_id());
  }

  std::string RefusalText(const identity::v1::LinkRefusal& refusal) const {
    const auto& refused = refusal.refused();
    std::string reason = EnumText(*events::v1::LinkRefusalReason_descriptor(), refused.reason());
    if (refused.reason() == events::v1::LINK_REFUSAL_REASON_LIMIT_EXCEEDED) {
      reason += fmt::format(", a customer has at most {} {}", refused.limit(), refused.limited_type());
    }
    return fmt::format(
        "{}: {} left out, {}; the event went to {}",
        EventText(refusal.source_id(), refusal.event_id(), refusal.intake_offset(), refusal.decided_at()),
        KeyText(refused.identifier()), reason, refused.profile_id());
  }

  static std::string NameText(const identity::v1::ExplainedSubject& subject) {
    return subject.has_identifier() ? KeyText(subject.identifier()) : subject.requested_profile_id();
  }

  void AddStep(const identity::v1::EvidenceStep& step, Tree& tree) const {
    Tree& event = tree.Add(EventText(step.event()));
    if (!step.has_from() || !step.has_to()) {
      event.Add(
          fmt::format("{} begins with {}", step.profile_id(), KeyText(step.has_from() ? step.from() : step.to())));
      return;
    }
    event.Add(fmt::format("carried {} and {}", KeyText(step.from()), KeyText(step.to())));
    switch (step.kind()) {
      case identity::v1::EVIDENCE_KIND_CREATED:
        event.Add(fmt::format("both were new: {} begins with them", step.profile_id()));
        break;
      case identity::v1::EVIDENCE_KIND_LINKED:
        event.Add(fmt::format("linked what was new of them to {}", step.profile_id()));
        break;
      case identity::v1::EVIDENCE_KIND_SEEN_TOGETHER:
        event.Add(fmt::format("both were {}'s already", step.profile_id()));
        break;
      default:
        break;
    }
    for (const auto& merge : step.merges()) event.Add(MergeText(merge));
  }

  static std::string WhoseText(const identity::v1::ExplainedSubject& subject) {
    if (subject.profile_id().empty()) return fmt::format("{} is of nobody", NameText(subject));
    const std::string name = NameText(subject);
    std::string text = fmt::format("{} is{} {} {} with {} identifier{}", name,
                                   name == subject.profile_id() ? "" : fmt::format(" of {},", subject.profile_id()),
                                   subject.subject_kind() == events::v1::SUBJECT_KIND_ACCOUNT ? "an" : "a",
                                   KindText(subject.subject_kind()), subject.identifier_count(),
                                   subject.identifier_count() == 1 ? "" : "s");
    if (subject.retired_count() > 0) text += fmt::format(", {} merged into it", subject.retired_count());
    return text;
  }

  Tree Apart(const identity::v1::ExplainResponse& answer) const {
    Tree tree{fmt::format("{} and {} are not one customer", NameText(answer.a()), NameText(answer.b())), {}};
    tree.Add(WhoseText(answer.a()));
    tree.Add(WhoseText(answer.b()));
    if (answer.a().subject_kind() != answer.b().subject_kind()) {
      tree.Add("subjects of different kinds are never one");
      return tree;
    }
    if (answer.refusals().empty()) {
      tree.Add("no event has tied them");
      return tree;
    }
    Tree& refusals = tree.Add("kept apart, newest first");
    for (const auto& refusal : answer.refusals()) refusals.Add(RefusalText(refusal));
    if (answer.refusals_truncated()) refusals.Add("(older ones are left out)");
    return tree;
  }

  void AddIdentifiers(const identity::v1::IdentityProfile& profile, const std::string& linked_to, Tree& tree) const {
    for (const auto& identifier : profile.identifiers()) {
      if (identifier.linked_profile_id() != linked_to) continue;
      tree.Add(fmt::format("{}: {}", EventText(identifier.evidence()), KeyText(identifier.identifier())));
    }
  }

  const absl::TimeZone zone_;
};

int ShowTwo(const Session& session, const rpc::Client& client, const identity::v1::IdentitySelector& a,
            const identity::v1::IdentitySelector& b, const Explainer& explainer) {
  identity::v1::ExplainRequest request;
  request.set_workspace_id(session.workspace);
  *request.mutable_a() = a;
  *request.mutable_b() = b;
  const auto stub = IdentityService::NewStub(client.channel());
  const auto answer = client.Call(*stub, &IdentityService::Stub::Explain, request);
  if (!answer.ok()) return Fail(session, answer.status());
  if (session.json) {
    session.out << ToJson(*answer) << "\n";
  } else {
    PrintTree(explainer.Explanation(*answer), session.out);
  }
  return kOk;
}

int ShowIdentifier(const Session& session, const rpc::Client& client, const identity::v1::IdentitySelector& selector,
                   const Explainer& explainer) {
  identity::v1::GetIdentifierHistoryRequest request;
  request.set_workspace_id(session.workspace);
  *request.mutable_identifier() = selector.identifier();
  request.set_subject_kind(selector.subject_kind());
  const auto stub = IdentityService::NewStub(client.channel());
  const auto history = client.Call(*stub, &IdentityService::Stub::GetIdentifierHistory, request);
  if (!history.ok()) return Fail(session, history.status());
  if (session.json) {
    session.out << ToJson(*history) << "\n";
  } else {
    PrintTree(explainer.History(*history), session.out);
  }
  return kOk;
}

int ShowProfile(const Session& session, const rpc::Client& client, const std::string& profile_id,
                const Explainer& explainer) {
  identity::v1::GetIdentityProfileRequest request;
  request.set_workspace_id(session.workspace);
  request.set_profile_id(profile_id);
  const auto stub = IdentityService::NewStub(client.channel());
  const auto answer = client.Call(*stub, &IdentityService::Stub::GetIdentityProfile, request);
  if (!answer.ok()) return Fail(session, answer.status());
  if (session.json) {
    session.out << ToJson(answer->profile()) << "\n";
  } else {
    PrintTree(explainer.Profile(answer->profile()), session.out);
  }
  return kOk;
}

int Run(const Session& session, const Flags& flags) {
  const auto a = ParseSelector(flags.a, flags.kind, "A");
  if (!a.ok()) return FailUsage(session, FromAbsl(a.status().message()));
  identity::v1::IdentitySelector b;
  if (!flags.b.empty()) {
    const auto parsed = ParseSelector(flags.b, flags.kind, "B");
    if (!parsed.ok()) return FailUsage(session, FromAbsl(parsed.status().message()));
    b = *parsed;
  }
  const auto client = Connect(session, Need::kWorkspace);
  if (!client.ok()) return Fail(session, client.status());
  const auto zone = ZoneOf(flags.time_zone.empty() ? WorkspaceZone(session, *client) : flags.time_zone);
  if (!zone.ok()) return FailUsage(session, FromAbsl(zone.status().message()));
  const Explainer explainer(*zone);
  if (!flags.b.empty()) return ShowTwo(session, *client, *a, b, explainer);
  if (a->has_identifier()) return ShowIdentifier(session, *client, *a, explainer);
  return ShowProfile(session, *client, a->profile_id(), explainer);
}

}  // namespace

void AddExplain(CLI::App& app, Session& session) {
  auto* command = AddCommand(app, "explain",
                             "Why two are one customer, event by event, or why not; with one, its history. Values are "
                             "never shown: identifiers are told apart by a short hash",
                             "tributary explain cookie:website=v-17 email=somchai@example.com");
  auto flags = std::make_shared<Flags>();
  command->add_option("A", flags->a, "A profile id, or an identifier as TYPE=VALUE or TYPE:ISSUER=VALUE")->required();
  command->add_option("B", flags->b, "The same; without it the history of A is shown");
  command->add_option("--kind", flags->kind, "Of the identifiers: person (default), account or household")
      ->check(CLI::IsMember({"person", "account", "household"}));
  command->add_option("--time-zone", flags->time_zone, "Of the times shown [default: the workspace's]");
  command->callback([flags, &session] { session.exit_code = Run(session, *flags); });
}

}  // namespace tributary::cli
