#include "engine/simulate/virtual_person.h"

#include <utility>

namespace sojourn::simulate {

VirtualPerson::VirtualPerson(const language::RuleSet& rules, const TestCase& test) {
  secrets_.coupon_key = "the key of tests";
  overrides_.paths = test.forced_paths;
  overrides_.holdout = test.forced_holdout;
  environment_ = {&rules, &secrets_, &partition_, &overrides_, true};
  person_.id = test.person_id;
  person_.known = true;
  person_.bundle = rules.current().number;
  for (const auto& [name, value] : test.traits) person_.SetTrait(name, value);
  TakeHistory(test);
}

// Builds history, traits and segments as they are at the start; starts nothing and is not seen.
void VirtualPerson::TakeHistory(const TestCase& test) {
  const bool empty = test.history.empty();
  person_.first_seen_at = empty ? test.start : test.history.front().at;
  for (const TestEvent& event : test.history) {
    person_.last_seen_at = event.at;
    ApplyNow(event, true);
  }
  person_.last_seen_at = empty ? test.start : test.history.back().at;
  step::UpgradePerson(environment_, test.start, &person_, &output_);
  output_.Clear();
  happenings_.clear();
}

void VirtualPerson::Apply(const TestEvent& event) {
  while (FireNext(event.at - Milliseconds(1))) continue;
  if (before_input_) before_input_(event.at);
  ApplyNow(event, false);
}

void VirtualPerson::ApplyNow(const TestEvent& test_event, bool historical) {
  model::Event event;
  event.type = test_event.identify ? model::EventType::kIdentify : model::EventType::kTrack;
  event.historical = historical;
  event.id = test_event.id;
  event.person = person_.id;
  event.name = test_event.name;
  event.time = test_event.time;
  event.properties = test_event.properties;
  const step::EventInput input{&event, {"test", Partition(0), Offset(records_++)}, test_event.at};
  step::ApplyEvent(environment_, input, &person_, &output_);
  Keep();
}

bool VirtualPerson::FireNext(Timestamp until) {
  const Timestamp due = person_.next_deadline;
  if (due == Timestamp::Max() || due > until) return false;
  if (before_input_) before_input_(due);
  step::FireNextTimer(environment_, until, &person_, &output_);
  Keep();
  return true;
}

bool VirtualPerson::AwaitsSomething() const {
  for (const model::Run& run : person_.runs) {
    if (run.deadline != Timestamp::Max() || run.flip_at != Timestamp::Max()) return true;
  }
  for (const model::Membership& membership : person_.memberships) {
    if (membership.flip_at != Timestamp::Max()) return true;
  }
  return false;
}

void VirtualPerson::Keep() {
  size_t next_action = 0;
  for (const model::Fact& fact : output_.facts) {
    Happening happening{fact.kind,
                        fact.time,
                        std::string(fact.journey),
                        std::string(fact.step),
                        std::string(fact.name),
                        std::string(fact.reason),
                        std::string(fact.detail),
                        std::nullopt};
    if (fact.kind == model::FactKind::kAction) {
      happening.action = std::move(output_.actions[next_action++]);
    }
    happenings_.push_back(std::move(happening));
  }
  output_.Clear();
}

}  // namespace sojourn::simulate
