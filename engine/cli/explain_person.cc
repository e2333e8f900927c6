#include "engine/cli/explain_person.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/base/json_text.h"
#include "engine/base/rfc3339.h"
#include "engine/base/suggest.h"
#include "engine/cli/loaded_rules.h"
#include "engine/cli/scratch.h"
#include "engine/runtime/rules_source.h"
#include "engine/simulate/backtest.h"
#include "engine/store/person_record.h"

namespace sojourn::cli {
namespace {

using simulate::ExplainFilter;
using simulate::PersonPast;
using simulate::PersonReport;

std::string Print(const ExplainRequest& request, const PersonReport& report) {
  return request.json ? ExplainJson(report, request.filter) : ExplainText(report, request.filter);
}

Status Unknown(std::string_view what, const std::string& name,
               const std::vector<std::string>& names) {
  const std::string hint = DidYouMean(name, names);
  return InvalidArgument(
      fmt::format("the rules have no {} {}{}{}", what, name, hint.empty() ? "" : "; ", hint));
}

// Names of any bundle that is still of use count.
Status CheckFilter(const ExplainFilter& filter, const language::RuleSet& rules) {
  std::vector<std::string> journeys;
  std::vector<std::string> templates;
  const auto add = [&](const language::Bundle& bundle) {
    for (const auto& journey : bundle.journeys) journeys.push_back(journey->name);
    for (const auto& one : bundle.templates) templates.push_back(one->name);
  };
  add(rules.current());
  for (const auto& bundle : rules.older()) add(*bundle);
  const auto lacks = [](const std::vector<std::string>& names, const std::string& name) {
    return !name.empty() && std::find(names.begin(), names.end(), name) == names.end();
  };
  if (lacks(journeys, filter.journey)) return Unknown("journey", filter.journey, journeys);
  if (lacks(templates, filter.template_name)) {
    return Unknown("template", filter.template_name, templates);
  }
  return Status::Ok();
}

// ---- from a log ------------------------------------------------------------------------------

struct LoggedPast {
  std::vector<simulate::PersonEvent> events;
  size_t waiting = 0;        // that no process has taken in yet
  bool begins_late = false;  // the log has lost its beginning
  std::optional<Timestamp> watermark;
};

Result<LoggedPast> ReadPast(const std::string& person, Backend* backend) {
  LoggedPast past;
  SOJOURN_ASSIGN_OR_RETURN(const int32_t parts, backend->LogParts());
  for (int32_t part = 0; part < parts; ++part) {
    SOJOURN_ASSIGN_OR_RETURN(const auto progress, backend->ProgressOf(part));
    bool is_theirs = false;
    const auto visit = [&](const LoggedEvent& event) {
      is_theirs = true;
      if (progress && event.offset >= progress->next) {
        ++past.waiting;
        return true;
      }
      past.events.push_back({event.log_time, std::string(event.topic), event.partition,
                             event.offset, std::string(event.bytes)});
      return true;
    };
    SOJOURN_ASSIGN_OR_RETURN(const LogScan scan, backend->ScanLog(part, Offset(0), person, visit));
    past.begins_late |= scan.first > Offset(0);
    if (progress && is_theirs) past.watermark = progress->watermark;
  }
  std::stable_sort(past.events.begin(), past.events.end(),
                   [](const auto& a, const auto& b) { return a.log_time < b.log_time; });
  return past;
}

// The person's actions, oldest first.
Result<std::vector<nlohmann::json>> ReadActions(const std::string& person, Backend* backend) {
  constexpr size_t kActionsAtOnce = 5000;
  std::vector<nlohmann::json> found;
  ActionCursors cursors;
  while (true) {
    SOJOURN_ASSIGN_OR_RETURN(const auto actions,
                             backend->ReadActions(&cursors, kActionsAtOnce, Duration(0)));
    if (actions.empty()) break;
    for (const CommittedAction& action : actions) {
      if (action.json.find(person) == std::string::npos &&
          action.json.find('\\') == std::string::npos) {
        continue;
      }
      auto json = ParseJson(action.json);
      if (json.is_object() && json.value("person", "") == person) found.push_back(std::move(json));
    }
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return a.value("time", "") < b.value("time", "");
  });
  return found;
}

std::string TextAt(const nlohmann::json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

step::GivenCodes CodesOf(const std::vector<nlohmann::json>& actions) {
  step::GivenCodes codes;
  for (const nlohmann::json& action : actions) {
    if (TextAt(action, "kind") != "coupon" || !action.contains("coupon")) continue;
    codes[TextAt(action, "id")] = TextAt(action["coupon"], "code");
  }
  return codes;
}

simulate::RecordedAction RecordedOf(const nlohmann::json& action) {
  simulate::RecordedAction recorded;
  recorded.time = ParseRfc3339(TextAt(action, "time")).value_or(Timestamp(0));
  recorded.journey = TextAt(action, "journey");
  recorded.template_name = TextAt(action, "template");
  const std::string kind = TextAt(action, "kind");
  recorded.text = fmt::format("{} {}", TextAt(action, "step"), kind);
  for (const char* name : {"template", "url"}) {
    if (!TextAt(action, name).empty()) recorded.text += " " + TextAt(action, name);
  }
  if (!TextAt(action, "address").empty()) recorded.text += " to " + TextAt(action, "address");
  const auto why = action.find("why");
  if (why == action.end() || !why->is_object()) return recorded;
  const std::string id = TextAt(*why, "input_id");
  recorded.conditions.push_back(
      fmt::format("because of {}{}{}", TextAt(*why, "input"), id.empty() ? "" : " ", id));
  for (const nlohmann::json& condition : why->value("conditions", nlohmann::json::array())) {
    recorded.conditions.push_back(fmt::format("{}: {}: {}", TextAt(condition, "where"),
                                              TextAt(condition, "expression"),
                                              TextAt(condition, "value")));
  }
  return recorded;
}

// The rules from the moment of the first event on.
Result<std::vector<simulate::RulesInForce>> ReadRules(Timestamp first_event, Backend* backend,
                                                      bool* times_known) {
  SOJOURN_ASSIGN_OR_RETURN(const auto stored, backend->bundles()->ReadAll());
  if (stored.empty()) return FailedPrecondition("no rules were ever loaded: start sojourn run");
  uint32_t first = stored.front().number;
  std::map<uint32_t, Timestamp> since;
  for (const runtime::StoredBundle& bundle : stored) {
    SOJOURN_ASSIGN_OR_RETURN(const auto time, backend->BundleStoredAt(bundle.number));
    since[bundle.number] = time.value_or(Timestamp::Min());
    if (since[bundle.number] <= first_event) first = bundle.number;
    *times_known &= time.has_value() || stored.size() == 1;
  }
  std::vector<simulate::RulesInForce> rules;
  for (const auto& one : runtime::RulesSource::History(stored, first)) {
    rules.push_back({since[one->current().number], one});
  }
  if (rules.empty()) return FailedPrecondition("the rules in force do not check any more");
  return rules;
}

// Whether two records say the same but for when they were last looked at.
bool AreAlike(model::Person* a, model::Person* b) {
  std::string bytes_a;
  std::string bytes_b;
  for (model::Person* person : {a, b}) {
    person->clock = Timestamp::Min();
    person->bundle = 0;
  }
  return store::EncodePerson(*a, &bytes_a).ok() && store::EncodePerson(*b, &bytes_b).ok() &&
         bytes_a == bytes_b;
}

// Null: nobody.
Result<std::unique_ptr<model::Person>> PersonOf(const std::string& id,
                                                const std::optional<std::string>& record) {
  if (!record) return std::unique_ptr<model::Person>();
  auto person = std::make_unique<model::Person>();
  person->id = id;
  SOJOURN_RETURN_IF_ERROR(store::DecodePerson(*record, person.get()));
  return person;
}

std::string CountText(size_t count, std::string_view one, std::string_view several) {
  return fmt::format("{} {}", count, count == 1 ? one : several);
}

// Whether the repeated past ends where the stored state is; says so where it does not.
bool Agrees(const simulate::Explanation& past, model::Person* state, bool told, bool begins_late,
            PersonReport* report) {
  if (!told) return !begins_late;
  model::Person nobody;
  model::Person copy;  // the comparison changes what it looks at
  std::string bytes;
  copy.id = past.person->id;
  const bool copied =
      store::EncodePerson(*past.person, &bytes).ok() && store::DecodePerson(bytes, &copy).ok();
  if (copied && AreAlike(&copy, state == nullptr ? &nobody : state)) return true;
  if (begins_late) {
    report->notes.push_back(
        "The log does not hold all of what this person did any more (retention_hours), so why each "
        "thing happened cannot be shown: only the actions that it still holds, with their own "
        "reasons, and the state as it is stored.");
    return false;
  }
  report->notes.push_back(
      "Repeating the log does not end in just the state that is stored: rules came into force "
      "while events were under way, or an earlier version or other keys made the state. Details "
      "may have been otherwise.");
  return true;
}

}  // namespace

Result<std::string> ExplainFromLog(const ExplainRequest& request, const step::Secrets& secrets,
                                   Backend* backend) {
  SOJOURN_ASSIGN_OR_RETURN(LoggedPast logged, ReadPast(request.person, backend));
  SOJOURN_ASSIGN_OR_RETURN(const auto actions, ReadActions(request.person, backend));
  PersonReport report;
  report.person = request.person;
  PersonPast past;
  past.person = request.person;
  past.secrets = secrets;
  past.codes = CodesOf(actions);
  bool times_known = true;
  const Timestamp first = logged.events.empty() ? Timestamp::Max() : logged.events.front().log_time;
  SOJOURN_ASSIGN_OR_RETURN(past.rules, ReadRules(first, backend, &times_known));
  SOJOURN_RETURN_IF_ERROR(CheckFilter(request.filter, *past.rules.back().rules));
  report.now = logged.watermark.value_or(runtime::SystemClock().Now());
  past.until = report.now - Milliseconds(1);
  past.events = std::move(logged.events);
  const simulate::Explanation explanation = ExplainPast(past);

  report.notes.push_back(CountText(past.events.size(), "event", "events") + " in the log");
  if (logged.waiting > 0) {
    report.notes.push_back(CountText(logged.waiting, "more is", "more are") +
                           " not taken in yet: no process runs, or it is behind");
  }
  if (!times_known) {
    report.notes.push_back("When the rules came into force is not known for all of them.");
  }
  const auto record = backend->ReadPerson(request.person, kPersonPatience);
  const bool told = record.status().code() != StatusCode::kFailedPrecondition &&
                    record.status().code() != StatusCode::kUnavailable;
  std::optional<std::string> stored;
  if (told) {
    SOJOURN_ASSIGN_OR_RETURN(stored, record);
  }
  SOJOURN_ASSIGN_OR_RETURN(const auto state, PersonOf(request.person, stored));
  SOJOURN_ASSIGN_OR_RETURN(const auto shown, PersonOf(request.person, stored));
  if (Agrees(explanation, state.get(), told, logged.begins_late, &report)) {
    report.past = &explanation;
  } else {
    for (const nlohmann::json& action : actions) report.actions.push_back(RecordedOf(action));
  }
  report.state = told ? shown.get() : explanation.person.get();
  report.rules = past.rules.back().rules.get();
  return Print(request, report);
}

// ---- from a file -----------------------------------------------------------------------------

namespace {

bool HasListedPool(const language::Bundle& bundle) {
  return std::any_of(bundle.pools.begin(), bundle.pools.end(),
                     [](const auto& pool) { return pool->kind == language::PoolKind::kCodes; });
}

// Reads to the end; everybody takes part where codes are shared.
Status ReadEvents(Recording* recording, simulate::Backtest* everybody, PersonPast* past) {
  file::SortableEvent event;
  for (int64_t number = 0;; ++number) {
    SOJOURN_ASSIGN_OR_RETURN(const bool more, recording->events.Next(&event));
    if (!more) break;
    if (everybody != nullptr) {
      SOJOURN_RETURN_IF_ERROR(everybody->Add({event.time, event.person, event.bytes}));
    }
    if (event.person != past->person) continue;
    past->events.push_back(
        {event.time, "events", Partition(0), Offset(number), std::move(event.bytes)});
  }
  return everybody == nullptr ? Status::Ok() : everybody->Finish(past->until);
}

}  // namespace

Result<std::string> ExplainFromFile(const ExplainRequest& request, const std::string& rules,
                                    Timestamp until, Recording* recording) {
  SOJOURN_ASSIGN_OR_RETURN(const auto bundle, LoadCleanRules(rules));
  PersonPast past;
  past.person = request.person;
  past.secrets.coupon_key = "the key of backtests";
  past.rules.push_back({Timestamp::Min(), std::make_shared<const language::RuleSet>(bundle)});
  past.until = std::max(until, recording->events.last_time());
  SOJOURN_RETURN_IF_ERROR(CheckFilter(request.filter, *past.rules.front().rules));

  simulate::People people;
  std::unique_ptr<Scratch> scratch;
  std::unique_ptr<simulate::Backtest> everybody;
  if (HasListedPool(*bundle)) {
    SOJOURN_ASSIGN_OR_RETURN(scratch, Scratch::Make());
    SOJOURN_ASSIGN_OR_RETURN(everybody,
                             simulate::Backtest::Open(bundle, {}, scratch->database(), &people));
    everybody->WatchCodes(request.person);
  }
  SOJOURN_RETURN_IF_ERROR(ReadEvents(recording, everybody.get(), &past));
  if (everybody != nullptr) past.codes = everybody->codes();
  const simulate::Explanation explanation = ExplainPast(past);
  PersonReport report;
  report.person = request.person;
  report.notes = {fmt::format("{} in {}, under the rules in {}",
                              CountText(past.events.size(), "event", "events"), recording->source,
                              rules)};
  report.now = past.until;
  report.past = &explanation;
  report.state = explanation.person.get();
  report.rules = past.rules.front().rules.get();
  return Print(request, report);
}

}  // namespace sojourn::cli
