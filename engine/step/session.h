// What the concepts of the step share while one input is handled. Internal to engine/step.
//
// A Session lives on the stack of one input. It borrows the person, the environment and the output;
// texts that it makes up live in the output's arena, what the person keeps is copied into theirs.
#pragma once

#include <deque>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/expr/expr.h"
#include "engine/step/step.h"

namespace sojourn::step {

// What an input came from: the material of an action's `why` and of its latest useful time.
struct Cause {
  std::string_view input;     // name of the event, "timer", "enters_segment", "date", ...
  std::string_view input_id;  // the event's
  model::Origin origin;       // where `from_record`
  bool from_record = false;
  Timestamp log_time;  // where `from_record`
};

struct SegmentChange {
  const language::Segment* segment = nullptr;
  bool entered = false;
  // Under another id, which has merged: what an entry starts has been started.
  bool entered_before = false;
};

// A run, however the person's array of runs moves.
struct RunName {
  uint64_t journey = 0;
  uint32_t entry = 0;
  bool operator==(const RunName&) const = default;
};

// One thing that (c) to (e) of journey-language 6.3 are done for: an event with the segment changes
// and conditions it brought, or such changes alone.
struct Item {
  bool has_event = false;
  expr::EventView event;
  model::Value traits;  // that came along with the event; null for none
  std::string_view event_id;
  std::vector<SegmentChange> changes;
  std::vector<RunName> ready;  // runs whose awaited condition or membership came
  int depth = 0;               // 0: the input itself; n: emitted while handling depth n - 1
  Cause cause;
};

// What has changed about the person since segments were judged last.
struct Changes {
  bool everything = false;
  bool consent = false;
  bool seen = false;
  std::vector<uint64_t> counters;
  std::vector<std::string_view> traits;
};

// The rules at which expressions are evaluated; names errors and skips too.
struct Place {
  const language::Bundle* bundle = nullptr;
  const language::Journey* journey = nullptr;  // null for segments
  std::string_view step;                       // id; "trigger", "only_if", ... outside of steps
};

// A condition judged on the way to an action, kept so that the action can say why.
struct JudgedCondition {
  Place place;
  const expr::Program* program = nullptr;
  expr::Activation activation;
  std::string explanation;  // made when it is needed, or before what it read changes
};

class Session {
 public:
  Session(const Environment& environment, Timestamp now, model::Person* person, StepOutput* output)
      : environment(environment),
        rules(*environment.rules),
        person(*person),
        output(*output),
        now(now) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // What an expression sees at a place. `event`, `trigger` and `run` may be null.
  expr::Activation Activate(const Place& place, const expr::EventView* event,
                            const expr::EventView* trigger, const model::Run* run);
  // The time zone of a journey for this person.
  const TimeZone& Zone(const language::Journey& journey);

  // All must hold. Counts errors.
  bool Holds(const language::Conditions& conditions, const Place& place,
             const expr::Activation& activation, expr::TimeWatch* watch = nullptr);
  // The same for a condition on a run's way: kept for `why`. What the activation points to must
  // stand until the walk ends.
  bool Judge(const language::Conditions& conditions, const Place& place,
             const expr::Activation& activation);
  // While tracing: notes each condition with its value.
  void TraceConditions(const language::Conditions& conditions, const Place& place,
                       const expr::Activation& activation);
  // nullopt: it ended in an error, which is counted.
  std::optional<model::Value> Evaluate(const expr::Program& program, const Place& place,
                                       const expr::Activation& activation);

  model::Fact& Note(model::FactKind kind, const Place& place = {});
  void NoteSkipped(const Place& place, std::string_view reason);

  // Appends to the queue of 6.3 (f), within its limits.
  void Enqueue(Item item);

  // Runs whose awaited condition became true in this input and that have not yet gone on.
  bool AlreadyReady(const model::Run& run) const;
  void MarkReady(const model::Run& run) { ready_.push_back({run.journey, run.entry}); }
  void UnmarkReady(const model::Run& run);

  // Puts the explanations of the trail down: before something they read changes, or for an action.
  void ExplainTrail();

  const Environment& environment;
  const language::RuleSet& rules;
  model::Person& person;
  StepOutput& output;
  const Timestamp now;  // logical

  std::deque<Item> queue;
  size_t queued = 0;        // of this input, handled ones included
  Item* item = nullptr;     // at hand
  bool historical = false;  // nothing starts, moves or ends

  // Conditions judged in this walk, or in the try to enter that led to it.
  std::vector<JudgedCondition> trail;

  // Scratch, kept for its capacity.
  std::vector<language::TriggerReference> candidates;

  // Forgets the zone read from the person's traits.
  void ForgetZone() { person_zone_known_ = false; }

 private:
  bool person_zone_known_ = false;
  std::optional<TimeZone> person_zone_;
  std::vector<RunName> ready_;
};

// The event a snapshot stands for.
expr::EventView ViewOf(const model::EventSnapshot& snapshot);

// Lists of property names; "*" stands for all.
using Properties = std::initializer_list<const std::vector<std::string>*>;

// Copies what the journey's rules read of an event into the person's arena.
model::EventSnapshot TakeSnapshot(Session& session, const expr::EventView& event,
                                  std::string_view event_id, const Properties& properties);

// The text of a run key: as marketers see it, empty for none.
std::string RunKeyText(const model::Value& run_key);

}  // namespace sojourn::step
