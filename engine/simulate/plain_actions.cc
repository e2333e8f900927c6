// What the plain interpreter's runs send, call and allot (section 7).
#include <algorithm>

#include "engine/simulate/plain_interpreter.h"

namespace sojourn::simulate {

void PlainInterpreter::Send(PlainRun* run, const PlainStep& step, const std::string& id) {
  const bool of_company = rules_.holdout && step.text != "orders";
  const bool held_out = life_.held_out && (run->journey->holdout || of_company);
  const bool includes_edge = mistake_ == PlantedMistake::kCapIncludesEdge;
  const std::string refusal =
      person_.RefusalOf(step.text, now_, rules_.caps, held_out, includes_edge);
  if (!refusal.empty()) return Skip(*run, id, refusal);
  if (rules_.quiet_hours && step.text != "orders") {
    const int64_t end = PlainQuietEnd(*rules_.quiet_hours, now_, ZoneOf(*run->journey));
    if (end > now_ && rules_.quiet_hours->skip) return Skip(*run, id, "quiet_hours");
    if (end > now_) {
      --run->frames.back().next;  // the same step again
      return Rest(run, end, id, "quiet_hours");
    }
  }
  person_.sent.emplace_back(step.text, now_);
  Tell("send " + run->journey->name + " " + id + " " + step.text);
}

// A webhook.
void PlainInterpreter::Call(const PlainRun& run, const PlainStep& step, const std::string& id) {
  if (life_.held_out && run.journey->holdout) return Skip(run, id, "holdout");
  std::string value;
  if (step.text == "coupon.code") {
    if (run.code.empty()) return Skip(run, id, "error");
    value = run.code;
  } else if (!step.text.empty()) {
    if (run.event.numbers.count("value") == 0) return Skip(run, id, "error");
    value = std::to_string(run.event.numbers.at("value"));
  }
  Tell("call " + run.journey->name + " " + id + " '" + value + "' webhook");
}

void PlainInterpreter::Allot(PlainRun* run, const PlainStep& step, const std::string& id) {
  if (life_.held_out && run->journey->holdout) return Skip(*run, id, "holdout");
  const auto pool = std::find_if(rules_.pools.begin(), rules_.pools.end(),
                                 [&](const PlainPool& one) { return one.name == step.text; });
  const std::string code = TakeCode(*pool);
  if (code.empty()) {
    Skip(*run, id, "coupon_empty");
    if (pool->exits) End(run, "completed");
    return;
  }
  run->code = code;
  Tell("coupon " + run->journey->name + " " + id + " " + code + " " + step.text);
}

// Empty: none is left.
std::string PlainInterpreter::TakeCode(const PlainPool& pool) {
  if (pool.codes.empty()) return "MADE";
  if (pool.is_static) return pool.codes[0];
  size_t& taken = codes_taken_[pool.name];
  return taken < pool.codes.size() ? pool.codes[taken++] : "";
}

std::string PlainInterpreter::ZoneOf(const PlainJourney& journey) const {
  if (journey.zone == "company") return rules_.zone;
  if (journey.zone != "person") return journey.zone;
  return person_.zone && IsPlainZone(*person_.zone) ? *person_.zone : rules_.zone;
}

}  // namespace sojourn::simulate
