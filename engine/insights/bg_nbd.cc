#include "engine/insights/bg_nbd.h"

#include <algorithm>
#include <boost/math/special_functions/digamma.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>
#include <map>
#include <vector>

#include "engine/insights/hypergeometric.h"
#include "engine/insights/minimize.h"

namespace sojourn::insights {
namespace {

using boost::math::digamma;
using boost::math::lgamma;

// Expectations divide by a - 1; what lies this close to 1 is taken as a little beside it.
constexpr double kNextToOne = 1e-7;

double BesideOne(double a) {
  if (std::abs(a - 1) >= kNextToOne) return a;
  return a < 1 ? 1 - kNextToOne : 1 + kNextToOne;
}

// Odds that the person has left: 0 before the first repeat purchase.
double OddsOfHavingLeft(const BgNbd& model, const PurchaseSummary& person) {
  if (person.frequency < 1) return 0;
  const double ratio = (model.alpha + person.age) / (model.alpha + person.recency);
  return model.a / (model.b + person.frequency - 1) * std::pow(ratio, model.r + person.frequency);
}

// People of one frequency share all that needs gamma functions.
using ByFrequency = std::map<double, std::vector<PurchaseSummary>>;

struct Sums {
  double value = 0;
  double r = 0, alpha = 0, a = 0, b = 0;  // derivatives
};

// What all people of a frequency have in common, once.
Sums CommonPart(const BgNbd& m, double x) {
  const double all = digamma(m.a + m.b) - digamma(m.a + m.b + x);
  return {.value = lgamma(m.r + x) - lgamma(m.r) + m.r * std::log(m.alpha) + lgamma(m.a + m.b) +
                   lgamma(m.b + x) - lgamma(m.b) - lgamma(m.a + m.b + x),
          .r = digamma(m.r + x) - digamma(m.r) + std::log(m.alpha),
          .alpha = m.r / m.alpha,
          .a = all,
          .b = all + digamma(m.b + x) - digamma(m.b)};
}

// The sum over ways to have come here: still a customer, or left after the last purchase.
void AddPerson(const BgNbd& m, const PurchaseSummary& person, Sums* sums) {
  const double x = person.frequency;
  const double log_age = std::log(m.alpha + person.age);
  const double alive = -(m.r + x) * log_age;
  if (x < 1) {
    sums->value += alive;
    sums->r -= log_age;
    sums->alpha -= (m.r + x) / (m.alpha + person.age);
    return;
  }
  const double log_recency = std::log(m.alpha + person.recency);
  const double left = std::log(m.a / (m.b + x - 1)) - (m.r + x) * log_recency;
  const double larger = std::max(alive, left);
  const double together = larger + std::log(std::exp(alive - larger) + std::exp(left - larger));
  const double share = std::exp(left - together);  // of having left
  sums->value += together;
  sums->r -= (1 - share) * log_age + share * log_recency;
  sums->alpha -=
      (m.r + x) * ((1 - share) / (m.alpha + person.age) + share / (m.alpha + person.recency));
  sums->a += share / m.a;
  sums->b -= share / (m.b + x - 1);
}

Sums Differentiate(const BgNbd& model, const ByFrequency& groups) {
  Sums total;
  for (const auto& [frequency, people] : groups) {
    const Sums common = CommonPart(model, frequency);
    const auto count = static_cast<double>(people.size());
    total.value += count * common.value;
    total.r += count * common.r;
    total.alpha += count * common.alpha;
    total.a += count * common.a;
    total.b += count * common.b;
    for (const PurchaseSummary& person : people) AddPerson(model, person, &total);
  }
  return total;
}

ByFrequency Group(std::span<const PurchaseSummary> people) {
  ByFrequency groups;
  for (const PurchaseSummary& person : people) groups[person.frequency].push_back(person);
  return groups;
}

BgNbd FromLogarithms(const std::vector<double>& at) {
  return {std::exp(at[0]), std::exp(at[1]), std::exp(at[2]), std::exp(at[3])};
}

}  // namespace

double BgNbd::Alive(const PurchaseSummary& person) const {
  return 1 / (1 + OddsOfHavingLeft(*this, person));
}

std::optional<double> BgNbd::AgeWhenAlive(double probability, const PurchaseSummary& person) const {
  if (person.frequency < 1) return std::nullopt;
  const double odds = 1 / probability - 1;
  const double ratio = std::pow(odds * (b + person.frequency - 1) / a, 1 / (r + person.frequency));
  // With a > b + x - 1 it may be below `probability` from the start.
  return std::max(person.recency, (alpha + person.recency) * ratio - alpha);
}

double BgNbd::ExpectedPurchases(double time, const PurchaseSummary& person) const {
  if (!(time > 0)) return 0;
  const double x = person.frequency;
  const double a1 = BesideOne(a);
  const double now = alpha + person.age;
  const double shape = r + x;
  const double gone = std::pow(now / (now + time), shape) *
                      Hypergeometric2F1(shape, b + x, a1 + b + x - 1, time / (now + time));
  return (a1 + b + x - 1) / (a1 - 1) * (1 - gone) * Alive(person);
}

double BgNbd::ExpectedRepeats(double time) const { return ExpectedPurchases(time, {}); }

double LogLikelihood(const BgNbd& model, std::span<const PurchaseSummary> people) {
  return Differentiate(model, Group(people)).value;
}

Result<BgNbdFit> FitBgNbd(std::span<const PurchaseSummary> people) {
  double repeats = 0;
  double time = 0;
  for (const PurchaseSummary& person : people) {
    repeats += person.frequency;
    time += person.age;
  }
  if (people.empty()) return InvalidArgument("nobody has bought anything");
  if (repeats == 0) return InvalidArgument("nobody has bought twice, on different days");
  const ByFrequency groups = Group(people);
  const auto count = static_cast<double>(people.size());
  const SmoothFunction function = [&](const std::vector<double>& at,
                                      std::vector<double>* gradient) {
    const BgNbd model = FromLogarithms(at);
    const Sums sums = Differentiate(model, groups);
    *gradient = {-sums.r * model.r / count, -sums.alpha * model.alpha / count,
                 -sums.a * model.a / count, -sums.b * model.b / count};
    return -sums.value / count;
  };
  // Scale-free but for alpha, which is a time: the mean age is of its kind.
  const double mean_age = time / count;
  const Minimum minimum = Minimize(function, {0, std::log(std::max(mean_age, 1e-9)), 0, 0});
  if (!minimum.converged) {
    return InvalidArgument("these purchases have no likeliest BG/NBD model: too few people repeat");
  }
  return BgNbdFit{FromLogarithms(minimum.at), -minimum.value * count};
}

}  // namespace sojourn::insights
