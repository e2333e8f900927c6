#include "engine/model/json_split.h"

#include <random>

#include <gtest/gtest.h>

#include "engine/model/json_reader.h"

namespace sojourn::model {
namespace {

using Items = std::vector<std::string_view>;

TEST(JsonSplit, ItemsOfAMember) {
  const std::string_view text =
      R"( {"a" : [1, {"batch":[9]}], "b\"":"]}", "batch" : [ {"x":[1,2],"y":"],["} ,2 , "}" ] , "c":3})";
  const JsonItems read = SplitMember(text, "batch");
  EXPECT_TRUE(read.found);
  EXPECT_EQ(read.items, (Items{R"({"x":[1,2],"y":"],["})", "2", R"("}")"}));
  EXPECT_EQ(WithoutItems(text, read),
            R"( {"a" : [1, {"batch":[9]}], "b\"":"]}", "batch" : [] , "c":3})");
}

TEST(JsonSplit, ItemsOfTheText) {
  EXPECT_EQ(SplitArray(" [{},[[]],\"\\\\\" ]").items, (Items{"{}", "[[]]", R"("\\")"}));
  EXPECT_TRUE(SplitArray("[ ]").found);
  EXPECT_EQ(SplitArray("[ ]").items, Items{});
  EXPECT_FALSE(SplitArray("{}").found);
}

TEST(JsonSplit, WhatIsNoArray) {
  for (const char* text : {"", "{", "[]", R"({"batch":{}})", R"({"other":[]})", R"({"batch" [1]})",
                           R"({batch:[1]})", R"({"a":{"batch":[1]}})", R"({"b":"\)"}) {
    EXPECT_FALSE(SplitMember(text, "batch").found) << text;
  }
}

TEST(JsonSplit, ABrokenItemCostsNoOther) {
  EXPECT_EQ(SplitMember(R"({"batch":[{"a":NaN},{"b":"\ud83d"},,{"c":1}]})", "batch").items,
            (Items{R"({"a":NaN})", R"({"b":"\ud83d"})", "", R"({"c":1})"}));
  EXPECT_EQ(SplitMember(R"({"batch":[{"a":1},{"b":"open]})", "batch").items,
            (Items{R"({"a":1})", R"({"b":"open]})"}));
  EXPECT_EQ(SplitMember(R"({"batch":[{"a":1},{"b":[2]]})", "batch").items,
            (Items{R"({"a":1})", R"({"b":[2]]})"}));
  EXPECT_EQ(SplitMember(R"({"batch":[1}, 2]})", "batch").items, (Items{"1}, 2]}"}));
  EXPECT_EQ(SplitMember(R"({"batch":[1,)", "batch").items, (Items{"1", ""}));
}

// What JsonReader reads as an array falls into as many items, each of them readable.
TEST(JsonSplit, AgreesWithTheReader) {
  std::mt19937 random(7);
  const std::string_view pieces[] = {"{", "}", "[", "]", "\"", ",", ":", "\\", "1", "\"a\"", " "};
  JsonReader reader;
  int arrays = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::string text = "[";
    for (int i = 0; i < 9; ++i) text += pieces[random() % std::size(pieces)];
    text += "]";
    Arena arena;
    const auto value = reader.Read(text, 20, &arena);
    const JsonItems read = SplitArray(text);
    ASSERT_LE(read.end, text.size());
    if (!value.ok() || value->kind() != ValueKind::kList) continue;
    ++arrays;
    ASSERT_EQ(read.items.size(), value->size()) << text;
    ASSERT_EQ(read.end, text.size()) << text;
  }
  EXPECT_GT(arrays, 100);
}

}  // namespace
}  // namespace sojourn::model
