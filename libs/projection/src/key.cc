#include "tributary/projection/key.h"

#include <limits>
#include <type_traits>

namespace tributary::projection {
namespace {

constexpr char kZero = '\x00';
constexpr char kEscaped = '\xff';     // after a zero: a zero that belongs to the string
constexpr char kTerminator = '\x01';  // after a zero: the end; sorts before every escaped zero

template <typename T>
void AppendInteger(std::string* out, T value) {
  using U = std::make_unsigned_t<T>;
  U bits = static_cast<U>(value);
  if constexpr (std::is_signed_v<T>) bits ^= U{1} << (sizeof(U) * 8 - 1);
  for (int shift = static_cast<int>(sizeof(U)) * 8 - 8; shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>(static_cast<unsigned char>(bits >> shift)));
  }
}

template <typename T>
bool TakeInteger(std::string_view* in, T* value) {
  using U = std::make_unsigned_t<T>;
  if (in->size() < sizeof(U)) return false;
  U bits = 0;
  for (size_t i = 0; i < sizeof(U); ++i) bits = static_cast<U>(bits << 8) | static_cast<unsigned char>((*in)[i]);
  if constexpr (std::is_signed_v<T>) bits ^= U{1} << (sizeof(U) * 8 - 1);
  *value = static_cast<T>(bits);
  in->remove_prefix(sizeof(U));
  return true;
}

}  // namespace

void AppendPart(std::string* out, std::string_view value) {
  for (size_t start = 0;;) {
    const size_t zero = value.find(kZero, start);
    out->append(value.substr(start, zero - start));
    out->push_back(kZero);
    if (zero == std::string_view::npos) break;
    out->push_back(kEscaped);
    start = zero + 1;
  }
  out->push_back(kTerminator);
}

void AppendPart(std::string* out, int32_t value) { AppendInteger(out, value); }
void AppendPart(std::string* out, int64_t value) { AppendInteger(out, value); }
void AppendPart(std::string* out, uint32_t value) { AppendInteger(out, value); }
void AppendPart(std::string* out, uint64_t value) { AppendInteger(out, value); }
void AppendPart(std::string* out, absl::Time value) { AppendInteger(out, absl::ToUnixMicros(value)); }

bool TakePart(std::string_view* in, std::string* value) {
  value->clear();
  for (std::string_view rest = *in;;) {
    const size_t zero = rest.find(kZero);
    if (zero == std::string_view::npos || zero + 1 == rest.size()) return false;
    value->append(rest.substr(0, zero));
    const char mark = rest[zero + 1];
    rest.remove_prefix(zero + 2);
    if (mark == kTerminator) {
      *in = rest;
      return true;
    }
    if (mark != kEscaped) return false;
    value->push_back(kZero);
  }
}

bool TakePart(std::string_view* in, int32_t* value) { return TakeInteger(in, value); }
bool TakePart(std::string_view* in, int64_t* value) { return TakeInteger(in, value); }
bool TakePart(std::string_view* in, uint32_t* value) { return TakeInteger(in, value); }
bool TakePart(std::string_view* in, uint64_t* value) { return TakeInteger(in, value); }

bool TakePart(std::string_view* in, absl::Time* value) {
  int64_t micros = 0;
  if (!TakeInteger(in, &micros)) return false;
  // ToUnixMicros saturates; so the infinities come back as themselves.
  if (micros == std::numeric_limits<int64_t>::max()) {
    *value = absl::InfiniteFuture();
  } else if (micros == std::numeric_limits<int64_t>::min()) {
    *value = absl::InfinitePast();
  } else {
    *value = absl::FromUnixMicros(micros);
  }
  return true;
}

}  // namespace tributary::projection
