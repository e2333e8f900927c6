#include <gtest/gtest.h>

#include "engine/liquid/test_support.h"

namespace sojourn::liquid {
namespace {

std::string ReadPaths(std::string_view text, const MapPartials& partials = {}) {
  std::string out;
  for (const Read& read : Parse(text, {&partials}).reads) out += read.path + "; ";
  return out;
}

std::string Issues(std::string_view text, const MapPartials& partials = {}) {
  std::string out;
  for (const Issue& issue : Parse(text, {&partials}).issues) {
    out += issue.message + (issue.hint.empty() ? "" : " (" + issue.hint + ")") + "; ";
  }
  return out;
}

TEST(ReadsTest, FindsWhatIsRead) {
  EXPECT_EQ(ReadPaths("a {{ person.first_name | default: 'x.y' }}"), "person.first_name; ");
  EXPECT_EQ(ReadPaths("{{- a.b | append: c.d | default: e, allow_false: f.g -}}"),
            "a.b; c.d; e; f.g; ");
  EXPECT_EQ(ReadPaths("{% if a.b == 'x' and c contains d.e or 3 > f %}{% endif %}"),
            "a.b; c; d.e; f; ");
  EXPECT_EQ(ReadPaths("{{ event[\"Odd Name\"] }} {{ list[0].name }} {{ map[key.x].y }}"),
            "event.Odd Name; list; key.x; map; ");
  EXPECT_EQ(ReadPaths("{% case a.b %}{% when c.d %}{% else %}{% endcase %}"), "a.b; c.d; ");
  EXPECT_EQ(ReadPaths("{{ event }} it's {{ a }}"), "event; a; ");
  EXPECT_EQ(ReadPaths("{% for i in (a..b) limit: c offset: d %}{% endfor %}"), "a; b; c; d; ");
  EXPECT_EQ(ReadPaths("{% cycle a: b, c %}{{ [d.e] }}{% echo f %}"), "a; b; c; d.e; f; ");
}

TEST(ReadsTest, LeavesOutNamesOfItsOwn) {
  EXPECT_EQ(ReadPaths("{% assign x = person.a %}{{ x.y }}"), "person.a; ");
  EXPECT_EQ(ReadPaths("{{ x }}{% assign x = 1 %}{{ x }}"), "x; ");
  EXPECT_EQ(ReadPaths("{% for i in data.list %}{{ i.a }}{{ forloop.index }}{% endfor %}{{ i }}"),
            "data.list; i; ");
  EXPECT_EQ(ReadPaths("{% capture c %}{{ a }}{% endcapture %}{{ c }}"), "a; ");
  EXPECT_EQ(ReadPaths("{% raw %}{{ a }}{% endraw %}{% comment %}{{ b }}{% endcomment %}{{ c }}"),
            "c; ");
  EXPECT_EQ(ReadPaths("{% increment n %}{{ n }}"), "");
}

TEST(ReadsTest, RangesAreThePaths) {
  const std::string text = "é {{ person.name | upcase }} {% if event['a'] %}{% endif %}";
  const auto reads = Parse(text, {}).reads;
  ASSERT_EQ(reads.size(), 2u);
  EXPECT_EQ(text.substr(reads[0].begin, reads[0].end - reads[0].begin), "person.name");
  EXPECT_EQ(text.substr(reads[1].begin, reads[1].end - reads[1].begin), "event['a']");
}

TEST(ReadsTest, IncludesPartials) {
  const MapPartials partials(PartialTexts{{"card", "{{ item.name }}{{ x }}{{ company.name }}"}});
  EXPECT_EQ(ReadPaths("{% assign x = 1 %}{% include 'card' with a.b as item %}", partials),
            "a.b; company.name; ");
  EXPECT_EQ(ReadPaths("{% assign x = 1 %}{% render 'card', item: a.b %}", partials),
            "a.b; x; company.name; ");
  const std::string text = "ab {% render 'card', item: 1, x: 2 %}";
  const auto reads = Parse(text, {&partials}).reads;
  ASSERT_EQ(reads.size(), 1u);
  EXPECT_EQ(reads[0].partial, "card");
  EXPECT_EQ(text.substr(reads[0].begin, reads[0].end - reads[0].begin),
            "{% render 'card', item: 1, x: 2 %}");
}

TEST(ReadsTest, StandBesideMistakes) {
  EXPECT_EQ(ReadPaths("{{ a }}{{ b | nope }}{% if c %}"), "a; b; c; ");
}

TEST(IssuesTest, OfBlocks) {
  EXPECT_EQ(Issues("{{ a"), "{{ is never closed (write }} behind it); ");
  EXPECT_EQ(Issues("{% if a %}"), "{% if %} is never closed (write {% endif %}); ");
  EXPECT_EQ(Issues("{% if a %}{{ b"), "{{ is never closed (write }} behind it); ");
  EXPECT_EQ(Issues("{% endif %}"), "{% endif %} closes nothing; ");
  EXPECT_EQ(Issues("{% if a %}{% endfor %}{% endif %}"),
            "{% endfor %} stands where {% endif %} is expected; ");
  EXPECT_EQ(Issues("{% for i in a %}{% if a %}{% endfor %}b{% if c %}{% endif %}"),
            "{% endfor %} stands where {% endif %} is expected; ");
  EXPECT_EQ(Issues("{% if a %}{% endfi %}b"), "{% endfi %} stands where {% endif %} is expected; ");
  EXPECT_EQ(Issues("{% raw %}{{ a }}"), "{% raw %} is never closed (write {% endraw %}); ");
  EXPECT_EQ(Issues("{% else %}"), "{% else %} stands in no block that has it; ");
  EXPECT_EQ(Issues("{% fro i in a %}"), "unknown tag \"fro\" (did you mean \"for\"?); ");
  EXPECT_EQ(Issues("{% fi a %}b{% else %}c{% endif %}"), "unknown tag \"fi\"; ");
  EXPECT_EQ(Issues("{% if a %}{% elsif b %}{% else %}{% endif %} { % } }"), "");
  EXPECT_EQ(Issues("{% liquid\n if a\n echo b %}"),
            "{% if %} is never closed (write {% endif %}); ");
}

TEST(IssuesTest, OfValues) {
  EXPECT_EQ(Issues("{{ a[ }}"), "this bracket is never closed; ");
  EXPECT_EQ(Issues("{{ 'a }}"), "this quote is never closed; ");
  EXPECT_EQ(Issues("{{ a b }}"), "b is not expected here; ");
  EXPECT_EQ(Issues("{% if a = 1 %}{% endif %}"), "= is not expected here (to compare, write ==); ");
  EXPECT_EQ(Issues("{% if %}{% endif %}{{ | upcase }}"),
            "a value is expected here; | is not expected here; ");
  EXPECT_EQ(Issues("{{ a | upcsae }}"),
            "there is no filter \"upcsae\" (did you mean \"upcase\"?); ");
  EXPECT_EQ(Issues("{{ a | append }}"), "append needs 1 argument (write append: and the value); ");
  EXPECT_EQ(Issues("{{ a | upcase: 1 }}"), "upcase takes no argument; ");
  EXPECT_EQ(Issues("{{ a | default: 1, alow_false: true }}"),
            "default takes no argument called alow_false; ");
  EXPECT_EQ(Issues("{% for i in a lmit: 3 %}{% endfor %}"),
            "lmit is not expected here (a loop has limit, offset and reversed); ");
}

TEST(IssuesTest, PointAtThePlace) {
  const auto issues = Parse("é {{ a | nope }}", {}).issues;
  ASSERT_EQ(issues.size(), 1u);
  EXPECT_EQ(issues[0].begin, 10u);
  EXPECT_EQ(issues[0].end, 14u);
}

TEST(IssuesTest, OfPartials) {
  const MapPartials partials(PartialTexts{{"footer", "\n {{ a | nope }}"},
                                          {"a", "{% render 'b' %}"},
                                          {"b", "{% include 'a' %}"},
                                          {"self", "{% render 'self' %}"}});
  EXPECT_EQ(Issues("{% render 'fotoer' %}", partials),
            "there is no partial \"fotoer\" (did you mean \"footer\"?); ");
  EXPECT_EQ(Issues("{% render 'footer' %}", partials),
            "partial \"footer\" 2:9: there is no filter \"nope\"; ");
  EXPECT_EQ(Issues("{% render 'self' %}", partials),
            "partial \"self\" 1:11: the partial \"self\" stands in itself; ");
  EXPECT_NE(Issues("{% render 'a' %}", partials).find("stands in itself"), std::string::npos);
  EXPECT_EQ(Issues("{% render name %}", partials),
            "the name of the partial is expected here, not name (a name in quotes; it cannot be "
            "computed); ");
  EXPECT_NE(Issues("{% render 'a' %}"), "");
}

}  // namespace
}  // namespace sojourn::liquid
