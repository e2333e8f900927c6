#include "engine/model/value.h"

#include <gtest/gtest.h>

namespace sojourn::model {
namespace {

TEST(ValueTest, IsSmallAndTrivial) {
  EXPECT_EQ(sizeof(Value), 16u);
  EXPECT_TRUE(std::is_trivially_copyable_v<Value>);
}

TEST(ValueTest, KeepsTimesBeforeTheEpoch) {
  EXPECT_EQ(Value::Time(Timestamp(-1)).time(), Timestamp(-1));
  EXPECT_EQ(Value::Span(Duration(-1500)).duration(), Duration(-1500));
}

TEST(ValueTest, DeepCopyOwnsEverything) {
  Arena arena;
  Value copy;
  {
    std::string key = "colour", text = "blue";
    const Value item = Value::String(text);
    const MapEntry entry{Value::String(key), Value::List(&item, 1)};
    copy = DeepCopy(Value::Map(&entry, 1), &arena);
  }
  ASSERT_NE(copy.Find("colour"), nullptr);
  EXPECT_EQ(copy.Find("colour")->items()[0].text(), "blue");
  EXPECT_EQ(copy.Find("color"), nullptr);
  EXPECT_EQ(DebugString(copy), "{\"colour\": [\"blue\"]}");
}

}  // namespace
}  // namespace sojourn::model
