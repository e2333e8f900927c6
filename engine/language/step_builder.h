// From nested lists of steps to one flat list with `next` indices. Internal to this folder.
//
// While it is built, every place that leads somewhere holds a label; a label is bound to the next
// step that is added, and all are replaced by indices at the end.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/base/limits.h"
#include "engine/language/journey_draft.h"

namespace sojourn::language {

using Label = uint32_t;
inline constexpr Label kEndLabel = 0;

class StepBuilder {
 public:
  StepBuilder(JourneyDraft* draft, LoadContext* context) : draft_(draft), context_(context) {
    draft_->steps.reserve(kMaxStepsPerJourney);
    targets_.push_back(kEndOfJourney);
  }

  void Build(const Node* steps);

 private:
  // ---- blocks and labels ---------------------------------------------------------------------

  // Adds a list of steps that goes on at `after`; where it begins.
  Label Block(const Node* list, const std::string& prefix, Label after);
  void AddStep(const Node& node, const std::string& path, Label next);
  void TooMany(const Node& node);
  Label NewLabel();
  // Places that lead nowhere hold kEndOfJourney from the start.
  uint32_t Target(Label label) const;
  void Resolve(Step* step);

  // ---- steps ---------------------------------------------------------------------------------

  using Add = void (StepBuilder::*)(const Node&, const Node&, const std::string&, Step*);
  struct Kind {
    const char* key;
    Add add;
  };
  static const std::vector<Kind>& Kinds();

  // One for each naming key: the step's mapping, the value under the key, the step's path, and the
  // step to fill.
  void SendEmail(const Node&, const Node& value, const std::string&, Step* step);
  void SendSms(const Node&, const Node& value, const std::string&, Step* step);
  void SendPush(const Node&, const Node& value, const std::string&, Step* step);
  void Send(const Node& value, model::ActionKind channel, Step* step);
  const Template* FindTemplate(const Node& name);
  void CheckChannel(const Node& name, const SendStep& send);
  void CheckDefaultTopic(const Node* name);
  void Webhook(const Node&, const Node& value, const std::string&, Step* step);
  void Coupon(const Node&, const Node& value, const std::string&, Step* step);
  void Wait(const Node&, const Node& value, const std::string&, Step* step);
  void WaitUntil(const Node& node, const Node& value, const std::string& path, Step* step);
  void AnyOf(const Node& node, const Node& any_of, const std::string& path, Label next,
             uint32_t index, WaitUntilStep* wait);
  void Alternative(const Node& node, uint32_t index, WaitAlternative* alternative);
  void Membership(const Node& value, uint32_t index, WaitUntilStep* wait);
  void If(const Node& node, const Node& value, const std::string& path, Step* step);
  void Choose(const Node&, const Node& value, const std::string& path, Step* step);
  void AbTest(const Node& node, const Node& value, const std::string& path, Step* step);
  void CheckPaths(const Node& paths);
  void Repeat(const Node&, const Node& value, const std::string& path, Step* step);
  void UpdatePerson(const Node&, const Node& value, const std::string&, Step* step);
  void EmitEvent(const Node&, const Node& value, const std::string&, Step* step);
  void Exit(const Node&, const Node& value, const std::string&, Step* step);

  // ---- expressions: noted here, compiled when the flow is known -------------------------------

  // What the catalogue says of a name; reports names that it does not know.
  using TypeOfName = std::function<std::optional<expr::Type>(const Node&)>;

  void Expression(const Node* node, expr::TypeKind want, ProgramPointer* into,
                  std::optional<expr::Type> target = std::nullopt);
  void Condition(const Node* node, Conditions* into);
  // `type` may be null: any name, any type.
  void Values(const Node* map, const TypeOfName* type, NamedValues* into);
  std::optional<expr::Type> TraitType(const Node& name);
  std::optional<expr::Type> PropertyType(const std::string& event, const Node& name);

  JourneyDraft* const draft_;
  LoadContext* const context_;
  std::vector<uint32_t> targets_;  // by label: index of a step
  std::set<std::string> ids_;
  uint32_t index_ = 0;  // of the step being added
  uint32_t repeat_depth_ = 0;
  bool too_many_ = false;
};

}  // namespace sojourn::language
