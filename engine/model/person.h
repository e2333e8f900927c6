// Everything the engine remembers about one person, decoded.
//
// A Person owns an arena; every text, value and array in it lives there, so decoding, changing and
// dropping a person never touches the heap item by item. The encoded form is the flat record of
// engine/store (FORMAT.md). What rules name (journeys, segments, counters) stands here as the
// 64-bit StableHash64 of its name or definition, so that a record does not depend on the numbering
// of one rules bundle.
//
// Threads: one owner. Times are milliseconds; Timestamp::Max() means "never" or "none".
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engine/base/arena.h"
#include "engine/base/arena_vector.h"
#include "engine/base/strong.h"
#include "engine/base/time.h"
#include "engine/model/value.h"

namespace sojourn::model {

struct Trait {
  std::string_view name;
  Value value;  // never null: a deleted trait is absent
};

// A choice the person made; without one the topic's default holds.
struct ConsentChoice {
  std::string_view topic;
  bool opted_in = false;
};

struct RecentEventId {
  uint64_t hash = 0;  // keyed
  Timestamp time;     // logical time at which the event was applied
};

struct Sample {
  Timestamp time;  // the event's
  Value value;     // null for a counter without VALUE
};

// One counter: all that rules want to know about one (event, COND, VALUE). Which parts are kept is
// decided by the counter's definition (expr::CounterDefinition::needs).
struct Counter {
  uint64_t id = 0;
  int64_t count = 0;  // ever, exact; the function count() stops at kMaxEverCount
  Timestamp first_time = Timestamp::Max();
  Timestamp last_time = Timestamp::Min();
  Value first_value;
  Value last_value;
  Value sum;  // null until the first event
  Value minimum;
  Value maximum;
  ArenaVector<Sample> samples;  // oldest first by time, ties by arrival; only the newest are kept
};

// A counter whose past is on its way from the log (engine/step/backfill.h): what was counted since
// that began, apart from the counter itself, which goes on as it is meanwhile.
struct CounterBackfill {
  Timestamp begun;  // which backfill
  Counter since;    // its id is the counter's
  // What of each input of the partition had been taken in when it began, in the inputs' order: its
  // first record that had not. Where there are several inputs, nothing else tells what stands
  // before the beginning.
  ArenaVector<Offset> taken;
};

// Kept while `member` or while a flip is due; a person is in no other segment.
struct Membership {
  uint64_t segment = 0;
  bool member = false;
  Timestamp flip_at = Timestamp::Max();  // when the condition must be judged again
};

// What a run keeps of an event: the properties that some rule or template reads.
struct EventSnapshot {
  std::string_view name;  // the event's, or "enters_segment", "leaves_segment", "date", "schedule",
                          // "enroll"
  std::string_view id;    // the event's; empty otherwise
  std::string_view segment;  // for segment triggers
  Timestamp time;
  Value properties;  // kMap or null
};

struct PathTaken {
  std::string_view test;
  std::string_view path;
};

// What a run at rest waits for.
enum class RestKind : uint8_t {
  kWait,           // `deadline`
  kWaitEvent,      // an event, or `deadline`
  kWaitSegment,    // membership, or `deadline`
  kWaitCondition,  // a condition, to be judged again at `flip_at`, or `deadline`
  kQuietHours,     // a send held until `deadline`
};

struct Run {
  uint64_t journey = 0;   // StableHash64 of the name
  uint64_t revision = 0;  // first 8 bytes of the revision's hash, big-endian
  Value run_key;          // null without one_run_per; else string, int or bool
  uint32_t entry = 0;     // per person and journey, from 1
  uint32_t position = 0;  // index of the step at which it rests, in that revision's program
  RestKind rest = RestKind::kWait;
  bool goal_reached = false;
  bool event_is_trigger = true;  // `event` is the same as `trigger`, and stays empty
  Timestamp entered_at;
  Timestamp deadline = Timestamp::Max();
  Timestamp flip_at = Timestamp::Max();
  EventSnapshot trigger;
  EventSnapshot event;  // the event consumed last
  std::string_view coupon_pool;
  std::string_view coupon_code;  // empty: none
  Timestamp coupon_expires_at = Timestamp::Max();
  ArenaVector<PathTaken> paths;
  ArenaVector<uint16_t> passes;  // pass number of each repeat around the position, outermost first
};

// A run that ended `completed` or by an exit step and can still reach its goal.
struct EndedRun {
  uint64_t journey = 0;
  uint64_t revision = 0;
  Value run_key;
  uint32_t entry = 0;
  Timestamp entered_at;
  EventSnapshot trigger;
  // Where the goal reads them, as in Run.
  std::string_view coupon_pool;
  std::string_view coupon_code;
  Timestamp coupon_expires_at = Timestamp::Max();
  ArenaVector<PathTaken> paths;
};

// A code that the person was given, kept so that an order which names it can be told from others.
// Texts are spelt out: the rules may be gone by then.
struct HeldCoupon {
  std::string_view pool;
  std::string_view code;
  std::string_view journey;
  std::string_view step;
  std::string_view path;  // the A/B paths taken until then, "TEST.PATH" with ", " between; or empty
  Timestamp allotted_at;
  Timestamp expires_at = Timestamp::Max();
  Timestamp redeemed_at = Timestamp::Max();  // first; never: Max()
};

struct RunKeyEntry {
  uint64_t key_hash = 0;
  Timestamp entered_at;  // the last entry with this key
};

// What is remembered of a journey beyond its runs.
struct JourneyMemory {
  uint64_t journey = 0;
  uint32_t entries = 0;                   // entry numbers given so far
  ArenaVector<RunKeyEntry> last_entries;  // newest last; kept where `reentry` needs them
};

// Frequency caps.
struct SentMark {
  Timestamp time;
  std::string_view topic;
};

// An entry that is still to come without a trigger of its own: by hand (`enroll`), or of a member
// of a segment when a journey with `existing: enter` is first loaded.
struct PlannedEntry {
  uint64_t journey = 0;
  Timestamp at;
  uint64_t segment = 0;  // `existing: enter`: that segment; 0: by hand
};

// The next occurrence of a date trigger or a spread schedule.
struct PlannedDate {
  uint64_t journey = 0;
  uint32_t trigger = 0;  // index within the journey
  Timestamp at = Timestamp::Max();
  Timestamp last_judged = Timestamp::Min();  // 00:00 UTC of the civil day of the last one judged
};

struct Person {
  Person() = default;
  Person(const Person&) = delete;
  Person& operator=(const Person&) = delete;
  Person(Person&&) = default;
  Person& operator=(Person&&) = default;

  std::string id;
  bool known = false;                  // false: no event yet, nothing below is set
  uint32_t bundle = 0;                 // number of the rules bundle they were last judged by
  Timestamp clock = Timestamp::Min();  // last logical time
  // Of external inputs; Min(): none yet, what is known comes from historical events only.
  Timestamp first_seen_at = Timestamp::Min();
  Timestamp last_seen_at = Timestamp::Min();
  Timestamp next_deadline = Timestamp::Max();  // the earliest of all that is due below
  bool complained = false;                     // marked a mail as spam: no mail any more
  ArenaVector<Trait> traits;                   // by name
  ArenaVector<ConsentChoice> consent;          // by topic
  ArenaVector<RecentEventId> recent_ids;       // oldest first
  ArenaVector<Counter> counters;               // by id
  ArenaVector<CounterBackfill> backfills;      // by id of the counter
  ArenaVector<Membership> memberships;         // by segment
  ArenaVector<Run> runs;                  // oldest entry first, ties by journey name and run key
  ArenaVector<EndedRun> ended_runs;       // oldest first
  ArenaVector<JourneyMemory> journeys;    // by journey
  ArenaVector<SentMark> sent;             // oldest first
  ArenaVector<std::string_view> bounced;  // addresses that bounced for good
  ArenaVector<PlannedEntry> planned_entries;
  ArenaVector<PlannedDate> planned_dates;
  ArenaVector<HeldCoupon> coupons;  // oldest first; the newest kMaxHeldCoupons
  // Ids that were asked to merge into this one, oldest first (engine/step/merge.h).
  ArenaVector<std::string_view> merged_ids;
  // Not empty: this id has merged into that one, who has all that was here. Of the rest only
  // `known`, `clock` and what was refused (consent, bounces, a complaint) is set.
  std::string_view moved_to;

  Arena arena;  // owns what the members above point to

  // Forgets all but the id, as in a new Person; the arena keeps its memory.
  void Reset();
  // All but the id, in an object of its own; this one is then as after Reset.
  std::unique_ptr<Person> TakeOut();
  const Value* FindTrait(std::string_view name) const;
  // Null deletes. Copies into the arena.
  void SetTrait(std::string_view name, const Value& value);
  const Counter* FindCounter(uint64_t counter_id) const;
  bool InSegment(uint64_t segment) const;
};

}  // namespace sojourn::model
