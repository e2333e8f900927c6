#include <gtest/gtest.h>

#include "engine/expr/expr.h"
#include "engine/expr/test_names.h"

namespace sojourn::expr {
namespace {

using model::MapEntry;
using model::Value;

struct Case {
  std::string text;
  std::string result;
};

// One event, one person and `now`, all at 2026-03-02T09:00:00Z.
class EvaluateTest : public ::testing::Test {
 protected:
  EvaluateTest() {
    properties_ = {{Value::String("total"), Value::Int(20)},
                   {Value::String("order_id"), Value::String("o1")},
                   {Value::String("items"), Value::List(items_, 3)}};
    event_ = {"Order Completed", "", now_, Value::Map(properties_.data(), 3)};
    person_.id = "u1";
    person_.SetTrait("email", Value::String("u1@shop.example"));
    person_.SetTrait("points", Value::Double(7));
    person_.SetTrait("birthday", Value::String("1990-05-17"));
    person_.first_seen_at = now_ - Days(3);
    activation_.person = &person_;
    activation_.event = &event_;
    activation_.now = now_;
    activation_.zone = &zone_;
    activation_.consent_defaults = &topics_;
    scope_.event = true;
    scope_.events = {"Order Completed"};
  }

  std::string Run(const std::string& text) {
    CounterTable counters;
    const CompileResult compiled = Compile(text, scope_, names_, TypeKind::kDynamic, &counters);
    if (compiled.program == nullptr) return compiled.issues.front().message;
    return model::DebugString(Evaluate(*compiled.program, activation_, &arena_));
  }

  Timestamp now_ = *ParseRfc3339("2026-03-02T09:00:00Z");
  Value items_[3] = {Value::Int(1), Value::Int(2), Value::Int(3)};
  std::vector<MapEntry> properties_;
  EventView event_;
  model::Person person_;
  TimeZone zone_ = *FindTimeZone("Europe/Berlin");
  std::vector<ConsentDefault> topics_ = {{"marketing", true}};
  Activation activation_;
  Scope scope_;
  TestNames names_;
  Arena arena_;
};

TEST_F(EvaluateTest, Table) {
  const Case cases[] = {
      {"event.total >= 20.0", "true"},
      {"event.total >= 20", "true"},
      {"event.total", "20"},
      {"type(event.total)", "double"},
      {"event.coupon == 'x'", "error: event.coupon is absent"},
      {"has(event.coupon)", "false"},
      {"has(event.total) && event.total > 1.5", "true"},
      {"event.coupon == 'x' || true", "true"},
      {"event.coupon == 'x' && false", "false"},
      {"event.name", "\"Order Completed\""},
      {"event.time == now", "true"},
      {"event[\"total\"]", "20"},
      {"person.points", "7"},
      {"person.points + 1", "8"},
      {"person.birthday < timestamp('2000-01-01T00:00:00Z')", "true"},
      {"person.id + '!'", "\"u1!\""},
      {"now - person.first_seen_at == days(3)", "true"},
      {"person.consent.marketing", "true"},
      {"person.suppressed", "false"},
      {"local(now).hour", "10"},
      {"local(now).weekday", "1"},
      {"count('Order Completed')", "0"},
      {"sum('Order Completed', ever, event.total)", "0"},
      {"last('Order Completed')", "error: there has been no such event"},
      {"in_segment('vip')", "false"},
      {"event.items.all(i, i > 0)", "true"},
      {"event.items.exists(i, i > 2)", "true"},
      {"event.items.exists_one(i, i > 2)", "true"},
      {"event.items.filter(i, i > 1)", "[2, 3]"},
      {"event.items.map(i, i * 2)", "[2, 4, 6]"},
      {"event.items.map(i, i > 1, i * 2)", "[4, 6]"},
      {"event.items[0] + size(event.items)", "4"},
      {"2 in event.items", "true"},
      {"person.email.matches('^u[0-9]@')", "true"},
      {"person.email.endsWith('.example') ? 'a' : 'b'", "\"a\""},
      {"{'a': 1, 'b': [1, 2]}.b[1]", "2"},
      {"1 + 2 * 3 - 4 / 2 % 3", "5"},
      {"9223372036854775807 + 1", "error: the number overflows"},
      {"-9223372036854775808", "-9223372036854775808"},
      {"1 == 1.0 && 1u == 1 && 2 > 1.5", "true"},
      {"r'a\\n' + 'b\\n' == 'a\\\\nb\\n'", "true"},
      {"duration('1h30m') == minutes(90)", "true"},
      {"timestamp('2026-03-02T09:00:00Z').getHours('Europe/Berlin')", "10"},
  };
  for (const Case& c : cases) EXPECT_EQ(Run(c.text), c.result) << c.text;
}

}  // namespace
}  // namespace sojourn::expr
