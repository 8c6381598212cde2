// Who may send and read: workspaces, sources and credentials, decided on the `registry` log.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ingestion/secrets.h"
#include "tributary/processor/processor.h"

namespace tributary::ingestion {

inline constexpr std::string_view kProcessorName = "ingestion";
inline constexpr std::string_view kRegistryLog = "registry";
inline constexpr std::string_view kIntakeLog = "intake";

// Types of commands. The body is the request of the RPC of that name (tributary.ingestion.v1), its shape checked, its
// workspace filled in, without request_id and output-only fields. The reply's body is a storage.v1.RegistryReply.
namespace command {
inline constexpr std::string_view kCreateWorkspace = "create_workspace";
inline constexpr std::string_view kUpdateWorkspace = "update_workspace";  // update_mask never empty
inline constexpr std::string_view kCreateSource = "create_source";
inline constexpr std::string_view kUpdateSource = "update_source";  // update_mask never empty
inline constexpr std::string_view kRotateSourceWriteKey = "rotate_source_write_key";
inline constexpr std::string_view kCreateCredential = "create_credential";
inline constexpr std::string_view kRevokeCredential = "revoke_credential";
}  // namespace command

class IngestionProcessor final : public processor::Processor {
 public:
  struct Options {
    // Of the `intake` log; a new workspace goes to the one with the fewest workspaces.
    int32_t intake_partitions = 1;
  };
  explicit IngestionProcessor(const Options& options) : options_(options) {}

  std::string_view name() const override { return kProcessorName; }
  uint32_t format() const override { return 1; }
  // Nobody else writes to `registry`.
  processor::Handling Handles(std::string_view) const override { return processor::Handling::kUnknown; }
  void Prefetch(const processor::Fact&, processor::KeySet&) const override {}
  absl::Status ApplyFact(const processor::Fact& fact, const processor::KindView<processor::Kind::kFacts>& facts,
                         processor::Writer<processor::Kind::kFacts>& out) override;
  void ApplyDecision(const processor::Decision& decision,
                     const processor::KindView<processor::Kind::kDecisions>& decisions,
                     processor::Writer<processor::Kind::kDecisions>& out) override;
  void Derive(const processor::Changes&, const processor::View&,
              processor::Writer<processor::Kind::kCaches>&) override {}
  bool Derives() const override { return false; }
  processor::Decided Decide(const processor::Input& input, const processor::View& view, absl::Time now) override;

  // Where secrets for commands that make one are offered before the command is submitted. Thread-safe.
  SecretOffers& secret_offers() const { return offers_; }

 private:
  processor::Decided CreateWorkspace(const processor::Command& command, const processor::View& view,
                                     absl::Time now) const;
  processor::Decided UpdateWorkspace(const processor::Command& command, const processor::View& view,
                                     absl::Time now) const;
  processor::Decided CreateSource(const processor::Command& command, const processor::View& view, absl::Time now) const;
  processor::Decided UpdateSource(const processor::Command& command, const processor::View& view, absl::Time now) const;
  processor::Decided RotateSourceWriteKey(const processor::Command& command, const processor::View& view,
                                          absl::Time now) const;
  processor::Decided CreateCredential(const processor::Command& command, const processor::View& view,
                                      absl::Time now) const;
  processor::Decided RevokeCredential(const processor::Command& command, const processor::View& view,
                                      absl::Time now) const;
  int32_t LeastLoadedPartition(const processor::View& view) const;

  const Options options_;
  mutable SecretOffers offers_;
};

}  // namespace tributary::ingestion
