// Journeys as plain data, small enough that an interpreter of some hundred lines runs them: what
// random_journeys_test.cc makes by chance, writes as YAML for the engine and compares.
//
// Tests only. Times are milliseconds since 1970, spans milliseconds; threads: one owner.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sojourn::simulate {

inline constexpr int64_t kPlainMinute = 60'000;
inline constexpr int64_t kPlainHour = 60 * kPlainMinute;
inline constexpr int64_t kPlainDay = 24 * kPlainHour;

struct PlainCondition {
  enum class Kind {
    kTrue,
    kEventValue,    // event.value >= number
    kTriggerValue,  // trigger.value >= number
    kLevel,         // person.level >= number
    kKey,           // event.key == text
    kCount,         // count(text, window) >= number
    kFewer,         // count(text, window) < number
    kLongAgo,       // now - last(text) > window
    kInSegment,     // in_segment(text)
    kPath,          // ab_test.TEST == path, text: the test
  };
  Kind kind = Kind::kTrue;
  int number = 0;
  std::string text;
  std::string path;
  int64_t window = 0;  // whole hours
};

// An event, or a change of membership.
struct PlainMatch {
  std::string event;
  PlainCondition where;
  std::string segment;  // not empty: of this one
  bool leaves = false;
};

struct PlainStep;

// One of several ways on.
struct PlainWay {
  PlainMatch match;          // of a wait_until
  PlainCondition condition;  // of a choose
  std::string name;          // of an A/B test, ...
  int share = 0;             // ... in hundredths of a percent
  std::vector<PlainStep> steps;
};

struct PlainStep {
  enum class Kind {
    kSend,           // text: the topic
    kWebhook,        // text: what its data reads, such as coupon.code; empty: it has none
    kCoupon,         // text: the pool
    kWait,           // span
    kWaitDay,        // number: days; minute_of_day
    kWaitWeekday,    // weekdays, minute_of_day
    kWaitMoment,     // text + span, such as event.time + span
    kWaitUntil,      // ways, any_of where there are several; span
    kWaitSegment,    // text: the segment; span; `relative`: until it is left
    kWaitCondition,  // condition, span
    kIf,             // condition
    kChoose,         // ways, otherwise
    kAbTest,         // text: the test; ways
    kRepeat,         // number, condition; then: the body
    kUpdate,         // level: number, or person.level + number where `relative`
    kEmit,           // text: the event; value: number, or event.value where `relative`
    kExit,           // text: the reason
  };
  Kind kind = Kind::kSend;
  int number = 0;
  int64_t span = 0;
  int minute_of_day = 0;
  std::vector<int> weekdays;  // 1: Monday
  bool relative = false;
  std::string text;
  PlainCondition condition;
  std::vector<PlainWay> ways;
  std::vector<PlainStep> then;
  std::vector<PlainStep> otherwise;
};

// A trigger by time.
struct PlainDated {
  enum class Every { kDay, kWeek, kMonth, kYear, kOnce, kBirthday, kBirthdayOnce };
  Every every = Every::kDay;
  int minute_of_day = 0;
  int month = 1;
  int day = 1;          // of the week or the month
  int offset = 0;       // of birthdays
  int64_t spread = 0;   // of schedules
  std::string segment;  // of schedules; empty: for everybody
};

struct PlainJourney {
  enum class Reentry { kAlways, kNever, kAfter };
  std::string name;
  std::string zone;  // "company", "person" or a zone's name
  bool holdout = false;
  std::vector<PlainMatch> triggers;
  std::vector<PlainDated> dated;  // behind them
  PlainCondition only_if;
  Reentry reentry = Reentry::kAlways;
  int64_t reentry_after = 0;
  bool one_run_per_key = false;  // event.key
  bool restart = false;
  std::optional<PlainMatch> goal;
  int64_t goal_within = 0;  // 0: none
  bool exit_on_goal = false;
  std::vector<PlainMatch> exit_on;
  std::vector<PlainStep> steps;
};

struct PlainCap {
  int max = 1;
  int64_t per = 0;
  std::string topic;  // empty: all marketing topics
};

struct PlainQuietHours {  // [from, to), minutes of the local day; may wrap midnight
  int from = 0;
  int to = 0;
  bool skip = false;
};

struct PlainSegment {
  std::string name;
  PlainCondition where;  // kLevel, kCount, kFewer or kLongAgo
};

struct PlainPool {
  std::string name;
  std::vector<std::string> codes;  // none: generated
  bool is_static = false;          // of its only code
  bool exits = false;              // the run, when it is empty
};

// Topics: marketing (opted in), newsletter (opted out), orders (transactional).
struct PlainRules {
  std::string zone;
  bool holdout = false;
  std::vector<PlainCap> caps;
  std::optional<PlainQuietHours> quiet_hours;
  std::vector<PlainSegment> segments;  // by name
  std::vector<PlainPool> pools;
  std::vector<PlainJourney> journeys;  // by name
};

struct PlainEvent {
  int64_t at = 0;
  int64_t time = 0;
  std::string id;  // empty: one that no other event has
  std::string name;
  std::map<std::string, int> numbers;
  std::map<std::string, std::string> texts;
  std::set<std::string> nulls;
};

struct PlainLife {
  int64_t start = 0;
  int64_t until = 0;
  std::string person;
  bool held_out = false;  // where a holdout is above 0
  std::optional<std::string> email;
  std::optional<std::string> zone;
  std::optional<std::string> birthday;
  std::optional<int> level;
  std::vector<PlainEvent> events;  // by `at`
};

// What an interpreter does differently, so that a test sees the comparison fail.
enum class PlantedMistake {
  kNone,
  kTimersFirst,       // a timer due at T runs before a record at T
  kCapIncludesEdge,   // a send counts while now - sent <= per
  kReentryByKeyLost,  // reentry is judged per journey
  kExitBeforeGoal,
  kLateIsNow,  // an event counts from its arrival
  kFlipsLast,  // segments change by time behind run timers due with them
};

// Rules that keep themselves going are not followed for longer.
inline constexpr size_t kPlainMostLines = 1'500;

// How often each construct was met.
using PlainCounts = std::map<std::string, int>;

// One line for each thing that happened: "2026-...Z send first 3.then.1 marketing"; the first
// kPlainMostLines of them. Adds to `counts`.
std::vector<std::string> InterpretPlainly(const PlainRules& rules, const PlainLife& life,
                                          PlantedMistake mistake = PlantedMistake::kNone,
                                          PlainCounts* counts = nullptr);

// The rules as a rules directory has them: text by path.
std::map<std::string, std::string> PlainRulesText(const PlainRules& rules);
// The life as a test file has it, for people to read and try.
std::string PlainLifeText(const PlainRules& rules, const PlainLife& life);

// By chance alone: the same seed makes the same.
PlainRules RandomRules(uint32_t seed);
PlainLife RandomLife(uint32_t seed);

bool IsPlainZone(const std::string& name);
// Local times count as if they were of UTC.
int64_t PlainLocal(int64_t moment, const std::string& zone);
int64_t PlainMoment(int64_t local, const std::string& zone);
// What a calendar wait that begins at `now` comes to.
int64_t PlainDayMoment(const PlainStep& step, int64_t now, const std::string& zone);
int64_t PlainWeekdayMoment(const PlainStep& step, int64_t now, const std::string& zone);
// Where `now` is quiet: the end of that; `now` itself otherwise.
int64_t PlainQuietEnd(const PlainQuietHours& hours, int64_t now, const std::string& zone);

// Section 4, "Buckets".
int PlainBucket(const std::string& kind, const std::string& journey, const std::string& name,
                const std::string& person);

// "2026-03-02T09:00:00Z"
std::string PlainTime(int64_t time);

}  // namespace sojourn::simulate
