// The moments at which results change by time alone.
#include "engine/expr/watch.h"

#include <gtest/gtest.h>

#include "engine/expr/expr.h"
#include "engine/expr/test_names.h"

namespace sojourn::expr {
namespace {

using model::Value;

constexpr Timestamp kSeen{1'700'000'000'000};
const Duration kDay = Days(1);
const Duration kOne = Milliseconds(1);

class WatchTest : public ::testing::Test {
 protected:
  WatchTest() {
    person_.last_seen_at = kSeen;
    person_.SetTrait("tier", Value::String("gold"));
    scope_.now_only_compared = true;
  }

  std::shared_ptr<const Program> Make(const std::string& text) {
    CounterTable counters;
    const CompileResult compiled = Compile(text, scope_, names_, TypeKind::kBool, &counters);
    EXPECT_NE(compiled.program, nullptr) << text;
    return compiled.program;
  }

  bool Judge(const Program& program, Timestamp now, Timestamp* next) {
    Activation activation;
    activation.person = &person_;
    activation.now = now;
    TimeWatch watch;
    const bool result = EvaluateCondition(program, activation, &arena_, &watch);
    *next = watch.next_change;
    return result;
  }

  model::Person person_;
  Scope scope_;
  TestNames names_;
  Arena arena_;
};

TEST_F(WatchTest, Table) {
  const Timestamp later = kSeen + kDay;
  const struct {
    std::string text;
    Timestamp now;
    bool result;
    Timestamp next;
  } cases[] = {
      {"now - person.last_seen_at > days(1)", kSeen, false, later + kOne},
      {"now - person.last_seen_at > days(1)", later, false, later + kOne},
      {"now - person.last_seen_at > days(1)", later + kOne, true, Timestamp::Max()},
      {"now - person.last_seen_at >= days(1)", kSeen, false, later},
      {"now - person.last_seen_at >= days(1)", later, true, Timestamp::Max()},
      {"now - person.last_seen_at < days(1)", kSeen, true, later},
      {"now - person.last_seen_at < days(1)", later, false, Timestamp::Max()},
      {"now - person.last_seen_at <= days(1)", kSeen, true, later + kOne},
      {"now - person.last_seen_at <= days(1)", later, true, later + kOne},
      {"now - person.last_seen_at == days(1)", kSeen, false, later},
      {"now - person.last_seen_at == days(1)", later, true, later + kOne},
      {"now - person.last_seen_at == days(1)", later + kOne, false, Timestamp::Max()},
      {"now - person.last_seen_at != days(1)", kSeen, true, later},
      {"person.last_seen_at < now - days(1)", kSeen, false, later + kOne},
      {"person.last_seen_at <= now - days(1)", kSeen, false, later},
      {"person.last_seen_at > now - days(1)", kSeen, true, later},
      {"person.last_seen_at >= now - days(1)", kSeen, true, later + kOne},
      {"days(1) < now - person.last_seen_at", kSeen, false, later + kOne},
      {"now + days(1) > person.last_seen_at", kSeen - Days(3), false, kSeen - kDay + kOne},
      {"now >= person.last_seen_at", kSeen - kDay, false, kSeen},
      // A limit between two milliseconds: the first whole one at which the result is new.
      {"now - person.last_seen_at > duration('1.5ms')", kSeen, false, kSeen + Milliseconds(2)},
      {"now - person.last_seen_at >= duration('1.5ms')", kSeen, false, kSeen + Milliseconds(2)},
      {"now - person.last_seen_at <= duration('1.5ms')", kSeen, true, kSeen + Milliseconds(2)},
      {"now - person.last_seen_at == duration('1.5ms')", kSeen, false, Timestamp::Max()},
      // Several: the earliest. What is decided without time is not watched.
      {"now - person.last_seen_at > days(2) || now - person.last_seen_at > days(1)", kSeen, false,
       later + kOne},
      {"person.tier == 'none' && now - person.last_seen_at > days(1)", kSeen, false,
       Timestamp::Max()},
      {"person.tier == 'gold' && now - person.last_seen_at > days(1)", kSeen, false, later + kOne},
      {"now - last('Order Completed') > days(1)", kSeen, false, Timestamp::Max()},
  };
  for (const auto& c : cases) {
    Timestamp next;
    EXPECT_EQ(Judge(*Make(c.text), c.now, &next), c.result) << c.text;
    EXPECT_EQ(next, c.next) << c.text << " " << (next - kSeen).milliseconds();
  }
}

// Walking millisecond by millisecond, the result changes only at moments that were noted.
TEST_F(WatchTest, NoChangeGoesUnnoticed) {
  const char* texts[] = {
      "now - person.last_seen_at > duration('7ms')",
      "person.last_seen_at < now - duration('6ms')",
      "now + duration('3ms') == person.last_seen_at + duration('5500us')",
      "now - person.last_seen_at != duration('4ms')",
      "now - person.last_seen_at >= duration('2500us') && now - person.last_seen_at < "
      "duration('9ms')",
      "now - person.last_seen_at > duration('3ms') ? now - person.last_seen_at <= duration('5ms') "
      ": "
      "now > person.last_seen_at"};
  for (const char* text : texts) {
    const auto program = Make(text);
    Timestamp announced;
    bool before = Judge(*program, kSeen - Milliseconds(5), &announced);
    for (int i = -4; i < 20; ++i) {
      const Timestamp now = kSeen + Milliseconds(i);
      Timestamp next;
      const bool result = Judge(*program, now, &next);
      ASSERT_GT(next, now);
      ASSERT_TRUE(result == before || announced == now) << text;
      before = result;
      announced = next;
    }
  }
}

}  // namespace
}  // namespace sojourn::expr
