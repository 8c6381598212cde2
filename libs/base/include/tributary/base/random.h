// Randomness is injected; only SystemRandom asks the operating system.
#pragma once

#include <cstdint>
#include <string>

namespace tributary {

// Thread-safe.
class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t Next64() = 0;
};

// From getrandom(2): fit for keys and ids. Aborts if the kernel has no randomness to give.
class SystemRandom final : public Random {
 public:
  uint64_t Next64() override;
};

// splitmix64 (Steele, Lea, Flood 2014): the same seed gives the same numbers. Not thread-safe.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : state_(seed) {}
  uint64_t Next64() override;
  // Uniform in [0, bound); bound > 0.
  uint64_t Below(uint64_t bound) { return Next64() % bound; }
  // True with probability percent / 100.
  bool Chance(int percent) { return Below(100) < static_cast<uint64_t>(percent); }

 private:
  uint64_t state_;
};

// 128 bits as a UUID (RFC 9562, version 4).
std::string NewUuid(Random& random);

}  // namespace tributary
