// Every expression of the rules, in the order of segments and journeys.
#include "engine/simulate/counter_readers.h"

#include <map>
#include <utility>
#include <variant>

#include "engine/language/key_places.h"

namespace sojourn::simulate {
namespace {

using expr::CounterDefinition;
using language::Bundle;
using language::Conditions;
using language::Journey;
using language::ProgramPointer;
using language::SourcePosition;
using language::Step;

class ReaderList {
 public:
  explicit ReaderList(const Bundle& bundle) {
    for (const CounterDefinition& counter : bundle.counters.counters()) {
      counters_[counter.id] = &counter;
    }
  }

  void LookAt(const std::string& reader, const SourcePosition& position,
              const ProgramPointer& program) {
    if (program == nullptr) return;
    for (const uint64_t id : program->counters()) {
      const auto counter = counters_.find(id);
      if (counter == counters_.end()) continue;
      found_.push_back({reader, program->text(), counter->second, position});
    }
  }
  void LookAt(const std::string& reader, const SourcePosition& position,
              const Conditions& conditions) {
    for (const ProgramPointer& program : conditions) LookAt(reader, position, program);
  }
  void LookAt(const std::string& reader, const SourcePosition& position,
              const language::NamedValues& values) {
    for (const auto& [name, program] : values) LookAt(reader, position, program);
  }

  std::vector<CounterReader> Take() { return std::move(found_); }

 private:
  std::map<uint64_t, const CounterDefinition*> counters_;
  std::vector<CounterReader> found_;
};

struct LookAtStep {
  ReaderList* readers;
  const std::string& reader;
  const SourcePosition& position;

  void operator()(const language::SendStep& step) const {
    readers->LookAt(reader, position, step.data);
  }
  void operator()(const language::WebhookStep& step) const {
    readers->LookAt(reader, position, step.data);
  }
  void operator()(const language::WaitStep& step) const {
    readers->LookAt(reader, position, step.until);
  }
  void operator()(const language::WaitUntilStep& step) const {
    for (const auto& one : step.alternatives) readers->LookAt(reader, position, one.where);
    readers->LookAt(reader, position, step.condition);
  }
  void operator()(const language::BranchStep& step) const {
    for (const auto& one : step.cases) readers->LookAt(reader, position, one.when);
  }
  void operator()(const language::RepeatStep& step) const {
    readers->LookAt(reader, position, step.while_true);
  }
  void operator()(const language::UpdatePersonStep& step) const {
    readers->LookAt(reader, position, step.traits);
  }
  void operator()(const language::EmitEventStep& step) const {
    readers->LookAt(reader, position, step.properties);
  }
  void operator()(const language::CouponStep&) const {}
  void operator()(const language::AbTestStep&) const {}
  void operator()(const language::ExitStep&) const {}
};

void LookAtJourney(const Bundle& bundle, const Journey& journey, ReaderList* readers) {
  const language::KeyPositions keys = FindKeys(bundle, journey.position.file);
  const auto key = [&](const char* name) {
    const auto found = keys.find(name);
    return found == keys.end() ? journey.position : found->second;
  };
  const std::string reader = "journey " + journey.name;
  for (const auto& trigger : journey.triggers) {
    readers->LookAt(reader + ", trigger", trigger.position, trigger.where);
  }
  readers->LookAt(reader + ", only_if", key("only_if"), journey.only_if);
  readers->LookAt(reader + ", one_run_per", key("one_run_per"), journey.one_run_per);
  if (journey.goal) readers->LookAt(reader + ", goal", key("goal"), journey.goal->where);
  for (const auto& rule : journey.exit_on) {
    readers->LookAt(reader + ", exit_on", key("exit_on"), rule.where);
  }
  for (const Step& step : journey.steps) {
    std::visit(LookAtStep{readers, reader + ", step " + step.id, step.position}, step.action);
  }
}

}  // namespace

bool Covers(const CounterDefinition& kept, const CounterDefinition& wanted) {
  return (wanted.needs & ~kept.needs) == 0 && wanted.window <= kept.window &&
         wanted.keep <= kept.keep;
}

std::vector<CounterReader> FindCounterReaders(const Bundle& bundle) {
  ReaderList readers(bundle);
  for (const language::Segment& segment : bundle.segments) {
    const language::KeyPositions keys = FindKeys(bundle, segment.position.file);
    const auto where = keys.find("where");
    readers.LookAt("segment " + segment.name,
                   where == keys.end() ? segment.position : where->second, segment.where);
  }
  for (const auto& journey : bundle.journeys) LookAtJourney(bundle, *journey, &readers);
  return readers.Take();
}

}  // namespace sojourn::simulate
