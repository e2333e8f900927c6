#include "engine/insights/minimize.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace sojourn::insights {
namespace {

using Vector = std::vector<double>;

constexpr double kSufficientDecrease = 1e-4;
constexpr double kShrink = 0.5;
constexpr double kShortestStep = 1e-14;
// In one step no number moves further than this: functions of logarithms overflow soon.
constexpr double kLongestMove = 2;

double Dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

double Largest(const Vector& vector) {
  double largest = 0;
  for (const double part : vector) largest = std::max(largest, std::abs(part));
  return largest;
}

Vector Moved(const Vector& from, double step, const Vector& direction) {
  Vector to = from;
  for (size_t i = 0; i < to.size(); ++i) to[i] += step * direction[i];
  return to;
}

// The approximate inverse of the second derivatives.
class InverseHessian {
 public:
  explicit InverseHessian(size_t size) : size_(size) { Reset(1); }

  void Reset(double scale) {
    cells_.assign(size_ * size_, 0);
    for (size_t i = 0; i < size_; ++i) At(i, i) = scale;
    fresh_ = true;
  }

  Vector Times(const Vector& vector) const {
    Vector product(size_);
    for (size_t i = 0; i < size_; ++i) {
      for (size_t j = 0; j < size_; ++j) product[i] += cells_[i * size_ + j] * vector[j];
    }
    return product;
  }

  // `moved` and by how much the gradient changed on the way.
  void Update(const Vector& moved, const Vector& changed) {
    const double curvature = Dot(moved, changed);
    if (!(curvature > 0)) return;  // it would no longer be positive definite
    if (std::exchange(fresh_, false)) {
      Reset(curvature / Dot(changed, changed));
      fresh_ = false;
    }
    const Vector product = Times(changed);
    const double factor = (1 + Dot(changed, product) / curvature) / curvature;
    for (size_t i = 0; i < size_; ++i) {
      for (size_t j = 0; j < size_; ++j) {
        At(i, j) += factor * moved[i] * moved[j] -
                    (product[i] * moved[j] + moved[i] * product[j]) / curvature;
      }
    }
  }

 private:
  double& At(size_t i, size_t j) { return cells_[i * size_ + j]; }

  const size_t size_;
  Vector cells_;
  bool fresh_ = true;
};

struct Point {
  Vector at;
  double value = 0;
  Vector gradient;
};

// A point on the way of `direction` that is enough lower; `from` itself where there is none.
Point SearchLine(const SmoothFunction& function, const Point& from, const Vector& direction,
                 Minimum* minimum, int max_evaluations) {
  const double slope = Dot(from.gradient, direction);
  double step = std::min(1.0, kLongestMove / std::max(Largest(direction), kShortestStep));
  Point point{{}, 0, Vector(from.at.size())};
  while (slope < 0 && step > kShortestStep && minimum->evaluations < max_evaluations) {
    point.at = Moved(from.at, step, direction);
    point.value = function(point.at, &point.gradient);
    ++minimum->evaluations;
    const double wanted = from.value + kSufficientDecrease * step * slope;
    if (std::isfinite(point.value) && point.value <= wanted) return point;
    step *= kShrink;
  }
  return from;
}

}  // namespace

Minimum Minimize(const SmoothFunction& function, Vector start, double tolerance,
                 int max_evaluations) {
  Minimum minimum;
  Point point{std::move(start), 0, {}};
  point.gradient.resize(point.at.size());
  point.value = function(point.at, &point.gradient);
  ++minimum.evaluations;
  InverseHessian inverse(point.at.size());
  bool steepest = true;  // the inverse knows nothing yet
  while (minimum.evaluations < max_evaluations && std::isfinite(point.value)) {
    minimum.converged = Largest(point.gradient) <= tolerance * std::max(1.0, std::abs(point.value));
    if (minimum.converged) break;
    Vector direction = inverse.Times(point.gradient);
    for (double& part : direction) part = -part;
    Point next = SearchLine(function, point, direction, &minimum, max_evaluations);
    const Vector moved = Moved(next.at, -1, point.at);
    if (Largest(moved) == 0) {
      if (std::exchange(steepest, true)) break;
      inverse.Reset(1);
      continue;
    }
    inverse.Update(moved, Moved(next.gradient, -1, point.gradient));
    steepest = false;
    point = std::move(next);
  }
  minimum.at = std::move(point.at);
  minimum.value = point.value;
  return minimum;
}

}  // namespace sojourn::insights
