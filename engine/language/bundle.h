// The compiled rules: what a rules directory becomes once it checks cleanly.
//
// The way of a rules directory, one file a stage, each with a text dump:
//   read (files) -> parse (YAML with positions) -> check (schema table, names, types; Diagnostics)
//       -> compile (this) ; `step` runs it
//
// Threads: a Bundle and a RuleSet are immutable after construction and shared by all threads.
// Ownership: shared_ptr; views into a bundle live as long as it does. Times are milliseconds.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "engine/base/arena.h"
#include "engine/base/civil.h"
#include "engine/base/time.h"
#include "engine/expr/expr.h"
#include "engine/model/action.h"

namespace sojourn::liquid {
class Template;
}

namespace sojourn::language {

using ProgramPointer = std::shared_ptr<const expr::Program>;
// All must hold; empty: always true.
using Conditions = std::vector<ProgramPointer>;
// `data: {name: EXPR}`, in file order.
using NamedValues = std::vector<std::pair<std::string, ProgramPointer>>;

// Where something stands in the rules, for explanations.
struct SourcePosition {
  std::string file;  // relative to the rules directory
  int line = 0;      // from 1
  int column = 0;    // from 1, in code points
};

// ---- company.yaml ----------------------------------------------------------------------------

enum class QuietThen : uint8_t { kSendLater, kSkip };

struct QuietHours {  // [from, to), may wrap midnight
  TimeOfDay from;
  TimeOfDay to;
  QuietThen then = QuietThen::kSendLater;
};

struct FrequencyCap {
  int max = 0;
  Duration per;
  std::string topic;  // empty: all marketing topics together
};

struct ConsentTopic {
  std::string name;
  bool opted_in = true;  // by default
  bool transactional = false;
};

struct Sender {
  std::string name;
  std::string from;
  std::string reply_to;  // empty: none
};

// Which event tells that a code was used.
struct CouponRedemption {
  std::string event = "Order Completed";
  std::string property = "coupon";  // a code, or a list of codes
  std::string total = "total";      // what was paid
  std::string order_id = "order_id";
};

struct Company {
  std::string name;
  std::string timezone_name = "UTC";
  TimeZone timezone;
  std::string currency;
  std::optional<QuietHours> quiet_hours;
  std::vector<FrequencyCap> frequency_caps;
  std::vector<ConsentTopic> topics;  // never empty: without the key, marketing opted in
  std::vector<expr::ConsentDefault> consent_defaults;  // the same, as expressions read it
  int holdout_buckets = 0;                             // of kBuckets
  Duration late_send_limit = Days(1);
  std::string postal_address;
  std::vector<Sender> senders;
  CouponRedemption coupon_redemption;
  std::vector<std::string> retired;  // journeys whose runs end `removed`
  model::Value value;                // what `company` is in expressions and templates (kMap)

  const ConsentTopic* FindTopic(std::string_view topic) const;
};

// ---- templates, coupon pools, segments -------------------------------------------------------

struct Template {
  std::string name;
  std::string subject;  // Liquid
  std::string from;     // name of a sender; empty: the first
  std::string topic;    // empty: the step's or "marketing"
  model::ActionKind channel = model::ActionKind::kSendEmail;
  std::string body;  // Liquid
  // Both with the partials that they place, as they were when this was loaded.
  std::shared_ptr<const liquid::Template> parsed_subject;
  std::shared_ptr<const liquid::Template> parsed_body;
  std::string revision;  // 16 hexadecimal digits; of the partials, too
  // Dotted paths that subject and body read: "person.first_name", "coupon.code", "data.order". A
  // root alone ("event") where the whole of it is used.
  std::vector<std::string> reads;
  SourcePosition position;
};

enum class PoolKind : uint8_t { kGenerate, kCodes, kStatic };

// "generated", "list", "static".
std::string_view PoolKindName(PoolKind kind);

struct CouponPool {
  std::string name;
  PoolKind kind = PoolKind::kGenerate;
  std::string prefix;              // kGenerate
  int length = 8;                  // kGenerate: characters after the prefix
  std::vector<std::string> codes;  // kCodes (`codes`, `file`, `files`), kStatic: exactly one
  std::vector<uint64_t> hashes;    // kCodes: StableHash64 of each code
  uint64_t list = 0;               // kCodes: a hash of the whole list, never 0
  bool exit_on_empty = false;
  int64_t low_at = 0;                       // kCodes: so few left are too few; 0: nobody is told
  Timestamp expires_at = Timestamp::Max();  // of the codes; from then on none is given
  SourcePosition position;
};

struct Segment {
  std::string name;
  uint64_t id = 0;  // StableHash64(name)
  Conditions where;
  std::vector<std::string> depends_on;  // segments read by `where`
  SourcePosition position;
};

// ---- journeys --------------------------------------------------------------------------------

enum class TriggerKind : uint8_t { kEvent, kEntersSegment, kLeavesSegment, kDate, kSchedule };

enum class DateEvery : uint8_t { kYear, kOnce };
enum class ScheduleEvery : uint8_t { kDay, kWeek, kMonth, kYearlyDate, kOnceDate };

struct Trigger {
  TriggerKind kind = TriggerKind::kEvent;
  std::string event;    // kEvent
  Conditions where;     // kEvent
  std::string segment;  // kEntersSegment, kLeavesSegment; kSchedule: empty for everyone
  uint64_t segment_id = 0;
  bool existing_enter = false;
  // kDate and kSchedule.
  std::string trait;
  TimeOfDay at;
  int offset_days = 0;
  DateEvery date_every = DateEvery::kYear;
  ScheduleEvery schedule_every = ScheduleEvery::kDay;
  int weekday = 0;  // 1 = Monday
  int day = 0;      // of the month
  int month = 0;
  int year = 0;
  Duration spread;
  SourcePosition position;
};

struct Goal {
  std::string event;
  Conditions where;
  std::optional<Duration> within;
};

enum class ExitKind : uint8_t { kGoal, kEvent, kEntersSegment, kLeavesSegment };

struct ExitRule {
  ExitKind kind = ExitKind::kGoal;
  std::string event;
  Conditions where;
  uint64_t segment_id = 0;
  std::string segment;
};

inline constexpr uint32_t kEndOfJourney = UINT32_MAX;

struct SendStep {
  model::ActionKind channel = model::ActionKind::kSendEmail;
  std::string template_name;
  const Template* template_rule = nullptr;  // of the same bundle
  std::string topic;                        // resolved: step's, else template's, else "marketing"
  const ConsentTopic* topic_rule = nullptr;
  NamedValues data;
};
struct WebhookStep {
  std::string url;
  std::string method = "POST";
  NamedValues data;
};
struct CouponStep {
  const CouponPool* pool = nullptr;
  std::optional<Duration> expires_after;
};
enum class WaitKind : uint8_t { kDuration, kDays, kWeekday, kUntil };
struct WaitStep {
  WaitKind kind = WaitKind::kDuration;
  Duration duration;
  int days = 0;
  std::vector<int> weekdays;  // 1 = Monday, sorted
  TimeOfDay at;
  ProgramPointer until;
};
struct WaitAlternative {
  std::string event;
  Conditions where;
  uint32_t then = kEndOfJourney;  // index of the step to go on with
};
enum class WaitUntilKind : uint8_t { kEvents, kInSegment, kNotInSegment, kCondition };
struct WaitUntilStep {
  WaitUntilKind kind = WaitUntilKind::kEvents;
  std::vector<WaitAlternative> alternatives;  // kEvents, in file order
  uint64_t segment_id = 0;
  std::string segment;
  Conditions condition;
  Duration up_to;
  uint32_t then = kEndOfJourney;       // not for kEvents
  uint32_t otherwise = kEndOfJourney;  // after `up_to`
};
// `if` and `choose`.
struct BranchCase {
  Conditions when;
  uint32_t then = kEndOfJourney;
};
struct BranchStep {
  std::vector<BranchCase> cases;       // the first true one
  uint32_t otherwise = kEndOfJourney;  // `else`, `otherwise`, or the step behind
};
struct AbPath {
  std::string name;
  int end_bucket = 0;  // takes buckets below this that no path before it takes
  uint32_t then = kEndOfJourney;
};
struct AbTestStep {
  std::string test;
  std::vector<AbPath> paths;
};
struct RepeatStep {  // `depth`: index into Run::passes, 0 for the outermost repeat
  int times = 1;
  uint32_t depth = 0;
  Conditions while_true;          // judged before each pass; empty: always
  uint32_t body = kEndOfJourney;  // the body's last step leads back to this step
};
struct UpdatePersonStep {
  NamedValues traits;
};
struct EmitEventStep {
  std::string name;
  NamedValues properties;
};
// Why the engine itself ends runs; exit steps say something else.
inline constexpr std::array<std::string_view, 9> kEngineExitReasons = {
    "completed", "goal",  "event",   "enters_segment", "leaves_segment",
    "restarted", "limit", "removed", "erased"};
struct ExitStep {
  std::string reason;
};

using StepAction =
    std::variant<SendStep, WebhookStep, CouponStep, WaitStep, WaitUntilStep, BranchStep, AbTestStep,
                 RepeatStep, UpdatePersonStep, EmitEventStep, ExitStep>;

struct Step {
  std::string id;
  uint32_t next = kEndOfJourney;  // where the run goes on after this step without a branch
  StepAction action;
  SourcePosition position;
};

enum class ReentryKind : uint8_t { kAlways, kNever, kAfter };
enum class JourneyZone : uint8_t { kCompany, kPerson, kNamed };

struct Journey {
  std::string name;
  uint64_t id = 0;            // StableHash64(name)
  std::string revision_text;  // first 16 hexadecimal digits of the hash of the normalised content
  uint64_t revision = 0;      // the same 8 bytes
  std::vector<Trigger> triggers;  // file order
  Conditions only_if;
  ReentryKind reentry = ReentryKind::kAlways;
  Duration reentry_after;
  ProgramPointer one_run_per;  // null: one run per person
  bool restart_if_running = false;
  std::optional<Timestamp> active_from;
  std::optional<Timestamp> active_until;  // exclusive
  JourneyZone zone_kind = JourneyZone::kCompany;
  TimeZone zone;  // kCompany: the company's; kNamed: that; kPerson: the company's, as fallback
  std::optional<QuietHours> quiet_hours;  // effective: the journey's own, the company's, or none
  int holdout_buckets = 0;
  std::optional<Goal> goal;
  std::vector<ExitRule> exit_on;
  bool move_on_change = false;
  std::map<std::string, std::string> moved_steps;  // old id -> new id, or "exit"
  std::vector<Step> steps;  // flat; index 0 is the first; empty: a run completes at once
  // Properties that snapshots of `trigger` and `event` keep; "*": all.
  std::vector<std::string> trigger_properties;
  std::vector<std::string> event_properties;
  SourcePosition position;

  // Index of the step with this id; kEndOfJourney where there is none.
  uint32_t FindStep(std::string_view step_id) const;
};

// ---- a bundle --------------------------------------------------------------------------------

// One rules directory, compiled. Journeys and segments are sorted: journeys by name, segments with
// what they depend on first, then by name.
struct Bundle {
  uint32_t number = 0;   // given when it is first loaded into a data directory; 0 in tests
  std::string revision;  // hash of all files, 16 hexadecimal digits
  Company company;
  std::shared_ptr<const expr::Names> names;  // the catalogue and the rules' own names
  std::vector<std::unique_ptr<const Template>> templates;
  std::vector<std::unique_ptr<const CouponPool>> pools;
  std::vector<Segment> segments;
  std::vector<std::unique_ptr<const Journey>> journeys;
  expr::CounterTable counters;
  // The files it was made of, by relative path: what is stored to rebuild it later.
  std::map<std::string, std::string> files;
  Arena arena;  // owns company.value and the like

  const Template* FindTemplate(std::string_view template_name) const;
  const CouponPool* FindPool(std::string_view pool_name) const;
  const Segment* FindSegment(uint64_t segment_id) const;
  const Journey* FindJourney(std::string_view journey_name) const;

  // Everything, readably: for golden tests.
  std::string Dump() const;
};

// ---- what runs -------------------------------------------------------------------------------

struct TriggerReference {
  uint32_t journey = 0;  // index into bundle.journeys, so in name order
  uint32_t trigger = 0;
};

// What can happen on an event of one name.
struct EventRules {
  std::vector<const expr::CounterDefinition*> counters;
  // Triggers without an equality on a property, in (journey, trigger) order.
  std::vector<TriggerReference> triggers;
  // property -> text of the literal -> triggers that demand it. Literals of other types than string
  // stay in `triggers`.
  std::vector<
      std::pair<std::string, std::unordered_map<std::string, std::vector<TriggerReference>>>>
      indexed;
};

// Which segments must be judged again when something about the person has changed: indexes into
// Bundle::segments, ascending.
struct SegmentReaders {
  std::unordered_map<uint64_t, std::vector<uint32_t>> of_counter;   // by counter id
  std::unordered_map<std::string, std::vector<uint32_t>> of_trait;  // "*": reads the whole person
  std::unordered_map<uint64_t, std::vector<uint32_t>> of_segment;   // by segment id
  std::vector<uint32_t> of_consent;
  std::vector<uint32_t> of_seen;
  std::unordered_map<uint64_t, uint32_t> index_of;  // by segment id
};

// The current bundle together with older revisions of journeys that still have runs.
class RuleSet {
 public:
  // The number of the first bundle that had a journey, by the journey's id.
  using FirstBundles = std::unordered_map<uint64_t, uint32_t>;

  // `older`: bundles whose journeys may still have runs, newest first. `first_bundles`: as far as
  // it is known from bundles that are not among these.
  RuleSet(std::shared_ptr<const Bundle> current,
          std::vector<std::shared_ptr<const Bundle>> older = {}, FirstBundles first_bundles = {});

  const Bundle& current() const { return *current_; }
  const std::vector<std::shared_ptr<const Bundle>>& older() const { return older_; }

  // nullptr where the event matters to no rule.
  const EventRules* ForEvent(std::string_view event) const;
  // Triggers of `event` whose indexed equality its properties meet, in (journey, trigger) order.
  void CandidateTriggers(const EventRules& rules, const model::Value& properties,
                         std::vector<TriggerReference>* candidates) const;
  // Enter and leave triggers of a segment.
  const std::vector<TriggerReference>& SegmentTriggers(uint64_t segment_id) const;

  const SegmentReaders& segment_readers() const { return segment_readers_; }
  // Date and schedule triggers, in (journey, trigger) order.
  const std::vector<TriggerReference>& dated_triggers() const { return dated_triggers_; }

  struct JourneyRevision {
    const Bundle* bundle = nullptr;
    const Journey* journey = nullptr;
  };
  // The journey of that revision in any bundle; null members where it is gone.
  JourneyRevision Find(uint64_t journey_id, uint64_t revision) const;
  // The current revision by the journey's id; nullptr where the file was removed.
  const Journey* FindCurrent(uint64_t journey_id) const;
  // The number of the first bundle that had a journey of this id, which some bundle here has. A
  // file that was removed and comes back is therefore not new.
  uint32_t FirstBundle(uint64_t journey_id) const { return first_bundles_.at(journey_id); }
  // Counters of all bundles, merged.
  const std::vector<expr::CounterDefinition>& counters() const { return counters_; }
  const expr::CounterDefinition* FindCounter(uint64_t counter_id) const;

 private:
  std::shared_ptr<const Bundle> current_;
  std::vector<std::shared_ptr<const Bundle>> older_;
  std::vector<expr::CounterDefinition> counters_;
  std::unordered_map<uint64_t, const expr::CounterDefinition*> counters_by_id_;
  std::unordered_map<std::string, EventRules> by_event_;
  std::unordered_map<uint64_t, std::vector<TriggerReference>> by_segment_;
  std::unordered_map<uint64_t, std::vector<JourneyRevision>> revisions_;
  std::unordered_map<uint64_t, const Journey*> current_by_id_;
  FirstBundles first_bundles_;
  SegmentReaders segment_readers_;
  std::vector<TriggerReference> dated_triggers_;
};

}  // namespace sojourn::language
