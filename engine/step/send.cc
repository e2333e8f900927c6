// Sends and webhooks: the gates in their order, then the action.
#include <algorithm>

#include "engine/step/action.h"
#include "engine/step/bucket.h"
#include "engine/step/civil_moments.h"
#include "engine/step/gates.h"
#include "engine/step/trace.h"
#include "engine/step/walk.h"

namespace sojourn::step {
namespace {

using language::Company;
using language::ConsentTopic;
using language::SendStep;
using model::ActionKind;

std::string_view AddressOf(const model::Person& person, ActionKind channel) {
  const model::Value* trait = person.FindTrait(AddressTrait(channel));
  const bool text = trait != nullptr && trait->kind() == model::ValueKind::kString;
  return text ? trait->text() : std::string_view();
}

// Bounces and complaints are about mail.
bool Suppressed(const model::Person& person, ActionKind channel, std::string_view address) {
  if (channel != ActionKind::kSendEmail) return false;
  return person.complained || model::HasAddress(person.bounced, address);
}

bool Consented(const model::Person& person, std::string_view topic, bool by_default) {
  for (const model::ConsentChoice& choice : person.consent) {
    if (choice.topic == topic) return choice.opted_in;
  }
  return by_default;
}

bool Capped(const Session& session, const Company& company, std::string_view topic) {
  for (const language::FrequencyCap& cap : company.frequency_caps) {
    if (!cap.topic.empty() && cap.topic != topic) continue;
    const auto counts = [&](const model::SentMark& mark) {
      return session.now - mark.time < cap.per && (cap.topic.empty() || mark.topic == cap.topic);
    };
    const auto& sent = session.person.sent;
    if (std::count_if(sent.begin(), sent.end(), counts) >= cap.max) return true;
  }
  return false;
}

// Keeps marks while some cap counts them.
void MarkSent(Session& session, const Company& company, std::string_view topic) {
  model::Person& person = session.person;
  const auto counted = [&](const model::SentMark& mark) {
    return std::any_of(company.frequency_caps.begin(), company.frequency_caps.end(),
                       [&](const language::FrequencyCap& cap) {
                         return (cap.topic.empty() || cap.topic == mark.topic) &&
                                session.now - mark.time < cap.per;
                       });
  };
  for (uint32_t i = 0; i < person.sent.size();) {
    if (counted(person.sent[i])) {
      ++i;
    } else {
      person.sent.Erase(i);
    }
  }
  if (!counted({session.now, topic})) return;
  person.sent.Append(&person.arena, {session.now, person.arena.Copy(topic)});
}

bool InHoldout(const Session& session, std::string_view journey, int held_out_buckets) {
  if (held_out_buckets == 0) return false;
  if (const Overrides* overrides = session.environment.overrides) return overrides->holdout;
  return Bucket(BucketKind::kHoldout, journey, {}, session.person.id) < held_out_buckets;
}

// The gate that refuses, or how long the send is held.
struct Verdict {
  std::string_view refused;
  std::optional<Timestamp> held_until;
};

Verdict PassQuietHours(Walk& walk) {
  const auto& quiet_hours = walk.journey->quiet_hours;
  if (!quiet_hours) return {};
  const auto end = QuietUntil(walk.session.now, *quiet_hours, walk.session.Zone(*walk.journey));
  if (!end) return {};
  if (quiet_hours->then == language::QuietThen::kSkip) return {"quiet_hours", {}};
  return {{}, end};
}

Verdict PassGates(Walk& walk, const SendStep& send, const ConsentTopic& topic) {
  const Session& session = walk.session;
  const Company& company = session.rules.current().company;
  const std::string_view address = AddressOf(session.person, send.channel);
  if (address.empty()) return {"no_address", {}};
  if (Suppressed(session.person, send.channel, address)) return {"suppressed", {}};
  if (!Consented(session.person, topic.name, topic.opted_in)) return {"no_consent", {}};
  const bool marketing = !topic.transactional;
  if (marketing && InHoldout(session, {}, company.holdout_buckets)) return {"holdout", {}};
  if (HeldOutOfJourney(session, *walk.journey)) return {"holdout", {}};
  if (!marketing) return {};
  if (Capped(session, company, topic.name)) return {"frequency_cap", {}};
  return PassQuietHours(walk);
}

// As the current rules have it; of a topic they no longer know, as the run's own rules had it.
ConsentTopic TopicOf(const Walk& walk, const SendStep& send) {
  const ConsentTopic* topic = walk.session.rules.current().company.FindTopic(send.topic);
  if (topic == nullptr) topic = send.topic_rule;
  if (topic != nullptr) return *topic;
  return {send.topic, true, false};
}

}  // namespace

std::string_view AddressTrait(ActionKind channel) {
  switch (channel) {
    case ActionKind::kSendSms:
      return "phone";
    case ActionKind::kSendPush:
      return "push_token";
    default:
      return "email";
  }
}

bool HeldOutOfJourney(const Session& session, const language::Journey& journey) {
  return InHoldout(session, journey.name, journey.holdout_buckets);
}

Move Pass(Walk& walk, const SendStep& send) {
  const ConsentTopic topic = TopicOf(walk, send);
  const Verdict verdict = PassGates(walk, send, topic);
  if (!verdict.refused.empty()) {
    const Move move = walk.Skip(verdict.refused);
    TraceSkippedSend(walk, send, verdict.refused);
    return move;
  }
  if (verdict.held_until) {
    return walk.RestUntil(model::RestKind::kQuietHours, *verdict.held_until);
  }
  const auto data = EvaluateAll(walk, send.data);
  if (!data) return walk.Skip("error");
  model::Action action = StartAction(walk, send.channel);
  action.template_name = send.template_name;
  if (send.template_rule != nullptr) action.template_revision = send.template_rule->revision;
  action.topic = send.topic;
  action.address = AddressOf(walk.session.person, send.channel);
  action.values_json = ValuesJson(walk, send.template_rule, *data);
  if (!Fits(walk, action)) return walk.Skip("error");
  FinishAction(walk, send.template_name, std::move(action));
  if (!topic.transactional) {
    MarkSent(walk.session, walk.session.rules.current().company, send.topic);
  }
  return Move::To(walk.step->next);
}

Move Pass(Walk& walk, const language::WebhookStep& webhook) {
  if (HeldOutOfJourney(walk.session, *walk.journey)) {
    const Move move = walk.Skip("holdout");
    TraceHoldout(walk.session, *walk.journey);
    return move;
  }
  const auto data = EvaluateAll(walk, webhook.data);
  if (!data) return walk.Skip("error");
  model::Action action = StartAction(walk, ActionKind::kWebhook);
  action.url = webhook.url;
  action.method = webhook.method;
  action.values_json = ValuesJson(walk, nullptr, *data);
  if (!Fits(walk, action)) return walk.Skip("error");
  FinishAction(walk, webhook.url, std::move(action));
  return Move::To(walk.step->next);
}

}  // namespace sojourn::step
