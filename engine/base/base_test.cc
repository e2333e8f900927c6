#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "engine/base/arena.h"
#include "engine/base/ascii.h"
#include "engine/base/base64.h"
#include "engine/base/civil.h"
#include "engine/base/duration_text.h"
#include "engine/base/hash.h"
#include "engine/base/json_text.h"
#include "engine/base/rfc3339.h"
#include "engine/base/status.h"
#include "engine/base/strong.h"
#include "engine/base/utf8.h"

namespace sojourn {
namespace {

TEST(ResultTest, CarriesValueOrStatus) {
  const Result<int> good = 7;
  EXPECT_TRUE(good.ok());
  EXPECT_EQ(*good, 7);
  const Result<int> bad = NotFound("no such file: x");
  EXPECT_FALSE(bad.ok());
  EXPECT_EQ(bad.status().code(), StatusCode::kNotFound);
}

TEST(TimeTest, ArithmeticSaturates) {
  EXPECT_EQ(Timestamp::Max() + Days(1), Timestamp::Max());
  EXPECT_EQ(Timestamp::Min() - Days(1), Timestamp::Min());
  EXPECT_EQ(Timestamp(5000) - Timestamp(2000), Seconds(3));
}

TEST(Rfc3339Test, RoundTrips) {
  for (const char* text : {"2026-03-02T09:00:00Z", "2026-03-02T09:00:00.250Z",
                           "1969-12-31T23:59:59.999Z", "0001-01-01T00:00:00Z"}) {
    const auto time = ParseRfc3339(text);
    ASSERT_TRUE(time) << text;
    EXPECT_EQ(FormatRfc3339(*time), text);
  }
  EXPECT_EQ(*ParseRfc3339("2026-03-05T12:00:00+02:00"), *ParseRfc3339("2026-03-05T10:00:00Z"));
}

TEST(Rfc3339Test, RefusesWhatIsNone) {
  for (const char* text :
       {"", "soon", "2026-02-30T00:00:00Z", "2026-03-02T09:00:00", "2026-03-02",
        "2026-03-02T24:00:00Z", "2026-03-02T09:00:00Zx", "2026-03-02T09:00:00.Z"}) {
    EXPECT_FALSE(ParseRfc3339(text)) << text;
  }
  EXPECT_FALSE(ParseDate("2026-2-3"));
  EXPECT_EQ(*ParseDate("1970-01-02"), Timestamp(86400000));
}

TEST(DurationTextTest, ParsesLongForm) {
  EXPECT_EQ(ParseDuration("2 days", DurationStyle::kLong), Days(2));
  EXPECT_EQ(ParseDuration("1 week 1 day 12 hours 5 minutes 1 second", DurationStyle::kLong),
            Days(8) + Hours(12) + Minutes(5) + Seconds(1));
}

TEST(DurationTextTest, RefusesWithReason) {
  DurationProblem problem;
  EXPECT_FALSE(ParseDuration("0 days", DurationStyle::kLong, &problem));
  EXPECT_EQ(problem.why, "must be at least 1");
  EXPECT_FALSE(ParseDuration("12 hours 1 day", DurationStyle::kLong, &problem));
  EXPECT_EQ(problem.why, "units must fall, each at most once");
  EXPECT_FALSE(ParseDuration("2d", DurationStyle::kLong, &problem));
  EXPECT_FALSE(ParseDuration("", DurationStyle::kLong, &problem));
  EXPECT_FALSE(ParseDuration("3654 days", DurationStyle::kLong, &problem));
  EXPECT_TRUE(ParseDuration("3653 days", DurationStyle::kLong));
}

TEST(DurationTextTest, NamesTheWordThatIsWrong) {
  const auto wrong = [](std::string_view text) {
    DurationProblem problem;
    EXPECT_FALSE(ParseDuration(text, DurationStyle::kLong, &problem)) << text;
    return std::string(text.substr(problem.begin, problem.end - problem.begin));
  };
  EXPECT_EQ(wrong("3 dyas"), "dyas");
  EXPECT_EQ(wrong("1 day 3 huors"), "huors");
  EXPECT_EQ(wrong("0 days"), "0");
  EXPECT_EQ(wrong("-2 days"), "-2");
  EXPECT_EQ(wrong("1.5 days"), "1.5");
  EXPECT_EQ(wrong("two days"), "two");
  EXPECT_EQ(wrong("1 day and 2 hours"), "and");
  EXPECT_EQ(wrong("1 day, 2 hours"), ",");
  EXPECT_EQ(wrong("12 hours 1 day"), "day");
  EXPECT_EQ(wrong("2d"), "2d");
  EXPECT_EQ(wrong("2"), "2");
  EXPECT_EQ(wrong("1 day 2 "), "2");
  EXPECT_EQ(wrong("3654 days"), "3654 days");
  EXPECT_EQ(wrong("12345678901 days"), "12345678901");
}

TEST(DurationTextTest, ParsesShortForm) {
  const auto style = DurationStyle::kLongOrShort;
  EXPECT_EQ(ParseDuration("1d 2h", style), Days(1) + Hours(2));
  EXPECT_EQ(ParseDuration("-30d", style), Days(-30));
  EXPECT_EQ(ParseDuration("0m", style), Duration(0));
  EXPECT_EQ(ParseDuration("90m", style), Minutes(90));
  EXPECT_EQ(ParseDuration("2 days", style), Days(2));
}

TEST(DurationTextTest, Formats) {
  EXPECT_EQ(FormatDuration(Days(1) + Hours(12)), "1 day 12 hours");
  EXPECT_EQ(FormatDuration(Milliseconds(1250)), "1 second 250 milliseconds");
  EXPECT_EQ(FormatDuration(Duration(0)), "0 seconds");
}

TEST(HashTest, KnownValues) {
  const Sha256Digest digest = Sha256("abc");
  EXPECT_EQ(Hex(digest.data(), 4), "ba7816bf");
  // Reference values of Kafka's own Utils.murmur2 test.
  EXPECT_EQ(static_cast<int32_t>(Murmur2("21")), -973932308);
  EXPECT_EQ(static_cast<int32_t>(Murmur2("foobar")), -790332482);
  EXPECT_EQ(static_cast<int32_t>(Murmur2("a-little-bit-long-string")), -985981536);
  // SipHash-2-4 reference: key 00..0f, input 00..0e.
  std::string input;
  for (char c = 0; c < 15; ++c) input.push_back(c);
  EXPECT_EQ(KeyedHash64({0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL}, input),
            0xa129ca6149be45e5ULL);
}

TEST(Utf8Test, StrictlyValidates) {
  EXPECT_TRUE(IsValidUtf8("Grüße 你好 🎉"));
  EXPECT_EQ(FirstInvalidUtf8("ab\xff"), 2u);
  EXPECT_FALSE(IsValidUtf8("\xed\xa0\x80"));      // lone surrogate
  EXPECT_FALSE(IsValidUtf8("\xc0\x80"));          // overlong
  EXPECT_FALSE(IsValidUtf8("\xf4\x90\x80\x80"));  // above U+10FFFF
  EXPECT_EQ(CountCodePoints("你好"), 2u);
}

TEST(CivilTest, GapsAndOverlaps) {
  const TimeZone berlin = *FindTimeZone("Europe/Berlin");
  const auto at = [&](int y, int m, int d, int hour, int minute) {
    return FormatRfc3339(FromCivil(cctz::civil_day(y, m, d), {hour, minute}, berlin));
  };
  EXPECT_EQ(at(2026, 3, 29, 2, 30), "2026-03-29T01:00:00Z");
  EXPECT_EQ(at(2026, 10, 25, 2, 30), "2026-10-25T00:30:00Z");
  EXPECT_EQ(at(2026, 1, 15, 9, 0), "2026-01-15T08:00:00Z");
}

TEST(CivilTest, RefusesWhatIsNoZone) {
  for (const char* name :
       {"", "Mars/Base", "../etc/passwd", "/etc/localtime", "localtime", "+02:00"}) {
    EXPECT_FALSE(FindTimeZone(name)) << name;
  }
}

TEST(ArenaTest, KeepsWhatItHolds) {
  Arena arena;
  std::vector<std::string_view> texts;
  for (int i = 0; i < 5000; ++i) texts.push_back(arena.Copy(std::to_string(i)));
  for (int i = 0; i < 5000; ++i) EXPECT_EQ(texts[i], std::to_string(i));
  arena.Reset();
  EXPECT_NE(arena.Allocate(300000), nullptr);
}

TEST(Ascii, CaseIsOfItsLettersAlone) {
  EXPECT_EQ(LowerCase("Content-TYPE [Z] \u00c4"), "content-type [z] \u00c4");
  EXPECT_TRUE(EqualIgnoringCase("Az-9", "aZ-9"));
  EXPECT_TRUE(EqualIgnoringCase("", ""));
  EXPECT_FALSE(EqualIgnoringCase("a", "ab"));
  EXPECT_FALSE(EqualIgnoringCase("[", "{"));
  EXPECT_FALSE(EqualIgnoringCase("\u00c4", "\u00e4"));
}

TEST(Base64, ThereAndBack) {
  EXPECT_EQ(EncodeBase64(""), "");
  EXPECT_EQ(EncodeBase64("f"), "Zg==");
  EXPECT_EQ(EncodeBase64("fo"), "Zm8=");
  EXPECT_EQ(EncodeBase64("foo"), "Zm9v");
  EXPECT_EQ(EncodeBase64("\xff\xfe\xfd"), "//79");
  for (int length = 0; length < 300; ++length) {
    std::string bytes;
    for (int i = 0; i < length; ++i) bytes += static_cast<char>(i * 7 + length);
    EXPECT_EQ(DecodeBase64(EncodeBase64(bytes)), bytes);
  }
}

TEST(JsonText, IsParsedOrDiscarded) {
  EXPECT_EQ(ParseJson(R"({"a": [1, "b"]})")["a"][1], "b");
  std::istringstream file("[true]\n");
  EXPECT_EQ(ParseJson(file)[0], true);
  for (const char* text : {"", "{", "{} {}", "[1,]"}) {
    EXPECT_TRUE(ParseJson(text).is_discarded()) << text;
  }
}

TEST(JsonText, IsWrittenWhateverTheBytes) {
  EXPECT_EQ(DumpJson(nlohmann::json{{"b", "\u00e9\xff"}, {"a", 1}}),
            "{\"a\":1,\"b\":\"\u00e9\uFFFD\"}");
  EXPECT_EQ(DumpJson(nlohmann::ordered_json{{"b", 1}, {"a", {2}}}, 1),
            "{\n \"b\": 1,\n \"a\": [\n  2\n ]\n}");
}

}  // namespace
}  // namespace sojourn
