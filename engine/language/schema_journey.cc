// The schema table, second part: journeys, triggers and steps.
#include "engine/base/limits.h"
#include "engine/language/schema_build.h"

namespace sojourn::language {
namespace {

// ---- triggers --------------------------------------------------------------------------------

const Shape& ExistingShape() {
  static const Shape shape = Choice({"enter", "ignore"});
  return shape;
}

const Shape& DateEveryShape() {
  static const Shape shape = Choice({"year", "once"});
  return shape;
}

const Shape& DayOffsetShape() {
  static const Shape shape = Leaf(ShapeKind::kDayOffset);
  return shape;
}

const Shape& TraitReferenceShape() {
  static const Shape shape = Leaf(ShapeKind::kText, "a trait such as person.birthday");
  return shape;
}

const Shape& ScheduleEveryShape() {
  static const Shape shape = Choice({"day", "week", "month"});
  return shape;
}

const Shape& ScheduleDayShape() {
  static const Shape shape = Leaf(ShapeKind::kScheduleDay);
  return shape;
}

const Shape& CivilDateShape() {
  static const Shape shape = Leaf(ShapeKind::kCivilDate);
  return shape;
}

const Shape& ScheduleShape() {
  static const Shape shape =
      Object("a schedule",
             {{"at", &TimeOfDayShape, true, "the time of day"},
              {"spread", &DurationShape, false, "each person at their own moment within this"}},
             {{{"every", &ScheduleEveryShape, true, "day, week or month"},
               {{"on", &ScheduleDayShape, false, "the weekday, or the day of the month"}}},
              {{"date", &CivilDateShape, true, "12-24 each year, 2026-12-01 once"}, {}}});
  return shape;
}

std::vector<Form> TriggerForms() {
  return {
      {{"event", &EventNameShape, true, "starts when this event arrives"},
       {{"where", &ConditionsShape, false, "only if this holds"}}},
      {{"enters_segment", &KebabShape, true, "starts when a person comes in"},
       {{"existing", &ExistingShape, false, "whether members enter at first; default: ignore"}}},
      {{"leaves_segment", &KebabShape, true, "starts when a person goes out"},
       {{"existing", &ExistingShape, false, "whether members enter at first; default: ignore"}}},
      {{"date", &TraitReferenceShape, true, "starts on the day a trait names"},
       {{"at", &TimeOfDayShape, true, "at this time of the journey's time zone"},
        {"offset", &DayOffsetShape, false, "days before or after"},
        {"every", &DateEveryShape, false, "year (default) or once"}}},
      {{"schedule", &ScheduleShape, true, "starts for everyone at set times"},
       {{"segment", &KebabShape, false, "only for those in it"}}}};
}

const Shape& OneTriggerShape() {
  static const Shape shape = Object("a trigger", {}, TriggerForms());
  return shape;
}

const Shape& TriggersShape() {
  static const Shape shape = ListOf(&OneTriggerShape, "a list of triggers");
  return shape;
}

// ---- keys of a journey -----------------------------------------------------------------------

const Shape& ReentryShape() {
  static const Shape shape = Leaf(ShapeKind::kReentry, "always, never or after DURATION");
  return shape;
}

const Shape& IfRunningShape() {
  static const Shape shape = Choice({"ignore", "restart"});
  return shape;
}

const Shape& ActiveShape() {
  static const Shape shape =
      Object("active", {{"from", &TimestampShape, false, "entries from then on"},
                        {"until", &TimestampShape, false, "entries before then"}});
  return shape;
}

const Shape& JourneyZoneShape() {
  static const Shape shape = Leaf(ShapeKind::kJourneyZone);
  return shape;
}

const Shape& NoneShape() {
  static const Shape shape = Choice({"none"});
  return shape;
}

const Shape& JourneyQuietHoursShape() {
  static const Shape shape = ScalarOr(&NoneShape, &QuietHoursShape);
  return shape;
}

const Shape& GoalShape() {
  static const Shape shape =
      Object("a goal", {{"event", &EventNameShape, true, "the event that reaches it"},
                        {"where", &ConditionsShape, false, "only if this holds"},
                        {"within", &DurationShape, false, "only so long after the entry"}});
  return shape;
}

const Shape& GoalWordShape() {
  static const Shape shape = Choice({"goal"});
  return shape;
}

const Shape& ExitRuleObjectShape() {
  static const Shape shape =
      Object("an exit rule", {},
             {{{"event", &EventNameShape, true, "exits on this event"},
               {{"where", &ConditionsShape, false, "only if this holds"}}},
              {{"enters_segment", &KebabShape, true, "exits when the person comes in"}, {}},
              {{"leaves_segment", &KebabShape, true, "exits when the person goes out"}, {}}});
  return shape;
}

const Shape& ExitRuleShape() {
  static const Shape shape = ScalarOr(&GoalWordShape, &ExitRuleObjectShape);
  return shape;
}

const Shape& ExitOnShape() {
  static const Shape shape = ListOf(&ExitRuleShape, "a list of exit rules", true);
  return shape;
}

const Shape& OnChangeShape() {
  static const Shape shape = Choice({"finish", "move"});
  return shape;
}

const Shape& StepIdShape() {
  static const Shape shape = Leaf(ShapeKind::kText, "a step's id");
  return shape;
}

const Shape& MovedStepsShape() {
  static const Shape shape = MapOf(&StepIdShape, &StepIdShape);
  return shape;
}

// ---- steps -----------------------------------------------------------------------------------

const Shape& StepsShape() {
  static const Shape shape = ListOf(&StepShape, "a list of steps", true);
  return shape;
}

const Shape& SendObjectShape() {
  static const Shape shape =
      Object("a send", {{"template", &KebabShape, true, "what to send"},
                        {"topic", &KebabShape, false, "default: the template's, else marketing"},
                        {"data", &NamedExpressionsShape, false, "read by the template as data"}});
  return shape;
}

const Shape& SendShape() {
  static const Shape shape = ScalarOr(&KebabShape, &SendObjectShape);
  return shape;
}

const Shape& UrlShape() {
  static const Shape shape = Leaf(ShapeKind::kUrl);
  return shape;
}

const Shape& MethodShape() {
  static const Shape shape = Choice({"POST", "PUT", "PATCH", "GET", "DELETE"});
  return shape;
}

const Shape& WebhookShape() {
  static const Shape shape =
      Object("a webhook", {{"url", &UrlShape, true, "a constant URL"},
                           {"method", &MethodShape, false, "default: POST"},
                           {"data", &NamedExpressionsShape, false, "sent with it"}});
  return shape;
}

const Shape& CouponObjectShape() {
  static const Shape shape =
      Object("a coupon", {{"pool", &KebabShape, true, "where the code comes from"},
                          {"expires_after", &DurationShape, false, "how long it is good"}});
  return shape;
}

const Shape& WaitDaysShape() {
  static const Shape shape = Integer(0, kMaxDuration.milliseconds() / Days(1).milliseconds());
  return shape;
}

const Shape& WeekdayShape() {
  static const Shape shape =
      Choice({"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"});
  return shape;
}

const Shape& WeekdaysShape() {
  static const Shape shape = OneOrMany(&WeekdayShape);
  return shape;
}

const Shape& WaitObjectShape() {
  static const Shape shape = Object("a wait", {},
                                    {{{"days", &WaitDaysShape, true, "the n-th next day"},
                                      {{"at", &TimeOfDayShape, true, "at this local time"}}},
                                     {{"weekday", &WeekdaysShape, true, "the next such day"},
                                      {{"at", &TimeOfDayShape, true, "at this local time"}}},
                                     {{"until", &ExpressionShape, true, "a timestamp"}, {}}});
  return shape;
}

const Shape& WaitShape() {
  static const Shape shape = ScalarOr(&DurationShape, &WaitObjectShape);
  return shape;
}

const Shape& AlternativeShape() {
  static const Shape shape =
      Object("an alternative", {{"event", &EventNameShape, true, "the event waited for"},
                                {"where", &ConditionsShape, false, "only if this holds"},
                                {"then", &StepsShape, false, "what follows"}});
  return shape;
}

const Shape& AlternativesShape() {
  static const Shape shape = ListOf(&AlternativeShape, "a list of events");
  return shape;
}

const Shape& WaitUntilShape() {
  static const Shape shape =
      Object("a wait_until", {{"up_to", &DurationShape, true, "how long at most"}},
             {{{"event", &EventNameShape, true, "goes on with this event"},
               {{"where", &ConditionsShape, false, "only if this holds"}}},
              {{"any_of", &AlternativesShape, true, "the first of these that comes"}, {}},
              {{"in_segment", &KebabShape, true, "goes on once the person is in it"}, {}},
              {{"not_in_segment", &KebabShape, true, "goes on once the person is not"}, {}},
              {{"condition", &ConditionsShape, true, "goes on once this holds"}, {}}});
  return shape;
}

const Shape& ChoiceShape() {
  static const Shape shape =
      Object("a choice", {},
             {{{"when", &ConditionsShape, true, "if this holds"},
               {{"then", &StepsShape, true, "these steps"}}},
              {{"otherwise", &StepsShape, true, "if none of the others holds"}, {}}});
  return shape;
}

const Shape& ChoicesShape() {
  static const Shape shape = ListOf(&ChoiceShape, "a list of choices");
  return shape;
}

const Shape& PathShape() {
  static const Shape shape = Object("a path", {{"name", &SnakeShape, true, "read as ab_test.TEST"},
                                               {"percent", &PercentShape, true, "how many take it"},
                                               {"steps", &StepsShape, false, "what they get"}});
  return shape;
}

const Shape& PathsShape() {
  static const Shape shape = ListOf(&PathShape, "a list of paths");
  return shape;
}

const Shape& TimesShape() {
  static const Shape shape = Integer(1, kMaxRepeatTimes);
  return shape;
}

const Shape& RepeatShape() {
  static const Shape shape =
      Object("a repeat",
             {{"times", &TimesShape, true, "how often at most"},
              {"while", &ConditionsShape, false, "judged before each pass; without it: always"},
              {"steps", &StepsShape, true, "what is repeated"}});
  return shape;
}

// Traits and properties may have odd names where the catalogue lists them; checked there.
const Shape& AnyNamedExpressionsShape() {
  static const Shape shape = MapOf(&TextShape, &ExpressionShape);
  return shape;
}

const Shape& EmitShape() {
  static const Shape shape =
      Object("emit_event", {{"name", &EventNameShape, true, "the event's name"},
                            {"properties", &AnyNamedExpressionsShape, false, "its properties"}});
  return shape;
}

std::vector<Form> StepForms() {
  const Field then = {"then", &StepsShape, false, "what follows"};
  const Field otherwise = {"else", &StepsShape, false, "what follows otherwise"};
  return {
      {{"send_email", &SendShape, true, "sends a mail: a template, or {template, topic, data}"},
       {}},
      {{"send_sms", &SendShape, true,
        "sends a text message: a template, or {template, topic, data}"},
       {}},
      {{"send_push", &SendShape, true,
        "sends a push message: a template, or {template, topic, data}"},
       {}},
      {{"webhook", &WebhookShape, true, "calls a URL with the values under data"}, {}},
      {{"coupon", &CouponObjectShape, true,
        "allots a code; later steps and templates read coupon.code"},
       {}},
      {{"wait", &WaitShape, true, "waits: 2 days, {days, at}, {weekday, at} or {until}"}, {}},
      {{"wait_until", &WaitUntilShape, true,
        "waits for an event, a segment or a condition, up_to a time"},
       {then, otherwise}},
      {{"if", &ConditionsShape, true,
        "where this holds the steps under then, otherwise those under else"},
       {then, otherwise}},
      {{"choose", &ChoicesShape, true, "the first choice that holds, else otherwise"}, {}},
      {{"ab_test", &SnakeShape, true, "splits people by chance"},
       {{"paths", &PathsShape, true, "the paths with their percents"}}},
      {{"repeat", &RepeatShape, true, "repeats steps, at most so often, while a condition holds"},
       {}},
      {{"update_person", &AnyNamedExpressionsShape, true,
        "sets traits to the values of expressions"},
       {}},
      {{"emit_event", &EmitShape, true, "makes an event of the same person"}, {}},
      {{"exit", &KebabShape, true, "ends the run for this reason"}, {}}};
}

}  // namespace

const Shape& TriggerShape() {
  static const Shape shape = [] {
    std::vector<Form> forms = TriggerForms();
    forms.push_back({{"any_of", &TriggersShape, true, "one of several"}, {}});
    return Object("a trigger", {}, std::move(forms));
  }();
  return shape;
}

const Shape& StepShape() {
  static const Shape shape =
      Object("a step", {{"id", &KebabShape, false, "its name; default: its path"}}, StepForms());
  return shape;
}

const Shape& JourneyShape() {
  static const Shape shape =
      Object("a journey",
             {{"journey", &KebabShape, true, "its name"},
              {"description", &TextShape, false, "free text"},
              {"trigger", &TriggerShape, true, "what starts a run"},
              {"only_if", &ConditionsShape, false, "condition at entry"},
              {"reentry", &ReentryShape, false,
               "whether a person may come again: always (default), never, after DURATION"},
              {"one_run_per", &ExpressionShape, false, "each value has its own run"},
              {"if_already_running", &IfRunningShape, false,
               "while a run is under way: ignore (default) or restart"},
              {"active", &ActiveShape, false, "entries only then"},
              {"timezone", &JourneyZoneShape, false, "company (default), person, or an IANA name"},
              {"quiet_hours", &JourneyQuietHoursShape, false,
               "instead of the company's; none: at any time"},
              {"holdout", &PercentShape, false, "percent whose sends are suppressed"},
              {"goal", &GoalShape, false, "what the journey is for"},
              {"exit_on", &ExitOnShape, false, "what ends a run early"},
              {"on_change", &OnChangeShape, false,
               "runs when this file changes: finish (default) or move"},
              {"moved_steps", &MovedStepsShape, false, "old id: new id, or exit"},
              {"steps", &StepsShape, true, "what happens"}});
  return shape;
}

}  // namespace sojourn::language
