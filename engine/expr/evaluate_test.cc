#include <gtest/gtest.h>

#include <fmt/format.h>

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
      {"person.last_seen_at < now", "error: the person has not been seen yet"},
      {"has(person.last_seen_at)", "false"},
      {"has(person.first_seen_at)", "true"},
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
      {"event.items[0] + 9223372036854775807", "error: the number overflows"},
      {"-9223372036854775808", "-9223372036854775808"},
      {"1 == 1.0 && 1u == 1 && 2 > 1.5", "true"},
      {"r'a\\n' + 'b\\n' == 'a\\\\nb\\n'", "true"},
      {"duration('1h30m') == minutes(90)", "true"},
      {"timestamp('2026-03-02T09:00:00Z').getHours('Europe/Berlin')", "10"},
  };
  for (const Case& c : cases) EXPECT_EQ(Run(c.text), c.result) << c.text;
}

TEST_F(EvaluateTest, ValuesAreReadAsTheCatalogueSays) {
  const struct {
    Value value;
    TypeKind type;
    std::string result;
  } cases[] = {
      {Value::Int(3), TypeKind::kDouble, "3"},
      {Value::Double(3), TypeKind::kInt, "3"},
      {Value::Double(3.5), TypeKind::kInt, "absent"},
      {Value::Double(1e300), TypeKind::kInt, "absent"},
      {Value::String("3"), TypeKind::kInt, "absent"},
      {Value::String("3"), TypeKind::kDouble, "absent"},
      {Value::Int(1), TypeKind::kBool, "absent"},
      {Value::Int(1), TypeKind::kString, "absent"},
      {Value::String("2026-03-02T10:00:00+01:00"), TypeKind::kTimestamp, "2026-03-02T09:00:00Z"},
      {Value::String("2026-03-02"), TypeKind::kTimestamp, "absent"},
      {Value::String("2026-03-02"), TypeKind::kDate, "2026-03-02T00:00:00Z"},
      {Value::String("1969-12-31T22:00:00Z"), TypeKind::kDate, "1969-12-31T00:00:00Z"},
      {Value::String("soon"), TypeKind::kDate, "absent"},
  };
  for (const auto& c : cases) {
    const std::optional<Value> read = Coerce(c.value, c.type);
    EXPECT_EQ(read ? model::DebugString(*read) : "absent", c.result)
        << model::DebugString(c.value) << " as " << TypeKindName(c.type);
  }
}

TEST_F(EvaluateTest, NullAndWrongTypesAreAbsent) {
  person_.SetTrait("points", Value::String("seven"));
  properties_[0].value = Value::Null();
  EXPECT_EQ(Run("has(person.points)"), "false");
  EXPECT_EQ(Run("person.points > 1"), "error: person.points is absent");
  EXPECT_EQ(Run("has(event.total)"), "false");
  EXPECT_EQ(Run("event.total == 3.0"), "error: event.total is absent");
}

TEST_F(EvaluateTest, SuppressedByBounceOrComplaint) {
  person_.bounced.Append(&person_.arena, "other@shop.example");
  EXPECT_EQ(Run("person.suppressed"), "false");
  person_.bounced.Append(&person_.arena, "u1@shop.example");
  EXPECT_EQ(Run("person.suppressed"), "true");
  person_.bounced.Clear();
  person_.complained = true;
  EXPECT_EQ(Run("person.suppressed"), "true");
}

TEST_F(EvaluateTest, RunsAndCoupons) {
  scope_.ab_test = scope_.coupon = true;
  scope_.ab_tests = {"offer"};
  model::Run run;
  Arena arena;
  activation_.run = &run;
  EXPECT_EQ(Run("ab_test.offer == 'coupon'"), "error: ab_test.offer is absent");
  EXPECT_EQ(Run("has(coupon.code)"), "false");
  run.paths.Append(&arena, {"offer", "coupon"});
  run.coupon_code = "BACK-1";
  EXPECT_EQ(Run("ab_test.offer"), "\"coupon\"");
  EXPECT_EQ(Run("coupon.code"), "\"BACK-1\"");
  EXPECT_EQ(Run("has(coupon.expires_at)"), "false");
  run.coupon_expires_at = now_;
  EXPECT_EQ(Run("coupon.expires_at == now"), "true");
  EXPECT_EQ(
      Run("coupon == {'code': 'BACK-1', 'expires_at': now} && ab_test == {'offer': 'coupon'}"),
      "true");
}

TEST_F(EvaluateTest, OtherTriggersHaveNameTimeAndSegment) {
  scope_.trigger = true;
  scope_.trigger_events = {"enters_segment", "Order Completed"};
  const EventView trigger = {"enters_segment", "vip", now_, Value()};
  activation_.trigger = &trigger;
  EXPECT_EQ(Run("trigger.name + ' ' + trigger.segment"), "\"enters_segment vip\"");
  EXPECT_EQ(Run("trigger.total > 1.0"), "error: trigger.total is absent");
  activation_.trigger = &event_;
  EXPECT_EQ(Run("has(trigger.segment)"), "false");
}

TEST_F(EvaluateTest, APropertyNamedLikeABuiltInWins) {
  TestNames untyped(false);
  names_ = untyped;
  properties_.push_back({Value::String("name"), Value::String("Ana")});
  event_.properties = Value::Map(properties_.data(), 4);
  EXPECT_EQ(Run("event.name"), "\"Ana\"");
  EXPECT_EQ(Run("event.time == now"), "true");
}

TEST_F(EvaluateTest, Explains) {
  const auto explain = [&](const std::string& text) {
    CounterTable counters;
    const auto program = Compile(text, scope_, names_, TypeKind::kBool, &counters).program;
    return Explain(*program, activation_, &arena_);
  };
  EXPECT_EQ(explain("event.total >= 20.0 && count(\"Order Completed\") == 0"),
            "true (event.total = 20, count(\"Order Completed\") = 0)");
  EXPECT_EQ(explain("event.total > 1.0 || event.total < 0.5"), "true (event.total = 20)");
  EXPECT_EQ(explain("event.coupon == 'x'"),
            "error: event.coupon is absent (event.coupon is absent)");
  EXPECT_EQ(explain("1 < 2"), "true");
}

TEST_F(EvaluateTest, LoopsAreBounded) {
  std::string text = "true";
  for (int i = 0; i < 11; ++i) text = fmt::format("event.items.all(v{}, {})", i, text);
  EXPECT_EQ(Run(text), "error: the expression takes too many steps");  // 3^11 steps
  EXPECT_EQ(Run("event.items.all(a, event.items.all(b, a * b > 0))"), "true");
}

TEST_F(EvaluateTest, ALargeStackComesFromTheArena) {
  std::string text = "size([event.total";
  for (int i = 0; i < 500; ++i) text += ", event.total";
  EXPECT_EQ(Run(text + "])"), "501");
}

TEST_F(EvaluateTest, ConditionsAreTrueOnlyForTrue) {
  CounterTable counters;
  const auto judge = [&](const std::string& text) {
    const auto program = Compile(text, scope_, names_, TypeKind::kDynamic, &counters).program;
    std::string_view error = "before";
    const bool result = EvaluateCondition(*program, activation_, &arena_, nullptr, &error);
    return fmt::format("{} {}", result, error);
  };
  EXPECT_EQ(judge("event.total > 1.0"), "true ");
  EXPECT_EQ(judge("event.total"), "false ");
  EXPECT_EQ(judge("event.coupon == 'x'"), "false event.coupon is absent");
}

}  // namespace
}  // namespace sojourn::expr
