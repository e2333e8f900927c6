// Liquid templates: text is parsed once and rendered many times.
//
// Parsing tells every mistake it finds; what can go wrong afterwards (a division by zero, a limit)
// comes back as a Status whose message begins with line and column. Any bytes are fine as text and
// as data. Threads: a Template is immutable and freely shared; Parse and Render are pure functions
// of what they are given. README.md says how this differs from Ruby's Liquid.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/civil.h"
#include "engine/base/limits.h"
#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/liquid/issue.h"
#include "engine/model/value.h"

namespace sojourn::liquid {

class Template;  // opaque; held by shared_ptr

// Where `render` and `include` find the texts that they name.
class PartialSource {
 public:
  virtual ~PartialSource() = default;
  // nullopt where there is no such partial. The text is copied.
  virtual std::optional<std::string> Find(std::string_view name) const = 0;
  // For "did you mean".
  virtual std::vector<std::string> Names() const { return {}; }
};

struct ParseOptions {
  const PartialSource* partials = nullptr;  // null: there are none; used during Parse alone
  std::string_view name = {};               // of the text where it is a partial itself
  int first_line = 1;  // number of the text's first line, as what Render says counts them
};

// A path of the data that a template reads: neither assigned by it nor a loop's own.
struct Read {
  std::string path;    // "person.first_name"; cut before a computed index
  uint32_t begin = 0;  // bytes of the text; of a partial's read: the tag that places the partial
  uint32_t end = 0;
  std::string partial;         // which partial reads it; "" for the text itself
  uint32_t partial_begin = 0;  // bytes of the partial's text, where it does
  uint32_t partial_end = 0;
};

struct ParseResult {
  std::shared_ptr<const Template> parsed;  // null where there is an issue
  std::vector<Issue> issues;               // in the order of the text
  std::vector<Read> reads;                 // likewise; also of what is fine between the issues
};

ParseResult Parse(std::string_view text, const ParseOptions& options);

struct RenderOptions {
  // Escapes for HTML whatever comes from the data and did not pass `escape`, `escape_once`,
  // `newline_to_br` or `raw`.
  bool auto_escape = false;
  // Of the date filter: how times are shown, and what times without an offset mean.
  TimeZone zone = cctz::utc_time_zone();
  // What "now" and "today" mean to the date filter; absent: they stay as they are.
  std::optional<Timestamp> now;

  uint64_t max_steps = kMaxLiquidSteps;
  size_t max_output_bytes = kMaxLiquidOutputBytes;
  size_t max_string_bytes = kMaxLiquidStringBytes;
  size_t max_work_bytes = kMaxLiquidWorkBytes;
};

// `data` is a map. Writes to `out` only where all went well. Errors: kInvalidArgument for what the
// template does with this data, kResourceExhausted for a limit.
Status Render(const Template& parsed, const model::Value& data, const RenderOptions& options,
              std::string* out);

}  // namespace sojourn::liquid
