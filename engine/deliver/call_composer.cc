#include "engine/deliver/call_composer.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "engine/base/json_text.h"
#include "engine/base/rfc3339.h"
#include "engine/language/render_message.h"

namespace sojourn::deliver {
namespace {

using Json = nlohmann::ordered_json;
using model::ActionKind;
using Outcome = Composition::Outcome;

Composition Make(Outcome outcome, std::string reason, std::string failure = "") {
  Composition composition;
  composition.outcome = outcome;
  composition.reason = std::move(reason);
  composition.failure = std::move(failure);
  return composition;
}

// What every body has; `type` is "webhook", "sms" or "push".
Json DataOf(const model::Action& action) {
  Json data = {{"person", action.person},
               {"journey", action.journey},
               {"step", action.step},
               {"entry", action.entry}};
  if (!action.run_key.empty()) data["run_key"] = action.run_key;
  return data;
}

std::string BodyOf(const model::Action& action, std::string_view type, Json data) {
  const Json body = {
      {"type", type}, {"timestamp", FormatRfc3339(action.time)}, {"data", std::move(data)}};
  return DumpJson(body);
}

}  // namespace

bool Gateways::Takes(ActionKind kind) const {
  switch (kind) {
    case ActionKind::kWebhook:
      return true;
    case ActionKind::kSendSms:
      return !sms_url.empty();
    case ActionKind::kSendPush:
      return !push_url.empty();
    default:
      return false;
  }
}

const std::string& Gateways::UrlOf(const model::Action& action) const {
  if (action.kind == ActionKind::kSendSms) return sms_url;
  return action.kind == ActionKind::kSendPush ? push_url : action.url;
}

Composition CallComposer::Compose(const model::Action& action, bool reopened, Call* call) const {
  call->id = action.id;
  call->url = gateways_.UrlOf(action);
  call->method = action.kind == ActionKind::kWebhook ? action.method : "POST";
  return action.kind == ActionKind::kWebhook ? ComposeWebhook(action, call)
                                             : ComposeMessage(action, reopened, call);
}

Composition CallComposer::ComposeWebhook(const model::Action& action, Call* call) const {
  const auto recipient = ports_.recipient(action.person);
  if (!recipient.ok()) return Make(Outcome::kTryLater, recipient.status().message());
  if (recipient->knowledge == Recipient::Knowledge::kForgotten) {
    return Make(Outcome::kSkip, "erased");
  }
  if (call->method == "GET") return {};
  Json data = DataOf(action);
  const Json values = Json::parse(action.values_json, nullptr, /*allow_exceptions=*/false);
  // Names that the step gives come before ours.
  if (values.is_object() && values.contains("data")) data.update(values["data"]);
  call->body = BodyOf(action, "webhook", std::move(data));
  return {};
}

Composition CallComposer::ComposeMessage(const model::Action& action, bool reopened,
                                         Call* call) const {
  const auto suppressed = ports_.suppressed(action.address);
  if (!suppressed.ok()) return Make(Outcome::kTryLater, suppressed.status().message());
  if (*suppressed) return Make(Outcome::kSkip, "suppressed");
  const auto recipient = ports_.recipient(action.person);
  if (!recipient.ok()) return Make(Outcome::kTryLater, recipient.status().message());
  const auto rules = ports_.rules();
  const language::Company& company = rules->current().company;
  const std::string refusal = RefusalOf(company, action, *recipient);
  if (!refusal.empty()) return Make(Outcome::kSkip, refusal);
  const language::Template* rule =
      FindTemplate(*rules, action.template_name, action.template_revision, reopened);
  if (rule == nullptr) {
    return Make(Outcome::kFail, fmt::format("the template \"{}\" is gone", action.template_name),
                "template_gone");
  }
  const auto rendered = language::RenderMessage(company, *rule, action, {});
  if (!rendered.ok()) {
    return Make(Outcome::kFail,
                fmt::format("template \"{}\", {}", rule->name, rendered.status().message()),
                "render_error");
  }
  Json data = DataOf(action);
  data["template"] = action.template_name;
  data["topic"] = action.topic;
  data["to"] = action.address;
  if (!rendered->subject.empty()) data["title"] = rendered->subject;
  data["text"] = rendered->body;
  call->body =
      BodyOf(action, action.kind == ActionKind::kSendSms ? "sms" : "push", std::move(data));
  return {};
}

}  // namespace sojourn::deliver
