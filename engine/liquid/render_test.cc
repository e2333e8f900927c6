#include <gtest/gtest.h>

#include "engine/base/rfc3339.h"
#include "engine/liquid/test_support.h"

namespace sojourn::liquid {
namespace {

TEST(RenderTest, ErrorsTellWhere) {
  EXPECT_EQ(RenderText("é\n {{ 1 | divided_by: n }}", R"({"n": 0})"),
            "error: 2:9: a division by zero");
  EXPECT_EQ(RenderText("{% if 'a' < 1 %}{% endif %}"),
            "error: 1:1: string and int cannot be compared");
  EXPECT_EQ(RenderText("{% render 'p' %}", "{}", {}, PartialTexts{{"p", "\n{{ 1 | modulo: 0 }}"}}),
            "error: partial \"p\" 2:8: a division by zero");
}

TEST(RenderTest, KeepsTheOutputWhereItFails) {
  std::string out = "before";
  const auto parsed = Parse("text {{ 1 | divided_by: 0 }}", {}).parsed;
  EXPECT_EQ(Render(*parsed, {}, {}, &out).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(out, "before");
}

TEST(RenderTest, IsolatesRenderedPartialsButGivesThemTheData) {
  const MapPartials partials(
      PartialTexts{{"p", "{{ x }}{{ company.name }}{% assign x = 3 %}{{ x }}"}});
  const std::string data = R"({"company": {"name": "Acme"}})";
  EXPECT_EQ(RenderText("{% assign x = 1 %}{% render 'p' %}{{ x }}", data, {}, partials), "Acme31");
  EXPECT_EQ(RenderText("{% assign x = 1 %}{% include 'p' %}{{ x }}", data, {}, partials),
            "1Acme33");
}

TEST(RenderTest, WhatRubyPrints) {
  const std::string data = R"({"m": {"a": [1, "x", null, 1.5]}, "l": [1, [2, "b"]]})";
  EXPECT_EQ(RenderText("{{ m }} {{ l }}", data), R"({"a"=>[1, "x", nil, 1.5]} 12b)");
  EXPECT_EQ(RenderText("{{ 1e3 }}"), "issue: e3 is not expected here");
  EXPECT_EQ(RenderText("{{ a }} {{ b }} {{ c }}", R"({"a": 1e20, "b": 0.00001, "c": 1e15})"),
            "1.0e+20 1.0e-05 1000000000000000.0");
}

TEST(RenderTest, NumbersDoNotOverflow) {
  EXPECT_EQ(RenderText("{{ 9223372036854775807 | plus: 1 }}"), "9.223372036854776e+18");
  EXPECT_EQ(RenderText("{{ -9223372036854775808 | abs }}"), "9.223372036854776e+18");
  EXPECT_EQ(RenderText("{{ -9223372036854775808 | divided_by: -1 }}"), "9.223372036854776e+18");
  EXPECT_EQ(RenderText("{{ -9223372036854775808 | modulo: -1 }}"), "0");
  EXPECT_EQ(RenderText("{{ 5 | times: 99999999999999999999999999 }}"), "5.0e+26");
  EXPECT_EQ(RenderText("{{ 2.5 | round }} {{ -2.5 | round }} {{ 1.005 | round: 2 }}"), "3 -3 1.01");
  EXPECT_EQ(RenderText("{{ 15 | round: -1 }} {{ 5 | round: -999 }} {{ 1.5 | round: 999 }}"),
            "20 0 1.5");
  EXPECT_EQ(RenderText("{{ -7 | divided_by: 2 }} {{ -7 | modulo: 2 }}"), "-4 1");
}

TEST(RenderTest, CaseOfLettersBeyondAscii) {
  EXPECT_EQ(RenderText("{{ 'müller žižek ñ ÿ я ё ά σς' | upcase }}"), "MÜLLER ŽIŽEK Ñ Ÿ Я Ё Ά ΣΣ");
  EXPECT_EQ(RenderText("{{ 'ÄÖÜ ŽÑ ŸЯЁΆ×' | downcase }}"), "äöü žñ ÿяёά×");
  EXPECT_EQ(RenderText("{{ 'éCOLE' | capitalize }} {{ '测试测试' | truncate: 3, '' }}"),
            "École 测试测");
}

// ---- auto-escape -----------------------------------------------------------------------------

constexpr std::string_view kData = R"({"d": "<b>&'\"", "l": ["<i>"], "u": "a&b c"})";

TEST(AutoEscapeTest, EscapesData) {
  EXPECT_EQ(RenderHtml("{{ d }}", kData), "&lt;b&gt;&amp;&#39;&quot;");
  EXPECT_EQ(RenderText("{{ d }}", kData), "<b>&'\"");
  EXPECT_EQ(RenderHtml("{% echo l %}{% for i in l %}{{ i }}{% cycle i %}{% endfor %}", kData),
            "&lt;i&gt;&lt;i&gt;&lt;i&gt;");
  EXPECT_EQ(RenderHtml("{% assign x = d %}{{ x | upcase }}", kData), "&lt;B&gt;&amp;&#39;&quot;");
  EXPECT_EQ(RenderHtml("{{ l | join: '<br>' }}", kData), "&lt;i&gt;");
  EXPECT_EQ(RenderHtml("{{ nothing | default: d }}", kData), "&lt;b&gt;&amp;&#39;&quot;");
}

TEST(AutoEscapeTest, EscapesOnce) {
  EXPECT_EQ(RenderHtml("{{ l.first | escape }}{{ l.first | escape_once }}", kData),
            "&lt;i&gt;&lt;i&gt;");
  EXPECT_EQ(RenderHtml("{{ t | newline_to_br }}", R"({"t": "<\n"})"), "&lt;<br />\n");
  EXPECT_EQ(RenderHtml("{% capture c %}<p>{{ l.first }}</p>{% endcapture %}{{ c }}{{ c | strip }}",
                       kData),
            "<p>&lt;i&gt;</p><p>&lt;i&gt;</p>");
  EXPECT_EQ(RenderHtml("{{ l.first | raw }}", kData), "<i>");
}

TEST(AutoEscapeTest, TrustsTheAuthorsOwnText) {
  EXPECT_EQ(RenderHtml("{{ '<br>' }}{{ x | default: '<hr>' }}"), "<br><hr>");
  // Beside data it is data, so that filters see what was written.
  EXPECT_EQ(RenderHtml("{{ '?q=' | append: u | url_encode }}", kData), "%3Fq%3Da%26b+c");
  EXPECT_EQ(RenderHtml("{{ u | append: '<br>' }}", kData), "a&amp;b c&lt;br&gt;");
}

TEST(AutoEscapeTest, DataBesideHtmlIsEscaped) {
  EXPECT_EQ(RenderHtml("{{ l.first | escape | append: '<br>' | append: u }}", kData),
            "&lt;i&gt;<br>a&amp;b c");
  EXPECT_EQ(RenderHtml("{{ '<b>x</b>' | raw | replace: 'x', l.first | prepend: u }}", kData),
            "a&amp;b c<b>&lt;i&gt;</b>");
  EXPECT_EQ(RenderHtml("{{ l.first | escape | truncate: 9, l.first }}", kData), "&lt;i&gt;");
}

TEST(AutoEscapeTest, DecodedTextIsData) {
  EXPECT_EQ(RenderHtml("{{ '%3Cb%3E' | url_decode }}{{ 'PGI+' | base64_decode }}"),
            "&lt;b&gt;&lt;b&gt;");
}

// ---- dates -----------------------------------------------------------------------------------

std::string At(std::string_view zone, std::string_view text) {
  RenderOptions options;
  options.zone = *FindTimeZone(zone);
  options.now = ParseRfc3339("2026-03-01T12:30:00Z");
  return RenderText(text, R"({"t": "2026-07-01T22:30:05.125Z"})", options);
}

TEST(DateTest, ShowsTimesInTheZone) {
  EXPECT_EQ(At("Europe/Berlin", "{{ t | date: '%Y-%m-%d %H:%M %Z %z' }}"),
            "2026-07-02 00:30 CEST +0200");
  EXPECT_EQ(At("America/New_York", "{{ t | date: '%A, %B %-d, %-I:%M %p %:z' }}"),
            "Wednesday, July 1, 6:30 PM -04:00");
  EXPECT_EQ(At("Europe/Berlin", "{{ '2026-01-05 10:00' | date: '%s %H' }}"), "1767603600 10");
  EXPECT_EQ(At("Europe/Berlin", "{{ 'now' | date: '%H:%M' }}"), "13:30");
  EXPECT_EQ(RenderText("{{ 'now' | date: '%H:%M' }}"), "now");
}

TEST(DateTest, RendersTimestampValues) {
  const model::MapEntry entries[] = {
      {model::Value::String("t"), model::Value::Time(*ParseRfc3339("2026-03-02T09:00:00Z"))}};
  const auto parsed = Parse("{{ t }} {{ t | date: '%d.%m.%Y' }}", {}).parsed;
  std::string out;
  ASSERT_TRUE(Render(*parsed, model::Value::Map(entries, 1), {}, &out).ok());
  EXPECT_EQ(out, "2026-03-02T09:00:00Z 02.03.2026");
}

TEST(DateTest, Directives) {
  EXPECT_EQ(
      At("UTC",
         "{{ t | date: '%a|%b|%C|%D|%e|%F|%G-%V|%I|%j|%k|%l|%L|%3N|%P|%R|%T|%u|%U|%W|%w|%y|%%' }}"),
      "Wed|Jul|20|07/01/26| 1|2026-07-01|2026-27|10|182|22|10|125|125|pm|22:30|22:30:05|3|26|"
      "26|3|26|%");
  EXPECT_EQ(At("UTC", "{{ t | date: '%^a|%#p|%-m|%_m|%05d|%10A|%Q|%' }}"),
            "WED|pm|7| 7|00001| Wednesday|%Q|%");
  EXPECT_EQ(At("UTC", "{{ '2027-01-01' | date: '%G-%V' }} {{ '2024-12-30' | date: '%G-%V' }}"),
            "2026-53 2025-01");
}

TEST(DateTest, LeavesWhatIsNoTime) {
  EXPECT_EQ(RenderText("{{ 'soon' | date: '%Y' }}{{ l | date: '%Y' }}", R"({"l": [1, 2]})"),
            "soon12");
  EXPECT_EQ(RenderText("{{ 9223372036854775807 | date: '%Y' }}"), "9223372036854775807");
  EXPECT_EQ(RenderText("{{ '99999999999999999999' | date: '%Y' }}"), "99999999999999999999");
}

}  // namespace
}  // namespace sojourn::liquid
