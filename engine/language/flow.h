// What can have happened before a run reaches a step: a forward analysis over a journey's flat
// steps.
//
// Pure functions over compiled steps; knows no YAML and no expressions.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "engine/language/bundle.h"

namespace sojourn::language {

// Calls `visit(next step or kEndOfJourney, alternative)` for each way on; `alternative` is the
// event consumed on that way, or nullptr.
void ForEachWayOn(const Step& step,
                  const std::function<void(uint32_t, const WaitAlternative*)>& visit);

// Steps at which a run rests: wait and wait_until.
bool IsWait(const Step& step);
bool IsSend(const Step& step);
bool IsMail(const Step& step);

// What holds when a run arrives at a step.
struct StepFlow {
  bool reachable = false;
  std::vector<std::string> events;      // that `event` can be: triggers' or waited for
  std::vector<std::string> waited_for;  // those of them that a wait_until consumed
  std::vector<std::string> ab_tests;    // that can have been passed
  std::vector<std::string> sure_tests;  // those of them that must have been passed
  bool coupon = false;                  // a coupon step can have been passed
  bool sure_coupon = false;             // it must have been passed
  bool after_wait = false;              // a wait can have been passed
};

// `trigger_events`: what `event` can be at the start. One item for each step.
std::vector<StepFlow> AnalyzeFlow(const std::vector<Step>& steps,
                                  const std::vector<std::string>& trigger_events);

// Whether a way leads from the beginning of `repeat`'s body back to it without a wait. A repeat
// inside without `while` is passed at least once.
bool CanRepeatWithoutWait(const std::vector<Step>& steps, uint32_t repeat);

// Steps that send a mail right after another mail, on a way without any wait.
std::vector<uint32_t> MailsWithoutWaitBetween(const std::vector<Step>& steps,
                                              const std::vector<StepFlow>& flow);

}  // namespace sojourn::language
