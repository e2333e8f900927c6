#include "connectors/feedback/feedback_event.h"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "engine/base/hash.h"
#include "engine/model/event_codec.h"
#include "engine/model/event_rules.h"

namespace sojourn::feedback {
namespace {

using model::Value;

std::string_view NameOf(FactKind kind) {
  switch (kind) {
    case FactKind::kDelivered:
      return model::kEmailDelivered;
    case FactKind::kBouncedHard:
    case FactKind::kBouncedSoft:
      return model::kEmailBounced;
    case FactKind::kComplained:
      break;
  }
  return model::kEmailMarkedAsSpam;
}

std::string_view TypeOf(FactKind kind) {
  if (kind == FactKind::kBouncedHard) return "hard";
  return kind == FactKind::kBouncedSoft ? "soft" : "";
}

std::string IdOf(std::string_view provider, const FeedbackFact& fact,
                 const deliver::LinkClaims& claims) {
  if (fact.kind == FactKind::kDelivered) return claims.action_id + "-delivered";
  const std::string text =
      fmt::format("feedback:{}:{}:{}", provider, FactKindName(fact.kind), fact.id);
  return Hex(Sha256(text).data(), 16);
}

}  // namespace

Result<model::Event> ToEvent(std::string_view provider, const FeedbackFact& fact,
                             const deliver::LinkClaims& claims, Timestamp now, Arena* arena) {
  if (!model::IsValidPersonId(claims.person) || claims.action_id.empty()) {
    return InvalidArgument("the mark names no person and mail");
  }
  model::Event event;
  event.id = arena->Copy(IdOf(provider, fact, claims));
  event.name = NameOf(fact.kind);
  event.time = fact.time;
  event.received_at = now;
  const std::array<std::pair<std::string_view, std::string_view>, 8> texts = {
      {{"action_id", claims.action_id},
       {"email", claims.target},
       {"journey", claims.journey},
       {"provider", provider},
       {"reason", fact.diagnostic},
       {"template", claims.template_name},
       {"topic", claims.topic},
       {"type", TypeOf(fact.kind)}}};
  auto* entries = arena->AllocateArray<model::MapEntry>(texts.size());
  uint32_t count = 0;
  for (const auto& [key, text] : texts) {
    if (!text.empty()) entries[count++] = {Value::String(key), Value::String(arena->Copy(text))};
  }
  event.properties = Value::SortedMap(entries, count);
  const bool anonymous = claims.person.starts_with(model::kAnonymousPrefix);
  const std::string_view person = arena->Copy(claims.person);
  const std::string_view rest = person.substr(anonymous ? model::kAnonymousPrefix.size() : 0);
  SOJOURN_RETURN_IF_ERROR(anonymous ? model::SetPerson("", rest, arena, &event)
                                    : model::SetPerson(rest, "", arena, &event));
  return event;
}

bool Suppresses(FactKind kind) {
  return kind == FactKind::kBouncedHard || kind == FactKind::kComplained;
}

}  // namespace sojourn::feedback
