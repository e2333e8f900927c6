// What buy-till-you-die models know of a person: how often, how lately, since when, how much.
//
// Threads: a plain value. Units: times are in any unit, the same for all people of a fit; money in
// the shop's currency.
#pragma once

namespace sojourn::insights {

struct PurchaseSummary {
  double frequency = 0;       // repeat purchases: all but the first
  double recency = 0;         // from the first purchase to the last; 0 without repeats
  double age = 0;             // from the first purchase until now, at least the recency
  double monetary_value = 0;  // mean amount of the repeat purchases; 0 without
};

}  // namespace sojourn::insights
