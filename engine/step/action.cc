#include "engine/step/action.h"

#include <algorithm>

#include "engine/model/action_codec.h"
#include "engine/step/identity.h"
#include "engine/step/runs.h"

namespace sojourn::step {
namespace {

// The beginning of a text, cut between characters.
std::string Shortened(std::string_view text) {
  if (text.size() <= kMaxExplanationBytes) return std::string(text);
  size_t end = kMaxExplanationBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "...";
}

model::Why MakeWhy(Session& session) {
  const Cause& cause = session.item->cause;
  model::Why why;
  why.input = cause.input;
  why.input_id = cause.input_id;
  if (cause.from_record) {
    why.topic = cause.origin.topic;
    why.partition = cause.origin.partition;
    why.offset = cause.origin.offset;
  }
  session.ExplainTrail();
  for (const JudgedCondition& judged : session.trail) {
    why.conditions.push_back(
        {std::string(judged.place.step), judged.program->text(), Shortened(judged.explanation)});
  }
  return why;
}

Timestamp UsefulUntil(const Session& session) {
  const Cause& cause = session.item->cause;
  const Timestamp from = cause.from_record ? std::min(session.now, cause.log_time) : session.now;
  return from + session.rules.current().company.late_send_limit;
}

}  // namespace

model::Action StartAction(Walk& walk, model::ActionKind kind) {
  Session& session = walk.session;
  model::Action action;
  action.id =
      ActionId(OccasionText(session.person.id, walk.journey->name, walk.run, walk.step->id));
  action.kind = kind;
  action.person = session.person.id;
  action.journey = walk.journey->name;
  action.revision = walk.journey->revision_text;
  action.run_key = RunKeyText(walk.run.run_key);
  action.entry = walk.run.entry;
  action.step = walk.step->id;
  action.coupon = {std::string(walk.run.coupon_pool), std::string(walk.run.coupon_code),
                   walk.run.coupon_expires_at};
  for (const model::PathTaken& taken : walk.run.paths) {
    action.paths.emplace_back(taken.test, taken.path);
  }
  action.time = session.now;
  action.useful_until = UsefulUntil(session);
  action.why = MakeWhy(session);
  return action;
}

bool Fits(Walk& walk, const model::Action& action) {
  // Texts of outsiders that are too small to matter, however they are escaped.
  constexpr size_t kHarmlessBytes = 64 * 1024;
  if (action.values_json.size() + action.address.size() + action.run_key.size() <= kHarmlessBytes) {
    return true;
  }
  if (model::ActionToJson(action).size() <= kMaxActionBytes) return true;
  walk.session.Note(model::FactKind::kExpressionError, walk.Here()).detail =
      "the action would be too large";
  return false;
}

void FinishAction(Walk& walk, std::string_view name, model::Action action) {
  Session& session = walk.session;
  model::Fact& fact = session.Note(model::FactKind::kAction, walk.Here());
  fact.name = name;
  fact.detail = session.output.arena.Copy(action.id);
  session.output.actions.push_back(std::move(action));
}

}  // namespace sojourn::step
