// The array of a person's runs: order, beginnings and ends.
#pragma once

#include "engine/step/session.h"

namespace sojourn::step {

// By kind, then by value.
bool RunKeyLess(const model::Value& a, const model::Value& b);

// What is remembered of a run key for `reentry`. Keyed: an outsider may have chosen it.
uint64_t HashRunKey(const Session& session, const model::Value& run_key);

// Inserts at its place: oldest entry first, ties by journey name and run key. Returns its index.
uint32_t InsertRun(Session& session, const model::Run& run);

// Ends the run at `index`. After `completed` or an exit step (`by_itself`) it is remembered as long
// as it can still reach its goal.
void EndRun(Session& session, uint32_t index, std::string_view reason, bool by_itself = false);

// The journey's name, for order among runs; of a journey that is gone, empty.
std::string_view JourneyNameOf(const Session& session, const model::Run& run);

// What is remembered of a journey; made where it is missing.
model::JourneyMemory& MemoryOf(model::Person* person, uint64_t journey);

}  // namespace sojourn::step
