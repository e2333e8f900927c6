// Customers for tests: of the CDNOW study, and made by a model.
//
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/insights/bg_nbd.h"
#include "engine/insights/purchase_summary.h"

namespace sojourn::insights {

// The study's sample, in weeks, 39 of them observed. Empty where the data are not at hand.
std::vector<PurchaseSummary> CdnowCustomers();

// People who do as the model says, observed for `age`; each run makes the same ones.
std::vector<PurchaseSummary> MadeCustomers(const BgNbd& model, size_t count, double age);

}  // namespace sojourn::insights
