#include "engine/simulate/explain_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/base/json_text.h"
#include "engine/base/rfc3339.h"
#include "engine/model/json_writer.h"
#include "engine/model/value.h"

namespace sojourn::simulate {
namespace {

using Json = nlohmann::ordered_json;
using language::SourcePosition;
using model::FactKind;

std::string PlaceText(const SourcePosition& place) {
  return fmt::format("{}:{}", place.file, place.line);
}

std::string Joined(std::string_view first, std::string_view second) {
  return second.empty() ? std::string(first) : fmt::format("{}: {}", first, second);
}

std::string ActionText(const ExplainedFact& fact) {
  if (!fact.address.empty()) return fmt::format("sends {} to {}", fact.name, fact.address);
  return fmt::format("gives out {}", Joined(fact.name, fact.code));
}

std::string_view RedemptionWords(std::string_view outcome) {
  if (outcome == "expired") return "used after its expiry";
  return outcome == "again" ? "used again" : "redeemed";
}

// What happened, without who and where.
std::string WhatText(const ExplainedFact& fact) {
  switch (fact.kind) {
    case FactKind::kEntered:
      return fact.detail.empty() ? "enters" : fmt::format("enters (run {})", fact.detail);
    case FactKind::kEntryRefused:
      return Joined("entry refused: " + fact.reason, fact.detail);
    case FactKind::kExited:
      return "exits: " + fact.reason;
    case FactKind::kGoal:
      return "reaches its goal";
    case FactKind::kStepPassed:
      return "passes";
    case FactKind::kSkipped:
      return Joined("skipped: " + fact.reason, fact.detail) +
             (fact.because.empty() ? "" : " by " + fact.because);
    case FactKind::kExpressionError:
      return "error: " + fact.detail;
    case FactKind::kSegmentEntered:
      return "enters segment " + fact.name;
    case FactKind::kSegmentLeft:
      return "leaves segment " + fact.name;
    case FactKind::kPathTaken:
      return fmt::format("A/B test {} takes path {}", fact.name, fact.reason);
    case FactKind::kAction:
      return ActionText(fact);
    case FactKind::kCondition:
      return fact.detail;
    case FactKind::kRests:
      return fmt::format("waits ({}) {}", fact.reason, fact.detail);
    case FactKind::kEventDropped:
      return "dropped: " + fact.reason;
    case FactKind::kQueuedDropped:
      return fmt::format("{} dropped: {}", fact.name, fact.reason);
    case FactKind::kWrongType:
      return fmt::format("{} is no {}: read as absent", fact.name, fact.reason);
    case FactKind::kUnknownTopic:
      return fmt::format("the company has no topic {}: no consent changed", fact.name);
    case FactKind::kMerged:
      return "another id becomes part of this person";
    case FactKind::kMergeRefused:
      return "does not merge: " + fact.reason;
    case FactKind::kSentOn:
      return "sent on to the id that this one has merged into";
    case FactKind::kCouponRedeemed:
      if (fact.reason == "unknown") {
        return fmt::format("the code {}, which this person was not given", fact.detail);
      }
      return fmt::format("coupon {} of {} {}", fact.detail, fact.name,
                         RedemptionWords(fact.reason));
    case FactKind::kEventApplied:
      break;
  }
  return "";
}

std::string LineText(const ExplainedFact& fact) {
  std::string text = "  ";
  if (!fact.journey.empty()) text += fact.journey;
  if (!fact.step.empty()) text += "/" + fact.step;
  const bool of_segment =
      fact.journey.empty() && !fact.name.empty() &&
      (fact.kind == FactKind::kCondition || fact.kind == FactKind::kExpressionError);
  if (of_segment) text += "segment " + fact.name;
  if (text.size() > 2) text += ": ";
  text += WhatText(fact);
  if (fact.rule) text += "  [" + PlaceText(*fact.rule);
  if (fact.rule && fact.beside) text += ", " + PlaceText(*fact.beside);
  return text + (fact.rule ? "]\n" : "\n");
}

// A step that is passed needs no line where the next one says what came of it.
bool IsPlain(const std::vector<ExplainedFact>& facts, size_t index) {
  if (facts[index].kind != FactKind::kStepPassed || index + 1 == facts.size()) return false;
  return facts[index + 1].journey == facts[index].journey &&
         facts[index + 1].step == facts[index].step;
}

class Filter {
 public:
  Filter(const ExplainFilter& filter, const language::RuleSet* rules)
      : filters_(!filter.journey.empty() || !filter.template_name.empty()) {
    if (!filter.journey.empty() && filter.template_name.empty()) journeys_.insert(filter.journey);
    if (filter.template_name.empty() || rules == nullptr) return;
    AddJourneysOf(rules->current(), filter);
    for (const auto& bundle : rules->older()) AddJourneysOf(*bundle, filter);
  }

  bool Shows(const std::string& journey) const { return !filters_ || journeys_.contains(journey); }
  // Segments and the like are shown beside what is.
  bool Shows(const ExplainedInput& input) const {
    if (!filters_) return true;
    return std::any_of(input.facts.begin(), input.facts.end(), [&](const ExplainedFact& fact) {
      return !fact.journey.empty() && Shows(fact.journey);
    });
  }
  bool Shows(const ExplainedFact& fact) const {
    return fact.journey.empty() || Shows(fact.journey);
  }
  const std::set<std::string>& journeys() const { return journeys_; }

 private:
  void AddJourneysOf(const language::Bundle& bundle, const ExplainFilter& filter) {
    for (const auto& journey : bundle.journeys) {
      if (!filter.journey.empty() && journey->name != filter.journey) continue;
      for (const language::Step& step : journey->steps) {
        const auto* send = std::get_if<language::SendStep>(&step.action);
        if (send != nullptr && send->template_name == filter.template_name) {
          journeys_.insert(journey->name);
        }
      }
    }
  }

  const bool filters_;
  std::set<std::string> journeys_;
};

// Senders choose names and ids: one with line ends must not look like several lines.
std::string OneLine(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

std::string InputText(const ExplainedInput& input, const Filter& filter) {
  std::string text =
      fmt::format("\n{}  {}", FormatRfc3339(input.time),
                  input.name == "rules" ? "new rules in force" : OneLine(input.name));
  if (!input.id.empty()) text += "  " + OneLine(input.id);
  if (!input.place.empty()) text += "  (" + input.place + ")";
  if (input.historical) text += "  history: starts and ends nothing";
  text += "\n";
  if (!input.properties.empty() && input.properties != "{}") text += "  " + input.properties + "\n";
  for (size_t i = 0; i < input.facts.size(); ++i) {
    if (filter.Shows(input.facts[i]) && !IsPlain(input.facts, i)) text += LineText(input.facts[i]);
  }
  return text;
}

// Whether `fact` is about that template's step; the send's name or the skipped step's.
bool IsAbout(const ExplainedFact& fact, const std::string& template_name,
             const language::RuleSet& rules) {
  if (fact.kind == FactKind::kAction) return fact.name == template_name;
  if (fact.kind != FactKind::kSkipped && fact.kind != FactKind::kRests) return false;
  const auto is_it = [&](const language::Bundle& bundle) {
    const language::Journey* journey = bundle.FindJourney(fact.journey);
    const uint32_t index =
        journey == nullptr ? language::kEndOfJourney : journey->FindStep(fact.step);
    if (index == language::kEndOfJourney) return false;
    const auto* send = std::get_if<language::SendStep>(&journey->steps[index].action);
    return send != nullptr && send->template_name == template_name;
  };
  if (is_it(rules.current())) return true;
  return std::any_of(rules.older().begin(), rules.older().end(),
                     [&](const auto& bundle) { return is_it(*bundle); });
}

// The answer before its reasons: what became of the template.
std::string AnswerText(const PersonReport& report, const ExplainFilter& filter,
                       const Filter& shown) {
  if (filter.template_name.empty() || report.past == nullptr) return "";
  std::string text;
  for (const ExplainedInput& input : report.past->inputs) {
    for (const ExplainedFact& fact : input.facts) {
      if (!shown.Shows(fact) || !IsAbout(fact, filter.template_name, *report.rules)) continue;
      text += fmt::format("  {}  {}\n", FormatRfc3339(input.time), WhatText(fact));
    }
  }
  if (!text.empty()) return fmt::format("\n{}:\n{}", filter.template_name, text);
  if (shown.journeys().empty()) {
    return fmt::format("\n{}: no journey sends it\n", filter.template_name);
  }
  return fmt::format("\n{}: its step was never reached; it stands in {}\n", filter.template_name,
                     fmt::join(shown.journeys(), ", "));
}

std::string ConsentText(const model::Person& person) {
  std::string text;
  for (const model::ConsentChoice& choice : person.consent) {
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ",
                        choice.topic.empty() ? "all marketing" : choice.topic,
                        choice.opted_in ? "subscribed" : "unsubscribed");
  }
  return text.empty() ? "as the topics' defaults" : text;
}

std::vector<std::string> SegmentsOf(const model::Person& person, const language::RuleSet& rules) {
  std::vector<std::string> names;
  for (const language::Segment& segment : rules.current().segments) {
    if (person.InSegment(segment.id)) names.push_back(segment.name);
  }
  return names;
}

// "cart: entered 2 times, last on ..."
std::vector<std::string> EntriesOf(const model::Person& person, const language::RuleSet& rules) {
  std::vector<std::string> lines;
  for (const model::JourneyMemory& memory : person.journeys) {
    const language::Journey* journey = rules.FindCurrent(memory.journey);
    if (journey == nullptr || memory.entries == 0) continue;
    std::string line = fmt::format("{}: entered {} time{}", journey->name, memory.entries,
                                   memory.entries == 1 ? "" : "s");
    if (!memory.last_entries.empty()) {
      line += ", last on " +
              FormatRfc3339(memory.last_entries[memory.last_entries.size() - 1].entered_at);
    }
    lines.push_back(std::move(line));
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

std::string StateText(const PersonReport& report, const Filter& filter) {
  if (report.state == nullptr || !report.state->known) {
    return fmt::format("\nNobody of the id {} is known.\n", report.person);
  }
  if (!report.state->moved_to.empty()) {
    return fmt::format("\nThe id {} has become part of {}: sojourn explain {}\n", report.person,
                       report.state->moved_to, report.state->moved_to);
  }
  const model::Person& person = *report.state;
  std::string text = fmt::format("\nNow, {}:\n", FormatRfc3339(report.now));
  for (const model::Trait& trait : person.traits) {
    text += fmt::format("  {}: {}\n", trait.name, model::DebugString(trait.value));
  }
  text += "  consent: " + ConsentText(person) + "\n";
  if (person.complained) text += "  marked a mail as spam: no mail any more\n";
  for (const std::string_view address : person.bounced) {
    text += fmt::format("  {} bounced for good\n", address);
  }
  const std::vector<std::string> segments = SegmentsOf(person, *report.rules);
  text += fmt::format("  segments: {}\n",
                      segments.empty() ? "none" : fmt::format("{}", fmt::join(segments, ", ")));
  for (const std::string& line : EntriesOf(person, *report.rules)) text += "  " + line + "\n";
  for (const Pending& pending : PendingOf(person, *report.rules)) {
    if (!pending.journey.empty() && !filter.Shows(pending.journey)) continue;
    text += fmt::format("  {} {}{}\n", pending.what, FormatRfc3339(pending.at),
                        pending.rule ? "  [" + PlaceText(*pending.rule) + "]" : "");
  }
  return text;
}

std::string ActionsText(const PersonReport& report, const Filter& filter) {
  std::string text;
  for (const RecordedAction& action : report.actions) {
    if (!filter.Shows(action.journey)) continue;
    text += fmt::format("\n{}  {}: {}\n", FormatRfc3339(action.time), action.journey, action.text);
    for (const std::string& condition : action.conditions) text += "  " + condition + "\n";
  }
  return text;
}

Json PlaceJson(const SourcePosition& place) {
  return {{"file", place.file}, {"line", place.line}, {"column", place.column}};
}

Json FactJson(const ExplainedFact& fact) {
  Json json = {{"kind", std::string(model::FactKindName(fact.kind))}, {"text", WhatText(fact)}};
  const auto add = [&json](const char* name, const std::string& text) {
    if (!text.empty()) json[name] = text;
  };
  add("journey", fact.journey);
  add("step", fact.step);
  add("name", fact.name);
  add("reason", fact.reason);
  add("detail", fact.detail);
  add("address", fact.address);
  add("code", fact.code);
  add("because", fact.because);
  if (fact.rule) json["rule"] = PlaceJson(*fact.rule);
  if (fact.beside) json["gate"] = PlaceJson(*fact.beside);
  return json;
}

Json InputJson(const ExplainedInput& input, const Filter& filter) {
  Json json = {{"time", FormatRfc3339(input.time)}, {"input", input.name}};
  if (!input.id.empty()) json["id"] = input.id;
  if (!input.place.empty()) json["place"] = input.place;
  if (!input.properties.empty()) {
    json["properties"] = Json::parse(input.properties, nullptr, /*allow_exceptions=*/false);
  }
  if (input.historical) json["historical"] = true;
  json["facts"] = Json::array();
  for (const ExplainedFact& fact : input.facts) {
    if (filter.Shows(fact)) json["facts"].push_back(FactJson(fact));
  }
  return json;
}

Json StateJson(const PersonReport& report, const Filter& filter) {
  const model::Person& person = *report.state;
  Json traits = Json::object();
  for (const model::Trait& trait : person.traits) {
    model::JsonWriter writer;
    writer.Write(trait.value);
    traits[std::string(trait.name)] =
        Json::parse(writer.Take(), nullptr, /*allow_exceptions=*/false);
  }
  Json pending = Json::array();
  for (const Pending& one : PendingOf(person, *report.rules)) {
    if (!one.journey.empty() && !filter.Shows(one.journey)) continue;
    Json json = {{"what", one.what}, {"at", FormatRfc3339(one.at)}};
    if (one.rule) json["rule"] = PlaceJson(*one.rule);
    pending.push_back(std::move(json));
  }
  return {{"traits", std::move(traits)},
          {"consent", ConsentText(person)},
          {"segments", SegmentsOf(person, *report.rules)},
          {"entries", EntriesOf(person, *report.rules)},
          {"pending", std::move(pending)}};
}

}  // namespace

std::string ExplainText(const PersonReport& report, const ExplainFilter& filter) {
  const Filter shown(filter, report.rules);
  std::string text = OneLine(report.person) + "\n";
  for (const std::string& note : report.notes) text += note + "\n";
  text += AnswerText(report, filter, shown);
  if (report.past != nullptr) {
    for (const ExplainedInput& input : report.past->inputs) {
      if (shown.Shows(input)) text += InputText(input, shown);
    }
  }
  return text + ActionsText(report, shown) + StateText(report, shown);
}

std::string ExplainJson(const PersonReport& report, const ExplainFilter& filter) {
  const Filter shown(filter, report.rules);
  Json json = {{"person", report.person},
               {"notes", report.notes},
               {"now", FormatRfc3339(report.now)},
               {"past_known", report.past != nullptr},
               {"inputs", Json::array()},
               {"actions", Json::array()},
               {"state", nullptr}};
  if (report.past != nullptr) {
    for (const ExplainedInput& input : report.past->inputs) {
      if (shown.Shows(input)) json["inputs"].push_back(InputJson(input, shown));
    }
  }
  for (const RecordedAction& action : report.actions) {
    if (!shown.Shows(action.journey)) continue;
    json["actions"].push_back({{"time", FormatRfc3339(action.time)},
                               {"journey", action.journey},
                               {"text", action.text},
                               {"conditions", action.conditions}});
  }
  if (report.state != nullptr && !report.state->moved_to.empty()) {
    json["merged_into"] = std::string(report.state->moved_to);
  } else if (report.state != nullptr && report.state->known) {
    json["state"] = StateJson(report, shown);
  }
  return DumpJson(json, 2) + "\n";
}

}  // namespace sojourn::simulate
