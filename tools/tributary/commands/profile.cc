// tributary profile: customers and their figures.
#include <memory>

#include "commands/commands.h"
#include "commands/selector.h"
#include "fmt/format.h"
#include "input/source_check.h"
#include "pages.h"
#include "text/format.h"
#include "text/profile_text.h"
#include "text/rule_text.h"
#include "text/table.h"
#include "tributary/base/status.h"
#include "tributary/profile/v1/profile.grpc.pb.h"
#include "tributary/profile/v1/segment.grpc.pb.h"

namespace tributary::cli {
namespace {

// The end of a list: its rows, or that there is `nothing`. With --json they have been written one by one.
int PrintTable(const Session& session, const Table& table, std::string_view nothing) {
  if (session.json) return kOk;
  if (table.empty()) {
    session.out << nothing << "\n";
  } else {
    table.Print(session.out);
  }
  return kOk;
}

using profile::v1::ProfileService;
using profile::v1::SegmentService;

std::string AverageText(const profile::v1::Revenue& revenue) {
  return revenue.has_average_order_value() ? fmt::format(", {} on average", MoneyText(revenue.average_order_value()))
                                           : "";
}

void PrintProfile(const Session& session, const profile::v1::Profile& profile, absl::TimeZone zone) {
  const auto line = [&](std::string_view name, const std::string& value) {
    session.out << fmt::format("{:<12}{}\n", name, value);
  };
  line("profile", profile.profile_id());
  if (!profile.requested_profile_id().empty()) line("asked for", profile.requested_profile_id() + " (merged into it)");
  line("kind", EnumText(*events::v1::SubjectKind_descriptor(), profile.subject_kind()));
  line("first seen", TimeText(profile.first_seen_at(), zone));
  line("last seen", TimeText(profile.last_seen_at(), zone));
  line("entries", Grouped(profile.entry_count()));
  line("orders", Grouped(profile.order_count()));
  for (const auto& revenue : profile.revenues()) {
    line("revenue",
         fmt::format("{} ({} less {} returned; {} orders{})", MoneyText(revenue.net()), MoneyText(revenue.gross()),
                     MoneyText(revenue.returned()), Grouped(revenue.order_count()), AverageText(revenue)));
  }
  if (!profile.value_tier().empty()) line("tier", profile.value_tier());
  if (!profile.segment_ids().empty()) line("segments", fmt::format("{}", fmt::join(profile.segment_ids(), ", ")));
  for (const std::string& retired : profile.retired_profile_ids()) line("merged", retired);
}

int Segments(const Session& session, const SelectorFlags& flags) {
  const auto selector = SelectorOf(flags);
  if (!selector.ok()) return FailUsage(session, FromAbsl(selector.status().message()));
  const auto client = Connect(session, Need::kWorkspace);
  if (!client.ok()) return Fail(session, client.status());
  const auto stub = SegmentService::NewStub(client->channel());
  profile::v1::ListProfileSegmentsRequest request;
  request.set_workspace_id(session.workspace);
  *request.mutable_profile() = *selector;
  Table table({{"segment"}, {"since (UTC)"}, {"by"}});
  const absl::Status listed = ForEachPage(
      request, [&](const auto& page) { return client->Call(*stub, &SegmentService::Stub::ListProfileSegments, page); },
      [&](const profile::v1::ListProfileSegmentsResponse& page) {
        for (const auto& segment : page.segments()) {
          if (session.json) session.out << ToJson(segment, true) << "\n";
          table.Add({segment.segment_id(), TimeText(segment.entered_at(), absl::UTCTimeZone()),
                     ReasonText(segment.reason())});
        }
        return true;
      });
  if (!listed.ok()) return Fail(session, listed);
  return PrintTable(session, table, "no segments");
}

int Get(const Session& session, const SelectorFlags& flags, const std::string& zone_name) {
  const auto selector = SelectorOf(flags);
  if (!selector.ok()) return FailUsage(session, FromAbsl(selector.status().message()));
  const auto client = Connect(session, Need::kWorkspace);
  if (!client.ok()) return Fail(session, client.status());
  const auto stub = ProfileService::NewStub(client->channel());
  profile::v1::GetProfileRequest request;
  request.set_workspace_id(session.workspace);
  *request.mutable_profile() = *selector;
  const auto response = client->Call(*stub, &ProfileService::Stub::GetProfile, request);
  if (!response.ok()) return Fail(session, response.status());
  if (session.json) {
    session.out << ToJson(response->profile(), true) << "\n";
    return kOk;
  }
  const auto zone = ZoneOf(zone_name.empty() ? WorkspaceZone(session, *client) : zone_name);
  if (!zone.ok()) return FailUsage(session, FromAbsl(zone.status().message()));
  PrintProfile(session, response->profile(), *zone);
  return kOk;
}

void PrintComputed(const Session& session, const profile::v1::ComputedTraits& computed, absl::TimeZone zone) {
  const auto line = [&](std::string_view name, const std::string& value) {
    session.out << fmt::format("{:<20}{}\n", name, value);
  };
  line("orders", Grouped(computed.order_count()));
  for (const auto& revenue : computed.revenues()) {
    line("revenue",
         fmt::format("{} gross, {} net{}", MoneyText(revenue.gross()), MoneyText(revenue.net()), AverageText(revenue)));
  }
  if (computed.has_last_order_at()) {
    line("first order", TimeText(computed.first_order_at(), zone));
    line("last order", fmt::format("{} ({} days ago)", TimeText(computed.last_order_at(), zone),
                                   Grouped(computed.recency().seconds() / 86'400)));
  }
  if (computed.has_orders_per_30_days()) line("orders in 30 days", DecimalText(computed.orders_per_30_days()));
  if (computed.favourite_channel() != events::v1::CHANNEL_UNSPECIFIED) {
    line("favourite channel", EnumText(*events::v1::Channel_descriptor(), computed.favourite_channel()));
  }
  for (const auto& balance : computed.points()) {
    line("points", fmt::format("{} {}", Grouped(balance.points()), balance.programme()));
  }
  if (computed.has_last_stay()) {
    const auto& stay = computed.last_stay().stay();
    const std::string at = OneLine(computed.last_stay().location_id());
    line("last stay", fmt::format("{} to {}, {}{} ({} {})", stay.arrival_date(), stay.departure_date(),
                                  EnumText(*events::v1::StayStated::Status_descriptor(), stay.status()),
                                  at.empty() ? "" : " at " + at, stay.issuer(), OneLine(stay.reservation_id())));
  }
}

int Traits(const Session& session, const SelectorFlags& flags, const std::string& zone_name) {
  const auto selector = SelectorOf(flags);
  if (!selector.ok()) return FailUsage(session, FromAbsl(selector.status().message()));
  const auto client = Connect(session, Need::kWorkspace);
  if (!client.ok()) return Fail(session, client.status());
  const auto stub = ProfileService::NewStub(client->channel());
  profile::v1::GetTraitsRequest request;
  request.set_workspace_id(session.workspace);
  *request.mutable_profile() = *selector;
  const auto response = client->Call(*stub, &ProfileService::Stub::GetTraits, request);
  if (!response.ok()) return Fail(session, response.status());
  if (session.json) {
    session.out << ToJson(*response) << "\n";
    return kOk;
  }
  const auto zone = ZoneOf(zone_name.empty() ? WorkspaceZone(session, *client) : zone_name);
  if (!zone.ok()) return FailUsage(session, FromAbsl(zone.status().message()));
  PrintComputed(session, response->computed(), *zone);
  Table table({{"trait"}, {"value"}, {"said at"}, {"by"}});
  for (const auto& origin : response->origins()) {
    table.Add({OneLine(origin.name(), 40), OneLine(StatedText(*response, origin.name()), 60),
               TimeText(origin.occurred_at(), *zone), origin.entry_id()});
  }
  if (table.empty()) return kOk;
  session.out << "\n";
  table.Print(session.out);
  return kOk;
}

struct ConsentFlags {
  SelectorFlags selector;
  std::string as_of;
  std::string time_zone;
  bool history = false;
};

void AddConsent(const profile::v1::Consent& consent, absl::TimeZone zone, bool history, Table& table) {
  const auto word = [](const profile::v1::ConsentStatement& statement) {
    return EnumText(*events::v1::ConsentStated::Status_descriptor(), statement.stated().status());
  };
  const std::string channel = EnumText(*events::v1::Channel_descriptor(), consent.channel());
  table.Add({consent.has_contact_point() ? OneLine(consent.contact_point().address(), 60) : "(the person)",
             consent.purpose().empty() ? "(every)" : consent.purpose(), channel.empty() ? "(every)" : channel,
             consent.holds() ? "yes" : "no", word(consent.latest()), TimeText(consent.latest().occurred_at(), zone),
             TimeText(consent.latest().stated().valid_until(), zone), consent.overruled_by()});
  for (int i = 1; history && i < consent.history_size(); ++i) {
    const auto& before = consent.history(i);
    table.Add({"", "", "", "", word(before), TimeText(before.occurred_at(), zone),
               TimeText(before.stated().valid_until(), zone), ""});
  }
}

int Consents(const Session& session, const ConsentFlags& flags) {
  const auto selector = SelectorOf(flags.selector);
  if (!selector.ok()) return FailUsage(session, FromAbsl(selector.status().message()));
  const auto client = Connect(session, Need::kWorkspace);
  if (!client.ok()) return Fail(session, client.status());
  const auto zone = ZoneOf(flags.time_zone.empty() ? WorkspaceZone(session, *client) : flags.time_zone);
  if (!zone.ok()) return FailUsage(session, FromAbsl(zone.status().message()));
  profile::v1::ListConsentsRequest request;
  request.set_workspace_id(session.workspace);
  *request.mutable_profile() = *selector;
  request.set_include_history(flags.history);
  if (!flags.as_of.empty()) {
    const auto as_of = ParseMoment(flags.as_of, *zone, "--as-of");
    if (!as_of.ok()) return FailUsage(session, FromAbsl(as_of.status().message()));
    SetTime(*as_of, request.mutable_as_of());
  }
  const auto stub = ProfileService::NewStub(client->channel());
  Table table(
      {{"contact point"}, {"purpose"}, {"channel"}, {"holds"}, {"said"}, {"at"}, {"valid until"}, {"overruled by"}});
  const absl::Status listed = ForEachPage(
      request, [&](const auto& page) { return client->Call(*stub, &ProfileService::Stub::ListConsents, page); },
      [&](const profile::v1::ListConsentsResponse& page) {
        for (const auto& consent : page.consents()) {
          if (session.json) {
            session.out << ToJson(consent, true) << "\n";
          } else {
            AddConsent(consent, *zone, flags.history, table);
          }
        }
        return true;
      });
  if (!listed.ok()) return Fail(session, listed);
  return PrintTable(session, table, "no consents");
}

struct MembershipFlags {
  SelectorFlags selector;
  std::string side;
  std::string as_of;
};

int Memberships(const Session& session, const MembershipFlags& flags) {
  const auto selector = SelectorOf(flags.selector);
  if (!selector.ok()) return FailUsage(session, FromAbsl(selector.status().message()));
  const auto client = Connect(session, Need::kWorkspace);
  if (!client.ok()) return Fail(session, client.status());
  profile::v1::ListMembershipsRequest request;
  request.set_workspace_id(session.workspace);
  *request.mutable_profile() = *selector;
  if (flags.side == "by") request.set_side(profile::v1::MEMBERSHIP_SIDE_STATED_BY);
  if (flags.side == "about") request.set_side(profile::v1::MEMBERSHIP_SIDE_STATED_ABOUT);
  if (!flags.as_of.empty()) {
    const auto as_of = ParseMoment(flags.as_of, absl::UTCTimeZone(), "--as-of");
    if (!as_of.ok()) return FailUsage(session, FromAbsl(as_of.status().message()));
    SetTime(*as_of, request.mutable_as_of());
  }
  const auto stub = ProfileService::NewStub(client->channel());
  Table table({{"profile"}, {"kind"}, {"is"}, {"to"}, {"holds"}, {"from"}, {"until"}, {"by"}});
  const absl::Status listed = ForEachPage(
      request, [&](const auto& page) { return client->Call(*stub, &ProfileService::Stub::ListMemberships, page); },
      [&](const profile::v1::ListMembershipsResponse& page) {
        for (const auto& one : page.memberships()) {
          if (session.json) {
            session.out << ToJson(one, true) << "\n";
            continue;
          }
          // Of a relation the role is the other's.
          const std::string role = OneLine(one.role(), 40);
          table.Add({one.profile_id(), EnumText(*events::v1::SubjectKind_descriptor(), one.subject_kind()),
                     one.has_account() ? (role.empty() ? "member" : role) : "has as " + role,
                     IdentifierText(one.has_account() ? one.account() : one.other()), one.holds() ? "yes" : "no",
                     one.from_date(), one.until_date(), one.entry_id()});
        }
        return true;
      });
  if (!listed.ok()) return Fail(session, listed);
  return PrintTable(session, table, "no memberships");
}

int List(const Session& session, int64_t limit) {
  const auto client = Connect(session, Need::kWorkspace);
  if (!client.ok()) return Fail(session, client.status());
  const auto stub = ProfileService::NewStub(client->channel());
  profile::v1::ListProfilesRequest request;
  request.set_workspace_id(session.workspace);
  request.set_page_size(1000);
  Table table({{"profile"},
               {"entries", Table::Align::kRight},
               {"orders", Table::Align::kRight},
               {"revenue", Table::Align::kRight},
               {"first seen (UTC)"},
               {"last seen (UTC)"}});
  int64_t shown = 0;
  bool more = false;
  const absl::Status listed = ForEachPage(
      request, [&](const auto& page) { return client->Call(*stub, &ProfileService::Stub::ListProfiles, page); },
      [&](const profile::v1::ListProfilesResponse& page) {
        for (const auto& profile : page.profiles()) {
          if (limit > 0 && shown == limit) return !(more = true);
          ++shown;
          if (session.json) {
            session.out << ToJson(profile, true) << "\n";
            continue;
          }
          table.Add({profile.profile_id(), Grouped(profile.entry_count()), Grouped(profile.order_count()),
                     NetText(profile), TimeText(profile.first_seen_at(), absl::UTCTimeZone()),
                     TimeText(profile.last_seen_at(), absl::UTCTimeZone())});
        }
        return true;
      });
  if (!listed.ok()) return Fail(session, listed);
  if (!session.json) table.Print(session.out);
  if (more) session.err << fmt::format("The first {} are shown; --limit 0 shows all.\n", Grouped(shown));
  return kOk;
}

}  // namespace

void AddProfile(CLI::App& app, Session& session) {
  auto* profile = AddCommand(app, "profile", "Show customers and their figures",
                             "tributary profile get --email somchai@example.com");
  profile->require_subcommand(1);

  auto* get = AddCommand(*profile, "get", "One customer, by profile id or any identifier",
                         "tributary profile get --customer-id 00001 --issuer cdnow");
  auto flags = std::make_shared<SelectorFlags>();
  auto zone = std::make_shared<std::string>();
  AddSelector(*get, *flags);
  get->add_option("--time-zone", *zone, "Of the times shown [default: the workspace's]");
  get->callback([flags, zone, &session] { session.exit_code = Get(session, *flags, *zone); });

  auto* traits = AddCommand(*profile, "traits", "What one customer said, and what follows from the journey",
                            "tributary profile traits --email somchai@example.com");
  auto traits_flags = std::make_shared<SelectorFlags>();
  auto traits_zone = std::make_shared<std::string>();
  AddSelector(*traits, *traits_flags);
  traits->add_option("--time-zone", *traits_zone, "Of the times shown [default: the workspace's]");
  traits->callback(
      [traits_flags, traits_zone, &session] { session.exit_code = Traits(session, *traits_flags, *traits_zone); });

  auto* segments = AddCommand(*profile, "segments", "The segments that one customer is in, since when and why",
                              "tributary profile segments --email somchai@example.com");
  auto segment_flags = std::make_shared<SelectorFlags>();
  AddSelector(*segments, *segment_flags);
  segments->callback([segment_flags, &session] { session.exit_code = Segments(session, *segment_flags); });

  auto* consents = AddCommand(*profile, "consents", "What one customer allows, now or at a moment",
                              "tributary profile consents --email somchai@example.com --as-of 2026-01-31");
  auto consent_flags = std::make_shared<ConsentFlags>();
  AddSelector(*consents, consent_flags->selector);
  consents->add_option("--as-of", consent_flags->as_of, "At this time or day [default: now]");
  consents->add_flag("--history", consent_flags->history, "All that was said before, too");
  consents->add_option("--time-zone", consent_flags->time_zone, "Of the times shown [default: the workspace's]");
  consents->callback([consent_flags, &session] { session.exit_code = Consents(session, *consent_flags); });

  auto* memberships = AddCommand(*profile, "memberships", "A person's accounts, or an account's members; relations",
                                 "tributary profile memberships --kind account --customer-id C100 --issuer erp");
  auto membership_flags = std::make_shared<MembershipFlags>();
  AddSelector(*memberships, membership_flags->selector);
  memberships
      ->add_option("--side", membership_flags->side,
                   "What it says itself (by), or what others say of it (about) [default: by for persons, else about]")
      ->check(CLI::IsMember({"by", "about"}));
  memberships->add_option("--as-of", membership_flags->as_of, "At this time or day (UTC) [default: now]");
  memberships->callback([membership_flags, &session] { session.exit_code = Memberships(session, *membership_flags); });

  AddProfileWatch(*profile, session);

  auto* list = AddCommand(*profile, "list", "All customers, ordered by partition and id",
                          "tributary profile list --limit 0 --json");
  auto limit = std::make_shared<int64_t>(100);
  list->add_option("--limit", *limit, "At most so many; 0: all")->check(NonNegative())->capture_default_str();
  list->callback([limit, &session] { session.exit_code = List(session, *limit); });
}

}  // namespace tributary::cli
