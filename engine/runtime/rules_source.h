// The rules in force, shared by all workers, and how they are replaced while everything runs.
//
// Bundles are kept whole and numbered in a BundleStore. The newest one is in force; older ones stay
// loaded while a run may still follow one of their journeys' revisions. A task takes the newest
// rules between two commits and writes their number into its meta, so that a restart goes on with
// them whatever lies on the disk by then.
//
// No bundle is ever forgotten. A run goes by the revision that it entered, and who still has which
// is known only from reading every person of every instance; and a bundle that was forgotten could
// not be told from new rules when an outdated copy of it lies on the disk at a start. A bundle is
// as large as its files, some ten kilobytes, and there is one for each change that people make; of
// lists of a million codes the store writes only what is new. In memory a bundle that no run can
// need is only its revision and its journeys' names.
//
// Threads: any; a RuleSet is immutable and lives as long as somebody holds it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/base/status.h"
#include "engine/language/bundle.h"
#include "engine/language/diagnostic.h"
#include "engine/runtime/ports.h"

namespace sojourn::runtime {

class RulesSource {
 public:
  using Files = std::map<std::string, std::string>;

  // Loads what `store` (which outlives this) holds. Errors: the store's; kFailedPrecondition where
  // the newest bundle does not check with this version of the product.
  static Result<std::unique_ptr<RulesSource>> Open(BundleStore* store);

  // Fixed rules that nobody replaces: for tests and simulations.
  static std::unique_ptr<RulesSource> Fixed(std::shared_ptr<const language::RuleSet> rules);

  // The rules as they were while each of the bundles from number `first` on was the newest, in
  // order. Bundles that do not check with this version are passed over.
  static std::vector<std::shared_ptr<const language::RuleSet>> History(
      const std::vector<StoredBundle>& stored, uint32_t first);

  enum class OfferOutcome {
    kSwitched,   // now in force
    kUnchanged,  // in force already
    kOlder,      // equal to a bundle that was in force before; the newest stays (see `reload`)
    kRefused,    // does not check; the newest stays
  };
  struct OfferResult {
    OfferOutcome outcome = OfferOutcome::kUnchanged;
    uint32_t number = 0;  // of the bundle in force now
    std::vector<language::Diagnostic> diagnostics;
  };
  // Puts a rules directory's files into force, durably, without its tests. At a start (`reload`
  // false) files equal to an older bundle's are taken for an outdated copy and refused (kOlder); on
  // a reload they are what the operator wants. Errors: the store's.
  Result<OfferResult> Offer(const Files& files, bool reload);

  // The rules in force; null before the first bundle. `current()->current().number` is their
  // number.
  std::shared_ptr<const language::RuleSet> current() const;

  // Reads the store again if the newest bundle known here is older than `number` (another instance
  // has put it into force). Errors: the store's; kFailedPrecondition where it is not there either.
  Status CatchUp(uint32_t number);

 private:
  using BundlePointer = std::shared_ptr<const language::Bundle>;
  struct KnownBundle {
    std::string revision;
    std::vector<uint64_t> journeys;  // by id
    BundlePointer bundle;            // null: no run needs it
  };

  RulesSource() = default;
  Status Load();
  void Rebuild();
  void Know(uint32_t number, const BundlePointer& fresh);
  std::map<uint32_t, BundlePointer> Loaded() const;
  void DropNeedless();

  BundleStore* store_ = nullptr;
  std::mutex writing_;                       // one Offer or CatchUp at a time
  std::map<uint32_t, KnownBundle> bundles_;  // by number; guarded by writing_
  mutable std::mutex reading_;
  std::shared_ptr<const language::RuleSet> current_;  // guarded by reading_
};

}  // namespace sojourn::runtime
