#include "log_reading.h"

#include <charconv>

namespace tributary::simulation {

Place ParsePlace(std::string_view text) {
  Place place{-2, -2};
  const size_t slash = text.find('/');
  std::from_chars(text.data(), text.data() + slash, place.first);
  std::from_chars(text.data() + slash + 1, text.data() + text.size(), place.second);
  return place;
}

int64_t NumberOf(const eventlog::Record& record, std::string_view header, int64_t otherwise) {
  const auto text = record.FindHeader(header);
  if (!text.has_value()) return otherwise;
  std::from_chars(text->data(), text->data() + text->size(), otherwise);
  return otherwise;
}

bool Origins::Takes(const eventlog::Record& record) {
  const auto source = record.FindHeader("o");
  if (!source.has_value()) return true;
  Place& tip = tips_.try_emplace(std::string(*source), Place{-1, 0}).first->second;
  const Place place = ParsePlace(*record.FindHeader("op"));
  if (ParsePlace(*record.FindHeader("ov")) != tip || place <= tip) return false;
  tip = place;
  return true;
}

absl::StatusOr<PartitionReading> ReadPartition(const std::vector<eventlog::RecordPtr>& records) {
  PartitionReading reading;
  std::map<std::string, int64_t> tips;
  Origins origins;
  for (const eventlog::RecordPtr& stored : records) {
    const eventlog::Record& record = stored->record;
    if (record.type == eventlog::kGenesisType) continue;
    if (record.type == "decision_batch") {
      events::v1::DecisionBatch batch;
      REFEREE_EXPECT(batch.ParseFromString(record.value), "the batch at {} does not parse", stored->offset);
      int64_t& tip = tips.try_emplace(batch.processor(), -1).first->second;
      if (batch.previous() != tip) continue;
      tip = stored->offset.value();
      auto& chain = reading.chains[batch.processor()];
      chain.emplace_back(tip, std::move(batch));
      continue;
    }
    if (!origins.Takes(record)) continue;
    if (const auto source = record.FindHeader("o"); source.has_value()) {
      reading.relayed[std::string(*source)].push_back({ParsePlace(*record.FindHeader("op")), stored.get()});
    }
    reading.records.push_back(stored.get());
  }
  return reading;
}

}  // namespace tributary::simulation
