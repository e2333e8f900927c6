#include "engine/simulate/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "engine/base/rfc3339.h"
#include "engine/model/event_codec.h"
#include "engine/model/json_writer.h"
#include "engine/simulate/rule_places.h"
#include "engine/store/person_record.h"

namespace sojourn::simulate {
namespace {

using model::FactKind;

class Replay {
 public:
  explicit Replay(const PersonPast& past) : past_(past) {
    explanation_.person = std::make_unique<model::Person>();
    person_ = explanation_.person.get();
    person_->id = past.person;
    environment_.secrets = &past.secrets;
    environment_.partition = &partition_;
    environment_.tracing = true;
    if (past.codes) environment_.given_codes = &*past.codes;
    TakeRules();
  }

  Explanation Run() {
    for (const PersonEvent& event : past_.events) {
      SwitchRules(event.log_time);
      Fire(event.log_time - Milliseconds(1));
      Apply(event);
    }
    SwitchRules(past_.until);
    Fire(past_.until);
    return std::move(explanation_);
  }

 private:
  void TakeRules() {
    explanation_.rules = past_.rules[next_rules_++].rules;
    environment_.rules = explanation_.rules.get();
    person_->bundle = environment_.rules->current().number;
  }

  void SwitchRules(Timestamp until) {
    while (next_rules_ < past_.rules.size() && past_.rules[next_rules_].since <= until) {
      const Timestamp since = past_.rules[next_rules_].since;
      Fire(since - Milliseconds(1));
      const uint32_t before = person_->bundle;
      TakeRules();
      person_->bundle = before;
      const std::vector<RunAt> runs = WhereRunsAre();
      step::UpgradePerson(environment_, since, person_, &output_);
      person_->bundle = environment_.rules->current().number;
      ExplainedInput input{since, "rules", fmt::format("{}", person_->bundle), "", "", false, {}};
      NoteMoved(runs, &input);
      Keep(std::move(input));
    }
  }

  struct RunAt {
    uint64_t journey = 0;
    uint64_t revision = 0;
    uint32_t entry = 0;
    std::string step;
  };

  const language::Step* StepOf(const model::Run& run) const {
    const auto rules = environment_.rules->Find(run.journey, run.revision);
    const bool there = rules.journey != nullptr && run.position < rules.journey->steps.size();
    return there ? &rules.journey->steps[run.position] : nullptr;
  }

  std::vector<RunAt> WhereRunsAre() const {
    std::vector<RunAt> runs;
    for (const model::Run& run : person_->runs) {
      const language::Step* step = StepOf(run);
      runs.push_back({run.journey, run.revision, run.entry, step == nullptr ? "" : step->id});
    }
    return runs;
  }

  // `on_change: move` happens silently: no fact tells of it.
  void NoteMoved(const std::vector<RunAt>& before, ExplainedInput* input) const {
    for (const model::Run& run : person_->runs) {
      for (const RunAt& old : before) {
        const bool moved =
            old.journey == run.journey && old.entry == run.entry && old.revision != run.revision;
        const language::Step* step = moved ? StepOf(run) : nullptr;
        if (step == nullptr) continue;
        ExplainedFact fact;
        fact.kind = FactKind::kRests;
        fact.journey = environment_.rules->Find(run.journey, run.revision).journey->name;
        fact.step = step->id;
        fact.reason = "moved";
        fact.detail = fmt::format("from {}, until {}", old.step, FormatRfc3339(run.deadline));
        fact.rule = step->position;
        input->facts.push_back(std::move(fact));
      }
    }
  }

  void Fire(Timestamp until) {
    while (person_->next_deadline <= until) {
      const Timestamp due = person_->next_deadline;
      if (!step::FireNextTimer(environment_, until, person_, &output_)) return;
      Keep({due, "timer", "", "", "", false, {}});
    }
  }

  void Apply(const PersonEvent& recorded) {
    arena_.Reset();
    const auto event =
        decoder_.Decode(model::EventFormat::kProtobuf, recorded.bytes, recorded.log_time, &arena_);
    if (!event.ok()) return;
    step::EventInput input{
        &*event, {recorded.topic, recorded.partition, recorded.offset}, recorded.log_time};
    if (event->original != nullptr) {
      input.origin = event->original->place;
      input.log_time = std::min(event->original->log_time, recorded.log_time);
    }
    model::Person merged;
    const model::Value* from = event->properties.Find("from");
    const bool gives_state = event->type == model::EventType::kMergedState && from != nullptr &&
                             from->kind() == model::ValueKind::kString;
    if (gives_state && store::DecodePerson(event->person_record, &merged).ok()) {
      merged.id = from->text();
      input.merged = &merged;
    }
    const Timestamp logical = std::max(input.log_time, person_->clock);
    step::ApplyEvent(environment_, input, person_, &output_);
    person_->bundle = environment_.rules->current().number;
    const bool identify = event->type == model::EventType::kIdentify;
    ExplainedInput explained;
    explained.time = logical;
    explained.name = identify ? model::kIdentify : event->name;
    explained.id = event->id;
    explained.place = fmt::format("{}/{}@{}", recorded.topic, recorded.partition.value(),
                                  recorded.offset.value());
    // Those of a backfill are nothing for people.
    if (event->properties.kind() == model::ValueKind::kMap && event->name != model::kBackfillName) {
      model::JsonWriter json;
      json.Write(event->properties);
      explained.properties = json.Take();
    }
    explained.historical = event->historical;
    RememberCause(*event, explained);
    Keep(std::move(explained));
  }

  // The events by which people lose consent or an address.
  void RememberCause(const model::Event& event, const ExplainedInput& input) {
    const std::string text = fmt::format("{}{}{} on {}", input.name, input.id.empty() ? "" : " ",
                                         input.id, FormatRfc3339(input.time));
    if (event.name == model::kUnsubscribed || event.name == model::kSubscribed) {
      const model::Value* topic = event.properties.Find("topic");
      const bool named = topic != nullptr && topic->kind() == model::ValueKind::kString;
      if (!named) consent_causes_.clear();
      consent_causes_[named ? std::string(topic->text()) : ""] = text;
    } else if (event.name == model::kEmailBounced || event.name == model::kEmailMarkedAsSpam) {
      suppression_cause_ = text;
    }
  }

  std::string CauseOf(const ExplainedFact& fact, const language::Step* step) const {
    if (fact.reason == "suppressed") return suppression_cause_;
    const auto* send = step == nullptr ? nullptr : std::get_if<language::SendStep>(&step->action);
    if (fact.reason != "no_consent" || send == nullptr) return "";
    for (const std::string& topic : {send->topic, std::string()}) {
      const auto cause = consent_causes_.find(topic);
      if (cause != consent_causes_.end()) return cause->second;
    }
    return "";
  }

  void Keep(ExplainedInput input) {
    size_t next_action = 0;
    for (const model::Fact& fact : output_.facts) {
      if (fact.kind == FactKind::kEventApplied) continue;
      ExplainedFact explained;
      explained.kind = fact.kind;
      explained.journey = fact.journey;
      explained.step = fact.step;
      explained.name = fact.name;
      explained.reason = fact.reason;
      explained.detail = fact.detail;
      if (fact.kind == FactKind::kAction) {
        const model::Action& action = output_.actions[next_action++];
        explained.address = action.address;
        if (action.kind == model::ActionKind::kCoupon) explained.code = action.coupon.code;
      }
      const RulePlace place = places_.Of(*environment_.rules, fact, input.name);
      explained.rule = place.rule;
      explained.beside = place.beside;
      if (fact.kind == FactKind::kSkipped) explained.because = CauseOf(explained, place.step);
      input.facts.push_back(std::move(explained));
    }
    output_.Clear();
    explanation_.inputs.push_back(std::move(input));
  }

  const PersonPast& past_;
  Explanation explanation_;
  model::Person* person_;
  size_t next_rules_ = 0;
  step::Environment environment_;
  step::PartitionState partition_;
  step::StepOutput output_;
  RulePlaces places_;
  model::EventDecoder decoder_;
  Arena arena_;
  std::map<std::string, std::string> consent_causes_;  // by topic; "": all of marketing
  std::string suppression_cause_;
};

}  // namespace

Explanation ExplainPast(const PersonPast& past) { return Replay(past).Run(); }

}  // namespace sojourn::simulate
