// What a journey decided to do: one send, webhook or coupon.
//
// The id is a pure function of person, journey, run key, entry number, entry's logical time, step
// id and pass numbers, so a replay repeats it. Owning plain struct; actions are few against events.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/strong.h"
#include "engine/base/time.h"
#include "engine/model/value.h"

namespace sojourn::model {

enum class ActionKind : uint8_t { kSendEmail, kSendSms, kSendPush, kWebhook, kCoupon };

// "send_email", "send_sms", "send_push", "webhook", "coupon".
std::string_view ActionKindName(ActionKind kind);

struct Coupon {
  std::string pool;
  std::string code;
  Timestamp expires_at = Timestamp::Max();  // Max: never
};

// A condition that was judged on the way to an action, as text with its value.
struct ConditionPassed {
  std::string where;       // "trigger", "only_if", or the step's id
  std::string expression;  // as the marketer wrote it
  std::string value;       // what it came to, with the values it read: "true (count = 3)"
};

struct Why {
  std::string input;     // name of the event, or "timer", "enters_segment", "enroll", ...
  std::string input_id;  // the event's id; empty for timers
  std::string topic;     // of the causing record; empty for timers
  Partition partition;
  Offset offset;
  std::vector<ConditionPassed> conditions;
};

struct Action {
  std::string id;  // "act_" + 32 hexadecimal digits
  ActionKind kind = ActionKind::kSendEmail;
  std::string person;
  std::string journey;
  std::string revision;           // of the journey: first 16 hexadecimal digits of its hash
  std::string run_key;            // value of one_run_per as text; empty without it
  uint32_t entry = 0;             // counts per person and journey from 1
  std::string step;               // id of the step
  std::string template_name;      // sends
  std::string template_revision;  // sends: first 16 hexadecimal digits of its hash
  std::string topic;              // sends: the consent topic
  std::string address;            // sends: e-mail address, phone number or push token
  std::string url;                // webhooks
  std::string method;             // webhooks
  Coupon coupon;                  // the run's coupon; code empty: none
  std::vector<std::pair<std::string, std::string>> paths;  // A/B tests passed so far: name, path
  std::string
      values_json;  // JSON object: what the template reads, by root name, and the step's data
  Timestamp time;   // logical
  Timestamp useful_until;  // a deliverer drops it later than this
  bool late = false;       // useful_until was already past by the wall clock when it was committed
  Why why;
};

}  // namespace sojourn::model
