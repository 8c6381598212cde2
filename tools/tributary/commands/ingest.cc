// tributary ingest: events as JSON lines from a file or standard input.
#include <filesystem>
#include <fstream>
#include <memory>

#include "commands/commands.h"
#include "input/event_json.h"
#include "input/file_digest.h"
#include "input/upload.h"

namespace tributary::cli {
namespace {

struct Flags {
  std::string file = "-";
  bool historical = false;
  UploadOptions upload;
};

int Run(const Session& session, const Flags& flags) {
  UploadOptions upload = flags.upload;
  upload.bulk = upload.bulk || flags.historical;
  const NdjsonOptions options{.source_id = upload.source_id, .historical = flags.historical};
  if (flags.file == "-") {
    if (upload.resume) return FailUsage(session, "--resume: a stream cannot be resumed. Name a file");
    NdjsonReader reader(session.in, options);
    return Upload(session, reader, upload);
  }
  auto digest = DigestOfFile(flags.file);
  if (!digest.ok()) return Fail(session, digest.status());
  std::ifstream in(flags.file, std::ios::binary);
  upload.file = flags.file;
  upload.file_digest = *digest;
  std::error_code ignored;
  upload.file_bytes = static_cast<int64_t>(std::filesystem::file_size(flags.file, ignored));
  NdjsonReader reader(in, {.source_id = upload.source_id, .file_digest = *digest, .historical = flags.historical});
  return Upload(session, reader, upload);
}

}  // namespace

void AddIngest(CLI::App& app, Session& session) {
  auto* command = AddCommand(app, "ingest", "Send customer events, one JSON object a line",
                             "tributary ingest events.ndjson --source website --wait");
  auto flags = std::make_shared<Flags>();
  command->add_option("FILE", flags->file, "Lines of JSON; - is standard input")->capture_default_str();
  command->add_option("--source", flags->upload.source_id, "Source of events that name none");
  command->add_flag("--create-source", flags->upload.create_source, "Create the source if it is not there");
  command->add_flag("--historical", flags->historical, "Mark all as history: they start no case and no message");
  command->add_flag("--bulk", flags->upload.bulk, "Yield to live traffic; --historical does so too");
  command->add_option("--rejects", flags->upload.rejects_file, "Write refused lines and reasons there, as JSON lines");
  command->add_flag("--resume", flags->upload.resume, "Keep <FILE>.progress, and go on where it says");
  command->add_option("--progress-file", flags->upload.progress_file, "Keep the progress there instead");
  command->add_flag("--wait", flags->upload.wait, "End only when everything can be read");
  command->add_option("--batch", flags->upload.batch_size, "Events in a batch")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_option("--in-flight", flags->upload.in_flight, "Batches on their way at a time")
      ->check(CLI::Range(1, 32))
      ->capture_default_str();
  command->callback([flags, &session] { session.exit_code = Run(session, *flags); });
}

}  // namespace tributary::cli
