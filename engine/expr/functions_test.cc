// The extension libraries beyond the specification's own cases: what they do at the edges, and with
// absent values of events and people.
#include <gtest/gtest.h>

#include "engine/expr/test_json.h"
#include "engine/expr/test_names.h"

namespace sojourn::expr {
namespace {

struct Case {
  std::string text;
  std::string result;
};

template <size_t kCount>
void Check(const Case (&cases)[kCount]) {
  for (const Case& c : cases) {
    Arena arena;
    EXPECT_EQ(model::DebugString(EvaluatePlain(c.text, nlohmann::json::object(), &arena)), c.result)
        << c.text;
  }
}

TEST(FunctionsTest, Strings) {
  const Case cases[] = {
      {"''.charAt(0)", "\"\""},
      {"'a'.charAt(-1)", "error: the position lies outside the text"},
      {"'αβγ'.indexOf('γ', 3)", "-1"},
      {"'αβγ'.indexOf('', 4)", "error: the position lies outside the text"},
      {"'aaa'.lastIndexOf('aa')", "1"},
      {"'aaa'.lastIndexOf('aa', 0)", "0"},
      {"'abc'.lastIndexOf('abcd', 3)", "-1"},
      {"'αβγ'.substring(1, 2)", "\"β\""},
      {"'abc'.replace('', '-')", "\"-a-b-c-\""},
      {"'aβc'.replace('', '-', 2)", "\"-a-βc\""},
      {"''.replace('', '-')", "\"-\""},
      {"'aaa'.replace('a', 'b', 0)", "\"aaa\""},
      {"'aaaa'.replace('aa', 'b')", "\"bb\""},
      {"'a,b,,c'.split(',')", "[\"a\", \"b\", \"\", \"c\"]"},
      {"'a,b,,c'.split(',', 2)", "[\"a\", \"b,,c\"]"},
      {"''.split(',')", "[\"\"]"},
      {"''.split('')", "[]"},
      {"'aβc'.split('')", "[\"a\", \"β\", \"c\"]"},
      {"'aβc'.split('', 2)", "[\"a\", \"βc\"]"},
      {"['a', 1].join()", "error: join() takes a list of texts"},
      {"'  '.trim()", "\"\""},
      {"''.trim()", "\"\""},
      {"'@[`{'.lowerAscii() + '@[`{'.upperAscii()", "\"@[`{@[`{\""},
      {"'aβ😀'.reverse()", "\"😀βa\""},
      {"'aaab'.contains('aab')", "true"},
      {"'aaab'.contains('')", "true"},
  };
  Check(cases);
}

TEST(FunctionsTest, Format) {
  const Case cases[] = {
      {"'%'.format([])", "error: format() knows only %s, %d, %f, %e, %b, %o, %x, %X and %%"},
      {"'%.'.format([1])", "error: format() knows only %s, %d, %f, %e, %b, %o, %x, %X and %%"},
      {"'%x %X'.format([-30, -30])", "\"-1e -1E\""},
      {"'%b'.format([-5])", "\"-101\""},
      {"'%d'.format([-9223372036854775807 - 1])", "\"-9223372036854775808\""},
      {"'%d'.format([1.5])", "error: format() needs a whole number for %d, %b, %o, %x and %X"},
      {"'%.f'.format([2.5])", "\"2\""},
      {"'%s'.format([{'a': {}, 'b': []}])", "\"{a: {}, b: []}\""},
      {"'%s'.format([b'\\xff'])", "error: the bytes are no valid UTF-8"},
      {"'%s'.format([optional.none()])", "error: format() writes no optional values"},
      {"'é %s'.format(['x', 'unused'])", "\"é x\""},
  };
  Check(cases);
}

TEST(FunctionsTest, Encoders) {
  const Case cases[] = {
      {"base64.encode(b'') == ''", "true"},
      {"base64.encode(b'a')", "\"YQ==\""},
      {"base64.encode(b'ab')", "\"YWI=\""},
      {"base64.encode(b'\\xff\\xfe\\xfd')", "\"//79\""},
      {"base64.decode('YQ==') == b'a' && base64.decode('YQ') == b'a'", "true"},
      {"base64.decode('')", "b\"\""},
      {"base64.decode('Y')", "error: the text is no base64"},
      {"base64.decode('Y===')", "error: the text is no base64"},
      {"base64.decode('Y!==')", "error: the text is no base64"},
  };
  Check(cases);
}

TEST(FunctionsTest, Optionals) {
  const Case cases[] = {
      {"optional.of(1).orValue(1 / 0)", "1"},
      {"optional.of(1).or(1 / 0)", "optional.of(1)"},
      {"optional.none().orValue(1 / 0)", "error: division by zero"},
      {"optional.none().or(1)", "error: the operation does not take values of these types"},
      {"(1 / 0 == 1 ? optional.of(1) : optional.none()).orValue(2)", "error: division by zero"},
      {"1.orValue(2)", "error: the operation does not take values of these types"},
      {"optional.none().value()", "error: the optional has no value"},
      {"optional.of(1).optMap(x, optional.of(x))", "optional.of(optional.of(1))"},
      {"optional.of(1).optFlatMap(x, optional.of(x + 1))", "optional.of(2)"},
      {"optional.of(1).optFlatMap(x, x)",
       "error: the operation does not take values of these types"},
      {"optional.of(1).optMap(x, x / 0)", "error: division by zero"},
      {"[1].optMap(x, x)", "error: the operation does not take values of these types"},
      {"optional.of(1).map(x, x)", "error: the operation does not take values of these types"},
      {"[1][?'a']", "error: the operation does not take values of these types"},
      {"1.?a", "error: the operation does not take values of these types"},
      {"{'a': 1}.?b.c.d[0]", "optional.none()"},
      {"{'a-b': 1}.?`a-b`", "optional.of(1)"},
      {"[?1]", "error: the operation does not take values of these types"},
      {"{?'a': 1}", "error: the operation does not take values of these types"},
      {"{?'a': optional.of(1), ?'a': optional.none()}", "{\"a\": 1}"},
      {"{?'a': optional.of(1), 'a': 2}", "error: a map has the same key twice"},
      {"[0, 0.0, 0u, -0.0, false, null, '', b'', [], {}, duration('0s'), timestamp(0)].all(v, "
       "!optional.ofNonZeroValue(v).hasValue())",
       "true"},
  };
  Check(cases);
}

TEST(FunctionsTest, BindAndTransforms) {
  const Case cases[] = {
      {"cel.bind(x, 1 / 0, true)", "true"},
      {"cel.bind(x, 1 / 0, x == 1)", "error: division by zero"},
      {"cel.bind(x, 2, cel.bind(y, x + 1, [x, y].map(x, x + y)))", "[5, 6]"},
      {"[1, 2].map(i, cel.bind(x, i * 2, x))", "[2, 4]"},
      {"cel.bind(x, [1, 2], x.transformList(i, v, v > 1, i))", "[1]"},
      {"[7, 8].transformMap(i, v, v + i)", "{0: 7, 1: 9}"},
      {"{'a': 1, 'b': 2}.transformMap(k, v, v > 1, k + k)", "{\"b\": \"bb\"}"},
      {"[1].transformMap(i, v, v / 0)", "error: division by zero"},
  };
  Check(cases);
}

// The checker knows optionals, too; the catalogue's absent values become none.
TEST(FunctionsTest, OptionalFieldsOfEventsAndPeople) {
  Scope scope;
  scope.event = true;
  scope.events = {"Order Completed"};
  const TestNames names;
  const EventView event = {"Order Completed", "", Timestamp(5), model::Value()};
  model::Person person;
  person.SetTrait("tier", model::Value::String("gold"));
  Activation activation;
  activation.event = &event;
  activation.person = &person;
  const Case cases[] = {
      {"event.?coupon.orValue('none')", "\"none\""},
      {"person.?tier.orValue('none')", "\"gold\""},
      {"person[?\"points\"].optMap(p, p + 1).orValue(0)", "0"},
      {"event.?items[0].price.hasValue()", "false"},
      {"[][?0].hasValue()", "false"},
      {"event.?cupon.hasValue()", "\"Order Completed\" has no property \"cupon\""},
      {"event.?coupon == 'x'", "event.?coupon (optional) and 'x' (string) are never equal"},
      {"event.coupon.optMap(c, c)", "optMap() needs an optional value, event.coupon is string"},
      {"event.coupon.matches('(')", "'(' is no regular expression: missing ): ("},
      {"[1].transformList(x, x)", "transformList() needs two variables and an expression"},
      {"cel.bind(1, 2, 3)", "cel.bind() needs a plain name, its value and an expression"},
      {"event.coupon.substrin(1)", "unknown function \"substrin\""},
  };
  for (const Case& c : cases) {
    CounterTable counters;
    Arena arena;
    const CompileResult compiled = Compile(c.text, scope, names, TypeKind::kDynamic, &counters);
    EXPECT_EQ(compiled.program == nullptr
                  ? compiled.issues.front().message
                  : model::DebugString(Evaluate(*compiled.program, activation, &arena)),
              c.result)
        << c.text;
  }
}

}  // namespace
}  // namespace sojourn::expr
