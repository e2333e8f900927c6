#include "engine/deliver/verdict.h"

#include <algorithm>

#include "engine/base/hash.h"
#include "engine/model/event.h"

namespace sojourn::deliver {
namespace {

DeliveryState StateOf(SendOutcome outcome) {
  switch (outcome) {
    case SendOutcome::kDelivered:
      return DeliveryState::kDelivered;
    case SendOutcome::kRefused:
      return DeliveryState::kRefused;
    case SendOutcome::kTryLater:
      return DeliveryState::kWaiting;
    case SendOutcome::kUnknown:
      break;
  }
  return DeliveryState::kUnknown;
}

DeliveryEvent AboutMail(const model::Action& action, std::string_view suffix, std::string_view name,
                        Timestamp now) {
  DeliveryEvent event;
  event.id = action.id + std::string(suffix);
  event.name = name;
  event.person = action.person;
  event.time = now;
  event.properties = {{"action_id", action.id},
                      {"journey", action.journey},
                      {"step", action.step},
                      {"template", action.template_name},
                      {"topic", action.topic}};
  return event;
}

}  // namespace

Duration RetryDelay(const std::string& action_id, int attempts) {
  const int doublings = std::clamp(attempts - 1, 0, 20);
  const int64_t delay =
      std::min(kFirstRetryDelay.milliseconds() << doublings, kLongestRetryDelay.milliseconds());
  const uint64_t dice = StableHash64(action_id + "#" + std::to_string(attempts)) % 401;
  return Milliseconds(delay + delay * (static_cast<int64_t>(dice) - 200) / 1000);
}

DeliveryRecord Conclude(const CommittedAction& committed, DeliveryState state, int attempts,
                        std::string detail, Timestamp now) {
  DeliveryRecord record;
  record.place = committed.place;
  record.action_id = committed.action.id;
  record.state = state;
  record.attempts = attempts;
  record.detail = std::move(detail);
  record.at = now;
  return record;
}

Verdict Judge(const CommittedAction& committed, int attempts, const SendResult& result,
              Timestamp now) {
  Verdict verdict;
  const model::Action& action = committed.action;
  verdict.record = Conclude(committed, StateOf(result.outcome), attempts, result.detail, now);
  verdict.record.code = result.code;
  if (result.outcome == SendOutcome::kTryLater) {
    verdict.record.next_attempt = now + RetryDelay(action.id, attempts);
  } else if (result.outcome == SendOutcome::kDelivered) {
    verdict.event = AboutMail(action, "-delivered", model::kEmailDelivered, now);
    verdict.event->partition = committed.place.partition;
  } else if (result.outcome == SendOutcome::kRefused) {
    verdict.event = AboutMail(action, "-bounced", model::kEmailBounced, now);
    verdict.event->partition = committed.place.partition;
    // A mail refused for its content says nothing about the address.
    verdict.event->properties.emplace_back("type", result.recipient ? "hard" : "soft");
    verdict.event->properties.emplace_back("email", action.address);
    verdict.event->properties.emplace_back("reason", result.detail);
  }
  return verdict;
}

}  // namespace sojourn::deliver
