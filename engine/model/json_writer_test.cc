#include "engine/model/json_writer.h"

#include <limits>

#include <gtest/gtest.h>

namespace sojourn::model {
namespace {

std::string Written(const Value& value) {
  JsonWriter writer;
  writer.Write(value);
  return writer.Take();
}

TEST(JsonWriterTest, Scalars) {
  EXPECT_EQ(Written(Value::Null()), "null");
  EXPECT_EQ(Written(Value::Bool(true)), "true");
  EXPECT_EQ(Written(Value::Int(-7)), "-7");
  EXPECT_EQ(Written(Value::Double(120)), "120.0");
  EXPECT_EQ(Written(Value::Double(0.1)), "0.1");
  EXPECT_EQ(Written(Value::Double(std::numeric_limits<double>::infinity())), "null");
  EXPECT_EQ(Written(Value::Time(Timestamp(250))), "\"1970-01-01T00:00:00.250Z\"");
  EXPECT_EQ(Written(Value::Span(Hours(1))), "\"3600s\"");
}

TEST(JsonWriterTest, TextIsEscaped) {
  EXPECT_EQ(Written(Value::String("a\"b\\c\nd\x01 \xc3\xa4")),
            "\"a\\\"b\\\\c\\nd\\u0001 \xc3\xa4\"");
}

TEST(JsonWriterTest, NestedValuesAndCommas) {
  const Value items[] = {Value::Int(1), Value::String("x")};
  const MapEntry entries[] = {{Value::String("list"), Value::List(items, 2)},
                              {Value::Int(3), Value::Null()}};
  JsonWriter writer;
  writer.BeginObject();
  writer.Member("map", Value::Map(entries, 2));
  writer.Key("empty");
  writer.BeginObject();
  writer.EndObject();
  writer.Member("n", Value::Int(2));
  writer.EndObject();
  EXPECT_EQ(writer.text(), R"({"map":{"list":[1,"x"],"3":null},"empty":{},"n":2})");
}

}  // namespace
}  // namespace sojourn::model
