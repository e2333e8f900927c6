#include "engine/language/render_message.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "engine/liquid/liquid.h"
#include "engine/model/json_reader.h"

namespace sojourn::language {
namespace {

using model::MapEntry;
using model::Value;

Result<Value> DataOf(const model::Action& action, const MessageLinks& links, Arena* arena) {
  std::vector<MapEntry> entries;
  if (!action.values_json.empty()) {
    SOJOURN_ASSIGN_OR_RETURN(
        const Value values, model::JsonReader().Read(action.values_json, kMaxStoredNesting, arena));
    if (values.kind() == model::ValueKind::kMap) {
      entries.assign(values.entries(), values.entries() + values.size());
    }
  }
  entries.push_back({Value::String("unsubscribe_url"), Value::String(links.unsubscribe_url)});
  entries.push_back({Value::String("preferences_url"), Value::String(links.preferences_url)});
  auto* kept = arena->AllocateArray<MapEntry>(entries.size());
  std::copy(entries.begin(), entries.end(), kept);
  return Value::Map(kept, static_cast<uint32_t>(entries.size()));
}

// `where` stands before line and column in messages.
Result<std::string> RenderText(const std::string& where, const liquid::Template& text,
                               const Value& data, const liquid::RenderOptions& options) {
  std::string out;
  const Status status = liquid::Render(text, data, options, &out);
  if (!status.ok()) return Status(status.code(), where + status.message());
  return out;
}

}  // namespace

Result<RenderedMessage> RenderMessage(const Company& company, const Template& rule,
                                      const model::Action& action, const MessageLinks& links) {
  Arena arena;
  SOJOURN_ASSIGN_OR_RETURN(const Value data, DataOf(action, links, &arena));
  liquid::RenderOptions options;
  options.zone = company.timezone;
  options.now = action.time;
  RenderedMessage message;
  if (rule.parsed_subject != nullptr) {
    SOJOURN_ASSIGN_OR_RETURN(message.subject, RenderText(rule.position.file + ": the subject, ",
                                                         *rule.parsed_subject, data, options));
  }
  options.auto_escape = rule.channel == model::ActionKind::kSendEmail;
  SOJOURN_ASSIGN_OR_RETURN(message.body,
                           RenderText(rule.position.file + ":", *rule.parsed_body, data, options));
  return message;
}

}  // namespace sojourn::language
