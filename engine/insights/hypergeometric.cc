#include "engine/insights/hypergeometric.h"

#include <cmath>
#include <limits>

namespace sojourn::insights {
namespace {

constexpr int kMaxTerms = 1'000'000;

double Series(double a, double b, double c, double z) {
  double term = 1;
  double sum = 1;
  for (int n = 0; n < kMaxTerms; ++n) {
    term *= (a + n) * (b + n) / ((c + n) * (n + 1)) * z;
    sum += term;
    if (std::abs(term) <= std::numeric_limits<double>::epsilon() * std::abs(sum)) break;
  }
  return sum;
}

}  // namespace

double Hypergeometric2F1(double a, double b, double c, double z) {
  // Euler's transformation leaves smaller numbers before z, with which the series ends sooner.
  if (c - a - b < 0) return std::pow(1 - z, c - a - b) * Series(c - a, c - b, c, z);
  return Series(a, b, c, z);
}

}  // namespace sojourn::insights
