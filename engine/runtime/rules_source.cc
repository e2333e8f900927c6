#include "engine/runtime/rules_source.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "engine/base/mutant.h"
#include "engine/language/load.h"

namespace sojourn::runtime {
namespace {

using BundlePointer = std::shared_ptr<const language::Bundle>;

// The bundle was made here a moment ago and nobody else holds it, so numbering it is no surprise
// to anybody.
BundlePointer Numbered(const BundlePointer& fresh, uint32_t number) {
  auto bundle = std::const_pointer_cast<language::Bundle>(fresh);
  bundle->number = number;
  return bundle;
}

// The older bundles that hold a journey's revision which no newer one holds; newest first. Runs can
// only need these.
std::vector<BundlePointer> StillNeeded(const std::map<uint32_t, BundlePointer>& bundles) {
  std::set<std::pair<uint64_t, uint64_t>> seen;
  std::vector<BundlePointer> needed;
  for (auto bundle = bundles.rbegin(); bundle != bundles.rend(); ++bundle) {
    bool brings_new = false;
    for (const auto& journey : bundle->second->journeys) {
      brings_new |= seen.emplace(journey->id, journey->revision).second;
    }
    if (brings_new && bundle != bundles.rbegin()) needed.push_back(bundle->second);
  }
  return needed;
}

std::vector<uint64_t> JourneysOf(const language::Bundle& bundle) {
  std::vector<uint64_t> ids;
  for (const auto& journey : bundle.journeys) ids.push_back(journey->id);
  return ids;
}

}  // namespace

Result<std::unique_ptr<RulesSource>> RulesSource::Open(BundleStore* store) {
  std::unique_ptr<RulesSource> source(new RulesSource());
  source->store_ = store;
  std::lock_guard lock(source->writing_);
  SOJOURN_RETURN_IF_ERROR(source->Load());
  return source;
}

std::unique_ptr<RulesSource> RulesSource::Fixed(std::shared_ptr<const language::RuleSet> rules) {
  std::unique_ptr<RulesSource> source(new RulesSource());
  source->current_ = std::move(rules);
  return source;
}

std::vector<std::shared_ptr<const language::RuleSet>> RulesSource::History(
    const std::vector<StoredBundle>& stored, uint32_t first) {
  std::vector<std::shared_ptr<const language::RuleSet>> history;
  std::map<uint32_t, BundlePointer> bundles;
  language::RuleSet::FirstBundles first_bundles;
  for (const StoredBundle& bundle : stored) {
    const language::LoadResult loaded = language::LoadBundle(bundle.files);
    if (loaded.bundle == nullptr) continue;
    bundles[bundle.number] = Numbered(loaded.bundle, bundle.number);
    for (const uint64_t id : JourneysOf(*loaded.bundle)) first_bundles.emplace(id, bundle.number);
    if (bundle.number < first) continue;
    history.push_back(std::make_shared<const language::RuleSet>(
        bundles.rbegin()->second, StillNeeded(bundles), first_bundles));
  }
  return history;
}

Status RulesSource::Load() {
  SOJOURN_ASSIGN_OR_RETURN(std::vector<StoredBundle> stored, store_->ReadAll());
  for (const StoredBundle& bundle : stored) {
    if (bundles_.count(bundle.number) > 0) continue;
    language::LoadResult loaded = language::LoadBundle(bundle.files);
    if (loaded.bundle != nullptr) {
      Know(bundle.number, loaded.bundle);
      DropNeedless();
    } else if (bundle.number == stored.back().number) {
      return FailedPrecondition(fmt::format(
          "the stored rules bundle {} does not check with this version: {}; run the version that "
          "wrote it, or reload corrected rules with it first",
          bundle.number,
          loaded.diagnostics.empty() ? "no reason given" : loaded.diagnostics.front().message));
    }
  }
  Rebuild();
  return Status::Ok();
}

void RulesSource::Know(uint32_t number, const BundlePointer& fresh) {
  bundles_[number] = {fresh->revision, JourneysOf(*fresh), Numbered(fresh, number)};
}

std::map<uint32_t, RulesSource::BundlePointer> RulesSource::Loaded() const {
  std::map<uint32_t, BundlePointer> loaded;
  for (const auto& [number, known] : bundles_) {
    if (known.bundle != nullptr) loaded.emplace(number, known.bundle);
  }
  return loaded;
}

// What newer bundles make needless never becomes needed again.
void RulesSource::DropNeedless() {
  if (IsMutant(Mutant::kUnpinnedRules)) return;
  const std::vector<BundlePointer> needed = StillNeeded(Loaded());
  for (auto& [number, known] : bundles_) {
    const bool is_newest = number == bundles_.rbegin()->first;
    if (!is_newest && std::ranges::find(needed, known.bundle) == needed.end()) {
      known.bundle = nullptr;
    }
  }
}

void RulesSource::Rebuild() {
  if (bundles_.empty()) return;
  DropNeedless();
  language::RuleSet::FirstBundles first_bundles;
  for (const auto& [number, known] : bundles_) {
    for (const uint64_t id : known.journeys) first_bundles.emplace(id, number);
  }
  const std::map<uint32_t, BundlePointer> loaded = Loaded();
  auto rules = std::make_shared<const language::RuleSet>(
      loaded.rbegin()->second, StillNeeded(loaded), std::move(first_bundles));
  std::lock_guard lock(reading_);
  current_ = std::move(rules);
}

Result<RulesSource::OfferResult> RulesSource::Offer(const Files& files, bool reload) {
  std::lock_guard lock(writing_);
  SOJOURN_CHECK(store_ != nullptr);
  OfferResult result;
  result.number = bundles_.empty() ? 0 : bundles_.rbegin()->first;
  language::LoadResult loaded = language::LoadBundle(files);
  result.diagnostics = std::move(loaded.diagnostics);
  if (loaded.bundle == nullptr) {
    result.outcome = OfferOutcome::kRefused;
    return result;
  }
  for (const auto& [number, known] : bundles_) {
    if (known.revision != loaded.bundle->revision) continue;
    if (number == result.number) return result;
    if (reload) continue;
    result.outcome = OfferOutcome::kOlder;
    if (IsMutant(Mutant::kUnpinnedRules)) {
      bundles_.erase(bundles_.upper_bound(number), bundles_.end());
      Rebuild();
    }
    return result;
  }
  SOJOURN_ASSIGN_OR_RETURN(result.number, store_->Append(loaded.bundle->files));
  Know(result.number, loaded.bundle);
  Rebuild();
  result.outcome = OfferOutcome::kSwitched;
  return result;
}

std::shared_ptr<const language::RuleSet> RulesSource::current() const {
  std::lock_guard lock(reading_);
  return current_;
}

Status RulesSource::CatchUp(uint32_t number) {
  if (IsMutant(Mutant::kUnpinnedRules)) return Status::Ok();
  const auto newest = [this] {
    const auto rules = current();
    return rules == nullptr ? 0 : rules->current().number;
  };
  if (newest() >= number) return Status::Ok();
  std::lock_guard lock(writing_);
  if (store_ != nullptr) SOJOURN_RETURN_IF_ERROR(Load());
  if (newest() >= number) return Status::Ok();
  return FailedPrecondition(fmt::format(
      "the state was judged by rules bundle {}, which is not among the stored ones (the "
      "newest is {}); restore them from the same place as the state",
      number, newest()));
}

}  // namespace sojourn::runtime
