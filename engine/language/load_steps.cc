// The shape of a journey: lists of steps, and the steps that branch.
#include <fmt/format.h>

#include <algorithm>

#include "engine/base/hash.h"
#include "engine/language/step_builder.h"
#include "engine/language/values.h"

namespace sojourn::language {

const std::vector<StepBuilder::Kind>& StepBuilder::Kinds() {
  static const std::vector<Kind> kinds = {
      {"send_email", &StepBuilder::SendEmail}, {"send_sms", &StepBuilder::SendSms},
      {"send_push", &StepBuilder::SendPush},   {"webhook", &StepBuilder::Webhook},
      {"coupon", &StepBuilder::Coupon},        {"wait", &StepBuilder::Wait},
      {"wait_until", &StepBuilder::WaitUntil}, {"if", &StepBuilder::If},
      {"choose", &StepBuilder::Choose},        {"ab_test", &StepBuilder::AbTest},
      {"repeat", &StepBuilder::Repeat},        {"update_person", &StepBuilder::UpdatePerson},
      {"emit_event", &StepBuilder::EmitEvent}, {"exit", &StepBuilder::Exit}};
  return kinds;
}

void StepBuilder::Build(const Node* steps) {
  Block(steps, "", kEndLabel);
  for (Step& step : draft_->steps) Resolve(&step);
}

Label StepBuilder::Block(const Node* list, const std::string& prefix, Label after) {
  if (list == nullptr || list->items.empty()) return after;
  std::vector<Label> labels;
  for (size_t i = 0; i < list->items.size(); ++i) labels.push_back(NewLabel());
  labels.push_back(after);
  uint32_t previous = kEndOfJourney;
  for (size_t i = 0; i < list->items.size(); ++i) {
    const Node& node = *list->items[i];
    if (draft_->steps.size() == kMaxStepsPerJourney) {
      TooMany(node);
      break;
    }
    const auto index = static_cast<uint32_t>(draft_->steps.size());
    targets_[labels[i]] = index;
    AddStep(node, prefix + std::to_string(i + 1), labels[i + 1]);
    draft_->origins[index].previous = previous;
    previous = index;
  }
  return labels.front();
}

void StepBuilder::TooMany(const Node& node) {
  if (too_many_) return;
  too_many_ = true;
  context_->reporter->Error(Code::kTooManySteps, *node.file, node.range,
                            fmt::format("a journey has at most {} steps", kMaxStepsPerJourney));
}

Label StepBuilder::NewLabel() {
  targets_.push_back(kEndOfJourney);
  return static_cast<Label>(targets_.size() - 1);
}

uint32_t StepBuilder::Target(Label label) const {
  return label < targets_.size() ? targets_[label] : kEndOfJourney;
}

void StepBuilder::Resolve(Step* step) {
  step->next = Target(step->next);
  if (auto* wait = std::get_if<WaitUntilStep>(&step->action)) {
    for (WaitAlternative& one : wait->alternatives) one.then = Target(one.then);
    wait->then = Target(wait->then);
    wait->otherwise = Target(wait->otherwise);
  } else if (auto* branch = std::get_if<BranchStep>(&step->action)) {
    for (BranchCase& one : branch->cases) one.then = Target(one.then);
    branch->otherwise = Target(branch->otherwise);
  } else if (auto* test = std::get_if<AbTestStep>(&step->action)) {
    for (AbPath& path : test->paths) path.then = Target(path.then);
  } else if (auto* repeat = std::get_if<RepeatStep>(&step->action)) {
    repeat->body = Target(repeat->body);
  }
}

void StepBuilder::AddStep(const Node& node, const std::string& path, Label next) {
  index_ = static_cast<uint32_t>(draft_->steps.size());
  draft_->steps.emplace_back();
  draft_->origins.emplace_back();
  Step& step = draft_->steps.back();
  step.next = next;
  step.position = node.position();
  const Node* id = node.Find("id");
  step.id = id == nullptr ? path : id->text;
  draft_->origins.back().node = &node;
  draft_->origins.back().has_id = id != nullptr;
  // Paths that stand in each other come twice where a path's name does, which is told there.
  const bool of_path = id == nullptr && step.id.find('.') != std::string::npos;
  if (!ids_.insert(step.id).second && !of_path) {
    context_->reporter->Error(Code::kDuplicateStep, *node.file,
                              id == nullptr ? node.range : id->range,
                              fmt::format("another step has the id \"{}\"", step.id));
  }
  for (const Kind& kind : Kinds()) {
    const Node* key = node.FindKey(kind.key);
    if (key == nullptr) continue;
    draft_->origins.back().naming_key = key;
    const Node* value = node.Find(kind.key);
    if (value != nullptr) return (this->*kind.add)(node, *value, path, &step);
    break;
  }
  draft_->hides_test = true;
}

void StepBuilder::WaitUntil(const Node& node, const Node& value, const std::string& path,
                            Step* step) {
  WaitUntilStep& wait = step->action.emplace<WaitUntilStep>();
  wait.up_to = DurationAt(value, "up_to").value_or(Duration());
  const uint32_t index = index_;
  const Label next = step->next;
  if (const Node* any_of = value.Find("any_of")) {
    AnyOf(node, *any_of, path, next, index, &wait);
  } else if (value.FindKey("event") != nullptr) {
    wait.alternatives.resize(1);
    Alternative(value, index, &wait.alternatives[0]);
    wait.alternatives[0].then = Block(node.Find("then"), path + ".then.", next);
  } else {
    Membership(value, index, &wait);
    wait.then = Block(node.Find("then"), path + ".then.", next);
  }
  wait.otherwise = Block(node.Find("else"), path + ".else.", next);
}

void StepBuilder::AnyOf(const Node& node, const Node& any_of, const std::string& path, Label next,
                        uint32_t index, WaitUntilStep* wait) {
  wait->alternatives.resize(any_of.items.size());
  for (size_t i = 0; i < any_of.items.size(); ++i) {
    Alternative(*any_of.items[i], index, &wait->alternatives[i]);
  }
  for (size_t i = 0; i < any_of.items.size(); ++i) {
    wait->alternatives[i].then =
        Block(any_of.items[i]->Find("then"), fmt::format("{}.{}.then.", path, i + 1), next);
  }
  const Node* then = node.FindKey("then");
  if (then == nullptr) return;
  context_->reporter->Error(Code::kThenBesideAnyOf, *then->file, then->range,
                            "with any_of each event has its own \"then\"",
                            "move it below the event it belongs to");
}

void StepBuilder::Alternative(const Node& node, uint32_t index, WaitAlternative* alternative) {
  alternative->event = TextAt(node, "event");
  alternative->then = kEndLabel;
  KnowsEvent(node.Find("event"), context_);
  const Node* where = node.Find("where");
  if (where == nullptr) return;
  PendingExpression pending;
  pending.step = index;
  pending.node = where;
  pending.conditions = &alternative->where;
  pending.candidate = alternative->event;
  draft_->pending.push_back(std::move(pending));
}

void StepBuilder::Membership(const Node& value, uint32_t index, WaitUntilStep* wait) {
  if (value.FindKey("condition") != nullptr) {
    wait->kind = WaitUntilKind::kCondition;
    PendingExpression pending;
    pending.step = index;
    pending.node = value.Find("condition");
    pending.conditions = &wait->condition;
    pending.segment_rules = true;
    if (pending.node != nullptr) draft_->pending.push_back(std::move(pending));
    return;
  }
  const bool inside = value.FindKey("in_segment") != nullptr;
  const char* key = inside ? "in_segment" : "not_in_segment";
  wait->kind = inside ? WaitUntilKind::kInSegment : WaitUntilKind::kNotInSegment;
  wait->segment = TextAt(value, key);
  wait->segment_id = StableHash64(wait->segment);
  KnowsSegment(value.Find(key), context_);
}

void StepBuilder::If(const Node& node, const Node& value, const std::string& path, Step* step) {
  BranchStep& branch = step->action.emplace<BranchStep>();
  branch.cases.resize(1);
  Condition(&value, &branch.cases[0].when);
  const Label next = step->next;
  branch.cases[0].then = Block(node.Find("then"), path + ".then.", next);
  branch.otherwise = Block(node.Find("else"), path + ".else.", next);
}

void StepBuilder::Choose(const Node&, const Node& value, const std::string& path, Step* step) {
  BranchStep& branch = step->action.emplace<BranchStep>();
  const Label next = step->next;
  const Node* otherwise = nullptr;
  std::vector<std::pair<size_t, const Node*>> choices;
  for (size_t i = 0; i < value.items.size(); ++i) {
    const Node& choice = *value.items[i];
    if (const Node* key = choice.FindKey("otherwise")) {
      if (i + 1 < value.items.size()) {
        context_->reporter->Error(Code::kOtherwiseNotLast, *key->file, key->range,
                                  "\"otherwise\" stands last and once");
      }
      otherwise = choice.Find("otherwise");
    } else {
      choices.emplace_back(i + 1, &choice);
    }
  }
  branch.cases.resize(choices.size());
  for (size_t i = 0; i < choices.size(); ++i) {
    Condition(choices[i].second->Find("when"), &branch.cases[i].when);
  }
  for (size_t i = 0; i < choices.size(); ++i) {
    branch.cases[i].then = Block(choices[i].second->Find("then"),
                                 fmt::format("{}.{}.then.", path, choices[i].first), next);
  }
  branch.otherwise = Block(otherwise, path + ".otherwise.", next);
}

void StepBuilder::AbTest(const Node& node, const Node& value, const std::string& path, Step* step) {
  AbTestStep& test = step->action.emplace<AbTestStep>();
  test.test = value.text;
  const std::vector<std::string>& tests = draft_->ab_tests;
  if (std::find(tests.begin(), tests.end(), test.test) != tests.end()) {
    context_->reporter->Error(
        Code::kDuplicateStep, *value.file, value.range,
        fmt::format("another test of this journey is called \"{}\"", test.test));
  } else {
    draft_->ab_tests.push_back(test.test);
  }
  const Node* paths = node.Find("paths");
  if (paths == nullptr) return;
  CheckPaths(*paths);
  const Label next = step->next;
  test.paths.resize(paths->items.size());
  int end_bucket = 0;
  for (size_t i = 0; i < paths->items.size(); ++i) {
    const Node& item = *paths->items[i];
    AbPath& one = test.paths[i];
    one.name = TextAt(item, "name");
    draft_->ab_test_paths[test.test].push_back(one.name);
    end_bucket += ParsePercentBuckets(TextAt(item, "percent")).value_or(0);
    one.end_bucket = end_bucket;
    one.then = Block(item.Find("steps"), fmt::format("{}.{}.", path, one.name), next);
  }
}

void StepBuilder::CheckPaths(const Node& paths) {
  int sum = 0;
  bool complete = true;
  std::set<std::string> names;
  for (const Node* item : paths.items) {
    const Node* name = item->Find("name");
    if (name != nullptr && !names.insert(name->text).second) {
      context_->reporter->Error(Code::kDuplicateStep, *name->file, name->range,
                                fmt::format("another path is called \"{}\"", name->text));
    }
    const auto percent = ParsePercentBuckets(TextAt(*item, "percent"));
    complete = complete && percent.has_value();
    sum += percent.value_or(0);
  }
  if (!complete || sum == kBuckets) return;
  const Node* last = paths.items.back()->Find("percent");
  const int needed = kBuckets - sum + ParsePercentBuckets(last->text).value_or(0);
  context_->reporter->Error(
      Code::kPercentSum, *last->file, last->range,
      fmt::format("the percents of these paths add up to {:g}, not 100", sum / 100.0),
      needed < 0 ? "" : fmt::format("{:g} here makes 100", needed / 100.0));
}

void StepBuilder::Repeat(const Node&, const Node& value, const std::string& path, Step* step) {
  RepeatStep& repeat = step->action.emplace<RepeatStep>();
  repeat.times = static_cast<int>(ParseInteger(TextAt(value, "times")).value_or(1));
  repeat.depth = repeat_depth_;
  Condition(value.Find("while"), &repeat.while_true);
  const Label self = NewLabel();
  targets_[self] = index_;
  ++repeat_depth_;
  repeat.body = Block(value.Find("steps"), path + ".steps.", self);
  --repeat_depth_;
}

void StepBuilder::Expression(const Node* node, expr::TypeKind want, ProgramPointer* into,
                             std::optional<expr::Type> target) {
  if (node == nullptr) return;
  PendingExpression pending;
  pending.step = index_;
  pending.node = node;
  pending.program = into;
  pending.want = want;
  pending.target = target;
  draft_->pending.push_back(std::move(pending));
}

void StepBuilder::Condition(const Node* node, Conditions* into) {
  if (node == nullptr) return;
  PendingExpression pending;
  pending.step = index_;
  pending.node = node;
  pending.conditions = into;
  draft_->pending.push_back(std::move(pending));
}

void BuildSteps(JourneyDraft* draft, LoadContext* context) {
  StepBuilder(draft, context).Build(draft->root->Find("steps"));
}

}  // namespace sojourn::language
