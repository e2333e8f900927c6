#include "engine/base/mutant.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <utility>

namespace sojourn {
namespace {

constexpr auto kNames = std::to_array<std::pair<std::string_view, Mutant>>({
    {"no-transaction", Mutant::kNoTransaction},
    {"offsets-outside", Mutant::kOffsetsOutside},
    {"timers-without-offsets", Mutant::kTimersWithoutOffsets},
    {"no-group-metadata", Mutant::kNoGroupMetadata},
    {"random-transactional-id", Mutant::kRandomTransactionalId},
    {"kept-producer", Mutant::kKeptProducer},
    {"store-before-commit", Mutant::kStoreBeforeCommit},
    {"restore-to-committed-end", Mutant::kRestoreToCommittedEnd},
    {"no-restore", Mutant::kNoRestore},
    {"timers-not-rebuilt", Mutant::kTimersNotRebuilt},
    {"unchecked-produce", Mutant::kUncheckedProduce},
    {"emit-on-replay", Mutant::kEmitOnReplay},
    {"no-write-ahead-log", Mutant::kNoWriteAheadLog},
    {"timers-outside-batch", Mutant::kTimersOutsideBatch},
    {"unpinned-rules", Mutant::kUnpinnedRules},
    {"ids-from-a-clock", Mutant::kIdsFromAClock},
});

// Null: there is none of this name.
const std::pair<std::string_view, Mutant>* Find(std::string_view name) {
  const auto found = std::find_if(kNames.begin(), kNames.end(),
                                  [&](const auto& entry) { return entry.first == name; });
  return found == kNames.end() ? nullptr : &*found;
}

std::string_view Wanted() {
  const char* const value = std::getenv("SOJOURN_MUTANT");
  return value == nullptr ? "" : value;
}

}  // namespace

bool IsMutant(Mutant mutant) {
  static const auto* const chosen = Find(Wanted());
  return chosen != nullptr && chosen->second == mutant;
}

Status CheckMutant() {
  if (Wanted().empty() || Find(Wanted()) != nullptr) return Status::Ok();
  std::string known;
  for (const auto& [name, mutant] : kNames) known.append(known.empty() ? "" : ", ").append(name);
  return InvalidArgument("SOJOURN_MUTANT: there is no mutant \"" + std::string(Wanted()) +
                         "\"; there are " + known);
}

std::string_view MutantName() { return Wanted(); }

}  // namespace sojourn
