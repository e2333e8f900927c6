// Any text as a template: parsed, then rendered over a small person with small limits.
#include <string>
#include <string_view>

#include "engine/base/check.h"
#include "engine/liquid/liquid.h"
#include "engine/liquid/test_support.h"
#include "tests/fuzz/target.h"

namespace sojourn::liquid {
namespace {

constexpr std::string_view kData =
    R"({"person": {"first_name": "A<b>", "points": 12, "birthday": "1990-02-28T00:00:00Z"},
        "event": {"items": [{"title": "x", "price": 1.5}, {"title": "y", "price": 2}], "total": 3.5},
        "a": [3, "b", null, {"title": "x"}, [1.5]], "s": "hello", "x": 5, "n": -7, "e": ""})";

RenderOptions SmallLimits() {
  RenderOptions options;
  options.auto_escape = true;
  options.now = Timestamp(1'772'442'000'000);
  options.max_steps = 2'000;
  options.max_work_bytes = 100'000;
  options.max_output_bytes = 20'000;
  return options;
}

void Try(std::string_view text) {
  const MapPartials partials(
      PartialTexts{{"product", "{{ product.title | upcase }}"}, {"a", "{{ a }}{% break %}"}});
  const ParseResult result = Parse(text, {&partials});
  SOJOURN_CHECK((result.parsed == nullptr) == !result.issues.empty());
  for (const Issue& issue : result.issues) {
    SOJOURN_CHECK(issue.begin < issue.end && issue.begin <= text.size());
  }
  for (const Read& read : result.reads) SOJOURN_CHECK(read.end <= text.size());
  if (result.parsed == nullptr) return;
  Arena arena;
  const auto data = model::JsonReader().Read(kData, 10, &arena);
  SOJOURN_CHECK(data.ok());
  std::string out;
  const RenderOptions options = SmallLimits();
  const Status status = Render(*result.parsed, *data, options, &out);
  SOJOURN_CHECK(status.ok() || out.empty());
  SOJOURN_CHECK(out.size() <= options.max_output_bytes);
}

}  // namespace
}  // namespace sojourn::liquid

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  sojourn::liquid::Try({reinterpret_cast<const char*>(bytes), size});
  return 0;
}
