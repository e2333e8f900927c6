// For the tests of this folder.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/liquid/liquid.h"
#include "engine/model/json_reader.h"

namespace sojourn::liquid {

using PartialTexts = std::map<std::string, std::string, std::less<>>;

class MapPartials : public PartialSource {
 public:
  MapPartials() = default;
  MapPartials(PartialTexts texts)  // NOLINT: implicit
      : texts_(std::move(texts)) {}

  std::optional<std::string> Find(std::string_view name) const override {
    const auto found = texts_.find(name);
    return found == texts_.end() ? std::nullopt : std::optional(found->second);
  }
  std::vector<std::string> Names() const override {
    std::vector<std::string> names;
    for (const auto& [name, text] : texts_) names.push_back(name);
    return names;
  }

 private:
  const PartialTexts texts_ = {};
};

// The output, or "issue: ..." or "error: ...".
inline std::string RenderText(std::string_view text, std::string_view json = "{}",
                              const RenderOptions& options = {}, const MapPartials& partials = {}) {
  const ParseResult result = Parse(text, {&partials});
  if (result.parsed == nullptr) return "issue: " + result.issues[0].message;
  Arena arena;
  const auto data = model::JsonReader().Read(json, kMaxStoredNesting, &arena);
  if (!data.ok()) return "data: " + data.status().message();
  std::string out;
  const Status status = Render(*result.parsed, *data, options, &out);
  return status.ok() ? out : "error: " + status.message();
}

inline std::string RenderHtml(std::string_view text, std::string_view json = "{}") {
  RenderOptions options;
  options.auto_escape = true;
  return RenderText(text, json, options);
}

// `text` so many times.
inline std::string Repeated(std::string_view text, size_t count) {
  std::string repeated;
  for (size_t i = 0; i < count; ++i) repeated += text;
  return repeated;
}

}  // namespace sojourn::liquid
