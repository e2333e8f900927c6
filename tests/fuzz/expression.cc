// Any text as an expression: compiled as a condition of a journey and as one of a segment, then
// evaluated and explained.
#include <string>
#include <string_view>

#include "engine/base/check.h"
#include "engine/expr/expr.h"
#include "engine/expr/test_names.h"
#include "tests/fuzz/target.h"

namespace sojourn::expr {
namespace {

void Run(const Program& program) {
  Arena arena;
  model::Person person;
  person.id = "ana";
  const EventView event = {"Order Completed", "", Timestamp(5), model::Value()};
  Activation activation;
  activation.person = &person;
  activation.event = activation.trigger = &event;
  activation.now = Timestamp(9);
  TimeWatch watch;
  Evaluate(program, activation, &arena, &watch);
  SOJOURN_CHECK(watch.next_change > activation.now);
  Explain(program, activation, &arena);
  program.Dump();
}

void Try(std::string_view text, const Scope& scope, bool catalog) {
  const TestNames names(catalog);
  CounterTable counters;
  const CompileResult result = Compile(text, scope, names, TypeKind::kDynamic, &counters);
  for (const Issue& issue : result.issues) {
    SOJOURN_CHECK(issue.begin <= issue.end && issue.end <= text.size());
  }
  SOJOURN_CHECK(result.program != nullptr || !result.issues.empty());
  if (result.program != nullptr) Run(*result.program);
}

}  // namespace
}  // namespace sojourn::expr

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using sojourn::expr::Scope;
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  Scope journey;
  journey.event = journey.trigger = journey.ab_test = journey.coupon = true;
  journey.ab_tests = {"offer"};
  Scope segment;
  segment.now_only_compared = true;
  sojourn::expr::Try(text, journey, false);
  sojourn::expr::Try(text, segment, true);
  return 0;
}
