// Two tallies of the same events, held against each other.

#include <algorithm>
#include <set>

#include "engine/base/hash.h"
#include "engine/simulate/backtest_report.h"

namespace sojourn::simulate {
namespace {

class Sampler {
 public:
  Sampler(const People& people, size_t sample, uint64_t seed)
      : people_(people), sample_(sample), prefix_(std::to_string(seed) + '/') {}

  ChangedPeople Changed(const PersonSet& before, const PersonSet& after) const {
    ChangedPeople changed;
    std::vector<uint32_t> newly;
    std::vector<uint32_t> no_longer;
    for (uint32_t person = 0; person < people_.count(); ++person) {
      if (after.Has(person) && !before.Has(person)) newly.push_back(person);
      if (before.Has(person) && !after.Has(person)) no_longer.push_back(person);
    }
    changed.newly = static_cast<int64_t>(newly.size());
    changed.no_longer = static_cast<int64_t>(no_longer.size());
    changed.newly_sample = Some(newly);
    changed.no_longer_sample = Some(no_longer);
    return changed;
  }

 private:
  // Those whose hashes come first, by name: the choice depends on seed and names only.
  std::vector<std::string> Some(const std::vector<uint32_t>& persons) const {
    std::vector<std::pair<uint64_t, std::string>> ranked;
    ranked.reserve(persons.size());
    for (const uint32_t person : persons) {
      ranked.emplace_back(StableHash64(prefix_ + people_.id(person)), people_.id(person));
    }
    const size_t count = std::min(sample_, ranked.size());
    std::partial_sort(ranked.begin(), ranked.begin() + static_cast<ptrdiff_t>(count), ranked.end());
    std::vector<std::string> names;
    for (size_t i = 0; i < count; ++i) names.push_back(ranked[i].second);
    std::sort(names.begin(), names.end());
    return names;
  }

  const People& people_;
  const size_t sample_;
  const std::string prefix_;
};

using Actions = std::map<ActionKey, ActionTally>;

const Actions& ActionsOf(const Tally& tally, const std::string& journey) {
  static const Actions kNone;
  const auto found = tally.journeys.find(journey);
  return found == tally.journeys.end() ? kNone : found->second.actions;
}

const ActionTally& TallyOf(const Actions& actions, const ActionKey& key) {
  static const ActionTally kNone;
  const auto found = actions.find(key);
  return found == actions.end() ? kNone : found->second;
}

}  // namespace

Comparison Compare(const Tally& old_rules, const Tally& new_rules, const People& people,
                   size_t sample, uint64_t seed) {
  const Sampler sampler(people, sample, seed);
  std::map<std::string, std::set<ActionKey>> all;
  for (const Tally* tally : {&old_rules, &new_rules}) {
    for (const auto& [name, journey] : tally->journeys) {
      for (const auto& [key, action] : journey.actions) all[name].insert(key);
    }
  }
  Comparison comparison;
  for (const auto& [journey, keys] : all) {
    for (const ActionKey& key : keys) {
      const ActionTally& before = TallyOf(ActionsOf(old_rules, journey), key);
      const ActionTally& after = TallyOf(ActionsOf(new_rules, journey), key);
      ActionChange change{before.count, after.count, sampler.Changed(before.people, after.people)};
      const bool same = change.old_count == change.new_count && change.people.newly == 0 &&
                        change.people.no_longer == 0;
      if (!same) comparison.journeys[journey].emplace(key, std::move(change));
    }
  }
  comparison.mailed = sampler.Changed(old_rules.Mailed(), new_rules.Mailed());
  return comparison;
}

}  // namespace sojourn::simulate
