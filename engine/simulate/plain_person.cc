#include "engine/simulate/plain_person.h"

#include <algorithm>

namespace sojourn::simulate {

void PlainPerson::Change(const PlainEvent& event) {
  history.emplace_back(event.name, event.time);
  const auto text = [&event](const char* name) {
    const auto found = event.texts.find(name);
    return found == event.texts.end() ? std::string() : found->second;
  };
  if (event.name == "Identify") {
    if (event.numbers.count("level") > 0) level = event.numbers.at("level");
    if (event.texts.count("email") > 0) email = event.texts.at("email");
    if (event.texts.count("birthday") > 0) birthday = event.texts.at("birthday");
    if (event.texts.count("timezone") > 0) zone = event.texts.at("timezone");
    if (event.nulls.count("level") > 0) level.reset();
    if (event.nulls.count("email") > 0) email.reset();
    if (event.nulls.count("birthday") > 0) birthday.reset();
    if (event.nulls.count("timezone") > 0) zone.reset();
  }
  if (event.name == "Subscribed") Consent(text("topic"), true);
  if (event.name == "Unsubscribed") Consent(text("topic"), false);
  if (event.name == "Email Marked as Spam") complained = true;
  if (event.name == "Email Bounced" && text("type") == "hard") {
    const std::string address = text("email").empty() ? email.value_or("") : text("email");
    if (!address.empty()) bounced.insert(address);
  }
}

void PlainPerson::Consent(const std::string& topic, bool given) {
  if (topic.empty()) {
    consent["marketing"] = consent["newsletter"] = given;
  } else {
    consent[topic] = given;
  }
}

std::string PlainPerson::RefusalOf(const std::string& topic, int64_t now,
                                   const std::vector<PlainCap>& caps, bool held_out,
                                   bool includes_edge) const {
  if (!email || email->empty()) return "no_address";
  if (complained || bounced.count(*email) > 0) return "suppressed";
  const auto choice = consent.find(topic);
  if (choice == consent.end() ? topic == "newsletter" : !choice->second) return "no_consent";
  if (held_out) return "holdout";
  if (topic != "orders" && IsCapped(topic, now, caps, includes_edge)) return "frequency_cap";
  return "";
}

bool PlainPerson::IsCapped(const std::string& topic, int64_t now, const std::vector<PlainCap>& caps,
                           bool includes_edge) const {
  const int64_t edge = includes_edge ? 1 : 0;
  return std::any_of(caps.begin(), caps.end(), [&](const PlainCap& cap) {
    if (!cap.topic.empty() && cap.topic != topic) return false;
    const auto counts = [&](const auto& sent) {
      const bool is_meant = cap.topic.empty() ? sent.first != "orders" : sent.first == cap.topic;
      return is_meant && now - sent.second < cap.per + edge;
    };
    return std::count_if(sent.begin(), sent.end(), counts) >= cap.max;
  });
}

// What ends in an error, such as an absent property, is false.
bool PlainPerson::Holds(const PlainCondition& condition, const PlainEvent& event,
                        const PlainEvent& trigger, int64_t now) const {
  const auto reaches = [&condition](const PlainEvent& of) {
    const auto value = of.numbers.find("value");
    return value != of.numbers.end() && value->second >= condition.number;
  };
  switch (condition.kind) {
    case PlainCondition::Kind::kTrue:
      return true;
    case PlainCondition::Kind::kEventValue:
      return reaches(event);
    case PlainCondition::Kind::kTriggerValue:
      return reaches(trigger);
    case PlainCondition::Kind::kLevel:
      return level && *level >= condition.number;
    case PlainCondition::Kind::kKey:
      return event.texts.count("key") > 0 && event.texts.at("key") == condition.text;
    case PlainCondition::Kind::kInSegment:
      return segments.count(condition.text) > 0;
    case PlainCondition::Kind::kLongAgo:
      return IsLongAgo(condition, now);
    case PlainCondition::Kind::kPath:
      return false;  // of a run only
    case PlainCondition::Kind::kCount:
    case PlainCondition::Kind::kFewer:
      break;
  }
  const auto count = std::count_if(history.begin(), history.end(), [&](const auto& past) {
    return past.first == condition.text && now - past.second < condition.window;
  });
  return (count >= condition.number) == (condition.kind == PlainCondition::Kind::kCount);
}

// False without an event of that name.
bool PlainPerson::IsLongAgo(const PlainCondition& condition, int64_t now) const {
  int64_t last = INT64_MAX;
  for (const auto& [name, time] : history) {
    if (name == condition.text && (last == INT64_MAX || time > last)) last = time;
  }
  return last != INT64_MAX && now - last > condition.window;
}

bool IsChange(const PlainMatch& match, const PlainChanges& changes) {
  return std::find(changes.begin(), changes.end(), std::pair(match.segment, !match.leaves)) !=
         changes.end();
}

bool PlainPerson::IsRepeated(const PlainEvent& record) {
  if (record.id.empty()) return false;
  const auto seen = ids.find(record.id);
  if (seen != ids.end() && record.at - seen->second < kPlainDay) return true;
  ids[record.id] = record.at;
  return false;
}

bool PlainPerson::IsWhereAwaited(const PlainStep& step) const {
  return (segments.count(step.text) > 0) != step.relative;
}

PlainChanges PlainPerson::UpdateSegments(const PlainRules& rules, int64_t now) {
  PlainChanges changes;
  for (const PlainSegment& segment : rules.segments) {
    const bool is_in = Holds(segment.where, {}, {}, now);
    if (is_in == (segments.count(segment.name) > 0)) continue;
    if (is_in) segments.insert(segment.name);
    if (!is_in) segments.erase(segment.name);
    changes.emplace_back(segment.name, is_in);
  }
  return changes;
}

int64_t PlainPerson::NextTurn(const PlainCondition& condition, int64_t after) const {
  using Kind = PlainCondition::Kind;
  const bool at_the_end = condition.kind == Kind::kCount || condition.kind == Kind::kFewer;
  int64_t next = INT64_MAX;
  if (!at_the_end && condition.kind != Kind::kLongAgo) return next;
  for (const auto& [name, time] : history) {
    const int64_t turn = time + condition.window + (at_the_end ? 0 : 1);
    if (name == condition.text && turn > after) next = std::min(next, turn);
  }
  return next;
}

}  // namespace sojourn::simulate
