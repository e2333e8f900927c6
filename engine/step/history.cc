#include "engine/step/history.h"

#include <algorithm>

#include "engine/base/hash.h"
#include "engine/base/limits.h"
#include "engine/expr/counter.h"

namespace sojourn::step {
namespace {

using model::Value;
using model::ValueKind;

// The property as text; empty where it is absent or of another type.
std::string_view TextProperty(const expr::EventView& event, std::string_view name) {
  const Value* value = event.properties.Find(name);
  return value != nullptr && value->kind() == ValueKind::kString ? value->text()
                                                                 : std::string_view();
}

bool BoolProperty(const expr::EventView& event, std::string_view name) {
  const Value* value = event.properties.Find(name);
  return value != nullptr && value->kind() == ValueKind::kBool && value->bool_value();
}

void NoteWrongType(Session& session, std::string_view name, expr::TypeKind expected) {
  model::Fact& fact = session.Note(model::FactKind::kWrongType);
  fact.name = session.output.arena.Copy(name);
  fact.reason = expr::TypeKindName(expected);
}

// A choice that named no topic: it holds for marketing topics that come later, too.
constexpr std::string_view kAllMarketingTopics;

bool HasChosen(const model::Person& person, std::string_view topic) {
  return std::any_of(person.consent.begin(), person.consent.end(),
                     [&](const model::ConsentChoice& choice) { return choice.topic == topic; });
}

bool HasRefused(const model::Person& person, std::string_view topic) {
  return std::any_of(person.consent.begin(), person.consent.end(),
                     [&](const model::ConsentChoice& choice) {
                       return choice.topic == topic && !choice.opted_in;
                     });
}

// What a Subscribed or Unsubscribed does to the topics that it means.
struct ConsentChange {
  bool opted_in = false;
  // An old list of contacts does not take back what somebody refused since.
  bool keeps_refusals = false;

  void Apply(Session& session, std::string_view topic) const {
    if (keeps_refusals && HasRefused(session.person, topic)) return;
    Choose(&session.person, topic, opted_in);
  }
};

void ChangeMarketingConsent(Session& session, const ConsentChange& change, Changes* changes) {
  for (const language::ConsentTopic& topic : session.rules.current().company.topics) {
    if (!topic.transactional) change.Apply(session, topic.name);
  }
  change.Apply(session, kAllMarketingTopics);
  changes->consent = true;
}

// Only topics of the company are remembered, so that no sender of events can fill the record.
void ChangeConsentTo(Session& session, const expr::EventView& event, std::string_view named,
                     const ConsentChange& change, Changes* changes) {
  for (const language::ConsentTopic& topic : session.rules.current().company.topics) {
    if (topic.name != named) continue;
    change.Apply(session, topic.name);
    changes->consent = true;
    return;
  }
  model::Fact& fact = session.Note(model::FactKind::kUnknownTopic);
  fact.name = session.output.arena.Copy(named);
  fact.reason = session.output.arena.Copy(event.name);
}

// A topic that cannot be read stops all mail, but never starts any.
void ChangeConsent(Session& session, const expr::EventView& event, bool opted_in,
                   Changes* changes) {
  const ConsentChange change{opted_in, opted_in && BoolProperty(event, "unless_unsubscribed")};
  const Value* topic = event.properties.Find("topic");
  const bool given = topic != nullptr && !topic->is_null();
  const bool readable = given && topic->kind() == ValueKind::kString;
  // With a catalogue NoteWrongTypes has done so.
  if (given && !readable && !session.rules.current().names->HasCatalog()) {
    NoteWrongType(session, "topic", expr::TypeKind::kString);
  }
  const bool named = readable && (opted_in || !topic->text().empty());
  if (named) return ChangeConsentTo(session, event, topic->text(), change, changes);
  if (!given || !opted_in) ChangeMarketingConsent(session, change, changes);
}

// The one that the event names, else the current one; empty where there is none.
std::string_view AddressOf(const Session& session, const expr::EventView& event) {
  const std::string_view named = TextProperty(event, "email");
  const Value* current = session.person.FindTrait("email");
  const bool known = current != nullptr && current->kind() == ValueKind::kString;
  return named.empty() && known ? current->text() : named;
}

void Suppress(Session& session, std::string_view address, model::SuppressionReason reason) {
  if (address.empty()) return;
  session.output.suppressed.push_back({session.output.arena.Copy(address), reason, session.now});
}

void RememberComplaint(Session& session, const expr::EventView& event, Changes* changes) {
  Suppress(session, AddressOf(session, event), model::SuppressionReason::kComplained);
  session.person.complained = true;
  changes->consent = true;
}

void RememberBounce(Session& session, const expr::EventView& event, Changes* changes) {
  if (TextProperty(event, "type") != "hard") return;
  const std::string_view address = AddressOf(session, event);
  if (address.empty()) return;
  Suppress(session, address, model::SuppressionReason::kBounced);
  auto& bounced = session.person.bounced;
  if (model::HasAddress(bounced, address)) return;
  if (bounced.size() == kMaxBouncedAddresses) bounced.EraseFront(1);
  bounced.Append(&session.person.arena, session.person.arena.Copy(address));
  changes->consent = true;
}

void CountEvent(Session& session, const expr::EventView& event, Changes* changes) {
  const language::EventRules* rules = session.rules.ForEvent(event.name);
  if (rules == nullptr || rules->counters.empty()) return;
  const Place place{&session.rules.current(), nullptr, {}};
  const expr::Activation activation = session.Activate(place, &event, nullptr, nullptr);
  for (const expr::CounterDefinition* definition : rules->counters) {
    expr::UpdateCounter(*definition, activation, &session.person, &session.output.arena);
    changes->counters.push_back(definition->id);
  }
}

}  // namespace

void Choose(model::Person* person, std::string_view topic, bool opted_in) {
  const auto at = std::lower_bound(
      person->consent.begin(), person->consent.end(), topic,
      [](const model::ConsentChoice& choice, std::string_view t) { return choice.topic < t; });
  const auto index = static_cast<uint32_t>(at - person->consent.begin());
  if (at != person->consent.end() && at->topic == topic) {
    at->opted_in = opted_in;
  } else {
    person->consent.Insert(&person->arena, index, {person->arena.Copy(topic), opted_in});
  }
}

void ApplyGeneralUnsubscription(Session& session) {
  for (const model::ConsentChoice& choice : session.person.consent) {
    if (choice.topic != kAllMarketingTopics || choice.opted_in) continue;
    for (const language::ConsentTopic& topic : session.rules.current().company.topics) {
      if (!topic.transactional && !HasChosen(session.person, topic.name)) {
        Choose(&session.person, topic.name, false);
      }
    }
    return;
  }
}

void NoteWrongTypes(Session& session, const expr::EventView& event) {
  const expr::Names& names = *session.rules.current().names;
  if (!names.HasCatalog() || event.properties.kind() != ValueKind::kMap) return;
  for (uint32_t i = 0; i < event.properties.size(); ++i) {
    const model::MapEntry& entry = event.properties.entries()[i];
    if (entry.key.kind() != ValueKind::kString || entry.value.is_null()) continue;
    const auto type = names.EventProperty(event.name, entry.key.text());
    if (!type || type->kind == expr::TypeKind::kDynamic) continue;
    if (expr::Coerce(entry.value, type->kind)) continue;
    NoteWrongType(session, entry.key.text(), type->kind);
  }
}

bool IsRepetition(Session& session, std::string_view event_id) {
  if (event_id.empty()) return false;
  auto& recent = session.person.recent_ids;
  uint32_t expired = 0;
  while (expired < recent.size() && session.now - recent[expired].time >= kRecentEventIdAge) {
    ++expired;
  }
  recent.EraseFront(expired);
  const uint64_t hash = KeyedHash64(session.environment.secrets->event_id_key, event_id);
  for (const model::RecentEventId& seen : recent) {
    if (seen.hash == hash) return true;
  }
  if (recent.size() == kMaxRecentEventIds) recent.EraseFront(1);
  recent.Append(&session.person.arena, {hash, session.now});
  return false;
}

void ChangeTrait(Session& session, std::string_view name, const Value& value, Changes* changes) {
  const Value* before = session.person.FindTrait(name);
  if (before == nullptr ? value.is_null() : model::Identical(*before, value)) return;
  session.person.SetTrait(name, value);
  changes->traits.push_back(name);
  if (name == "timezone") session.ForgetZone();
  // The current address decides whether the person is suppressed.
  if (name == "email") changes->consent = true;
}

void ChangeTraits(Session& session, const Value& traits, Changes* changes) {
  if (traits.kind() != ValueKind::kMap) return;
  for (uint32_t i = 0; i < traits.size(); ++i) {
    const model::MapEntry& entry = traits.entries()[i];
    if (entry.key.kind() != ValueKind::kString) continue;
    ChangeTrait(session, entry.key.text(), entry.value, changes);
  }
}

void RememberEvent(Session& session, const expr::EventView& event, Changes* changes) {
  if (event.name == model::kIdentify) {
    ChangeTraits(session, event.properties, changes);
  } else if (event.name == model::kSubscribed || event.name == model::kUnsubscribed) {
    ChangeConsent(session, event, event.name == model::kSubscribed, changes);
  } else if (event.name == model::kEmailBounced) {
    RememberBounce(session, event, changes);
  } else if (event.name == model::kEmailMarkedAsSpam) {
    RememberComplaint(session, event, changes);
  }
  CountEvent(session, event, changes);
}

}  // namespace sojourn::step
