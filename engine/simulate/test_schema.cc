#include "engine/simulate/test_schema.h"

#include "engine/language/schema_build.h"

namespace sojourn::simulate {
namespace {

using namespace language;  // the table reads as those of the rules do

const Shape& AnythingShape() {
  static const Shape shape = Leaf(ShapeKind::kAnything);
  return shape;
}

const Shape& ValuesShape() {
  static const Shape shape = MapOf(&TextShape, &AnythingShape, "a mapping of names to values");
  return shape;
}

const Shape& JourneysShape() {
  static const Shape shape = ListOf(&KebabShape, "a list of journeys");
  return shape;
}

const Shape& EntryShape() {
  static const Shape shape =
      Object("entry",
             {{"at", &TextShape, true, "log time: a duration from start, or a timestamp"},
              {"time", &TextShape, false, "the event's own time; default: at"},
              {"id", &TextShape, false, "the event's id; default: unique"}},
             {{{"track", &EventNameShape, true, "name of the event"},
               {{"properties", &ValuesShape, false, "its properties"}}},
              {{"identify", &ValuesShape, true, "traits"}, {}}});
  return shape;
}

const Shape& EntriesShape() {
  static const Shape shape = ListOf(&EntryShape, "a list of entries", true);
  return shape;
}

std::vector<Field> ActionFields() {
  return {{"data", &ValuesShape, false, "values that the action must carry"},
          {"code_matches", &TextShape, false, "regular expression for the coupon's code"}};
}

std::vector<Field> SendFields() {
  std::vector<Field> fields = ActionFields();
  fields.push_back({"subject", &TextShape, false, "the rendered subject"});
  fields.push_back({"body_contains", &TextShape, false, "a part of the rendered body"});
  return fields;
}

const Shape& TrueShape() {
  static const Shape shape = Choice({"true"});
  return shape;
}

const Shape& ExpectationShape() {
  static const Shape shape =
      Object("expectation",
             {{"at", &TextShape, true, "a duration from start, or a timestamp"},
              {"journey", &KebabShape, false, "the journey that is meant"}},
             {{{"send_email", &KebabShape, true, "template of a mail"}, SendFields()},
              {{"send_sms", &KebabShape, true, "template of an SMS"}, SendFields()},
              {{"send_push", &KebabShape, true, "template of a push message"}, SendFields()},
              {{"webhook", &TextShape, true, "URL of a webhook"}, ActionFields()},
              {{"coupon", &KebabShape, true, "pool of a coupon"}, ActionFields()},
              {{"enter", &KebabShape, true, "journey that is entered"}, {}},
              {{"exit", &TextShape, true, "reason of an exit"}, {}},
              {{"goal", &TrueShape, true, "a goal is reached"}, {}},
              {{"skipped", &TextShape, true, "reason of a skipped step"}, {}},
              {{"trait", &ValuesShape, true, "values of traits"}, {}},
              {{"in_segment", &KebabShape, true, "a member by then"}, {}},
              {{"not_in_segment", &KebabShape, true, "no member by then"}, {}},
              {{"path", &ValuesShape, true, "paths of A/B tests"}, {}},
              {{"nothing_more", &TrueShape, true, "no action from then on"}, {}}});
  return shape;
}

const Shape& ExpectationsShape() {
  static const Shape shape = ListOf(&ExpectationShape, "a list of expectations", true);
  return shape;
}

const Shape& TestShape() {
  static const Shape shape =
      Object("test", {{"name", &TextShape, true, "what is tested"},
                      {"start", &TimestampShape, true, "logical zero"},
                      {"person", &ValuesShape, true, "id and traits"},
                      {"history", &EntriesShape, false, "what was before start"},
                      {"force", &ValuesShape, false, "paths of A/B tests; holdout"},
                      {"events", &EntriesShape, false, "what happens"},
                      {"until", &TextShape, false, "last moment, inclusive"},
                      {"expect", &ExpectationsShape, true, "what must come out"},
                      {"partial", &BooleanShape, false, "expect need not list every action"}});
  return shape;
}

const Shape& TestsShape() {
  static const Shape shape = ListOf(&TestShape, "a list of tests");
  return shape;
}

}  // namespace

const Shape& TestFileShape() {
  static const Shape shape =
      Object("test file", {{"journeys", &JourneysShape, true, "only these run"},
                           {"tests", &TestsShape, true, "the tests"}});
  return shape;
}

}  // namespace sojourn::simulate
