#include "engine/simulate/plan_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/base/json_text.h"

namespace sojourn::simulate {
namespace {

using Json = nlohmann::ordered_json;
using language::SourcePosition;

std::string PlaceText(const SourcePosition& place) {
  return fmt::format("{}:{}", place.file, place.line);
}

std::string Runs(int64_t count) { return fmt::format("{} run{}", count, count == 1 ? "" : "s"); }
std::string Members(int64_t count) {
  return fmt::format("{} member{}", count, count == 1 ? "" : "s");
}

// What becomes of the runs on the way, as far as the rules alone tell it.
std::string RunsText(const JourneyChange& change) {
  if (change.journey.kind == ChangeKind::kAdded) return "";
  if (change.journey.kind == ChangeKind::kRemoved) {
    return "  runs on the way finish; `retired` in company.yaml would end them\n";
  }
  return change.moves ? "  runs on the way move to the new revision\n"
                      : "  runs on the way finish on their revision\n";
}

std::string JourneyText(const JourneyChange& change) {
  std::string text =
      fmt::format("journey {} {}  [{}]\n", change.journey.name, ChangeKindName(change.journey.kind),
                  PlaceText(change.journey.position));
  if (!change.keys.empty()) text += fmt::format("  changed: {}\n", fmt::join(change.keys, ", "));
  for (const NamedChange& step : change.steps) {
    text += fmt::format("  step {} {}  [{}]\n", step.name, ChangeKindName(step.kind),
                        PlaceText(step.position));
  }
  return text + RunsText(change);
}

std::string NamedText(std::string_view what, const std::vector<NamedChange>& changes) {
  std::string text;
  for (const NamedChange& change : changes) {
    text += fmt::format("{} {} {}  [{}]\n", what, change.name, ChangeKindName(change.kind),
                        PlaceText(change.position));
  }
  return text;
}

std::string MissingText(const std::vector<MissingHistory>& missing) {
  if (missing.empty()) return "";
  std::string text = "\nread too early, because counting begins when these rules are loaded:\n";
  for (const MissingHistory& one : missing) {
    text += fmt::format("  {}: {} counts \"{}\"{}: {}\n", PlaceText(one.position), one.reader,
                        one.event, one.longer ? " farther back than it is kept now" : " anew",
                        one.text);
  }
  return text +
         "  once they are loaded, sojourn backfill counts the past from the log (not over Kafka)\n";
}

std::string ErrorsText(const std::vector<PlanError>& errors) {
  std::string text;
  for (const PlanError& error : errors) {
    text += fmt::format("\n{}:{}:{}: error: {}\n  hint: {}\n", error.position.file,
                        error.position.line, error.position.column, error.message, error.hint);
  }
  return text;
}

std::string FateText(const InFlight& flight) {
  switch (flight.fate) {
    case Fate::kStays:
      return "go on unchanged";
    case Fate::kFinishes:
      return flight.no_place ? "finish on their revision, the new one has no place for them"
                             : "finish on their revision";
    case Fate::kMoves:
      return "move to " + flight.to;
    case Fate::kEnds:
      return "end (removed)";
  }
  return "";
}

std::string FlightText(const PeoplePlan& people) {
  if (people.in_flight.empty()) return "nobody is on the way\n";
  std::string text = "on the way:\n";
  for (const auto& [flight, count] : people.in_flight) {
    text += fmt::format("  {} at {} (revision {}): {}: {}\n",
                        flight.journey.empty() ? "a journey that is gone" : flight.journey,
                        flight.step.empty() ? "its end" : flight.step, flight.revision, Runs(count),
                        FateText(flight));
  }
  return text;
}

std::string PeopleText(const PeoplePlan& people) {
  std::string text = fmt::format("\n{} {}; {}", people.people,
                                 people.people == 1 ? "person" : "people", FlightText(people));
  for (const auto& [name, journey] : people.new_journeys) {
    text += fmt::format("new journey {}: of segment {}, {} left out, {} will enter\n", name,
                        journey.segment,
                        Members(journey.left_out) + (journey.left_out == 1 ? " is" : " are"),
                        Members(journey.enter));
  }
  for (const auto& [segment, count] : people.silently_in) {
    text +=
        fmt::format("segment {}: {} more, without entering anything\n", segment, Members(count));
  }
  for (const auto& [segment, count] : people.silently_out) {
    text +=
        fmt::format("segment {}: {} fewer, without leaving anything\n", segment, Members(count));
  }
  return text;
}

Json PlaceJson(const SourcePosition& place) {
  return {{"file", place.file}, {"line", place.line}, {"column", place.column}};
}

Json NamedJson(const NamedChange& change) {
  return {{"name", change.name},
          {"change", std::string(ChangeKindName(change.kind))},
          {"position", PlaceJson(change.position)}};
}

Json NamedListJson(const std::vector<NamedChange>& changes) {
  Json list = Json::array();
  for (const NamedChange& change : changes) list.push_back(NamedJson(change));
  return list;
}

Json JourneyJson(const JourneyChange& change) {
  Json json = NamedJson(change.journey);
  json["old_revision"] = change.old_revision;
  json["new_revision"] = change.new_revision;
  json["moves"] = change.moves;
  json["keys"] = change.keys;
  json["steps"] = NamedListJson(change.steps);
  return json;
}

Json PeopleJson(const PeoplePlan& people) {
  Json json = {{"people", people.people},
               {"in_flight", Json::array()},
               {"new_journeys", Json::object()},
               {"silently_in", people.silently_in},
               {"silently_out", people.silently_out}};
  for (const auto& [flight, count] : people.in_flight) {
    json["in_flight"].push_back({{"journey", flight.journey},
                                 {"revision", flight.revision},
                                 {"step", flight.step},
                                 {"fate", std::string(FateName(flight.fate))},
                                 {"to", flight.to},
                                 {"no_place", flight.no_place},
                                 {"runs", count}});
  }
  for (const auto& [name, journey] : people.new_journeys) {
    json["new_journeys"][name] = {
        {"segment", journey.segment}, {"left_out", journey.left_out}, {"enter", journey.enter}};
  }
  return json;
}

Fate FateOf(const std::string& name) {
  for (const Fate fate : {Fate::kFinishes, Fate::kMoves, Fate::kEnds}) {
    if (FateName(fate) == name) return fate;
  }
  return Fate::kStays;
}

PeoplePlan PeopleFrom(const Json& json) {
  PeoplePlan people;
  people.people = json.at("people").get<int64_t>();
  json.at("silently_in").get_to(people.silently_in);
  json.at("silently_out").get_to(people.silently_out);
  for (const Json& one : json.at("in_flight")) {
    InFlight flight;
    one.at("journey").get_to(flight.journey);
    one.at("revision").get_to(flight.revision);
    one.at("step").get_to(flight.step);
    flight.fate = FateOf(one.at("fate").get<std::string>());
    one.at("to").get_to(flight.to);
    one.at("no_place").get_to(flight.no_place);
    people.in_flight[flight] = one.at("runs").get<int64_t>();
  }
  for (const auto& [name, one] : json.at("new_journeys").items()) {
    people.new_journeys[name] = {one.at("segment").get<std::string>(),
                                 one.at("left_out").get<int64_t>(), one.at("enter").get<int64_t>()};
  }
  return people;
}

}  // namespace

std::string PlanText(const RulesPlan& plan, const PeoplePlan* people,
                     const std::vector<std::string>& notes) {
  std::string text;
  for (const std::string& note : notes) text += note + "\n";
  if (plan.empty()) text += "the rules mean the same\n";
  for (const JourneyChange& change : plan.journeys) text += JourneyText(change);
  text += NamedText("segment", plan.segments);
  text += NamedText("template", plan.templates);
  text += NamedText("coupon_pool", plan.pools);
  if (plan.company_changes) text += "company.yaml changed\n";
  text += MissingText(plan.missing);
  if (people != nullptr) text += PeopleText(*people);
  return text + ErrorsText(plan.errors);
}

std::string PlanJson(const RulesPlan& plan, const PeoplePlan* people,
                     const std::vector<std::string>& notes) {
  Json json = {{"notes", notes},
               {"journeys", Json::array()},
               {"segments", NamedListJson(plan.segments)},
               {"templates", NamedListJson(plan.templates)},
               {"coupon_pools", NamedListJson(plan.pools)},
               {"company_changes", plan.company_changes},
               {"missing_history", Json::array()},
               {"errors", Json::array()},
               {"people", nullptr}};
  for (const JourneyChange& change : plan.journeys) {
    json["journeys"].push_back(JourneyJson(change));
  }
  for (const MissingHistory& one : plan.missing) {
    json["missing_history"].push_back({{"reader", one.reader},
                                       {"text", one.text},
                                       {"event", one.event},
                                       {"longer", one.longer},
                                       {"position", PlaceJson(one.position)}});
  }
  for (const PlanError& error : plan.errors) {
    json["errors"].push_back({{"message", error.message},
                              {"hint", error.hint},
                              {"position", PlaceJson(error.position)}});
  }
  if (people != nullptr) json["people"] = PeopleJson(*people);
  return DumpJson(json, 2) + "\n";
}

bool HasWarnings(const RulesPlan& plan, const PeoplePlan* people) {
  if (!plan.missing.empty()) return true;
  if (people == nullptr) return false;
  const bool left_out = std::any_of(people->new_journeys.begin(), people->new_journeys.end(),
                                    [](const auto& entry) { return entry.second.left_out > 0; });
  return left_out || std::any_of(people->in_flight.begin(), people->in_flight.end(),
                                 [](const auto& entry) { return entry.first.no_place; });
}

std::string EncodePeoplePlan(const PeoplePlan& people) { return DumpJson(PeopleJson(people)); }

std::optional<PeoplePlan> DecodePeoplePlan(std::string_view text) {
  try {
    return PeopleFrom(Json::parse(text));
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

}  // namespace sojourn::simulate
