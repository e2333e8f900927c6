// Gamma-Gamma: how much people spend per purchase.
//
// P. S. Fader, B. G. S. Hardie: The Gamma-Gamma Model of Monetary Value, 2013
// (brucehardie.com/notes/025). Amounts vary around each person's mean (gamma, shape p), and those
// means over people (inverse gamma, shape q, scale v), independently of how often people buy.
//
// Threads: pure functions over plain values. Units: v is money. Errors: kInvalidArgument says which
// data the fit lacks.
#pragma once

#include <span>

#include "engine/base/status.h"
#include "engine/insights/purchase_summary.h"

namespace sojourn::insights {

struct GammaGamma {
  double p = 1;
  double q = 2;
  double v = 1;

  // The mean amount to expect of the person's next purchases; without repeats that of all people.
  // Infinite where q is 1 or less and there are none.
  double ExpectedValue(const PurchaseSummary& person) const;
};

struct GammaGammaFit {
  GammaGamma model;
  double log_likelihood = 0;
};

// Of those who have repeat purchases with a mean above 0; others are left out.
Result<GammaGammaFit> FitGammaGamma(std::span<const PurchaseSummary> people);

}  // namespace sojourn::insights
