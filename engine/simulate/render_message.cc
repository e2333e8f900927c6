#include "engine/simulate/render_message.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "engine/liquid/liquid.h"
#include "engine/model/json_reader.h"

namespace sojourn::simulate {
namespace {

using model::MapEntry;
using model::Value;

constexpr std::string_view kUnsubscribeUrl = "https://sojourn.example/unsubscribe/sample";
constexpr std::string_view kPreferencesUrl = "https://sojourn.example/preferences/sample";

Result<Value> DataOf(const model::Action& action, Arena* arena) {
  std::vector<MapEntry> entries;
  if (!action.values_json.empty()) {
    SOJOURN_ASSIGN_OR_RETURN(
        const Value values, model::JsonReader().Read(action.values_json, kMaxStoredNesting, arena));
    if (values.kind() == model::ValueKind::kMap) {
      entries.assign(values.entries(), values.entries() + values.size());
    }
  }
  entries.push_back({Value::String("unsubscribe_url"), Value::String(kUnsubscribeUrl)});
  entries.push_back({Value::String("preferences_url"), Value::String(kPreferencesUrl)});
  auto* kept = arena->AllocateArray<MapEntry>(entries.size());
  std::copy(entries.begin(), entries.end(), kept);
  return Value::Map(kept, static_cast<uint32_t>(entries.size()));
}

Result<std::string> RenderText(std::string_view what, std::string_view text, const Value& data,
                               const liquid::RenderOptions& options) {
  const liquid::ParseResult result = liquid::Parse(text, {});
  if (result.parsed == nullptr) {
    return InvalidArgument(fmt::format("the {}: {}", what, result.issues[0].message));
  }
  std::string out;
  const Status status = liquid::Render(*result.parsed, data, options, &out);
  if (!status.ok()) {
    return Status(status.code(), fmt::format("the {}, {}", what, status.message()));
  }
  return out;
}

}  // namespace

Result<RenderedMessage> RenderMessage(const language::Bundle& bundle, const model::Action& action) {
  const language::Template* rule = bundle.FindTemplate(action.template_name);
  if (rule == nullptr) {
    return NotFound(fmt::format("there is no template \"{}\"", action.template_name));
  }
  Arena arena;
  SOJOURN_ASSIGN_OR_RETURN(const Value data, DataOf(action, &arena));
  liquid::RenderOptions options;
  options.zone = bundle.company.timezone;
  options.now = action.time;
  RenderedMessage message;
  SOJOURN_ASSIGN_OR_RETURN(message.subject, RenderText("subject", rule->subject, data, options));
  options.auto_escape = rule->channel == model::ActionKind::kSendEmail;
  SOJOURN_ASSIGN_OR_RETURN(message.body, RenderText("body", rule->body, data, options));
  return message;
}

}  // namespace sojourn::simulate
