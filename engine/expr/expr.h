// Expressions of the journey language: CEL without protobuf messages, plus history functions.
//
// The way of an expression, one file a stage, each with a text dump:
//   lex -> parse (Ast) -> check (types, scope, catalogue; history functions become counters)
//       -> compile (Program: a flat list of instructions) -> evaluate
//
// Threads: a Program is immutable and shared freely; Evaluate keeps its scratch on its own stack
// and in the given arena. Ownership: a Program owns its constants; results may point into the
// program, the activation's memory, or the arena. Errors: mistakes in the text are Issues with byte
// offsets into it; an evaluation that fails yields a Value of kind kError.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/arena.h"
#include "engine/base/civil.h"
#include "engine/base/time.h"
#include "engine/model/person.h"
#include "engine/model/value.h"

namespace sojourn::expr {

// ---- Types, as the catalogue writes them -----------------------------------------------------

enum class TypeKind : uint8_t {
  kDynamic,  // known only at run time
  kNull,
  kBool,
  kInt,
  kUint,
  kDouble,
  kString,
  kBytes,
  kTimestamp,
  kDate,  // a kTimestamp value at 00:00 UTC; `local()` of it is an error
  kDuration,
  kList,
  kMap,
  kType,
  kOptional,
};

// "int", "timestamp", ...
std::string_view TypeKindName(TypeKind kind);

struct Type {
  TypeKind kind = TypeKind::kDynamic;
  bool optional = false;  // may be absent
  bool operator==(const Type&) const = default;
};

// What the catalogue and the rules know of names. Implemented by engine/language; must outlive the
// call that it is given to.
class Names {
 public:
  virtual ~Names() = default;
  // false: no catalogue, so nothing is known and everything is dynamic.
  virtual bool HasCatalog() const = 0;
  virtual bool HasEvent(std::string_view event) const = 0;
  // nullopt: the event (trait) has no such property (trait).
  virtual std::optional<Type> EventProperty(std::string_view event,
                                            std::string_view property) const = 0;
  virtual std::optional<Type> Trait(std::string_view trait) const = 0;
  virtual bool HasSegment(std::string_view segment) const = 0;
  virtual bool HasConsentTopic(std::string_view topic) const = 0;
  // For "did you mean".
  virtual std::vector<std::string> EventNames() const = 0;
  virtual std::vector<std::string> PropertyNames(std::string_view event) const = 0;
  virtual std::vector<std::string> TraitNames() const = 0;
  virtual std::vector<std::string> SegmentNames() const = 0;
  virtual std::vector<std::string> ConsentTopicNames() const = 0;
};

// ---- Counters: what history functions read ---------------------------------------------------

class Program;

// The parts of model::Counter that some rule reads.
enum CounterNeed : uint32_t {
  kNeedCount = 1,
  kNeedFirst = 2,
  kNeedLast = 4,
  kNeedFirstValue = 8,
  kNeedLastValue = 16,
  kNeedSum = 32,
  kNeedMinimum = 64,
  kNeedMaximum = 128,
  kNeedSamples = 256,       // times of the newest events
  kNeedSampleValues = 512,  // and their values
};

struct CounterDefinition {
  uint64_t id = 0;  // StableHash64 of event, COND and VALUE in canonical text
  std::string event;
  std::string condition_text;                // canonical; empty: none
  std::string value_text;                    // canonical; empty: none
  std::shared_ptr<const Program> condition;  // over `event` and `person`; null: none
  std::shared_ptr<const Program> value;      // over `event`; null: none
  uint32_t needs = 0;
  Duration window;    // the longest asked for; zero where no window is
  uint32_t keep = 0;  // samples to keep: k + 1 where only compared with constants,
                      // else kMaxCounterSamples
};

// Collects the counters that a set of expressions needs, each once.
class CounterTable {
 public:
  // Adds `wanted` or widens the counter of the same id (needs, window, keep).
  void Require(CounterDefinition wanted);
  const std::vector<CounterDefinition>& counters() const { return counters_; }

 private:
  std::vector<CounterDefinition> counters_;  // in the order first asked for
};

// ---- Checking and compiling ------------------------------------------------------------------

// What an expression at one place may use.
struct Scope {
  bool event = false;    // `event`
  bool trigger = false;  // `trigger`
  bool person = true;
  bool ab_test = false;
  bool coupon = false;
  bool company = true;
  bool history = true;  // count, sum, last, ...
  bool in_segment = true;
  bool now = true;
  bool now_only_compared =
      false;  // segments and wait_until conditions: `now` under the strict rule
  // Events that `event` (`trigger`) can be here; a property that some of them have is allowed.
  // Empty with event = true: any. Segment, date and schedule triggers stand as "enters_segment",
  // ...
  std::vector<std::string> events;
  std::vector<std::string> trigger_events;
  std::vector<std::string> ab_tests;       // names that can have been passed here
  std::vector<std::string> sure_ab_tests;  // those of them that must have been
  std::map<std::string, std::vector<std::string>, std::less<>> ab_test_paths;  // where known
  bool sure_coupon = false;  // a coupon step must have been passed
  // For tests over plain CEL: names read from Activation::variables, typed dynamically.
  std::vector<std::string> variables;
  // For the same tests: unknown names and types that do not meet are left to the evaluation.
  bool unchecked = false;
};

enum class Severity : uint8_t { kError, kWarning };

struct Issue {
  Severity severity = Severity::kError;
  std::string code;    // "E001", ...: a row of expr's own table, see IssueTable()
  uint32_t begin = 0;  // bytes into the text, [begin, end)
  uint32_t end = 0;
  std::string message;
  std::string hint;  // empty: none
};

struct IssueKind {
  std::string_view code;
  std::string_view title;
};
// Every code this module can give, for the page of diagnostics.
const std::vector<IssueKind>& IssueTable();

// A conjunct `event.NAME == literal` of a condition, by which a trigger can be indexed.
struct Equality {
  std::string property;
  model::Value literal;  // points into the program
};

class Program {
 public:
  virtual ~Program() = default;
  // The text it was compiled from.
  virtual const std::string& text() const = 0;
  // Instructions, one a line.
  virtual std::string Dump() const = 0;
  virtual Type type() const = 0;
  // Top-level conjuncts that pin a property of `event` to a literal.
  virtual const std::vector<Equality>& equalities() const = 0;
  // Properties of `event` and `trigger`, and traits, read anywhere inside; "*" where the whole map
  // is used as a value or under a computed name.
  virtual const std::vector<std::string>& event_properties() const = 0;
  virtual const std::vector<std::string>& trigger_properties() const = 0;
  virtual const std::vector<std::string>& traits() const = 0;
  // Segments and counters (ids) read.
  virtual const std::vector<std::string>& segments() const = 0;
  virtual const std::vector<uint64_t>& counters() const = 0;
  virtual bool reads_now() const = 0;      // `now` or a window
  virtual bool reads_consent() const = 0;  // person.consent or person.suppressed
  virtual bool reads_seen() const = 0;     // person.first_seen_at or last_seen_at
  virtual bool reads_run() const = 0;      // ab_test or coupon
};

struct CompileResult {
  std::shared_ptr<const Program> program;  // null where there is an error
  std::vector<Issue> issues;               // all of them, by position
};

// `want`: the type that the place needs, kDynamic for any. Counters that the text reads are added
// to `counters` (only when the text has no error).
CompileResult Compile(std::string_view text, const Scope& scope, const Names& names, TypeKind want,
                      CounterTable* counters);

// The syntax tree as text, for tests and dumps; the issue's message where it does not parse.
std::string DumpSyntax(std::string_view text);

// ---- Evaluating ------------------------------------------------------------------------------

// An event as expressions see it.
struct EventView {
  std::string_view name;
  std::string_view segment;  // segment triggers
  Timestamp time;
  model::Value properties;  // kMap or null
};

struct ConsentDefault {
  std::string topic;
  bool opted_in = true;
};

// All that an evaluation may read; borrowed for the call. Null members: absent.
struct Activation {
  const model::Person* person = nullptr;
  const EventView* event = nullptr;
  const EventView* trigger = nullptr;
  const model::Run* run = nullptr;  // ab_test and coupon
  model::Value company;             // kMap
  const std::vector<ConsentDefault>* consent_defaults = nullptr;
  const TimeZone* zone = nullptr;  // of local()
  Timestamp now;
  model::Value variables;  // kMap, for Scope::variables
};

// Collects the moments at which a result can change by time alone.
struct TimeWatch {
  Timestamp next_change = Timestamp::Max();
  void Note(Timestamp moment) {
    if (moment < next_change) next_change = moment;
  }
};

// `watch`, where given, receives the earliest moment later than activation.now at which the result
// can change while nothing but `now` moves. The result may point into `arena`.
model::Value Evaluate(const Program& program, const Activation& activation, Arena* arena,
                      TimeWatch* watch = nullptr);

// True only for a bool true: an error, and anything else, is false. `error`, where given, receives
// the message of an error ("" otherwise).
bool EvaluateCondition(const Program& program, const Activation& activation, Arena* arena,
                       TimeWatch* watch = nullptr, std::string_view* error = nullptr);

// What the expression read and came to, for people: "true (count(\"Order Completed\") = 3)".
// Evaluates again, slowly; for actions' reasons, traces and explanations.
std::string Explain(const Program& program, const Activation& activation, Arena* arena);

// Reads `value` as `type`, as the catalogue says (int to double, integral double to int, RFC 3339
// text to timestamp and date). nullopt: of a wrong type, read as absent.
std::optional<model::Value> Coerce(const model::Value& value, TypeKind type);

}  // namespace sojourn::expr
