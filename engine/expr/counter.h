// Counters: kept up to date when an event arrives, read by history functions.
#pragma once

#include "engine/expr/check.h"
#include "engine/expr/expr.h"
#include "engine/model/person.h"

namespace sojourn::expr {

// Applies the event of `activation` to the counter of `definition`, whose event it must be; the
// person of `activation` is the same as `person`, its traits already updated by the event. Where
// the counter's past is on its way from the log, the event is counted there, too. True: it counted.
//
// COND and VALUE are evaluated once, here (scratch in `arena`); where one of them ends in an error,
// or a counter that sums gets something else than a number, the event is left out of this counter.
// `local()` inside them uses activation.zone. An event.time later than `now` counts as `now`.
// Samples stand in time order, ties by arrival; only the newest `keep` stay, and none whose age has
// reached the window. A sum stays an int while every value is one and it does not overflow; from
// then on it is a double.
bool UpdateCounter(const CounterDefinition& definition, const Activation& activation,
                   model::Person* person, Arena* arena);

// The person's counter of that id; made where it is missing.
model::Counter& CounterOf(uint64_t id, model::Person* person);

// Adds to `counter` what counted in `later`, every event of which arrived after all of its own.
// What a counter keeps at `now` is as if it had counted all of them itself, but that sums of
// doubles are added up in another order. `arena` is that of the person of `counter`; copies what it
// takes.
void AppendCounter(const CounterDefinition& definition, const model::Counter& later, Timestamp now,
                   model::Counter* counter, Arena* arena);

// What a history function comes to at `now`; an error where there is nothing. Notes in `watch`,
// where given, the moment at which the oldest sample inside the window leaves it.
model::Value ReadCounter(const CounterRead& read, const model::Person& person, Timestamp now,
                         TimeWatch* watch);

}  // namespace sojourn::expr
