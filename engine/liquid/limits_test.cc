// Each limit at its edge, and what hostile templates and data try.
#include <gtest/gtest.h>

#include "engine/liquid/test_support.h"

namespace sojourn::liquid {
namespace {

bool Parses(std::string_view text, const MapPartials& partials = {}) {
  return Parse(text, {&partials}).parsed != nullptr;
}

bool EndsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

TEST(LimitsTest, BytesOfATemplate) {
  EXPECT_TRUE(Parses(std::string(kMaxLiquidBytes, 'x')));
  EXPECT_FALSE(Parses(std::string(kMaxLiquidBytes + 1, 'x')));
}

TEST(LimitsTest, NestingOfTags) {
  const auto nested = [](int depth) {
    return Repeated("{% if a %}", depth) + Repeated("{% endif %}", depth);
  };
  EXPECT_TRUE(Parses(nested(kMaxLiquidNesting)));
  EXPECT_FALSE(Parses(nested(kMaxLiquidNesting + 1)));
  EXPECT_EQ(Parse(Repeated("{% for i in a %}", 50'000), {}).issues.size(), 1u);
  EXPECT_FALSE(Parses("{% " + Repeated("liquid ", kMaxLiquidNesting + 1) + "%}"));
}

TEST(LimitsTest, NestingOfBrackets) {
  const auto nested = [](int depth) {
    return "{{ " + Repeated("[", depth) + "a" + Repeated("]", depth) + " }}";
  };
  EXPECT_TRUE(Parses(nested(kMaxLiquidNesting - 1)));
  EXPECT_FALSE(Parses(nested(kMaxLiquidNesting)));
  EXPECT_FALSE(Parses("{{ " + Repeated("[", 100'000)));
  EXPECT_FALSE(Parses("{{ " + Repeated("(", 100'000) + " }}"));
}

TEST(LimitsTest, NestingOfPartials) {
  const auto chain = [](int depth) {
    PartialTexts texts;
    for (int i = 1; i < depth; ++i) {
      texts[std::to_string(i)] = "{% render '" + std::to_string(i + 1) + "' %}";
    }
    texts[std::to_string(depth)] = "end";
    return MapPartials(texts);
  };
  EXPECT_TRUE(Parses("{% render '1' %}", chain(kMaxLiquidPartialDepth)));
  EXPECT_FALSE(Parses("{% render '1' %}", chain(kMaxLiquidPartialDepth + 1)));
  const auto deep = [](int depth) {
    return Repeated("{% if a %}", depth) + "{% render 'p' %}" + Repeated("{% endif %}", depth);
  };
  const MapPartials half(
      PartialTexts{{"p", Repeated("{% if a %}", 32) + Repeated("{% endif %}", 32)}});
  EXPECT_TRUE(Parses(deep(kMaxLiquidNesting - 33), half));
  EXPECT_FALSE(Parses(deep(kMaxLiquidNesting - 32), half));
}

TEST(LimitsTest, NumberOfPartials) {
  const MapPartials partials(PartialTexts{{"p", ""}, {"two", "{% render 'p' %}{% render 'p' %}"}});
  EXPECT_TRUE(Parses(Repeated("{% render 'p' %}", kMaxLiquidPartials), partials));
  EXPECT_FALSE(Parses(Repeated("{% render 'p' %}", kMaxLiquidPartials + 1), partials));
  EXPECT_TRUE(Parses(Repeated("{% render 'two' %}", kMaxLiquidPartials / 3), partials));
  EXPECT_FALSE(Parses(Repeated("{% render 'two' %}", kMaxLiquidPartials / 3 + 1), partials));
}

TEST(LimitsTest, Steps) {
  RenderOptions options;
  // The loop, and each of its rounds with the text in it.
  options.max_steps = 1 + 2 * 10;
  EXPECT_EQ(RenderText("{% for i in (1..10) %}x{% endfor %}", "{}", options), "xxxxxxxxxx");
  --options.max_steps;
  EXPECT_EQ(RenderText("{% for i in (1..10) %}x{% endfor %}", "{}", options),
            "error: 1:23: the template takes more than 20 steps");
}

TEST(LimitsTest, OutputBytes) {
  RenderOptions options;
  options.max_output_bytes = 10;
  EXPECT_EQ(RenderText("12345{{ '67890' }}", "{}", options), "1234567890");
  EXPECT_EQ(RenderText("12345{{ '678901' }}", "{}", options),
            "error: 1:6: the output is longer than 10 bytes");
}

TEST(LimitsTest, StringBytes) {
  RenderOptions options;
  options.max_string_bytes = 10;
  EXPECT_EQ(RenderText("{{ '12345' | append: '67890' }}", "{}", options), "1234567890");
  EXPECT_EQ(RenderText("{{ '12345' | append: '678901' }}", "{}", options),
            "error: 1:14: a text grows beyond 10 bytes");
  EXPECT_EQ(RenderText("{{ '12345' | replace: '', '1' }}", "{}", options),
            "error: 1:14: a text grows beyond 10 bytes");
  EXPECT_EQ(RenderText("{{ 0 | date: '%10Y' }}", "{}", options), "0000001970");
  EXPECT_EQ(RenderText("{{ 0 | date: '%11Y' }}", "{}", options),
            "error: 1:8: a text grows beyond 10 bytes");
  EXPECT_EQ(RenderText("{{ (1..9) | join: '12' }}", "{}", options),
            "error: 1:13: a text grows beyond 10 bytes");
}

TEST(LimitsTest, WorkBytes) {
  RenderOptions options;
  // The input and what marks its end, and what is made of it.
  options.max_work_bytes = 6 + 5;
  EXPECT_EQ(RenderText("{{ '12345' | upcase }}", "{}", options), "12345");
  --options.max_work_bytes;
  EXPECT_EQ(RenderText("{{ '12345' | upcase }}", "{}", options),
            "error: 1:14: the template works through more than 10 bytes");
}

TEST(HostileTest, LoopsEnd) {
  for (const char* text : {
           "{% for i in (1..1000000000) %}{% endfor %}",
           "{% for i in (1..9223372036854775807) %}{% endfor %}",
           "{% for i in (-9223372036854775807..9223372036854775807) reversed %}{% endfor %}",
           "{{ (1..1000000000) | join }}",
           "{{ (-9223372036854775808..9223372036854775807) | sort }}",
           "{% for i in (1..100000) %}{% for j in (1..100000) %}{% endfor %}{% endfor %}",
       }) {
    EXPECT_TRUE(EndsWith(RenderText(text), "steps")) << text << RenderText(text).substr(0, 100);
  }
  EXPECT_EQ(RenderText("{% tablerow i in (1..1000000000) %}{% endtablerow %}"),
            "error: 1:1: the output is longer than 4194304 bytes");
  EXPECT_EQ(RenderText("{{ (1..1000000000) | size }}{{ (1..1000000000) | last }}"),
            "10000000001000000000");
}

TEST(HostileTest, TextsDoNotGrowWithoutEnd) {
  EXPECT_TRUE(EndsWith(RenderText("{% assign a = 'xxxxxxxxxxxxxxxx' %}{% for i in (1..100) %}"
                                  "{% assign a = a | append: a %}{% endfor %}"),
                       "a text grows beyond 4194304 bytes"));
  EXPECT_TRUE(EndsWith(RenderText("{% for i in (1..100000) %}{{ d | replace: '', d }}{% endfor %}",
                                  "{\"d\": \"" + std::string(10'000, 'x') + "\"}"),
                       "a text grows beyond 4194304 bytes"));
  EXPECT_TRUE(EndsWith(RenderText("{% for i in (1..100000) %}{% capture x %}" +
                                  std::string(500'000, 'x') + "{% endcapture %}{% endfor %}"),
                       "works through more than 67108864 bytes"));
  EXPECT_TRUE(
      EndsWith(RenderText("{% for i in (1..100000) %}{% if l == l %}{% endif %}{% endfor %}",
                          "{\"l\": [" + Repeated("1,", 100'000) + "1]}"),
               "works through more than 67108864 bytes"));
  EXPECT_TRUE(EndsWith(RenderText("{% for i in (1..100000) %}{{ d | size }}{% endfor %}",
                                  "{\"d\": \"" + std::string(1'000'000, 'x') + "\"}"),
                       "works through more than 67108864 bytes"));
}

TEST(HostileTest, PartialsDoNotMultiply) {
  PartialTexts texts;
  for (int i = 0; i < 15; ++i) {
    texts[std::to_string(i)] = Repeated("{% render '" + std::to_string(i + 1) + "' %}", 10);
  }
  texts["15"] = "x";
  EXPECT_FALSE(Parses("{% render '0' %}", texts));
}

TEST(HostileTest, AnyBytesAsData) {
  const std::string odd("\0\xed\xa0\x80\xff<\xc3", 7);
  const model::MapEntry entries[] = {{model::Value::String("d"), model::Value::String(odd)}};
  const model::Value data = model::Value::Map(entries, 1);
  const auto parsed =
      Parse(
          "{{ d }}{{ d | upcase | capitalize | truncate: 3 }}{{ d | split: '' | join: '.' }}"
          "{{ d | slice: 1, 2 }}{{ d | url_encode | url_decode }}{{ d | strip_html | date: d }}"
          "{{ d | size }}{{ d | base64_encode | base64_decode }}{% if d contains d %}{{ d[d] }}{% "
          "endif %}",
          {})
          .parsed;
  ASSERT_NE(parsed, nullptr);
  RenderOptions options;
  options.auto_escape = true;
  std::string out;
  ASSERT_TRUE(Render(*parsed, data, options, &out).ok());
  EXPECT_EQ(out.substr(0, odd.size()), std::string("\0\xed\xa0\x80\xff&l", 7));
  EXPECT_NE(out.find("7"), std::string::npos);
}

TEST(HostileTest, LargeTextsAsData) {
  const std::string large = Repeated("<script <!-- <style < \n &", 40'000);
  const model::MapEntry entries[] = {{model::Value::String("d"), model::Value::String(large)}};
  const auto parsed =
      Parse(
          "{{ d | strip_html | size }} {{ d | escape_once | size }} {{ d | split: ' ' | size }} "
          "{{ d | remove: '<' | size }} {{ d | truncatewords: 2 }} {{ d | newline_to_br | size }}",
          {})
          .parsed;
  std::string out;
  const Status status = Render(*parsed, model::Value::Map(entries, 1), {}, &out);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(out.substr(0, 8), "1000000 ");
}

}  // namespace
}  // namespace sojourn::liquid
