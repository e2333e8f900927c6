#include "engine/model/json_reader.h"

#include <random>

#include <gtest/gtest.h>

#include "engine/model/json_writer.h"

namespace sojourn::model {
namespace {

std::string ToJson(const Value& value) {
  JsonWriter writer;
  writer.Write(value);
  return writer.Take();
}

// The text read and written again, or "error: " and the reason.
std::string RoundTrip(std::string_view text, int max_nesting = 8) {
  JsonReader reader;
  Arena arena;
  const Result<Value> value = reader.Read(text, max_nesting, &arena);
  if (!value.ok()) return "error: " + value.status().message();
  return ToJson(*value);
}

TEST(JsonReader, ReadsEveryKindAndSortsKeys) {
  EXPECT_EQ(RoundTrip(R"( {"b": [1, -2.5, true, false, null, "x"], "a": {}, "c": []} )"),
            R"({"a":{},"b":[1,-2.5,true,false,null,"x"],"c":[]})");
}

TEST(JsonReader, OfEqualKeysTheLastCounts) {
  EXPECT_EQ(RoundTrip(R"({"a":1,"b":2,"a":3,"\u0061":4})"), R"({"a":4,"b":2})");
}

TEST(JsonReader, NumbersKeepTheirKind) {
  EXPECT_EQ(RoundTrip("[1, 1.0, 1e2, -0, 9223372036854775807, -9223372036854775808]"),
            "[1,1.0,100.0,0,9223372036854775807,-9223372036854775808]");
  EXPECT_EQ(RoundTrip("[9223372036854775808, -9223372036854775809, 1e-400]"),
            "[9223372036854775808.0,-9223372036854775808.0,0.0]");
  EXPECT_EQ(RoundTrip("[123456789012345678901234567890]"), "[1.2345678901234568e+29]");
}

TEST(JsonReader, RefusesWhatIsNoNumber) {
  for (const char* token : {"01", "1.", ".5", "+1", "-", "1e", "1e+", "0x10", "NaN", "Infinity",
                            "-Infinity", "1_0", "tru", "nulll", "TRUE", "1 2"}) {
    EXPECT_TRUE(RoundTrip(std::string("[") + token + "]").starts_with("error: malformed JSON"))
        << token;
  }
  EXPECT_EQ(RoundTrip("[1e400]"), "error: a number is out of range");
}

TEST(JsonReader, Strings) {
  EXPECT_EQ(RoundTrip(R"(["\u00e4\n\t\"\\\/ \ud83d\ude00 \u0001"])"),
            "[\"ä\\n\\u0009\\\"\\\\/ \U0001F600 \\u0001\"]");
  // Lone surrogates, each of them.
  for (const char* text : {R"(["\ud83d"])", R"(["\ude00"])", R"(["\ud83dx"])",
                           R"(["\ud83d\ud83d"])", R"({"\ude00":1})"}) {
    EXPECT_TRUE(RoundTrip(text).starts_with("error: ")) << text << RoundTrip(text);
  }
  EXPECT_EQ(RoundTrip("[\"\xff\"]"), "error: invalid UTF-8");
  EXPECT_EQ(RoundTrip("[\"\xed\xa0\x80\"]"), "error: invalid UTF-8");
  EXPECT_TRUE(RoundTrip("[\"a\nb\"]").starts_with("error: malformed"));
  EXPECT_TRUE(RoundTrip("[\"\\x\"]").starts_with("error: malformed"));
}

TEST(JsonReader, RefusesBrokenStructure) {
  for (const char* text : {"", " ", "{", "}", "[", "[1,", "[1,]", "{\"a\"}", "{\"a\":}",
                           "{\"a\":1,}", "{a:1}", "[1]]", "[1] [2]", "[1]x", "{\"a\":1}{\"b\":2}",
                           "[1 2]", "{\"a\" 1}", "[\"a", "{\"a\":{\"b\":1}"}) {
    EXPECT_TRUE(RoundTrip(text).starts_with("error: malformed JSON")) << text << RoundTrip(text);
  }
  EXPECT_EQ(RoundTrip("12"), "error: neither a JSON object nor an array");
  EXPECT_EQ(RoundTrip("\"a\""), "error: neither a JSON object nor an array");
}

TEST(JsonReader, NestingHasItsLimit) {
  EXPECT_EQ(RoundTrip("[[[]]]", 3), "[[[]]]");
  EXPECT_EQ(RoundTrip("[[{}]]", 2), "error: nested more than 2 deep");
  EXPECT_EQ(RoundTrip(std::string(100'000, '[') + std::string(100'000, ']'), 32),
            "error: nested more than 32 deep");
}

TEST(JsonReader, MutatedTextsNeverCrash) {
  const std::string seed =
      R"({"a":[1,2.5e3,"x\u00e4\ud83d\ude00",{"b":null,"c":[true,false]}],"d":"täxt","e":{}})";
  std::mt19937 random(7);
  JsonReader reader;
  int accepted = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text = seed;
    for (int change = 0; change < 1 + i % 4; ++change) {
      text[random() % text.size()] = static_cast<char>(random());
    }
    if (i % 5 == 0) text.resize(random() % text.size());
    Arena arena;
    const Result<Value> value = reader.Read(text, 16, &arena);
    if (!value.ok()) continue;
    ++accepted;
    const std::string json = ToJson(*value);
    EXPECT_EQ(RoundTrip(json, 16), json) << text;
  }
  EXPECT_GT(accepted, 100);
}

}  // namespace
}  // namespace sojourn::model
