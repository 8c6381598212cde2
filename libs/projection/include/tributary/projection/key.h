// Keys of tables: tuples whose bytes sort as their values do.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "absl/time/time.h"
#include "tributary/base/strong_id.h"

namespace tributary::projection {

// Encodings, each self-delimiting, so that a shorter tuple's bytes are a prefix of a longer one's:
// strings: 0x00 is written 0x00 0xff, the end 0x00 0x01; integers: big-endian, signed ones with the
// sign bit flipped; absl::Time: int64 microseconds since the epoch (rounded down); StrongId: as its rep.
void AppendPart(std::string* out, std::string_view value);
void AppendPart(std::string* out, int32_t value);
void AppendPart(std::string* out, int64_t value);
void AppendPart(std::string* out, uint32_t value);
void AppendPart(std::string* out, uint64_t value);
void AppendPart(std::string* out, absl::Time value);
inline void AppendPart(std::string* out, const std::string& value) { AppendPart(out, std::string_view(value)); }
template <typename Tag, typename Rep>
void AppendPart(std::string* out, const StrongId<Tag, Rep>& value) {
  AppendPart(out, value.value());
}

// False if `in` does not start with such a part; else takes it off.
bool TakePart(std::string_view* in, std::string* value);
bool TakePart(std::string_view* in, int32_t* value);
bool TakePart(std::string_view* in, int64_t* value);
bool TakePart(std::string_view* in, uint32_t* value);
bool TakePart(std::string_view* in, uint64_t* value);
bool TakePart(std::string_view* in, absl::Time* value);
template <typename Tag, typename Rep>
bool TakePart(std::string_view* in, StrongId<Tag, Rep>* value) {
  Rep rep{};
  if (!TakePart(in, &rep)) return false;
  *value = StrongId<Tag, Rep>(std::move(rep));
  return true;
}

template <typename... Parts>
std::string EncodeKey(const std::tuple<Parts...>& key) {
  std::string out;
  std::apply([&](const auto&... parts) { (AppendPart(&out, parts), ...); }, key);
  return out;
}

// False if the bytes are not exactly such a key.
template <typename... Parts>
bool DecodeKey(std::string_view bytes, std::tuple<Parts...>* key) {
  const bool taken = std::apply([&](auto&... parts) { return (TakePart(&bytes, &parts) && ...); }, *key);
  return taken && bytes.empty();
}

}  // namespace tributary::projection
