#include "distributions.h"

#include <cmath>
#include <numbers>

namespace tributary::generator {

double Uniform(SeededRandom& random) { return (static_cast<double>(random.Next64() >> 11) + 0.5) * 0x1.0p-53; }

double StandardNormal(SeededRandom& random) {
  const double radius = std::sqrt(-2 * std::log(Uniform(random)));
  return radius * std::cos(2 * std::numbers::pi * Uniform(random));
}

double Exponential(SeededRandom& random, double rate) { return -std::log(Uniform(random)) / rate; }

// Marsaglia and Tsang (2000); below 1 by the power of a uniform number, as they say.
double Gamma(SeededRandom& random, double shape, double rate) {
  if (shape < 1) return Gamma(random, shape + 1, rate) * std::pow(Uniform(random), 1 / shape);
  const double d = shape - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = StandardNormal(random);
    const double root = 1 + c * x;
    if (root <= 0) continue;
    const double v = root * root * root;
    if (std::log(Uniform(random)) < 0.5 * x * x + d * (1 - v + std::log(v))) return d * v / rate;
  }
}

double Beta(SeededRandom& random, double a, double b) {
  const double x = Gamma(random, a, 1);
  return x / (x + Gamma(random, b, 1));
}

}  // namespace tributary::generator
