// tributary segment: who belongs together, by rule.
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "commands/commands.h"
#include "fmt/format.h"
#include "input/source_check.h"
#include "pages.h"
#include "text/format.h"
#include "text/progress_bar.h"
#include "text/rule_text.h"
#include "text/table.h"
#include "tributary/base/status.h"
#include "tributary/profile/v1/segment.grpc.pb.h"
#include "tributary/rules/rule.h"

namespace tributary::cli {
namespace {

using profile::v1::SegmentService;
using Stub = SegmentService::Stub;

constexpr absl::Duration kBetweenLooks = absl::Milliseconds(100);

// A rule as it was given: as text, or as the name of a file with the text; "-" is standard input.
struct RuleFlags {
  std::string text;
  std::string file;

  bool given() const { return !text.empty() || !file.empty(); }
};

void AddRule(CLI::App& command, RuleFlags& flags) {
  auto* text = command.add_option("--rule", flags.text, "Who belongs to it, as docs/rules.md says");
  command.add_option("--file", flags.file, "File that holds the rule; -: standard input")->excludes(text);
}

absl::StatusOr<std::string> TextOf(const Session& session, const RuleFlags& flags) {
  if (flags.file.empty()) return flags.text;
  std::stringstream text;
  if (flags.file == "-") {
    text << session.in.rdbuf();
    return text.str();
  }
  const std::ifstream file(flags.file);
  if (!file) return InvalidField("UNREADABLE_FILE", "--file", "cannot be read", "Name a file that holds a rule");
  text << file.rdbuf();
  return text.str();
}

// Prints what is wrong with the rule, and where.
int FailRule(const Session& session, const absl::Status& error, const std::string& text) {
  const int code = Fail(session, error);
  PrintPlace(error, text, session.err);
  return code;
}

struct ApplyFlags {
  std::string id;
  std::string display_name;
  std::string description;
  RuleFlags rule;
  bool wait = false;
  int wait_seconds = 300;
};

absl::StatusOr<profile::v1::Segment> GetSegment(const Session& session, const rpc::Client& client, Stub& stub,
                                                const std::string& id, const std::string& token = "") {
  profile::v1::GetSegmentRequest request;
  request.set_workspace_id(session.workspace);
  request.set_segment_id(id);
  request.set_token(token);
  TRIBUTARY_ASSIGN_OR_RETURN(auto response, client.Call(stub, &Stub::GetSegment, request));
  return std::move(*response.mutable_segment());
}

// Looks until all profiles that were there have been taken in, or `at_most` has passed: it is not done then.
absl::StatusOr<profile::v1::Segment> WaitForTakeIn(const Session& session, const rpc::Client& client, Stub& stub,
                                                   const std::string& id, const std::string& token,
                                                   absl::Duration at_most) {
  const absl::Duration until = session.clock.Monotonic() + at_most;
  ProgressBar bar(session.err, session.clock, session.interactive, "profiles");
  while (true) {
    TRIBUTARY_ASSIGN_OR_RETURN(auto segment, GetSegment(session, client, stub, id, token));
    const auto& progress = segment.take_in();
    if (progress.done() || session.clock.Monotonic() >= until) {
      bar.Clear();
      return segment;
    }
    bar.Update(progress.profiles_done(), progress.profiles_done(), progress.profiles_total());
    absl::SleepFor(kBetweenLooks);
  }
}

int Apply(const Session& session, const ApplyFlags& flags, const std::vector<std::string>& mask) {
  if (mask.empty()) return FailUsage(session, "nothing to define is named: --rule, --file, --name or --description");
  const auto text = TextOf(session, flags.rule);
  if (!text.ok()) return Fail(session, text.status());
  if (flags.rule.given()) {
    // Before the call, since only here it is known where in the text the error is.
    const auto rule = rules::ParseRule(*text);
    if (!rule.ok()) return FailRule(session, rule.status(), *text);
  }
  const auto client = Connect(session, Need::kWorkspace);
  if (!client.ok()) return Fail(session, client.status());
  const auto stub = SegmentService::NewStub(client->channel());
  profile::v1::UpdateSegmentRequest request;
  request.set_workspace_id(session.workspace);
  request.mutable_segment()->set_segment_id(flags.id);
  request.mutable_segment()->set_display_name(flags.display_name);
  request.mutable_segment()->set_description(flags.description);
  request.mutable_segment()->set_rule_text(*text);
  for (const std::string& path : mask) request.mutable_update_mask()->add_paths(path);
  request.set_allow_missing(true);
  request.set_request_id(NewUuid(session.random));
  const auto response = client->Call(*stub, &Stub::UpdateSegment, request);
  if (!response.ok()) return Fail(session, response.status());
  profile::v1::Segment segment = response->segment();
  if (flags.wait) {
    auto whole = WaitForTakeIn(session, *client, *stub, flags.id, response->token(), absl::Seconds(flags.wait_seconds));
    if (!whole.ok()) return Fail(session, whole.status());
    if (!whole->take_in().done()) {
      session.err << fmt::format(
          "tributary: the segment is defined, but after {} s only {} of {} profiles have been looked at\n"
          "The server goes on; how far it is: tributary segment show {}\n",
          flags.wait_seconds, Grouped(whole->take_in().profiles_done()), Grouped(whole->take_in().profiles_total()),
          flags.id);
      return kFailed;
    }
    segment = *std::move(whole);
  }
  if (session.json) {
    session.out << ToJson(segment, true) << "\n";
    return kOk;
  }
  session.out << fmt::format("segment {} has revision {}", segment.segment_id(), segment.revision());
  session.out << (flags.wait ? fmt::format(" and {} members\n", Grouped(segment.size())) : std::string("\n"));
  if (!flags.wait) session.err << fmt::format("How far it is: tributary segment show {}\n", flags.id);
  return kOk;
}

int List(const Session& session) {
  const auto client = Connect(session, Need::kWorkspace);
  if (!client.ok()) return Fail(session, client.status());
  const auto stub = SegmentService::NewStub(client->channel());
  profile::v1::ListSegmentsRequest request;
  request.set_workspace_id(session.workspace);
  constexpr auto kRight = Table::Align::kRight;
  Table table({{"segment"}, {"name"}, {"revision", kRight}, {"members", kRight}, {"taken in"}, {"rule"}});
  const absl::Status listed = ForEachPage(
      request, [&](const auto& page) { return client->Call(*stub, &Stub::ListSegments, page); },
      [&](const profile::v1::ListSegmentsResponse& page) {
        for (const auto& segment : page.segments()) {
          if (session.json) session.out << ToJson(segment, true) << "\n";
          table.Add({segment.segment_id(), OneLine(segment.display_name(), 30), fmt::format("{}", segment.revision()),
                     Grouped(segment.size()), ProgressText(segment.take_in()), OneLine(segment.rule_text(), 80)});
        }
        return true;
      });
  if (!listed.ok()) return Fail(session, listed);
  if (session.json) return kOk;
  if (table.empty()) {
    session.out << "no segments\n";
  } else {
    table.Print(session.out);
  }
  return kOk;
}

int Show(const Session& session, const std::string& id, const std::string& zone_name) {
  const auto client = Connect(session, Need::kWorkspace);
  if (!client.ok()) return Fail(session, client.status());
  const auto stub = SegmentService::NewStub(client->channel());
  const auto segment = GetSegment(session, *client, *stub, id);
  if (!segment.ok()) return Fail(session, segment.status());
  if (session.json) {
    session.out << ToJson(*segment, true) << "\n";
    return kOk;
  }
  const auto zone = ZoneOf(zone_name.empty() ? WorkspaceZone(session, *client) : zone_name);
  if (!zone.ok()) return FailUsage(session, FromAbsl(zone.status().message()));
  const auto line = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) session.out << fmt::format("{:<13}{}\n", name, value);
  };
  line("segment", segment->segment_id());
  line("name", OneLine(segment->display_name()));
  line("description", OneLine(segment->description()));
  line("rule", OneLine(segment->rule_text()));
  line("revision", fmt::format("{}", segment->revision()));
  line("members", Grouped(segment->size()));
  line("taken in", ProgressText(segment->take_in()));
  line("created", TimeText(segment->created_at(), *zone));
  line("changed", TimeText(segment->updated_at(), *zone));
  return kOk;
}

int Members(const Session& session, const std::string& id, int64_t limit) {
  const auto client = Connect(session, Need::kWorkspace);
  if (!client.ok()) return Fail(session, client.status());
  const auto stub = SegmentService::NewStub(client->channel());
  profile::v1::ListSegmentMembersRequest request;
  request.set_workspace_id(session.workspace);
  request.set_segment_id(id);
  request.set_page_size(1000);
  Table table({{"profile"}, {"since (UTC)"}, {"by"}});
  int64_t shown = 0;
  bool more = false;
  const absl::Status listed = ForEachPage(
      request, [&](const auto& page) { return client->Call(*stub, &Stub::ListSegmentMembers, page); },
      [&](const profile::v1::ListSegmentMembersResponse& page) {
        for (const auto& member : page.members()) {
          if (limit > 0 && shown == limit) return !(more = true);
          ++shown;
          if (session.json) {
            session.out << ToJson(member, true) << "\n";
            continue;
          }
          table.Add(
              {member.profile_id(), TimeText(member.entered_at(), absl::UTCTimeZone()), ReasonText(member.reason())});
        }
        return true;
      });
  if (!listed.ok()) return Fail(session, listed);
  if (more) session.err << fmt::format("The first {} are shown; --limit 0 shows all.\n", Grouped(shown));
  if (session.json) return kOk;
  if (table.empty()) {
    session.out << "no members\n";
  } else {
    table.Print(session.out);
  }
  return kOk;
}

int Delete(const Session& session, const std::string& id) {
  const auto client = Connect(session, Need::kWorkspace);
  if (!client.ok()) return Fail(session, client.status());
  const auto stub = SegmentService::NewStub(client->channel());
  profile::v1::DeleteSegmentRequest request;
  request.set_workspace_id(session.workspace);
  request.set_segment_id(id);
  request.set_request_id(NewUuid(session.random));
  const auto response = client->Call(*stub, &Stub::DeleteSegment, request);
  if (!response.ok()) return Fail(session, response.status());
  if (session.json) {
    session.out << ToJson(*response, true) << "\n";
  } else {
    session.out << fmt::format("segment {} is deleted\n", id);
  }
  return kOk;
}

std::string BodyName(int number) {
  if (number == 0) return "*";
  const auto* field = events::v1::CustomerEvent::descriptor()->FindFieldByNumber(number);
  return field == nullptr ? fmt::format("{}", number) : field->name();
}

// Needs no server.
int Check(const Session& session, const RuleFlags& flags) {
  if (!flags.given()) return FailUsage(session, "no rule is given: --rule or --file");
  const auto text = TextOf(session, flags);
  if (!text.ok()) return Fail(session, text.status());
  const auto rule = rules::ParseRule(*text);
  if (!rule.ok()) return FailRule(session, rule.status(), *text);
  const auto compiled = rules::CompiledRule::Compile(*rule);
  if (!compiled.ok()) return Fail(session, compiled.status());
  profile::v1::CheckRuleResponse response;
  *response.mutable_rule() = *rule;
  response.set_rule_text(rules::FormatRule(*rule));
  for (const std::string& field : compiled->dependencies().fields) response.add_fields(field);
  for (const int body : compiled->dependencies().bodies) response.add_body_types(BodyName(body));
  if (session.json) {
    session.out << ToJson(response) << "\n";
    return kOk;
  }
  session.out << response.rule_text() << "\n";
  if (!response.fields().empty()) {
    session.out << fmt::format("looks at fields: {}\n", fmt::join(response.fields(), ", "));
  }
  if (!response.body_types().empty()) {
    session.out << fmt::format("looks at events: {}\n", fmt::join(response.body_types(), ", "));
  }
  return kOk;
}

void AddApply(CLI::App& segment, Session& session) {
  auto* apply = AddCommand(segment, "apply", "Define a segment, or change what is named of one",
                           "tributary segment apply --id vip --name \"VIP\" --rule 'net_revenue.THB > 5000 THB'");
  auto flags = std::make_shared<ApplyFlags>();
  apply->add_option("--id", flags->id, "Its id: lower-case letters, digits, _ and -")->required();
  auto* name = apply->add_option("--name", flags->display_name, "For people");
  auto* description = apply->add_option("--description", flags->description, "For people");
  AddRule(*apply, flags->rule);
  apply->add_flag("--wait", flags->wait, "Until the profiles that are there have been looked at");
  apply->add_option("--wait-timeout", flags->wait_seconds, "Seconds that --wait may take")
      ->check(CLI::Range(1, 86'400))
      ->capture_default_str();
  apply->callback([flags, name, description, &session] {
    std::vector<std::string> mask;
    if (name->count() > 0) mask.emplace_back("display_name");
    if (description->count() > 0) mask.emplace_back("description");
    if (flags->rule.given()) mask.emplace_back("rule");
    session.exit_code = Apply(session, *flags, mask);
  });
}

}  // namespace

void AddSegment(CLI::App& app, Session& session) {
  auto* segment =
      AddCommand(app, "segment", "Say by rule who belongs together, and see who does", "tributary segment list");
  segment->require_subcommand(1);
  AddApply(*segment, session);

  auto* list = AddCommand(*segment, "list", "Segments with their sizes", "tributary segment list --json");
  list->callback([&session] { session.exit_code = List(session); });

  struct Flags {
    std::string id, time_zone;
    int64_t limit = 100;
    RuleFlags rule;
  };
  auto flags = std::make_shared<Flags>();
  auto* show = AddCommand(*segment, "show", "One segment: rule, size, how far it has taken in who was there",
                          "tributary segment show vip");
  show->add_option("SEGMENT", flags->id, "Its id")->required();
  show->add_option("--time-zone", flags->time_zone, "Of the times shown [default: the workspace's]");
  show->callback([flags, &session] { session.exit_code = Show(session, flags->id, flags->time_zone); });

  auto* members = AddCommand(*segment, "members", "Who is in it, since when and why",
                             "tributary segment members vip --limit 0 --json");
  members->add_option("SEGMENT", flags->id, "Its id")->required();
  members->add_option("--limit", flags->limit, "At most so many; 0: all")->check(NonNegative())->capture_default_str();
  members->callback([flags, &session] { session.exit_code = Members(session, flags->id, flags->limit); });

  auto* remove =
      AddCommand(*segment, "delete", "Delete a segment; its members leave it", "tributary segment delete vip");
  remove->add_option("SEGMENT", flags->id, "Its id")->required();
  remove->callback([flags, &session] { session.exit_code = Delete(session, flags->id); });

  auto* check = AddCommand(*segment, "check", "Is it a rule, and what does it look at? Needs no server",
                           "tributary segment check --rule 'count(order_stated within 90d) >= 3'");
  AddRule(*check, flags->rule);
  check->callback([flags, &session] { session.exit_code = Check(session, flags->rule); });
}

}  // namespace tributary::cli
