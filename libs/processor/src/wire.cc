#include "src/wire.h"
#include "tributary/base/status.h"

#include <charconv>
#include <vector>

namespace tributary::processor {
namespace {

// Header names are short: they are on every record.
constexpr std::string_view kProcessor = "p";
constexpr std::string_view kPrevious = "v";
constexpr std::string_view kTypes = "t";
constexpr std::string_view kIncarnation = "i";
constexpr std::string_view kCounter = "c";
constexpr std::string_view kOrigin = "o";
constexpr std::string_view kOriginPlace = "op";
constexpr std::string_view kOriginPrevious = "ov";
constexpr std::string_view kDepth = "d";
constexpr std::string_view kRedriveOf = "r";
constexpr std::string_view kDeadLetterReason = "dr";
constexpr std::string_view kBatchType = "decision_batch";

template <typename T>
bool ParseNumber(std::string_view text, T* value, int base = 10) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value, base);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

bool ParsePlace(std::string_view text, OutputPlace* place) {
  const size_t slash = text.find('/');
  return slash != std::string_view::npos && ParseNumber(text.substr(0, slash), &place->batch) &&
         ParseNumber(text.substr(slash + 1), &place->index);
}

std::string PlaceText(const OutputPlace& place) {
  std::string text = fmt::format_int(place.batch).str();
  text += '/';
  text += fmt::format_int(place.index).c_str();
  return text;
}

absl::Status BadHeader(std::string_view name) {
  return absl::DataLossError(fmt::format("header '{}' is malformed", name));
}

absl::Status ReadBatchHeader(const eventlog::Header& header, BatchInfo* batch) {
  int64_t previous = 0;
  if (header.key == kProcessor) {
    batch->processor = header.value;
  } else if (header.key == kTypes) {
    batch->types = header.value;
  } else if (header.key == kPrevious) {
    if (!ParseNumber(header.value, &previous)) return BadHeader(kPrevious);
    batch->previous = Offset(previous);
  } else if (header.key == kIncarnation) {
    if (!ParseNumber(header.value, &batch->incarnation, 16)) return BadHeader(kIncarnation);
  } else if (header.key == kCounter) {
    if (!ParseNumber(header.value, &batch->counter)) return BadHeader(kCounter);
  }
  return absl::OkStatus();
}

}  // namespace

OutputPlace FromProto(const events::v1::OutputPosition& position) {
  return {position.batch_offset(), position.index()};
}

void ToProto(const OutputPlace& place, events::v1::OutputPosition* position) {
  position->set_batch_offset(place.batch);
  position->set_index(place.index);
}

std::string SourceName(std::string_view processor, const PartitionRef& partition) {
  return fmt::format("{}|{}", processor, partition.ToString());
}

events::v1::EffectEnded::Status ToProto(EffectStatus status) {
  switch (status) {
    case EffectStatus::kDelivered:
      return events::v1::EffectEnded::STATUS_DELIVERED;
    case EffectStatus::kFailed:
      return events::v1::EffectEnded::STATUS_FAILED;
    case EffectStatus::kUnknown:
      return events::v1::EffectEnded::STATUS_UNKNOWN;
    case EffectStatus::kWithheld:
      return events::v1::EffectEnded::STATUS_WITHHELD;
  }
  return events::v1::EffectEnded::STATUS_UNSPECIFIED;
}

EffectStatus FromProto(events::v1::EffectEnded::Status status) {
  for (const EffectStatus known : {EffectStatus::kDelivered, EffectStatus::kFailed, EffectStatus::kWithheld}) {
    if (status == ToProto(known)) return known;
  }
  return EffectStatus::kUnknown;
}

absl::StatusOr<RecordInfo> ReadHeaders(const eventlog::Record& record) {
  RecordInfo info;
  if (record.type == kBatchType) {
    BatchInfo batch;
    for (const eventlog::Header& header : record.headers) {
      TRIBUTARY_RETURN_IF_ERROR(ReadBatchHeader(header, &batch));
    }
    if (batch.processor.empty()) return BadHeader(kProcessor);
    info.batch = batch;
    return info;
  }
  RelayInfo relay;
  for (const eventlog::Header& header : record.headers) {
    if (header.key == kOrigin) {
      relay.source = header.value;
    } else if (header.key == kOriginPlace) {
      if (!ParsePlace(header.value, &relay.place)) return BadHeader(kOriginPlace);
    } else if (header.key == kOriginPrevious) {
      if (!ParsePlace(header.value, &relay.previous)) return BadHeader(kOriginPrevious);
    } else if (header.key == kDepth) {
      if (!ParseNumber(header.value, &info.depth)) return BadHeader(kDepth);
    } else if (header.key == kRedriveOf) {
      int64_t offset = 0;
      if (!ParseNumber(header.value, &offset)) return BadHeader(kRedriveOf);
      info.redrive_of = Offset(offset);
    }
  }
  if (!relay.source.empty()) info.relay = std::move(relay);
  return info;
}

eventlog::Record BatchRecord(const events::v1::DecisionBatch& batch) {
  std::string types;
  std::vector<std::string_view> seen;
  for (const events::v1::Decision& decision : batch.decisions()) {
    bool known = false;
    for (const std::string_view type : seen) known = known || type == decision.type();
    if (known) continue;
    seen.push_back(decision.type());
    if (!types.empty()) types += ',';
    types += decision.type();
  }
  eventlog::Record record;
  record.key = batch.processor();
  record.type = kBatchType;
  record.headers = {{std::string(kProcessor), batch.processor()},
                    {std::string(kPrevious), fmt::format("{}", batch.previous())},
                    {std::string(kIncarnation), fmt::format("{:x}", batch.incarnation())},
                    {std::string(kCounter), fmt::format("{}", batch.counter())},
                    {std::string(kTypes), types}};
  record.value = batch.SerializeAsString();
  return record;
}

eventlog::Record RelayRecord(const events::v1::Output& output, const std::string& source, const OutputPlace& place,
                             std::string_view fact_value) {
  OutputPlace previous = FromProto(output.previous());
  if (output.previous_in_batch()) previous.batch = place.batch;
  eventlog::Record record;
  record.key = output.key();
  record.type = output.type();
  record.headers.reserve(5);
  record.headers.push_back({std::string(kOrigin), source});
  record.headers.push_back({std::string(kOriginPlace), PlaceText(place)});
  record.headers.push_back({std::string(kOriginPrevious), PlaceText(previous)});
  if (output.depth() != 0) record.headers.push_back({std::string(kDepth), fmt::format("{}", output.depth())});
  if (output.has_redrive_of()) {
    record.headers.push_back({std::string(kRedriveOf), fmt::format("{}", output.redrive_of())});
  }
  if (!output.dead_letter_reason().empty()) {
    record.headers.push_back({std::string(kDeadLetterReason), output.dead_letter_reason()});
  }
  record.value.reserve(fact_value.size() + output.value().size());
  if (output.has_fact()) record.value.append(fact_value);
  record.value += output.value();
  return record;
}

}  // namespace tributary::processor
