// The functions that a service is made of (DESIGN section 1).
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "tributary/processor/fact.h"
#include "tributary/projection/table.h"

namespace tributary::processor {

using projection::Changes;
using projection::KeySet;
using projection::Kind;
using projection::KindView;
using projection::View;
using projection::Writer;

// Part of the projection's format: changing what is ignored wants a new format number.
enum class Handling { kApplied, kIgnored, kUnknown };

// One instance per task; called by that task's thread alone. Apply and Derive are deterministic for
// ever: no clock, no randomness, no collaborators, no iteration over unordered containers. Decide may
// use what the implementation was constructed with.
class Processor {
 public:
  virtual ~Processor() = default;

  // lower_snake_case; with the partition it names the chain of batches. Never changes.
  virtual std::string_view name() const = 0;
  // Number of the projection's format; a store of another format is built anew.
  virtual uint32_t format() const = 0;

  // What to do with a record type or another processor's decision type. kUnknown halts the task: an
  // old binary must not step over a new kind of fact.
  virtual Handling Handles(std::string_view type) const = 0;

  // Names rows that applying and deciding `fact` will read, so that they are fetched together.
  virtual void Prefetch(const Fact& fact, KeySet& keys) const = 0;

  // InvalidArgument: the fact is malformed; if it came from outside it is dead-lettered with that
  // reason (DetailOf) and nothing of it stays. Any other error, or one for a derived record, halts.
  virtual absl::Status ApplyFact(const Fact& fact, const KindView<Kind::kFacts>& facts, Writer<Kind::kFacts>& out) = 0;
  virtual void ApplyDecision(const Decision& decision, const KindView<Kind::kDecisions>& decisions,
                             Writer<Kind::kDecisions>& out) = 0;
  // Brings caches up to date after one Apply. The result depends on the tables alone, not on the
  // order in which they were filled.
  virtual void Derive(const Changes& changes, const View& view, Writer<Kind::kCaches>& out) = 0;
  // False if Derive does nothing, always: then no changes are gathered for it.
  virtual bool Derives() const { return true; }

  // What follows from `input`, given all that was applied before it. Decide on levels, not edges.
  virtual Decided Decide(const Input& input, const View& view, absl::Time now) = 0;
};

}  // namespace tributary::processor
