// Dumps of every stage: tokens, tree, canonical text, program.
#include <gtest/gtest.h>

#include "engine/expr/ast.h"
#include "engine/expr/lex.h"
#include "engine/expr/parse.h"
#include "engine/expr/test_names.h"

namespace sojourn::expr {
namespace {

struct Case {
  std::string text;
  std::string dump;
};

TEST(SyntaxTest, Tokens) {
  Arena arena;
  IssueList issues;
  EXPECT_EQ(DumpTokens(Lex("a.`b c`>=1u // end", &arena, &issues)),
            "0-1 name a\n1-2 symbol .\n2-7 quoted b c\n7-9 symbol >=\n9-11 uint 1u\n18-18 end \n");
  EXPECT_EQ(DumpTokens(Lex("0xfF 1.5e3 .5 rb'\\n' \"\"\"x\ny\"\"\"", &arena, &issues)),
            "0-4 int 0xfF\n5-10 double 1.5e3\n11-13 double .5\n14-20 bytes rb'\\n'\n"
            "21-30 string \"\"\"x\ny\"\"\"\n30-30 end \n");
  EXPECT_FALSE(issues.has_error());
}

TEST(SyntaxTest, Trees) {
  const Case cases[] = {
      {"event.value >= 20.0", "(>= (select value event) 20.0)"},
      {"a || b && c || d", "(|| a (&& b c) d)"},
      {"1 + 2 * 3 - 4", "(- (+ 1 (* 2 3)) 4)"},
      {"-x + -1 - -2.5", "(- (+ (neg x) -1) -2.5)"},
      {"!a == b", "(== (! a) b)"},
      {"a ? b : c ? d : e", "(?: a b (?: c d e))"},
      {"a in [1, 2,]", "(in a (list 1 2))"},
      {"{'k': 1, 2u: true}", "(map \"k\" 1 2u true)"},
      {"a.b[0].c(1)", "(method c (index (select b a) 0) 1)"},
      {"has(event.coupon)", "(has coupon event)"},
      {"has(event[\"Odd Name\"])", "(has Odd Name event)"},
      {"l.all(i, i > 0)", "(loop all i l (> i 0))"},
      {"l.map(i, i > 0, i * 2)", "(loop map i l (> i 0) (* i 2))"},
      {"m.exists(k, v, k == v)", "(loop exists k v m (== k v))"},
      {"'a\\x41\\u00e9\\101'",
       "\"aA\xc3\xa9"
       "A\""},
      {"b'\\xff\\n'", "b\"\\xff\\n\""},
      {".x", "x"},
      {"1 +", "the text ends behind +, where a value is needed"},
  };
  for (const Case& c : cases) EXPECT_EQ(DumpSyntax(c.text), c.dump) << c.text;
}

TEST(SyntaxTest, CanonicalTextIsAFixedPointAndKeepsTheTree) {
  const Case cases[] = {
      {"( (a+b) )*c", "(a + b) * c"},
      {"a-(b-c)", "a - (b - c)"},
      {"(a-b)-c", "a - b - c"},
      {"!(a&&b)||(c&&d)", "!(a && b) || c && d"},
      {"(a?b:c)?d:(e?f:g)", "(a ? b : c) ? d : e ? f : g"},
      {"-(a.b)", "-a.b"},
      {"-(-1)", "--1"},
      {"(a+b).size()", "(a + b).size()"},
      {"x[ 'a' ]", "x[\"a\"]"},
      {"a.`b-c`", "a.`b-c`"},
      {"1.0+1e30+2u", "1.0 + 1e+30 + 2u"},
      {"l . filter( i ,i>0 )", "l.filter(i, i > 0)"},
  };
  for (const Case& c : cases) {
    IssueList issues;
    const auto first = Parse(c.text, &issues);
    ASSERT_NE(first->root, nullptr) << c.text;
    const std::string text = CanonicalText(*first->root);
    EXPECT_EQ(text, c.dump);
    const auto second = Parse(text, &issues);
    ASSERT_NE(second->root, nullptr) << text;
    EXPECT_EQ(CanonicalText(*second->root), text);
    EXPECT_EQ(DumpTree(*second->root), DumpTree(*first->root));
  }
}

TEST(SyntaxTest, Programs) {
  const Case cases[] = {
      {"event.total >= 20.0", "0 event_property \"total\" double\n1 constant 20\n2 compare >=\n"},
      {"now - person.last_seen_at > days(2) + hours(1)",
       "0 now\n1 last_seen_at\n2 arithmetic -\n3 constant 2 days 1 hour\n4 compare > now left\n"},
      {"has(event.coupon) && event.coupon == 'x'",
       "0 event_property \"coupon\" string\n1 is_present\n2 jump_if_false 0 0 7\n"
       "3 event_property \"coupon\" string\n4 constant \"x\"\n5 equal ==\n6 and\n"},
      {"person.points > 1 ? 'a' : 'b'",
       "0 trait \"points\" int\n1 constant 1\n2 compare >\n3 choose 0 7 6\n4 constant \"a\"\n"
       "5 jump 0 0 7\n6 constant \"b\"\n"},
      {"event.items.exists(i, i == 1)",
       "0 event_property \"items\" list\n1 loop_begin 1 0 8\n2 loop_next 0 0 7\n3 local 0 3 0\n"
       "4 constant 1\n5 equal ==\n6 loop_step 1 0 2\n7 loop_end 1 0 0\n"},
  };
  Scope scope;
  scope.event = true;
  scope.events = {"Order Completed"};
  const TestNames names;
  for (const Case& c : cases) {
    CounterTable counters;
    const CompileResult result = Compile(c.text, scope, names, TypeKind::kDynamic, &counters);
    ASSERT_NE(result.program, nullptr) << c.text;
    EXPECT_EQ(result.program->Dump(), c.dump) << c.text;
  }
}

TEST(SyntaxTest, WhatAProgramReads) {
  Scope scope;
  scope.event = scope.trigger = true;
  scope.events = scope.trigger_events = {"Order Completed"};
  const TestNames names;
  CounterTable counters;
  const auto program =
      Compile(
          "event.order_id == 'a' && 20 == event.total && trigger.order_id != event.order_id && "
          "(person.points > 1 || in_segment('vip')) && person.consent.marketing && "
          "count('Order Completed', days(1), event.coupon == 'x') > 0 && size(person) > 0",
          scope, names, TypeKind::kBool, &counters)
          .program;
  ASSERT_NE(program, nullptr);
  using Texts = std::vector<std::string>;
  EXPECT_EQ(program->event_properties(), (Texts{"order_id", "total"}));
  EXPECT_EQ(program->trigger_properties(), (Texts{"order_id"}));
  EXPECT_EQ(program->traits(), (Texts{"points", "*"}));
  EXPECT_EQ(program->segments(), (Texts{"vip"}));
  EXPECT_EQ(program->counters(), std::vector<uint64_t>{counters.counters()[0].id});
  EXPECT_TRUE(program->reads_now());
  EXPECT_TRUE(program->reads_consent());
  EXPECT_FALSE(program->reads_seen());
  EXPECT_EQ(program->type().kind, TypeKind::kBool);
  ASSERT_EQ(program->equalities().size(), 2u);
  EXPECT_EQ(program->equalities()[0].property, "order_id");
  EXPECT_EQ(program->equalities()[0].literal.text(), "a");
  EXPECT_EQ(program->equalities()[1].property, "total");
}

}  // namespace
}  // namespace sojourn::expr
