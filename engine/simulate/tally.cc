#include "engine/simulate/tally.h"

#include "engine/model/fact.h"

namespace sojourn::simulate {
namespace {

using model::FactKind;

bool IsSend(model::ActionKind kind) {
  return kind != model::ActionKind::kWebhook && kind != model::ActionKind::kCoupon;
}

const std::string& NameOf(const model::Action& action) {
  switch (action.kind) {
    case model::ActionKind::kWebhook:
      return action.url;
    case model::ActionKind::kCoupon:
      return action.coupon.pool;
    default:
      return action.template_name;
  }
}

void CountOne(std::string_view reason, JourneyTally::Counts* counts) {
  const auto found = counts->find(reason);
  if (found != counts->end()) {
    ++found->second;
  } else {
    counts->emplace(reason, 1);
  }
}

template <typename Counts>
void AddCounts(const Counts& from, Counts* to) {
  for (const auto& [key, count] : from) (*to)[key] += count;
}

JourneyTally& TallyOf(std::map<std::string, JourneyTally, std::less<>>* journeys,
                      std::string_view name) {
  const auto found = journeys->find(name);
  return found != journeys->end() ? found->second : (*journeys)[std::string(name)];
}

}  // namespace

uint32_t People::IndexOf(std::string_view id) {
  const auto [entry, is_new] = indexes_.try_emplace(std::string(id), count());
  if (is_new) ids_.push_back(&entry->first);
  return entry->second;
}

void PersonSet::Add(uint32_t person) {
  if (person >= members_.size()) members_.resize(person + 1);
  if (members_[person]) return;
  members_[person] = true;
  ++size_;
}

void PersonSet::AddAll(const PersonSet& other) {
  for (uint32_t person = 0; person < other.members_.size(); ++person) {
    if (other.members_[person]) Add(person);
  }
}

void JourneyTally::Add(const JourneyTally& other) {
  entered += other.entered;
  goals += other.goals;
  errors += other.errors;
  running += other.running;
  AddCounts(other.refused, &refused);
  AddCounts(other.exited, &exited);
  AddCounts(other.skipped, &skipped);
  AddCounts(other.paths, &paths);
  for (const auto& [key, action] : other.actions) {
    actions[key].count += action.count;
    actions[key].people.AddAll(action.people);
  }
}

PersonSet Tally::Mailed() const {
  PersonSet mailed;
  for (const auto& [name, journey] : journeys) {
    for (const auto& [key, action] : journey.actions) {
      if (IsSend(key.kind)) mailed.AddAll(action.people);
    }
  }
  return mailed;
}

void TallyObserver::OnStep(const runtime::StepReport& report) {
  for (const model::Fact& fact : report.facts) {
    if (!fact.journey.empty()) Count(fact);
  }
  for (const model::Action& action : report.actions) CountAction(action);
}

void TallyObserver::Count(const model::Fact& fact) {
  JourneyTally& journey = TallyOf(&open_, fact.journey);
  if (fact.kind == FactKind::kEntered) ++journey.running;
  if (fact.kind == FactKind::kExited) --journey.running;
  if (fact.time < window_.from || fact.time > window_.to) return;
  switch (fact.kind) {
    case FactKind::kEntered:
      ++journey.entered;
      break;
    case FactKind::kEntryRefused:
      CountOne(fact.reason, &journey.refused);
      break;
    case FactKind::kExited:
      CountOne(fact.reason, &journey.exited);
      break;
    case FactKind::kGoal:
      ++journey.goals;
      break;
    case FactKind::kSkipped:
      CountOne(fact.reason, &journey.skipped);
      break;
    case FactKind::kPathTaken:
      ++journey.paths[{std::string(fact.name), std::string(fact.reason)}];
      break;
    case FactKind::kExpressionError:
      ++journey.errors;
      break;
    default:
      break;
  }
}

void TallyObserver::CountAction(const model::Action& action) {
  if (action.time < window_.from || action.time > window_.to) return;
  ActionTally& tally = TallyOf(&open_, action.journey).actions[{action.kind, NameOf(action)}];
  ++tally.count;
  tally.people.Add(people_->IndexOf(action.person));
}

void TallyObserver::OnCommitted(const runtime::CommitReport& report) {
  for (const auto& [name, journey] : open_) TallyOf(&tally_.journeys, name).Add(journey);
  open_.clear();
  for (const model::Action& action : report.actions) {
    const bool watched = action.kind == model::ActionKind::kCoupon && action.person == watched_;
    if (watched) codes_[action.id] = action.coupon.code;
  }
  tally_.events += report.records;
  tally_.rejected += static_cast<int64_t>(report.dead_letters.size());
  tally_.timers += report.timers_fired;
}

}  // namespace sojourn::simulate
