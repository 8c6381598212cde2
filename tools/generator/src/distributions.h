// Draws from the distributions that the models need. Each takes from `random` as many numbers as it needs.
#pragma once

#include "tributary/base/random.h"

namespace tributary::generator {

// In (0, 1), never either end.
double Uniform(SeededRandom& random);
double StandardNormal(SeededRandom& random);
// Mean 1 / rate; rate > 0.
double Exponential(SeededRandom& random, double rate);
// shape > 0, rate > 0; mean shape / rate.
double Gamma(SeededRandom& random, double shape, double rate);
// a > 0, b > 0; mean a / (a + b).
double Beta(SeededRandom& random, double a, double b);

}  // namespace tributary::generator
