#include "engine/insights/gamma_gamma.h"

#include <boost/math/special_functions/digamma.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include "engine/insights/minimize.h"

namespace sojourn::insights {
namespace {

using boost::math::digamma;
using boost::math::lgamma;

// Mean amounts of those who have the same number of repeat purchases.
using ByFrequency = std::map<double, std::vector<double>>;

struct Sums {
  double value = 0;
  double p = 0, q = 0, v = 0;  // derivatives
};

void AddPerson(const GammaGamma& m, double x, double mean, Sums* sums) {
  const double all = m.v + x * mean;
  const double log_all = std::log(all);
  const double log_sum = std::log(mean) + std::log(x);
  sums->value += m.p * x * log_sum - std::log(mean) - (m.p * x + m.q) * log_all;
  sums->p += x * (log_sum - log_all);
  sums->q -= log_all;
  sums->v -= (m.p * x + m.q) / all;
}

Sums Differentiate(const GammaGamma& m, const ByFrequency& groups) {
  Sums sums;
  for (const auto& [x, means] : groups) {
    const auto count = static_cast<double>(means.size());
    const double shape = m.p * x;
    const double both = digamma(shape + m.q);
    sums.value += count * (lgamma(shape + m.q) - lgamma(shape) - lgamma(m.q) + m.q * std::log(m.v));
    sums.p += count * x * (both - digamma(shape));
    sums.q += count * (both - digamma(m.q) + std::log(m.v));
    sums.v += count * m.q / m.v;
    for (const double mean : means) AddPerson(m, x, mean, &sums);
  }
  return sums;
}

GammaGamma FromLogarithms(const std::vector<double>& at) {
  return {std::exp(at[0]), std::exp(at[1]), std::exp(at[2])};
}

}  // namespace

double GammaGamma::ExpectedValue(const PurchaseSummary& person) const {
  const double x = person.monetary_value > 0 ? person.frequency : 0;
  const double shape = p * x + q - 1;
  if (shape <= 0) return std::numeric_limits<double>::infinity();
  return p * (v + x * person.monetary_value) / shape;
}

Result<GammaGammaFit> FitGammaGamma(std::span<const PurchaseSummary> people) {
  ByFrequency groups;
  double sum = 0;
  double count = 0;
  for (const PurchaseSummary& person : people) {
    if (person.frequency < 1 || !(person.monetary_value > 0)) continue;
    groups[person.frequency].push_back(person.monetary_value);
    sum += person.monetary_value;
    ++count;
  }
  if (count == 0) return InvalidArgument("nobody has bought twice for more than nothing");
  const SmoothFunction function = [&](const std::vector<double>& at,
                                      std::vector<double>* gradient) {
    const GammaGamma model = FromLogarithms(at);
    const Sums sums = Differentiate(model, groups);
    *gradient = {-sums.p * model.p / count, -sums.q * model.q / count, -sums.v * model.v / count};
    return -sums.value / count;
  };
  const Minimum minimum = Minimize(function, {0, std::log(2), std::log(sum / count)});
  if (!minimum.converged) {
    return InvalidArgument("these amounts have no likeliest Gamma-Gamma model: they hardly differ");
  }
  return GammaGammaFit{FromLogarithms(minimum.at), -minimum.value * count};
}

}  // namespace sojourn::insights
