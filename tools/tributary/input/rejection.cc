#include "input/rejection.h"

#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "tributary/base/status.h"

namespace tributary::cli {

Rejection RejectionOf(int64_t line, const absl::Status& status) {
  Rejection rejection{.line = line, .message = std::string(FromAbsl(status.message()))};
  if (const auto detail = DetailOf(status)) {
    rejection.reason = detail->reason;
    rejection.field = detail->field;
    rejection.mend = detail->mend;
    // Our own errors say field and mend in the message too; here each has its place.
    const std::string before = rejection.field + ": ";
    const std::string after = ". " + rejection.mend;
    if (!rejection.field.empty() && rejection.message.starts_with(before)) rejection.message.erase(0, before.size());
    if (!rejection.mend.empty() && rejection.message.ends_with(after)) {
      rejection.message.resize(rejection.message.size() - after.size());
    }
  }
  return rejection;
}

std::string RejectionText(const Rejection& rejection) {
  std::string text = fmt::format("line {}: ", rejection.line);
  if (!rejection.field.empty()) text += rejection.field + ": ";
  text += rejection.message;
  if (!rejection.mend.empty()) text += ". " + rejection.mend;
  return text;
}

absl::Status RejectionReport::OpenFile(const std::string& path, bool append) {
  path_ = path;
  file_.open(path, append ? std::ios::app : std::ios::trunc);
  if (file_.is_open()) return absl::OkStatus();
  return InvalidField("UNWRITABLE_FILE", "--rejects", fmt::format("{} cannot be written", path),
                      "Name a file in a folder that you may write to");
}

void RejectionReport::Add(const Rejection& rejection) {
  ++count_;
  if (file_.is_open()) {
    nlohmann::ordered_json line;
    line["line"] = rejection.line;
    line["reason"] = rejection.reason;
    line["field"] = rejection.field;
    line["message"] = rejection.message;
    line["mend"] = rejection.mend;
    file_ << line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
  }
  if (count_ <= kShown) err_ << RejectionText(rejection) << "\n";
}

absl::Status RejectionReport::Finish() {
  if (count_ > kShown) {
    err_ << fmt::format("... and {} more", count_ - kShown)
         << (path_.empty() ? "; --rejects FILE writes them all" : fmt::format("; all are in {}", path_)) << "\n";
  }
  if (!file_.is_open()) return absl::OkStatus();
  file_.close();
  if (file_) return absl::OkStatus();
  return absl::InternalError(fmt::format("{} could not be written to the end", path_));
}

}  // namespace tributary::cli
