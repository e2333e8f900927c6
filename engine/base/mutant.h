// Deliberate mistakes in the machinery of exactly once, by which tests/chaos shows that its runs
// find mistakes of each kind. tests/chaos/README.md has the list, and which run finds which.
//
// Only a build with the CMake option SOJOURN_MUTANTS can make them (the preset `mutants`; never the
// one that is shipped), and it makes the one that the environment variable SOJOURN_MUTANT names. In
// every other build IsMutant is constantly false and nothing of this is in the binary.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/base/mutants_built.h"
#include "engine/base/status.h"

namespace sojourn {

enum class Mutant : uint8_t {
  kNone,
  kNoTransaction,          // records go out without a transaction
  kOffsetsOutside,         // offsets are committed by a transaction of their own, and believed
  kTimersWithoutOffsets,   // where only timers fired, no offsets are sent
  kNoGroupMetadata,        // offsets are sent without the generation that read the records
  kRandomTransactionalId,  // another transactional.id after every start
  kKeptProducer,           // a commit without an answer is taken for none, and ended later
  kStoreBeforeCommit,      // the store is told before the commit
  kRestoreToCommittedEnd,  // the state is restored up to the end of what is readable, no further
  kNoRestore,              // after a commit without an answer the state is rolled back from memory
  kTimersNotRebuilt,       // timers that fired in a failed interval stay fired
  kUncheckedProduce,       // a record that the producer did not take is let go
  kEmitOnReplay,           // an interval that is made again keeps the actions of the first time
  kNoWriteAheadLog,        // RocksDB writes no log
  kTimersOutsideBatch,     // a fired timer's row is deleted at once
  kUnpinnedRules,  // the rules directory wins against the bundle that the state was judged by
  kIdsFromAClock,  // the wall clock is part of an action's id
};

#if SOJOURN_MUTANTS

// Whether SOJOURN_MUTANT names it.
bool IsMutant(Mutant mutant);
// kInvalidArgument where SOJOURN_MUTANT names none that there is.
Status CheckMutant();
// As SOJOURN_MUTANT names it; "" for none.
std::string_view MutantName();

#else

constexpr bool IsMutant(Mutant) { return false; }
inline Status CheckMutant() { return Status::Ok(); }
constexpr std::string_view MutantName() { return ""; }

#endif

}  // namespace sojourn
