// What starts a journey.
#include <fmt/format.h>

#include <algorithm>

#include "engine/base/hash.h"
#include "engine/base/suggest.h"
#include "engine/language/journey_draft.h"
#include "engine/language/values.h"

namespace sojourn::language {
namespace {

class TriggerLoader {
 public:
  TriggerLoader(JourneyDraft* draft, LoadContext* context) : draft_(draft), context_(context) {}

  void Load(const Node& node) {
    Trigger trigger;
    trigger.position = node.position();
    if (node.FindKey("event") != nullptr) {
      LoadEvent(node, &trigger);
    } else if (node.FindKey("enters_segment") != nullptr) {
      LoadSegment(node, TriggerKind::kEntersSegment, "enters_segment", &trigger);
    } else if (node.FindKey("leaves_segment") != nullptr) {
      LoadSegment(node, TriggerKind::kLeavesSegment, "leaves_segment", &trigger);
    } else if (node.FindKey("date") != nullptr) {
      LoadDate(node, &trigger);
    } else if (const Node* schedule = node.Find("schedule")) {
      LoadSchedule(node, *schedule, &trigger);
    }
    draft_->journey.triggers.push_back(std::move(trigger));
  }

 private:
  void StartsAs(const std::string& event) {
    std::vector<std::string>& events = draft_->trigger_events;
    if (std::find(events.begin(), events.end(), event) == events.end()) events.push_back(event);
  }

  void LoadEvent(const Node& node, Trigger* trigger) {
    trigger->kind = TriggerKind::kEvent;
    trigger->event = TextAt(node, "event");
    KnowsEvent(node.Find("event"), context_);
    StartsAs(trigger->event);
    const Node* where = node.Find("where");
    expr::Scope scope;
    scope.event = true;
    scope.events = {trigger->event};
    trigger->where = CompileConditions(where, scope, context_);
    if (where == nullptr || trigger->where.empty()) return;
    const bool indexed =
        std::any_of(trigger->where.begin(), trigger->where.end(),
                    [](const ProgramPointer& program) { return !program->equalities().empty(); });
    if (indexed) return;
    context_->reporter->Warning(
        Code::kNotIndexed, *where->file, where->range,
        fmt::format("this is judged for every \"{}\": it demands no fixed value of a property",
                    trigger->event),
        "where it can be said so, add a condition such as event.category == \"shoes\"");
  }

  void LoadSegment(const Node& node, TriggerKind kind, const char* key, Trigger* trigger) {
    trigger->kind = kind;
    trigger->segment = TextAt(node, key);
    trigger->segment_id = StableHash64(trigger->segment);
    trigger->existing_enter = TextAt(node, "existing") == "enter";
    KnowsSegment(node.Find(key), context_);
    StartsAs(key);
  }

  void LoadDate(const Node& node, Trigger* trigger) {
    trigger->kind = TriggerKind::kDate;
    trigger->at = TimeOfDayAt(node, "at");
    trigger->offset_days = ParseDayOffset(TextAt(node, "offset")).value_or(0);
    if (TextAt(node, "every") == "once") trigger->date_every = DateEvery::kOnce;
    StartsAs("date");
    const Node* date = node.Find("date");
    if (date == nullptr) return;
    const auto trait = ParsePersonTrait(date->text);
    if (!trait) {
      context_->reporter->Error(Code::kNotADate, *date->file, date->range,
                                fmt::format("\"{}\" is no trait of the person", date->text),
                                MeantTrait(date->text));
      return;
    }
    trigger->trait = *trait;
    CheckDateTrait(*date, *trait);
  }

  static std::string MeantTrait(const std::string& text) {
    const size_t dot = text.find('.');
    const bool person =
        dot != std::string::npos && !NearestName(text.substr(0, dot), {"person"}).empty();
    return person ? fmt::format("did you mean \"person{}\"?", text.substr(dot))
                  : "write it like person.birthday";
  }

  void CheckDateTrait(const Node& date, const std::string& trait) {
    const auto type = context_->catalog->Trait(trait);
    if (!type) {
      const auto begin = static_cast<uint32_t>(date.text.rfind(trait));
      const auto end = static_cast<uint32_t>(begin + trait.size());
      context_->reporter->Error(Code::kUnknownTrait, *date.file, date.RangeOf(begin, end),
                                fmt::format("no catalogue has the trait \"{}\"", trait),
                                DidYouMean(trait, context_->catalog->TraitNames()));
      return;
    }
    const bool fits = type->kind == expr::TypeKind::kDate ||
                      type->kind == expr::TypeKind::kTimestamp ||
                      type->kind == expr::TypeKind::kDynamic;
    if (fits) return;
    context_->reporter->Error(Code::kNotADate, *date.file, date.range,
                              fmt::format("the trait \"{}\" is of type {}, not a date or timestamp",
                                          trait, expr::TypeKindName(type->kind)));
  }

  void LoadSchedule(const Node& node, const Node& schedule, Trigger* trigger) {
    trigger->kind = TriggerKind::kSchedule;
    trigger->at = TimeOfDayAt(schedule, "at");
    trigger->spread = DurationAt(schedule, "spread").value_or(Duration());
    StartsAs("schedule");
    if (const Node* segment = node.Find("segment")) {
      trigger->segment = segment->text;
      trigger->segment_id = StableHash64(segment->text);
      KnowsSegment(segment, context_);
    }
    if (const Node* date = schedule.Find("date")) {
      const CivilDate civil = ParseCivilDate(date->text).value_or(CivilDate{});
      trigger->schedule_every =
          civil.year == 0 ? ScheduleEvery::kYearlyDate : ScheduleEvery::kOnceDate;
      trigger->year = civil.year;
      trigger->month = civil.month;
      trigger->day = civil.day;
      return;
    }
    LoadEvery(schedule, trigger);
  }

  void LoadEvery(const Node& schedule, Trigger* trigger) {
    const Node* every = schedule.Find("every");
    if (every == nullptr) return;
    const Node* on = schedule.Find("on");
    if (on == nullptr && (schedule.FindKey("on") != nullptr || IsMisspelt(schedule, "on"))) return;
    if (every->text == "day") {
      if (on != nullptr)
        RefuseOn(*on, fmt::format("every: day takes no \"on\", here {}", on->text));
      return;
    }
    const bool week = every->text == "week";
    trigger->schedule_every = week ? ScheduleEvery::kWeek : ScheduleEvery::kMonth;
    if (on == nullptr) {
      context_->reporter->Error(Code::kMissingKey, *every->file, every->range,
                                fmt::format("every: {} needs the key \"on\"", every->text),
                                week ? "on: monday" : "on: 1");
      return;
    }
    const auto weekday = ParseWeekday(on->text);
    if (week != weekday.has_value()) {
      const char* need =
          week ? "every: week needs a weekday" : "every: month needs a day from 1 to 31";
      RefuseOn(*on, fmt::format("{}, \"{}\" is none", need, on->text));
      return;
    }
    trigger->weekday = weekday.value_or(0);
    if (!week) trigger->day = static_cast<int>(ParseInteger(on->text).value_or(0));
  }

  void RefuseOn(const Node& on, std::string message) {
    context_->reporter->Error(Code::kNotAChoice, *on.file, on.range, std::move(message));
  }

  JourneyDraft* const draft_;
  LoadContext* const context_;
};

}  // namespace

void LoadTriggers(JourneyDraft* draft, LoadContext* context) {
  const Node* node = draft->root->Find("trigger");
  if (node == nullptr) return;
  TriggerLoader loader(draft, context);
  const Node* any_of = node->Find("any_of");
  if (any_of == nullptr) return loader.Load(*node);
  for (const Node* item : any_of->items) {
    if (!item->broken) loader.Load(*item);
  }
}

}  // namespace sojourn::language
