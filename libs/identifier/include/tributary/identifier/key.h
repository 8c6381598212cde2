// Opaque keys: how identifiers are compared and stored, without their values.
#pragma once

#include <compare>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "tributary/identifier/identifier.h"

namespace tributary::identifier {

// 16 bytes that stand for one identifier in one workspace. Ordered by bytes. Says nothing of its own about the value,
// though without a secret somebody who guesses a value can confirm the guess: treat it as pseudonymous, not anonymous.
class OpaqueKey {
 public:
  static constexpr size_t kBytes = 16;

  // A key that was stored. INVALID_ARGUMENT unless `bytes` has exactly kBytes.
  static absl::StatusOr<OpaqueKey> FromBytes(std::string_view bytes);

  // The empty key, equal to no identifier's.
  OpaqueKey() = default;

  const std::string& bytes() const { return bytes_; }
  // 32 lower-case hexadecimal digits.
  std::string ToHex() const;

  friend bool operator==(const OpaqueKey&, const OpaqueKey&) = default;
  friend auto operator<=>(const OpaqueKey&, const OpaqueKey&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const OpaqueKey& key) {
    return H::combine(std::move(h), key.bytes_);
  }
  friend std::ostream& operator<<(std::ostream& out, const OpaqueKey& key) { return out << key.ToHex(); }

 private:
  friend class KeyMaker;
  explicit OpaqueKey(std::string bytes) : bytes_(std::move(bytes)) {}
  std::string bytes_;
};

// Makes the key of an identifier: the first 128 bits of SHA-256, or with a secret of HMAC-SHA256, over the
// length-prefixed workspace, type, issuer and value, so that no two different identifiers share an encoding.
//
// SHA-256 rather than a faster XXH3: values come from outside, and whoever can make two of them collide can join two
// strangers' profiles. 128 bits: a chance collision among a billion identifiers is about 1 in 10^21.
//
// Keys are stable: they are in the log and in every projection, and are the same in every release. Another secret
// means other keys, thus another log.
//
// Thread-safe. Movable, not copyable.
class KeyMaker {
 public:
  // `secret`: none for plain SHA-256; else 16 bytes or more. INVALID_ARGUMENT for a shorter one, INTERNAL when the
  // cryptographic library does not offer the algorithm.
  static absl::StatusOr<KeyMaker> Create(std::optional<std::string_view> secret = std::nullopt);

  KeyMaker(KeyMaker&&) noexcept;
  KeyMaker& operator=(KeyMaker&&) noexcept;
  ~KeyMaker();

  // `normal` must come out of Normalise; other spellings get other keys. Ends the process if the cryptographic library
  // fails (out of memory), for a wrong key would join or part people.
  OpaqueKey Make(std::string_view workspace, const Identifier& normal) const;

 private:
  struct State;
  explicit KeyMaker(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace tributary::identifier
