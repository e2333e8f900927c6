#include "engine/language/liquid.h"

#include <gtest/gtest.h>

namespace sojourn::language {
namespace {

std::string Reads(std::string_view text) {
  std::string out;
  for (const LiquidRead& read : ScanLiquid(text).reads) out += read.path + "; ";
  return out;
}

std::string Issues(std::string_view text) {
  std::string out;
  for (const LiquidIssue& issue : ScanLiquid(text).issues) out += issue.message + "; ";
  return out;
}

TEST(Liquid, FindsWhatIsRead) {
  EXPECT_EQ(Reads("a {{ person.first_name | default: 'x.y' }}"), "person.first_name; ");
  EXPECT_EQ(Reads("{{- a.b | plus: c.d, e: f.g -}}"), "a.b; c.d; f.g; ");
  EXPECT_EQ(Reads("{% if a.b == 'x' and c contains d.e or 3 > f %}{% endif %}"),
            "a.b; c; d.e; f; ");
  EXPECT_EQ(Reads("{{ event[\"Odd Name\"] }} {{ list[0].name }} {{ map[key.x].y }}"),
            "event.Odd Name; list; key.x; map; ");
  EXPECT_EQ(Reads("{% case a.b %}{% when c.d %}{% else %}{% endcase %}"), "a.b; c.d; ");
  EXPECT_EQ(Reads("{{ event }}"), "event; ");
  EXPECT_EQ(Reads("{{ '}}' | append: a.b }}"), "a.b; ");
  EXPECT_EQ(Reads("it's {{ a }}"), "a; ");
}

TEST(Liquid, LeavesOutNamesOfItsOwn) {
  EXPECT_EQ(Reads("{% assign x = person.a %}{{ x.y }}"), "person.a; ");
  EXPECT_EQ(Reads("{% for i in data.list %}{{ i.a }}{{ forloop.index }}{% endfor %}"),
            "data.list; ");
  EXPECT_EQ(Reads("{% capture c %}{{ a }}{% endcapture %}{{ c }}"), "a; ");
  EXPECT_EQ(Reads("{% raw %}{{ a }}{% endraw %}{% comment %}{{ b }}{% endcomment %}{{ c }}"),
            "c; ");
}

TEST(Liquid, TellsMistakes) {
  EXPECT_EQ(Issues("{{ a"), "{{ is never closed; ");
  EXPECT_EQ(Issues("{% if a %}"), "{% if %} is never closed; ");
  EXPECT_EQ(Issues("{% endif %}"), "{% endif %} closes nothing; ");
  EXPECT_EQ(Issues("{% if a %}{% endfor %}{% endif %}"),
            "{% endfor %} stands where {% endif %} is expected; ");
  EXPECT_EQ(Issues("{% include 'x' %}"), "unknown tag \"include\"; ");
  EXPECT_EQ(Issues("{{ a[ }}"), "this bracket is never closed; ");
  EXPECT_EQ(Issues("{% raw %}{{ a }}"), "{% raw %} is never closed; ");
  EXPECT_EQ(Issues("{% if a %}{% elsif b %}{% else %}{% endif %} { % } }"), "");
}

}  // namespace
}  // namespace sojourn::language
