// A run on its way: from the step it stands at until it waits or ends.
#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/step/session.h"

namespace sojourn::step {

// Where a step leads.
struct Move {
  enum class Kind : uint8_t { kGoOn, kRest, kEnd };
  Kind kind = Kind::kGoOn;
  uint32_t position = language::kEndOfJourney;  // kGoOn
  std::string_view reason;                      // kEnd

  static Move To(uint32_t position) { return {Kind::kGoOn, position, {}}; }
  static Move Rest() { return {Kind::kRest, 0, {}}; }
  static Move End(std::string_view reason) { return {Kind::kEnd, 0, reason}; }
};

// One run while it walks. No run is added or removed meanwhile, so the references stand.
struct Walk {
  Walk(Session& session, uint32_t index);
  Walk(const Walk&) = delete;
  Walk& operator=(const Walk&) = delete;

  Place Here() const {
    return {bundle, journey, step == nullptr ? std::string_view() : std::string_view(step->id)};
  }
  expr::Activation Activate() { return session.Activate(Here(), &event, &trigger, &run); }
  // The run has consumed this event.
  void Consume(const expr::EventView& consumed, std::string_view event_id);
  // The run stays at the step until something happens, at the latest until `deadline`.
  Move RestUntil(model::RestKind kind, Timestamp deadline);
  // The step is passed over.
  Move Skip(std::string_view reason);

  Session& session;
  const uint32_t index;
  model::Run& run;
  const language::Bundle* bundle = nullptr;
  const language::Journey* journey = nullptr;  // null: the rules of this run are gone
  const language::Step* step = nullptr;        // at hand
  expr::EventView trigger;
  expr::EventView event;
};

// Evaluated `data`, traits or properties, in file order.
using EvaluatedValues = std::vector<std::pair<std::string_view, model::Value>>;
// nullopt: one of them ended in an error.
std::optional<EvaluatedValues> EvaluateAll(Walk& walk, const language::NamedValues& values);

// Moves, then passes steps until the run rests or ends; an ended run is taken off the person.
void Go(Walk& walk, Move move);

// What follows when the deadline of a run at rest has come.
Move AfterDeadline(const Walk& walk);

// One function for each kind of step.
Move Pass(Walk& walk, const language::SendStep& send);
Move Pass(Walk& walk, const language::WebhookStep& webhook);
Move Pass(Walk& walk, const language::CouponStep& coupon);
Move Pass(Walk& walk, const language::WaitStep& wait);
Move Pass(Walk& walk, const language::WaitUntilStep& wait);
Move Pass(Walk& walk, const language::BranchStep& branch);
Move Pass(Walk& walk, const language::AbTestStep& test);
Move Pass(Walk& walk, const language::RepeatStep& repeat);
Move Pass(Walk& walk, const language::UpdatePersonStep& update);
Move Pass(Walk& walk, const language::EmitEventStep& emit);
Move Pass(Walk& walk, const language::ExitStep& exit);

}  // namespace sojourn::step
