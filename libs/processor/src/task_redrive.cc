// Dead letters: what they are, and how one is sent again.
#include "src/task_impl.h"
#include "tributary/processor/dead_letters.h"

namespace tributary::processor {

namespace {

constexpr std::string_view kRedrive = "redrive";

}  // namespace

Command RedriveCommand(std::string request_id, Offset offset) {
  events::v1::Redriven redriven;
  redriven.set_fact(offset.value());
  return {std::move(request_id), std::string(kRedrive), redriven.SerializeAsString()};
}

void ForEachDeadLetter(projection::Snapshot& snapshot, const std::function<bool(const DeadLetterInfo&)>& visit) {
  snapshot.view().Scan(kDeadLetters, std::tuple<>(), [&](const auto& key, const auto& row) {
    return visit(
        {Offset(std::get<0>(key)), std::get<1>(key), row->type(), row->reason(), row->message(), row->redriven()});
  });
}

std::optional<Decided> Task::Impl::DecideRedrive(const Command& command) {
  if (command.type != kRedrive) return std::nullopt;
  events::v1::Redriven redriven;
  Decided decided;
  if (!redriven.ParseFromString(command.body)) {
    decided.reply = Reply::Reject(absl::StatusCode::kInvalidArgument, "MALFORMED", "body", "not a re-drive");
    return decided;
  }
  const auto row = view().Get(kDeadLetters, {redriven.fact(), -1});
  if (row == nullptr) {
    decided.reply = Reply::Reject(absl::StatusCode::kNotFound, "NO_DEAD_LETTER", "offset",
                                  fmt::format("no record at {} was dead-lettered", redriven.fact()));
  } else if (row->redriven()) {
    decided.reply = Reply::Reject(absl::StatusCode::kFailedPrecondition, "ALREADY_REDRIVEN", "offset",
                                  fmt::format("the record at {} was sent again before", redriven.fact()));
  } else {
    // Through the relay like every output, so that it applies once; the fact's bytes come from the log.
    events::v1::Output* out = open().batch->add_outputs();
    out->set_log(options_.partition.log);
    out->set_partition(options_.partition.partition.value());
    out->set_type(row->type());
    out->set_key(row->key());
    out->set_has_fact(true);
    out->set_fact(redriven.fact());
    out->set_has_redrive_of(true);
    out->set_redrive_of(redriven.fact());
    out->mutable_cause()->set_request_id(command.request_id);
    decided.decisions.push_back(Decision::Of(redriven));
    decided.reply = Reply::Ok(redriven);
  }
  return decided;
}

}  // namespace tributary::processor
