#include "mover.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "mover_faults.h"

namespace tributary::simulation {
namespace {

using namespace processor;  // NOLINT
using events::v1::MovedRow;
using events::v1::ProfilesMerged;

constexpr std::string_view kPieceRow = "piece";
constexpr std::string_view kVerdictRow = "verdict";

Decision Said(std::string_view type, v1::Verdict verdict) { return {type, Payload::Of(std::move(verdict))}; }

class MoverService final : public MovableProcessor {
 public:
  explicit MoverService(MoverOptions options) : options_(std::move(options)), random_(options_.random) {}

  std::string_view name() const override { return options_.name; }
  uint32_t format() const override { return 1; }

  Handling Handles(std::string_view type) const override {
    if (type == kPiece) return Handling::kApplied;
    for (const std::string_view ignored :
         {kEvent, kNoise, kNoted, kEchoed, kHushed, kEntered, kWatched, kTicked, kEnded}) {
      if (type == ignored) return Handling::kIgnored;
    }
    return IsOfMoves(type) ? Handling::kIgnored : Handling::kUnknown;
  }

  void Prefetch(const Fact& fact, KeySet& keys) const override {
    if (fact.type != kPiece) return;
    const auto* piece = fact.value.As<v1::Piece>();
    keys.Add(kPieces, {piece->profile_id(), piece->id()});
  }

  absl::Status CheckFact(const Fact& fact) const override {
    const auto* piece = fact.value.As<v1::Piece>();
    if (piece != nullptr && !piece->malformed()) return absl::OkStatus();
    return absl::InvalidArgumentError("a piece is malformed");
  }
  std::optional<std::string> ProfileOf(const Fact& fact) const override {
    return fact.value.As<v1::Piece>()->profile_id();
  }
  std::optional<std::string> ProfileOf(const Command& command) const override { return command.body; }
  bool MustBeHeld(const Fact& fact) const override { return !fact.value.As<v1::Piece>()->quiet(); }

  absl::Status ApplyFact(const Fact& fact, const KindView<Kind::kFacts>&, Writer<Kind::kFacts>& out) override {
    const auto* piece = fact.value.As<v1::Piece>();
    PutPiece(piece->profile_id(), piece->id(), piece->amount(), out);
    return absl::OkStatus();
  }

  absl::Status ApplyMerge(const ProfilesMerged& merged, bool loser_is_here, bool, const KindView<Kind::kFacts>&,
                          Writer<Kind::kFacts>& out) override {
    if (loser_is_here) out.Put(kRetired, {merged.loser_id()}, {});
    return absl::OkStatus();
  }

  // Pieces first, then verdicts; a cursor names the next row.
  CopiedRows CopyRows(const View& view, const std::string&, const std::string& profile, std::string_view cursor,
                      int32_t max_rows, size_t max_bytes) const override {
    const auto limit = static_cast<size_t>(std::min(max_rows, options_.rows_per_part));
    CopiedRows copied;
    size_t bytes = 0;
    const auto full = [&](std::string next) {
      if (copied.rows.size() < limit && bytes < max_bytes) return false;
      copied.next = std::move(next);
      return true;
    };
    const auto add = [&](std::string_view kind, const google::protobuf::MessageLite& value) {
      MovedRow& row = copied.rows.emplace_back();
      row.set_kind(std::string(kind));
      row.set_value(value.SerializeAsString());
      bytes += row.ByteSizeLong();
    };
    const bool verdicts_only = cursor.substr(0, 1) == "v";
    std::string from(cursor.substr(std::min<size_t>(cursor.size(), 1)));
    if (!verdicts_only) {
      projection::ScanRange<std::tuple<std::string, std::string>> range;
      if (!from.empty()) range.from = std::tuple(profile, std::exchange(from, ""));
      view.Scan(
          kPieces, std::tuple(profile),
          [&](const auto& key, const auto& row) {
            if (full("p" + std::get<1>(key))) return false;
            v1::MovedPiece piece;
            piece.set_id(std::get<1>(key));
            piece.set_amount(row->amount());
            add(kPieceRow, piece);
            return true;
          },
          range);
      if (copied.next.has_value()) return copied;
    }
    projection::ScanRange<std::tuple<std::string, std::string>> range;
    if (!from.empty()) range.from = std::tuple(profile, from);
    view.Scan(
        kVerdicts, std::tuple(profile),
        [&](const auto& key, const auto& row) {
          if (full("v" + std::get<1>(key))) return false;
          v1::Verdict verdict;
          verdict.set_what(std::get<1>(key));
          verdict.set_count(row->count());
          add(kVerdictRow, verdict);
          return true;
        },
        range);
    return copied;
  }

  absl::Status ApplyMovedRow(const MovedRow& row, const std::string&, const std::string& winner,
                             const KindView<Kind::kFacts>&, Writer<Kind::kFacts>& out) override {
    if (row.kind() != kPieceRow) return absl::OkStatus();
    v1::MovedPiece piece;
    if (!piece.ParseFromString(row.value())) return absl::InternalError("a moved piece does not parse");
    PutPiece(winner, piece.id(), piece.amount(), out);
    return absl::OkStatus();
  }

  std::vector<Decision> Adopt(const MovedRow& row, const std::string& winner, const View&, absl::Time) override {
    if (row.kind() != kVerdictRow) return {};
    v1::Verdict verdict;
    if (!verdict.ParseFromString(row.value())) return {};
    verdict.set_profile_id(winner);
    return {Said(kAdopted, std::move(verdict))};
  }

  Decided DecideLost(const ProfilesMerged& merged, const View&, absl::Time) override {
    v1::Verdict verdict;
    verdict.set_profile_id(merged.loser_id());
    Decided decided;
    decided.decisions.push_back(Said(kLeft, std::move(verdict)));
    return decided;
  }
  Decided DecideWhole(const std::string&, const std::string& profile, const View& view, absl::Time) override {
    Decided decided;
    decided.decisions.push_back(Said(kSettled, SeenNow(profile, "", view)));
    return decided;
  }
  Decided DecideOutcome(const EndedEffect& ended, const std::string& profile, const View& view, absl::Time) override {
    Decided decided;
    decided.decisions.push_back(Said(kTold, SeenNow(profile, "o/" + ended.effect_id, view)));
    return decided;
  }

  std::string Forward(const Fact& fact, const std::string& winner) const override {
    v1::Piece piece = *fact.value.As<v1::Piece>();
    piece.set_profile_id(winner);
    return piece.SerializeAsString();
  }

  // Not idempotent, on purpose: what is adopted twice counts twice.
  void ApplyDecision(const Decision& decision, const KindView<Kind::kDecisions>& decisions,
                     Writer<Kind::kDecisions>& out) override {
    if (decision.type == kLeft || decision.type == kSettled) return;  // the log tells
    const auto* verdict = decision.value.As<v1::Verdict>();
    v1::CountRow row;
    if (const auto old = decisions.Get(kVerdicts, {verdict->profile_id(), verdict->what()})) row = *old;
    row.set_count(row.count() + (decision.type == kAdopted ? verdict->count() : 1));
    out.Put(kVerdicts, {verdict->profile_id(), verdict->what()}, row);
  }

  void Derive(const Changes& changes, const View& view, Writer<Kind::kCaches>& out) override {
    const auto refresh = [&](const auto& key, const auto&, const auto&) {
      const std::string& profile = std::get<0>(key);
      v1::ProfileSum sum;
      view.Scan(kPieces, std::tuple(profile), [&](const auto&, const auto& row) {
        sum.set_pieces(sum.pieces() + 1);
        sum.set_amount(sum.amount() + row->amount());
        return true;
      });
      view.Scan(kVerdicts, std::tuple(profile), [&](const auto&, const auto& row) {
        sum.set_verdicts(sum.verdicts() + row->count());
        return true;
      });
      out.Put(kProfileSums, {profile}, sum);
    };
    changes.ForEach(kPieces, refresh);
    changes.ForEach(kVerdicts, refresh);
  }

  Decided Decide(const Input& input, const View& view, absl::Time now) override {
    if (const auto* fact = std::get_if<Fact>(&input)) return DecideFact(*fact, view, now);
    if (const auto* timer = std::get_if<DueTimer>(&input)) {
      Decided decided;
      decided.decisions.push_back(Said(kRang, SeenNow(timer->key, "t/" + timer->id, view)));
      return decided;
    }
    if (const auto* command = std::get_if<Command>(&input)) return DecideCommand(*command, view);
    Decided decided;
    if (std::holds_alternative<ReadyEffect>(input) && random_->Chance(10)) decided.withhold = "SIM_NO";
    return decided;
  }

 private:
  static void PutPiece(const std::string& profile, const std::string& id, int64_t amount, Writer<Kind::kFacts>& out) {
    v1::PieceRow row;
    row.set_amount(amount);
    out.Put(kPieces, {profile, id}, row);
  }

  v1::Verdict SeenNow(const std::string& profile, std::string what, const View& view) const {
    v1::Verdict verdict;
    verdict.set_profile_id(profile);
    verdict.set_what(std::move(what));
    verdict.set_draw(random_->Next64());
    view.Scan(kPieces, std::tuple(profile), [&](const auto& key, const auto&) {
      verdict.add_seen(std::get<1>(key));
      return true;
    });
    return verdict;
  }

  Decided DecideFact(const Fact& fact, const View& view, absl::Time now) {
    Decided decided;
    const auto* piece = fact.value.As<v1::Piece>();
    const std::string& profile = piece->profile_id();
    if (piece->quiet() || fact.historical || piece->historical()) return decided;
    decided.decisions.push_back(Said(kJudged, SeenNow(profile, "j/" + piece->id(), view)));
    const auto soon = [&] { return now + absl::Milliseconds(random_->Below(random_->Chance(30) ? 2000 : 200)); };
    if (random_->Chance(50)) decided.decisions.push_back(ArmTimer(profile, piece->id(), soon()));
    if (random_->Chance(15)) decided.decisions.push_back(ArmTimer(profile, std::string(kSharedTimer), soon()));
    if (random_->Chance(5)) decided.decisions.push_back(CancelTimer(profile, std::string(kSharedTimer)));
    if (random_->Chance(15)) {
      const std::string_view channel = random_->Chance(50) ? kSureChannel : kOnceChannel;
      decided.decisions.push_back(RequestEffect(EffectIdOf(profile, piece->id()), std::string(channel), ""));
    }
    if (piece->derived_from().empty() && random_->Chance(20)) decided.outputs.push_back(Derived(*piece, profile));
    return decided;
  }

  Output Derived(const v1::Piece& piece, const std::string& profile) {
    v1::Piece patch;
    patch.set_id((options_.name == kMover ? "d" : "e") + piece.id());
    patch.set_derived_from(piece.id());
    Output output;
    output.to = {options_.partition.log, PartitionOfProfile(profile, options_.partitions)};
    output.type = std::string(kPiece);
    output.key = profile;
    if (random_->Chance(50)) {
      output.value = FactPatch{patch.SerializeAsString()};
    } else {
      patch.set_profile_id(profile);
      patch.set_amount(piece.amount());
      output.value = patch.SerializeAsString();
    }
    return output;
  }

  Decided DecideCommand(const Command& command, const View& view) {
    Decided decided;
    if (random_->Chance(8)) {
      decided.reply = Reply{.code = absl::StatusCode::kUnavailable, .reason = "SIM_LATER", .retry = true};
      return decided;
    }
    v1::Verdict mark = SeenNow(command.body, "c/" + command.request_id, view);
    decided.reply = Reply::Ok(mark);
    decided.decisions.push_back(Said(kMarked, std::move(mark)));
    return decided;
  }

  const MoverOptions options_;
  SeededRandom* const random_;
};

}  // namespace

bool IsMover(std::string_view processor) { return processor == kMover || processor == kOtherMover; }

bool IsOfMoves(std::string_view type) {
  using namespace events::v1;  // NOLINT
  for (const std::string_view own :
       {kPiece, kJudged, kRang, kMarked, kAdopted, kTold, kLeft, kSettled, RecordType<FactForwarded>(),
        RecordType<ProfilesMerged>(), RecordType<ProfileRowsMoved>(), RecordType<ProfileMoveEnded>(),
        RecordType<ProfileMoveProgressed>(), RecordType<FactHeld>(), RecordType<HeldFactDecided>()}) {
    if (type == own) return true;
  }
  return false;
}

Partition PartitionOfProfile(std::string_view profile, int partitions) {
  int number = 0;
  std::from_chars(profile.data() + 1, profile.data() + profile.size(), number);
  return Partition(number % partitions);
}

std::unique_ptr<Processor> MakeMover(const MoverOptions& options) {
  auto service = std::make_unique<MoverService>(options);
  MovableProcessor* const inner = service.get();
  auto mover =
      std::make_unique<MovingProcessor>(std::move(service), options.partition,
                                        ProfilePlaces{options.partition.log,
                                                      [partitions = options.partitions](std::string_view profile) {
                                                        return PartitionOfProfile(profile, partitions);
                                                      }},
                                        options.bounds);
  if (!options.faults.Any()) return mover;
  return PlantMoveFaults(std::move(mover), inner, options.faults);
}

}  // namespace tributary::simulation
