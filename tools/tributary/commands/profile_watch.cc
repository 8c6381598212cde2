// tributary profile watch: one customer's changes as they happen.
#include <memory>
#include <string>
#include <string_view>

#include "commands/commands.h"
#include "commands/selector.h"
#include "fmt/format.h"
#include "input/source_check.h"
#include "text/format.h"
#include "text/profile_text.h"
#include "text/table.h"
#include "text/timeline.h"
#include "tributary/base/status.h"
#include "tributary/profile/v1/profile.grpc.pb.h"
#include "tributary/rpc/status.h"

namespace tributary::cli {
namespace {

using profile::v1::ProfileService;

struct WatchFlags {
  SelectorFlags selector;
  std::string time_zone;
  std::string resume_token;
  bool traits = false;
  int64_t limit = 0;
};

// "2 entries, 1 order, net 900.00 THB"
std::string FiguresText(const profile::v1::Profile& profile) {
  return fmt::format("{} {}, {} {}, net {}", Grouped(profile.entry_count()),
                     profile.entry_count() == 1 ? "entry" : "entries", Grouped(profile.order_count()),
                     profile.order_count() == 1 ? "order" : "orders", NetText(profile));
}

void PrintChange(const Session& session, const profile::v1::WatchProfileResponse& change, absl::TimeZone zone) {
  const auto line = [&](std::string_view what, const std::string& text) {
    session.out << fmt::format("{:<10}{}\n", what, text);
  };
  if (!change.merged_into().empty()) line("merged", "into " + change.merged_into());
  if (change.resynchronise()) line("journey", "entries came in a merge; see `tributary journey`");
  for (const auto& entry : change.entries()) {
    const std::string_view what = entry.retracted() ? "retracted" : entry.corrected() ? "corrected" : "entry";
    line(what, TimeText(entry.occurred_at(), zone) + "  " + InWords(entry.event()));
  }
  if (change.has_profile()) {
    line(change.snapshot() ? "profile" : "now", change.profile_id() + "  " + FiguresText(change.profile()));
  }
  for (const std::string& segment : change.entered_segment_ids()) line("entered", segment);
  for (const std::string& segment : change.left_segment_ids()) line("left", segment);
  for (const auto& origin : change.traits().origins()) {
    line("trait",
         fmt::format("{} = {}", OneLine(origin.name(), 40), OneLine(StatedText(change.traits(), origin.name()), 60)));
  }
}

int Watch(const Session& session, const WatchFlags& flags) {
  const auto selector = SelectorOf(flags.selector);
  if (!selector.ok()) return FailUsage(session, FromAbsl(selector.status().message()));
  const auto client = Connect(session, Need::kWorkspace);
  if (!client.ok()) return Fail(session, client.status());
  const auto zone = ZoneOf(flags.time_zone.empty() ? WorkspaceZone(session, *client) : flags.time_zone);
  if (!zone.ok()) return FailUsage(session, FromAbsl(zone.status().message()));
  profile::v1::WatchProfileRequest request;
  request.set_workspace_id(session.workspace);
  *request.mutable_profile() = *selector;
  request.set_resume_token(flags.resume_token);
  request.set_include_entries(true);
  request.set_include_traits(flags.traits);
  const auto stub = ProfileService::NewStub(client->channel());
  grpc::ClientContext context;
  client->Prepare(context);
  // It ends with the user, or with the server.
  context.set_deadline(gpr_inf_future(GPR_CLOCK_REALTIME));
  const auto stream = stub->WatchProfile(&context, request);
  profile::v1::WatchProfileResponse change;
  int64_t shown = 0;
  while (stream->Read(&change)) {
    if (session.json) {
      session.out << ToJson(change) << "\n";
    } else {
      PrintChange(session, change, *zone);
    }
    session.out.flush();
    if (flags.limit > 0 && ++shown == flags.limit) {
      context.TryCancel();
      (void)stream->Finish();  // the cancellation that was asked for
      return kOk;
    }
  }
  const absl::Status status = rpc::FromGrpc(stream->Finish());
  return status.ok() ? kOk : Fail(session, status);
}

}  // namespace

void AddProfileWatch(CLI::App& profile, Session& session) {
  auto* watch = AddCommand(profile, "watch", "One customer's changes as they happen, until interrupted",
                           "tributary profile watch --email somchai@example.com --json");
  auto watch_flags = std::make_shared<WatchFlags>();
  AddSelector(*watch, watch_flags->selector);
  watch->add_flag("--traits", watch_flags->traits, "Traits too, whenever something has changed");
  watch->add_option("--limit", watch_flags->limit, "End after so many answers; the first is the state; 0: never")
      ->check(NonNegative());
  watch->add_option("--resume", watch_flags->resume_token, "Go on behind the answer with this resume_token (--json)");
  watch->add_option("--time-zone", watch_flags->time_zone, "Of the times shown [default: the workspace's]");
  watch->callback([watch_flags, &session] { session.exit_code = Watch(session, *watch_flags); });
}

}  // namespace tributary::cli
