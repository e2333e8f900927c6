// The minimum of a smooth function of a few numbers, by BFGS.
//
// J. Nocedal, S. J. Wright: Numerical Optimization, 2nd ed. 2006, algorithm 6.1, with the initial
// scaling of (6.20) and a backtracking line search.
// Threads: pure function; calls `function` on the caller's.
#pragma once

#include <functional>
#include <vector>

namespace sojourn::insights {

// The value at `at`, and its gradient. A value that is not finite says: not there.
using SmoothFunction =
    std::function<double(const std::vector<double>& at, std::vector<double>* gradient)>;

struct Minimum {
  std::vector<double> at;
  double value = 0;
  int evaluations = 0;
  bool converged = false;  // else it is the best of what was tried
};

// `tolerance`: of the gradient's largest part, relative to the value.
Minimum Minimize(const SmoothFunction& function, std::vector<double> start, double tolerance = 1e-7,
                 int max_evaluations = 1000);

}  // namespace sojourn::insights
