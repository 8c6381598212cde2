// tributary score: how near identity comes to the truth about a made-up history, in pairs of identifiers.
#include "commands/score.h"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <memory>
#include <thread>

#include "commands/commands.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "text/format.h"
#include "text/table.h"
#include "tributary/base/mutex.h"
#include "tributary/base/status.h"
#include "tributary/identity/v1/identity.grpc.pb.h"

namespace tributary::cli {
namespace {

using generator::PairScore;
using generator::TrueIdentifier;
using identity::v1::IdentityService;

struct Flags {
  std::string truth;
  std::string token;
  int in_flight = 32;
};

absl::StatusOr<generator::Truth> ReadTruth(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    return FieldError(absl::StatusCode::kNotFound, "UNREADABLE_FILE", "--truth", "cannot be read",
                      "Name the file that `tributary generate --truth` wrote");
  }
  return generator::ParseTruth(file);
}

void Print(const Session& session, const PairScore& score) {
  if (session.json) {
    session.out << nlohmann::ordered_json({{"identifiers", score.identifiers},
                                           {"found", score.found},
                                           {"profiles", score.profiles},
                                           {"pairs_in_one_profile", score.same_profile},
                                           {"right_pairs", score.right},
                                           {"precision", score.precision()},
                                           {"pairs_of_one_person", score.same_person},
                                           {"joined_pairs", score.joined},
                                           {"recall", score.recall()},
                                           {"linkable_pairs", score.linkable},
                                           {"linked_pairs", score.linked},
                                           {"linkable_recall", score.linkable_recall()}})
                       .dump()
                << "\n";
    return;
  }
  session.out << fmt::format("{} identifiers, {} of them in {} profiles\n", Grouped(score.identifiers),
                             Grouped(score.found), Grouped(score.profiles));
  Table table({{"pairs of identifiers"},
               {"", Table::Align::kRight},
               {"of", Table::Align::kRight},
               {"share", Table::Align::kRight}});
  const auto add = [&](const char* what, int64_t part, int64_t whole, double share) {
    table.Add({what, Grouped(part), Grouped(whole), fmt::format("{:.5f}", share)});
  };
  add("precision: in one profile, of one person", score.right, score.same_profile, score.precision());
  add("recall: of one person, in one profile", score.joined, score.same_person, score.recall());
  add("recall of what rules can link", score.linked, score.linkable, score.linkable_recall());
  table.Print(session.out);
}

int Run(const Session& session, const Flags& flags) {
  const auto truth = ReadTruth(flags.truth);
  if (!truth.ok()) return Fail(session, truth.status());
  const auto client = Connect(session, Need::kWorkspace);
  if (!client.ok()) return Fail(session, client.status());
  const auto stub = IdentityService::NewStub(client->channel());
  const auto resolve = [&](const TrueIdentifier& identifier) -> absl::StatusOr<std::string> {
    identity::v1::ResolveIdentifierRequest request;
    request.set_workspace_id(session.workspace);
    request.set_token(flags.token);
    request.mutable_identifier()->set_type(identifier.type);
    request.mutable_identifier()->set_issuer(identifier.issuer);
    request.mutable_identifier()->set_value(identifier.value);
    TRIBUTARY_ASSIGN_OR_RETURN(const auto found,
                               client->Call(*stub, &IdentityService::Stub::ResolveIdentifier, request));
    return found.profile_id();
  };
  const auto profile_of = ResolveAll(truth->identifiers, flags.in_flight, resolve);
  if (!profile_of.ok()) return Fail(session, profile_of.status());
  Print(session, generator::ScorePairs(truth->identifiers, *profile_of));
  return kOk;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ResolveAll(const std::vector<TrueIdentifier>& identifiers, int in_flight,
                                                    const ResolveFn& resolve) {
  std::vector<std::string> profile_of(identifiers.size());
  std::atomic<size_t> next = 0;
  Mutex mutex;
  absl::Status failure;  // under mutex until the threads have ended
  const auto work = [&] {
    for (size_t i = next++; i < identifiers.size(); i = next++) {
      absl::StatusOr<std::string> profile = resolve(identifiers[i]);
      if (profile.ok()) {
        profile_of[i] = *std::move(profile);
      } else if (!absl::IsNotFound(profile.status())) {
        const MutexLock lock(mutex);
        failure.Update(profile.status());
        next = identifiers.size();
        return;
      }
    }
  };
  std::vector<std::thread> workers;
  for (int i = 0; i < in_flight; ++i) workers.emplace_back(work);
  for (std::thread& worker : workers) worker.join();
  TRIBUTARY_RETURN_IF_ERROR(failure);
  return profile_of;
}

void AddScore(CLI::App& app, Session& session) {
  auto* command = AddCommand(app, "score", "How near profiles come to the truth about a made-up history",
                             "tributary score --truth truth.ndjson");
  auto flags = std::make_shared<Flags>();
  command->add_option("--truth", flags->truth, "What `generate --kind history --truth` wrote")->required();
  command->add_option("--token", flags->token, "Of an earlier write that is to be seen");
  command->add_option("--in-flight", flags->in_flight, "Look-ups at a time")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command->callback([flags, &session] { session.exit_code = Run(session, *flags); });
}

}  // namespace tributary::cli
