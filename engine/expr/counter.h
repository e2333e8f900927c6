// Counters: kept up to date when an event arrives, read by history functions.
#pragma once

#include "engine/expr/check.h"
#include "engine/expr/expr.h"
#include "engine/model/person.h"

namespace sojourn::expr {

// Applies the event of `activation` to the counter of `definition`, whose event it must be; the
// person of `activation` is the same as `person`, its traits already updated by the event.
//
// COND and VALUE are evaluated once, here (scratch in `arena`); where one of them ends in an error,
// or a counter that sums gets something else than a number, the event is left out of this counter.
// `local()` inside them uses activation.zone. An event.time later than `now` counts as `now`.
// Samples stand in time order, ties by arrival; only the newest `keep` stay, and none whose age has
// reached the window. A sum stays an int while every value is one and it does not overflow; from
// then on it is a double.
void UpdateCounter(const CounterDefinition& definition, const Activation& activation,
                   model::Person* person, Arena* arena);

// What a history function comes to at `now`; an error where there is nothing. Notes in `watch`,
// where given, the moment at which the oldest sample inside the window leaves it.
model::Value ReadCounter(const CounterRead& read, const model::Person& person, Timestamp now,
                         TimeWatch* watch);

}  // namespace sojourn::expr
