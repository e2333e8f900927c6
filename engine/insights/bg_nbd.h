// BG/NBD: how often people buy while they are customers, and when they cease to be without a word.
//
// P. S. Fader, B. G. S. Hardie, K. L. Lee: "Counting Your Customers" the Easy Way: An Alternative
// to the Pareto/NBD Model, Marketing Science 24 (2005), pp. 275-284. While alive, a person buys at
// a rate that is gamma distributed over people (shape r, scale alpha); after each repeat purchase
// the person leaves with a probability that is beta distributed (a, b).
//
// Threads: pure functions over plain values. Units: those of the summaries that were fitted.
// Errors: kInvalidArgument says which data the fit lacks.
#pragma once

#include <optional>
#include <span>

#include "engine/base/status.h"
#include "engine/insights/purchase_summary.h"

namespace sojourn::insights {

struct BgNbd {
  double r = 1;
  double alpha = 1;  // in the unit of time
  double a = 1;
  double b = 1;

  // The probability that the person still is a customer: 1 before the first repeat purchase.
  double Alive(const PurchaseSummary& person) const;

  // The age at which Alive, falling as long as nothing is bought, comes to be `probability` (in
  // (0, 1)). nullopt: it never falls, because there was no repeat purchase yet.
  std::optional<double> AgeWhenAlive(double probability, const PurchaseSummary& person) const;

  // How many purchases to expect of the person within `time` from now.
  double ExpectedPurchases(double time, const PurchaseSummary& person) const;

  // How many repeat purchases to expect of somebody new within `time` from the first one.
  double ExpectedRepeats(double time) const;
};

double LogLikelihood(const BgNbd& model, std::span<const PurchaseSummary> people);

struct BgNbdFit {
  BgNbd model;
  double log_likelihood = 0;
};

// The likeliest model. Needs people with repeat purchases, and some time since the first ones.
Result<BgNbdFit> FitBgNbd(std::span<const PurchaseSummary> people);

}  // namespace sojourn::insights
