// Mistakes in expressions: what is said, and about which bytes.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "engine/base/limits.h"
#include "engine/expr/expr.h"
#include "engine/expr/test_names.h"

namespace sojourn::expr {
namespace {

// "E006 total_ message | hint", the word under the caret in the middle; issues joined by newlines.
std::string Issues(const std::string& text, const Scope& scope, const Names& names,
                   TypeKind want = TypeKind::kDynamic) {
  CounterTable counters;
  const CompileResult result = Compile(text, scope, names, want, &counters);
  std::string all;
  for (const Issue& issue : result.issues) {
    EXPECT_LE(issue.end, text.size()) << text;
    if (!all.empty()) all += "\n";
    all += fmt::format("{} <{}> {}", issue.code, text.substr(issue.begin, issue.end - issue.begin),
                       issue.message);
    if (!issue.hint.empty()) all += " | " + issue.hint;
  }
  const bool error = all.find("E030") == std::string::npos && !all.empty();
  EXPECT_EQ(result.program == nullptr, error) << text;
  return all;
}

Scope StepScope() {
  Scope scope;
  scope.event = scope.trigger = scope.ab_test = scope.coupon = true;
  scope.events = {"Order Completed"};
  scope.trigger_events = {"Order Completed", "Product Viewed"};
  scope.ab_tests = {"offer"};
  return scope;
}

Scope SegmentScope() {
  Scope scope;
  scope.now_only_compared = true;
  return scope;
}

struct Case {
  std::string text;
  std::string issues;
};

TEST(CheckTest, Syntax) {
  const Case cases[] = {
      {"", "E001 <> the expression is empty"},
      {"event.total >", "E001 <> the text ends behind >, where a value is needed"},
      {"event.total = 3", "E001 <=> = is no comparison | write == to compare"},
      {"true and false",
       "E001 <and> expected an operator such as && or the end, found and | write && for \"and\""},
      {"event.total > 90d",
       "E001 <90d> a number and letters stand together | durations are written days(90); text "
       "needs "
       "quotes"},
      {"\"abc", "E001 <\"abc> the closing \" of this text is missing"},
      {"'a\\q'",
       "E001 <\\q> \"\\q\" is no escape sequence | write \\\\ for a backslash, or r\"...\" for "
       "text "
       "without escapes"},
      {"(1 + 2", "E001 <> the text ends behind 2, where \")\" is needed"},
      {"[1, 2", "E001 <> the text ends behind 2, where \",\" or \"]\" is needed"},
      {"9223372036854775808", "E001 <9223372036854775808> the number is too large"},
      {"if", "E001 <if> \"if\" is a reserved word"},
      {"has(1)", "E001 <has(1)> has() needs a field | for example has(event.coupon)"},
      {"[1].all(i)",
       "E001 <all(i)> all() needs a variable and an expression | for example event.items.all(item, "
       "item.price > 10.0)"},
      {"1 $ 2", "E001 <$> unexpected character $"},
  };
  const TestNames names;
  for (const Case& c : cases) EXPECT_EQ(Issues(c.text, StepScope(), names), c.issues) << c.text;
}

TEST(CheckTest, Names) {
  const Case cases[] = {
      {"totl > 3.0",
       "E003 <totl> unknown name \"totl\" | text needs quotes; fields are written event.NAME or "
       "person.NAME"},
      {"total > 3.0", "E003 <total> unknown name \"total\" | write event.total"},
      {"tier == 'gold'", "E003 <tier> unknown name \"tier\" | write person.tier"},
      {"evnt.total > 3.0", "E003 <evnt> unknown name \"evnt\" | did you mean \"event\"?"},
      {"event.totl > 3.0",
       "E006 <totl> \"Order Completed\" has no property \"totl\" | did you mean \"total\"?"},
      {"event[\"totl\"] > 3.0",
       "E006 <\"totl\"> \"Order Completed\" has no property \"totl\" | did you mean \"total\"?"},
      {"trigger.priec > 3.0",
       "E006 <priec> the events here have no property \"priec\" | did you mean \"price\"?"},
      {"trigger.price > 3.0 && trigger.total > 1.0", ""},
      {"person.emial == 'x'",
       "E007 <emial> a person has no trait \"emial\" | did you mean \"email\"?"},
      {"person.consent.marketng",
       "E009 <marketng> unknown consent topic \"marketng\" | did you mean \"marketing\"?"},
      {"in_segment(\"vp\")", "E008 <\"vp\"> unknown segment \"vp\" | did you mean \"vip\"?"},
      {"in_segment(event.name)",
       "E015 <event.name> the segment's name event.name must stand in quotes | write "
       "in_segment(\"NAME\")"},
      {"count(\"Order Complete\") > 1",
       "E005 <\"Order Complete\"> unknown event \"Order Complete\" | did you mean \"Order "
       "Completed\"?"},
      {"count(\"Email Opened\") > 1", ""},
      {"ab_test.ofer == 'a'",
       "E010 <ofer> no A/B test \"ofer\" can have been passed here | did you mean \"offer\"?"},
      {"coupon.cod == 'a'",
       "E003 <cod> a coupon has no field \"cod\" | it has coupon.code and coupon.expires_at"},
      {"cuont(\"Order Completed\") > 1",
       "E011 <cuont> unknown function \"cuont\" | did you mean \"count\"?"},
      {"contains(person.email, 'x')",
       "E011 <contains> unknown function \"contains\" | write VALUE.contains(...)"},
      {"person.email.contains()",
       "E012 <person.email.contains()> contains() does not take 0 arguments"},
  };
  const TestNames names;
  for (const Case& c : cases) EXPECT_EQ(Issues(c.text, StepScope(), names), c.issues) << c.text;
}

TEST(CheckTest, Types) {
  const Case cases[] = {
      {"event.total * 2 > 3.0",
       "E014 <event.total * 2> event.total (double) and 2 (int) do not mix in arithmetic | write "
       "2.0"},
      {"event.total + person.points > 3.0",
       "E014 <event.total + person.points> event.total (double) and person.points (int) do not mix "
       "in arithmetic | turn one into the other's type: double(x), int(x)"},
      {"event.total > 'x'",
       "E013 <event.total > 'x'> event.total (double) and 'x' (string) cannot be compared with >"},
      {"event.total == 'x'",
       "E019 <event.total == 'x'> event.total (double) and 'x' (string) are never equal"},
      {"event.order_id - 1",
       "E013 <event.order_id - 1> event.order_id (string) - 1 (int) has no meaning"},
      {"event.time + 3",
       "E013 <event.time + 3> event.time (timestamp) + 3 (int) has no meaning | durations are "
       "written days(3), hours(2)"},
      {"days(1.5) > hours(1)",
       "E013 <1.5> days() does not take 1.5 (double) | it takes a whole number; add up parts: "
       "days(1) + hours(12)"},
      {"event.total && true",
       "E013 <event.total> a condition is needed beside &&, event.total is double | compare it "
       "with something, for example == or >="},
      {"!person.email",
       "E013 <person.email> a condition is needed after !, person.email is string | compare it "
       "with something, for example == or >="},
      {"event.order_id.foo", "E013 <foo> event.order_id (string) has no field \"foo\""},
      {"now.hour", "E013 <hour> now (timestamp) has no field \"hour\" | write local(now).hour"},
      {"'a' in 'abc'",
       "E013 <'abc'> \"in\" needs a list or a map on its right, 'abc' is string | write "
       "text.contains(\"part\")"},
      {"person.email.matches('(')", "E020 <'('> '(' is no regular expression: missing ): ("},
      {"local(person.birthday).year",
       "E018 <local(person.birthday)> a date has no local time | local() takes timestamps only"},
      {"local(now)",
       "E018 <local(now)> local() needs a part of the time | for example "
       "local(now).hour"},
      {"local(now).houer",
       "E018 <houer> local time has no \"houer\" | it has hour, minute, day, month, year and "
       "weekday (1 = Monday)"},
      {"1 / 0 == 1", "E022 <1 / 0> 1 / 0 always ends in an error: division by zero"},
  };
  const TestNames names;
  for (const Case& c : cases) EXPECT_EQ(Issues(c.text, StepScope(), names), c.issues) << c.text;
}

TEST(CheckTest, History) {
  const Case cases[] = {
      {"count() > 1",
       "E012 <count()> count() has other arguments | write count(EVENT), count(EVENT, WINDOW) or "
       "count(EVENT, WINDOW, CONDITION)"},
      {"count(person.tier) > 1",
       "E015 <person.tier> the event's name person.tier must stand in quotes | for example "
       "count(\"Order Completed\")"},
      {"count('Order Completed', days(person.points)) > 1",
       "E016 <days(person.points)> the window days(person.points) must be constant | write a "
       "constant duration such as days(90), or the word ever"},
      {"count('Order Completed', 90) > 1",
       "E016 <90> the window 90 must be a duration | write a constant duration such as days(90), "
       "or the word ever"},
      {"count('Order Completed', days(0)) > 1",
       "E016 <days(0)> the window days(0) must be longer than nothing | write a constant duration "
       "such as days(90), or the word ever"},
      {"count('Order Completed', days(7) + hours(1), event.totl > 1.0) > 1",
       "E006 <totl> \"Order Completed\" has no property \"totl\" | did you mean \"total\"?"},
      {"count('Order Completed', ever, in_segment('vip')) > 1",
       "E004 <in_segment('vip')> in_segment() has no meaning here | it cannot stand inside a "
       "history "
       "function"},
      {"count('Order Completed', ever, event.time < now) > 1",
       "E004 <now> \"now\" has no meaning here | how long ago an event may be is said by the "
       "window, "
       "for example days(90)"},
      {"count('Order Completed', ever, count('Product Viewed') > 1) > 1",
       "E004 <count('Product Viewed')> count() has no meaning here | history functions cannot "
       "stand "
       "inside each other"},
      {"count('Order Completed', ever, event.total) > 1",
       "E013 <event.total> a condition is needed here, event.total is double | compare it with "
       "something, for example == or >="},
      {"sum('Order Completed', ever, event.order_id) > 1",
       "E013 <event.order_id> sum() needs a number, event.order_id is string"},
      {"sum('Order Completed', ever, person.points) > 1",
       "E004 <person> \"person\" has no meaning here | values of history functions see only event"},
  };
  const TestNames names;
  for (const Case& c : cases) EXPECT_EQ(Issues(c.text, StepScope(), names), c.issues) << c.text;
}

TEST(CheckTest, Segments) {
  const std::string rule =
      " here now may only be compared, as now, now - X or now + D, with values that do not contain "
      "now | for example now - last(\"Order Completed\") > days(90)";
  const Case cases[] = {
      {"now - last('Order Completed') > days(90)", ""},
      {"last('Order Completed') < now - days(90)", ""},
      {"now + days(1) >= person.last_seen_at && now != person.first_seen_at", ""},
      {"local(now).hour == 9", "E017 <now>" + rule},
      {"now - person.last_seen_at > now - person.first_seen_at", "E017 <now>" + rule},
      {"person.last_seen_at - now < days(1)", "E017 <now>" + rule},
      {"string(now) == 'x'", "E017 <now>" + rule},
      {"event.total > 1.0",
       "E004 <event> \"event\" has no meaning here | a segment looks at the person: use "
       "person.TRAIT, or history such as count(\"Order Completed\", days(30)) > 0"},
      {"ab_test.offer == 'a'",
       "E004 <ab_test> \"ab_test\" has no meaning here | it can be read behind an ab_test step of "
       "the journey"},
  };
  const TestNames names;
  for (const Case& c : cases) EXPECT_EQ(Issues(c.text, SegmentScope(), names), c.issues) << c.text;
}

TEST(CheckTest, WarnsWhereAbsenceCountsAsFalse) {
  const auto warning = [](std::string text) {
    return fmt::format(
        "E030 <{0}> where {0} is absent this counts as false, too | say what is meant: !has({0}) "
        "|| "
        "..., or has({0}) && ...",
        text);
  };
  const Case cases[] = {
      {"event.coupon != 'x'", warning("event.coupon")},
      {"!(event.coupon == 'x')", warning("event.coupon")},
      {"!has(event.coupon) || event.coupon != 'x'", ""},
      {"event.coupon == 'x'", ""},
      {"event.order_id != 'x'", ""},
      {"ab_test.offer != 'control'", warning("ab_test.offer")},
      {"!(ab_test.offer == 'control')", warning("ab_test.offer")},
      {"has(ab_test.offer) && ab_test.offer != 'control'", ""},
      {"ab_test.offer == 'control'", ""},
      {"coupon.code != 'x'", warning("coupon.code")},
      {"person.tier != 'gold'", warning("person.tier")},
  };
  const TestNames names;
  for (const Case& c : cases) EXPECT_EQ(Issues(c.text, StepScope(), names), c.issues) << c.text;
}

TEST(CheckTest, ResultType) {
  const TestNames names;
  EXPECT_EQ(Issues("event.total", StepScope(), names, TypeKind::kBool),
            "E021 <event.total> a condition (true or false) is needed here, event.total is double "
            "| compare it with something, for example >= 20");
  EXPECT_EQ(Issues("event.total", StepScope(), names, TypeKind::kTimestamp),
            "E021 <event.total> timestamp is needed here, event.total is double");
  EXPECT_EQ(Issues("person.birthday", StepScope(), names, TypeKind::kTimestamp), "");
}

TEST(CheckTest, SeveralMistakesAreSorted) {
  const TestNames names;
  EXPECT_EQ(Issues("event.totl > 1.0 && person.teir == 'x'", StepScope(), names),
            "E006 <totl> \"Order Completed\" has no property \"totl\" | did you mean \"total\"?\n"
            "E007 <teir> a person has no trait \"teir\" | did you mean \"tier\"?");
}

TEST(CheckTest, AMistakeInAWindowIsOneMessage) {
  const TestNames names;
  EXPECT_EQ(
      Issues("person.teir == 'x' && count('Order Completed', days(n)) > 1", StepScope(), names),
      "E007 <teir> a person has no trait \"teir\" | did you mean \"tier\"?\n"
      "E003 <n> unknown name \"n\" | text needs quotes; fields are written event.NAME or "
      "person.NAME");
}

TEST(CheckTest, WithoutCatalogueAllIsDynamic) {
  const TestNames names(false);
  EXPECT_EQ(Issues("event.anything * 2 > 'x' + person.other", StepScope(), names),
            "E013 <event.anything * 2 > 'x' + person.other> event.anything * 2 (int) and 'x' + "
            "person.other (string) cannot be compared with >");
  EXPECT_EQ(Issues("event.anything > person.other && count('Anything') > 1", StepScope(), names),
            "");
}

TEST(CheckTest, Limits) {
  const TestNames names;
  const Scope scope = StepScope();
  const auto nested = [](int depth) {
    return std::string(depth, '(') + "true" + std::string(depth, ')');
  };
  EXPECT_EQ(Issues(nested(kMaxExpressionNesting - 1), scope, names), "");
  EXPECT_EQ(Issues(nested(kMaxExpressionNesting), scope, names).substr(0, 4), "E002");
  std::string sum = "1";
  for (int i = 1; i < kMaxExpressionNesting; ++i) sum += "+1";
  EXPECT_EQ(Issues(sum, scope, names), "");
  EXPECT_EQ(Issues(sum + "+1", scope, names).substr(0, 4), "E002");
  EXPECT_EQ(Issues(std::string(kMaxExpressionNesting, '!') + "true", scope, names).substr(0, 4),
            "E002");
  std::string longest = "true" + std::string(kMaxExpressionBytes - 4, ' ');
  EXPECT_EQ(Issues(longest, scope, names), "");
  EXPECT_EQ(Issues(longest + " ", scope, names).substr(0, 4), "E002");
  EXPECT_EQ(Issues("'\xff'", scope, names), "E001 <\xff> this byte is no valid UTF-8");
}

TEST(CheckTest, IssueTableIsSortedAndComplete) {
  const std::vector<IssueKind>& table = IssueTable();
  for (size_t i = 1; i < table.size(); ++i) EXPECT_LT(table[i - 1].code, table[i].code);
}

}  // namespace
}  // namespace sojourn::expr
