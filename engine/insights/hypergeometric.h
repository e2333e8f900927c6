// Gauss's hypergeometric function 2F1(a, b; c; z) for z in [0, 1) and c > 0, as purchase models
// need it.
//
// M. Abramowitz, I. A. Stegun: Handbook of Mathematical Functions, 15.1.1 and 15.3.3.
// Threads: pure function.
#pragma once

namespace sojourn::insights {

double Hypergeometric2F1(double a, double b, double c, double z);

}  // namespace sojourn::insights
