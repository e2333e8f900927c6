// Steps by chance. Spans come from a coarse grid, so that many things are due together.
#include <iterator>
#include <set>
#include <utility>

#include "engine/simulate/random_chance.h"

namespace sojourn::simulate {
namespace {

constexpr int kDeepest = 3;

// Of a step, which can read A/B tests.
PlainCondition OfStep(Chance* chance, int percent_true) {
  PlainCondition condition = Condition(chance, percent_true);
  if (!chance->Is(20)) return condition;
  condition.kind = PlainCondition::Kind::kPath;
  condition.path = chance->Of({"a", "b"});
  return condition;
}

void FillRepeat(Chance* chance, PlainStep* step) {
  step->condition = OfStep(chance, 50);
  step->number = chance->Between(1, 4);
  PlainStep wait;
  wait.kind = PlainStep::Kind::kWait;
  wait.span = Span(chance);
  step->then.insert(step->then.begin() + chance->Below(2), wait);
}

void FillWaitUntil(Chance* chance, int depth, PlainStep* step) {
  step->then.clear();
  for (int left = chance->Of({1, 1, 2, 3}); left > 0; --left) {
    PlainWay way{Match(chance, false), {}};
    if (chance->Is(70)) way.steps = Steps(chance, 2, depth + 1);
    step->ways.push_back(std::move(way));
  }
}

void FillChoose(Chance* chance, int depth, PlainStep* step) {
  for (int left = chance->Between(1, 3); left > 0; --left) {
    PlainWay way;
    way.condition = OfStep(chance, 10);
    way.steps = Steps(chance, 2, depth + 1);
    step->ways.push_back(std::move(way));
  }
}

void FillAbTest(Chance* chance, int depth, PlainStep* step) {
  const int share = chance->Of({0, 1, 3'333, 5'000, 9'999, 10'000});
  for (const char* const name : {"a", "b"}) {
    PlainWay way;
    way.name = name;
    way.share = step->ways.empty() ? share : 10'000 - share;
    if (chance->Is(80)) way.steps = Steps(chance, 2, depth + 1);
    step->ways.push_back(std::move(way));
  }
}

void FillFlow(Chance* chance, int depth, PlainStep* step) {
  using Kind = PlainStep::Kind;
  step->then = Steps(chance, 2, depth + 1);
  if (step->kind == Kind::kRepeat) return FillRepeat(chance, step);
  if (chance->Is(70)) step->otherwise = Steps(chance, 2, depth + 1);
  if (step->kind == Kind::kIf) {
    step->condition = OfStep(chance, 0);
    return;
  }
  if (step->kind == Kind::kChoose) return FillChoose(chance, depth, step);
  if (step->kind == Kind::kAbTest) return FillAbTest(chance, depth, step);
  step->span = chance->Of({2, 6, 48, 96, 192, 384}) * kPlainGrid;
  if (chance->Is(20)) step->then.clear();
  if (step->kind == Kind::kWaitSegment) step->text = SegmentName(chance);
  if (step->kind == Kind::kWaitUntil) FillWaitUntil(chance, depth, step);
  if (step->kind != Kind::kWaitCondition) return;
  step->condition = OfPerson(chance);
  if (step->condition.kind == PlainCondition::Kind::kFewer && chance->Is(70)) {
    step->condition = OfPerson(chance);
  }
  if (chance->Is(20)) {
    step->condition.kind = PlainCondition::Kind::kInSegment;
    step->condition.text = SegmentName(chance);
  }
}

PlainStep::Kind StepKind(Chance* chance, int depth) {
  using enum PlainStep::Kind;
  if (depth < kDeepest && chance->Is(35)) {
    return chance->Of({kWaitUntil, kWaitUntil, kWaitSegment, kWaitCondition, kIf, kIf, kChoose,
                       kAbTest, kRepeat});
  }
  if (chance->Is(35)) return kSend;
  return chance->Of({kWait, kWait, kWait, kWaitDay, kWaitDay, kWaitWeekday, kWaitMoment, kUpdate,
                     kUpdate, kUpdate, kEmit, kEmit, kEmit, kWebhook, kCoupon, kExit});
}

// What the simple kinds need beside numbers.
void FillText(Chance* chance, PlainStep* step) {
  using Kind = PlainStep::Kind;
  if (step->kind == Kind::kSend) {
    step->text = chance->Of({"marketing", "marketing", "newsletter", "orders"});
  }
  if (step->kind == Kind::kExit) step->text = "left";
  if (step->kind == Kind::kEmit) step->text = chance->Of({"Echo", "Echo", "Seen"});
  if (step->kind == Kind::kWebhook) step->text = chance->Of({"", "event.value", "coupon.code"});
  if (step->kind == Kind::kCoupon) step->text = chance->Of({"exiting", "few", "many", "new"});
  if (step->kind != Kind::kWaitMoment) return;
  step->text = chance->Of({"now", "event.time", "trigger.time"});
  step->span = chance->Of({-2, 1, 3, 24, 24, 24 * 3'700}) * kPlainHour;
}

// Times that the clocks skip and repeat among others.
void FillCalendar(Chance* chance, PlainStep* step) {
  step->minute_of_day = chance->Is(60) ? chance->Between(2, 5) * 30 : chance->Below(48) * 30;
  for (int left = chance->Between(1, 2); left > 0; --left) {
    step->weekdays.push_back(left * 3 + chance->Below(3) - 2);
  }
}

}  // namespace

PlainStep StepOf(Chance* chance, PlainStep::Kind kind, int depth) {
  using Kind = PlainStep::Kind;
  PlainStep step;
  step.kind = kind;
  step.number = chance->Between(0, 3);
  step.span = Span(chance);
  step.relative = chance->Is(50);
  FillText(chance, &step);
  FillCalendar(chance, &step);
  const bool branches = kind == Kind::kWaitUntil || kind == Kind::kWaitSegment ||
                        kind == Kind::kWaitCondition || kind == Kind::kIf ||
                        kind == Kind::kChoose || kind == Kind::kAbTest || kind == Kind::kRepeat;
  if (branches) FillFlow(chance, depth, &step);
  return step;
}

std::vector<PlainStep> Steps(Chance* chance, int most, int depth) {
  std::vector<PlainStep> steps;
  for (int left = chance->Between(1, most); left > 0; --left) {
    steps.push_back(StepOf(chance, StepKind(chance, depth), depth));
  }
  return steps;
}

namespace {

// What runs can have passed where a step stands.
struct Passed {
  std::set<std::string> tests;
  bool coupon = false;
  bool is_reached = true;
};

class References {
 public:
  explicit References(Chance* chance) : chance_(chance) {}

  void Fix(std::vector<PlainStep>* steps, Passed* passed) {
    for (PlainStep& step : *steps) {
      FixStep(&step, *passed);
      if (step.kind == PlainStep::Kind::kExit) *passed = {{}, false, false};
      if (step.kind == PlainStep::Kind::kCoupon) passed->coupon = passed->is_reached;
      if (step.kind == PlainStep::Kind::kAbTest && passed->is_reached) {
        passed->tests.insert(step.text);
      }
      Passed after{{}, false, false};
      const auto branch = [&](std::vector<PlainStep>* of) {
        Passed within = *passed;
        Fix(of, &within);
        after.coupon |= within.coupon;
        after.is_reached |= within.is_reached;
        after.tests.insert(within.tests.begin(), within.tests.end());
      };
      if (step.ways.empty()) branch(&step.then);
      for (PlainWay& way : step.ways) branch(&way.steps);
      if (step.kind != PlainStep::Kind::kAbTest) branch(&step.otherwise);
      *passed = after;
    }
  }

 private:
  void FixStep(PlainStep* step, const Passed& passed) {
    FixCondition(&step->condition, passed);
    for (PlainWay& way : step->ways) FixCondition(&way.condition, passed);
    if (step->kind == PlainStep::Kind::kAbTest) step->text = "t" + std::to_string(++tests_);
    if (step->text == "coupon.code" && !passed.coupon) step->text = "event.value";
  }

  void FixCondition(PlainCondition* condition, const Passed& passed) {
    if (condition->kind != PlainCondition::Kind::kPath) return;
    const auto& tests = passed.tests;
    if (tests.empty()) condition->kind = PlainCondition::Kind::kLevel;
    if (tests.empty()) return;
    condition->text = *std::next(tests.begin(), chance_->Below(static_cast<int>(tests.size())));
  }

  Chance* chance_;
  int tests_ = 0;
};

}  // namespace

void FixReferences(Chance* chance, std::vector<PlainStep>* steps) {
  Passed passed;
  References(chance).Fix(steps, &passed);
}

}  // namespace sojourn::simulate
