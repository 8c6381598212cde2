#include "input/resume.h"

#include <filesystem>
#include <fstream>

#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "tributary/base/status.h"

namespace tributary::cli {
namespace {

absl::Status Unusable(const std::string& path, std::string_view why) {
  return FieldError(absl::StatusCode::kFailedPrecondition, "PROGRESS_MISMATCH", "--resume",
                    fmt::format("{} {}", path, why),
                    "Delete it to send the file from its beginning; what was sent already is not counted twice");
}

}  // namespace

absl::StatusOr<std::optional<Progress>> LoadProgress(const std::string& path, const std::string& digest,
                                                     const std::string& source_id) {
  std::ifstream in(path);
  if (!in) return std::nullopt;
  const nlohmann::json kept = nlohmann::json::parse(in, nullptr, /*allow_exceptions=*/false);
  Progress progress;
  const auto text = [&](const char* key) {
    return kept.is_object() && kept.contains(key) && kept[key].is_string() ? kept[key].get<std::string>() : "";
  };
  const auto number = [&](const char* key) {
    return kept.is_object() && kept.contains(key) && kept[key].is_number_integer() ? kept[key].get<int64_t>() : -1;
  };
  progress.digest = text("digest");
  progress.source_id = text("source_id");
  progress.lines = number("lines");
  progress.accepted = number("accepted");
  progress.rejected = number("rejected");
  if (progress.lines < 0 || progress.accepted < 0 || progress.rejected < 0)
    return Unusable(path, "is no progress file");
  if (progress.digest != digest) return Unusable(path, "is of another content of the file");
  if (progress.source_id != source_id) return Unusable(path, "is of another source");
  return progress;
}

absl::Status SaveProgress(const std::string& path, const Progress& progress) {
  const std::string fresh = path + ".new";
  {
    nlohmann::ordered_json kept;
    kept["digest"] = progress.digest;
    kept["source_id"] = progress.source_id;
    kept["lines"] = progress.lines;
    kept["accepted"] = progress.accepted;
    kept["rejected"] = progress.rejected;
    std::ofstream out(fresh, std::ios::trunc);
    out << kept.dump() << "\n";
    if (!out.flush()) {
      return InvalidField("UNWRITABLE_FILE", "--resume", fmt::format("{} cannot be written", fresh),
                          "Name a file elsewhere with --progress-file");
    }
  }
  std::error_code error;
  std::filesystem::rename(fresh, path, error);
  if (error) return absl::InternalError(fmt::format("{} cannot be replaced: {}", path, error.message()));
  return absl::OkStatus();
}

void RemoveProgress(const std::string& path) {
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
}

}  // namespace tributary::cli
