#include "engine/cli/count_people.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "engine/base/json_text.h"
#include "engine/runtime/rules_source.h"
#include "engine/simulate/plan_report.h"

namespace sojourn::cli {

Result<CountedPeople> CountPeople(const std::map<std::string, std::string>& files,
                                  Backend* backend) {
  SOJOURN_ASSIGN_OR_RETURN(auto stored, backend->bundles()->ReadAll());
  if (stored.empty()) return FailedPrecondition("no rules were ever loaded: start sojourn run");
  const uint32_t number = stored.back().number;
  const auto before = runtime::RulesSource::History(stored, number);
  if (before.empty()) return FailedPrecondition("the rules in force do not check any more");
  stored.push_back({number + 1, files});
  const auto after = runtime::RulesSource::History(stored, number + 1);
  if (after.empty()) return InvalidArgument("the new rules do not check");
  simulate::PeoplePlanner planner(before.back(), after.back(), runtime::SystemClock().Now());
  // A log may show a person several times, the newest record last.
  std::map<std::string, std::string> newest;
  SOJOURN_RETURN_IF_ERROR(
      backend->ScanPersons([&](std::string_view id, std::string_view record) -> Status {
        if (!backend->ShowsPersonsOnce()) {
          newest[std::string(id)] = record;
          return Status::Ok();
        }
        return record.empty() ? Status::Ok() : planner.Add(id, record);
      }));
  for (const auto& [id, record] : newest) {
    if (!record.empty()) SOJOURN_RETURN_IF_ERROR(planner.Add(id, record));
  }
  return CountedPeople{planner.plan(), before.back()->current().revision};
}

std::string EncodeFiles(const std::map<std::string, std::string>& files) {
  return DumpJson(nlohmann::json(files));
}

Result<std::map<std::string, std::string>> DecodeFiles(const std::string& text) {
  const auto json = ParseJson(text);
  if (!json.is_object()) return InvalidArgument("the rules' files are expected, by path");
  std::map<std::string, std::string> files;
  for (const auto& [path, content] : json.items()) {
    if (!content.is_string()) return InvalidArgument("the rules' files are expected, by path");
    files[path] = content.get<std::string>();
  }
  return files;
}

std::string EncodeCounted(const CountedPeople& counted) {
  return DumpJson(nlohmann::json({{"rules_in_force", counted.rules_in_force},
                                  {"plan", simulate::EncodePeoplePlan(counted.plan)}}));
}

Result<CountedPeople> DecodeCounted(const std::string& text) {
  const auto json = ParseJson(text);
  auto plan = json.is_object() ? simulate::DecodePeoplePlan(json.value("plan", ""))
                               : std::optional<simulate::PeoplePlan>();
  if (!plan) return Unavailable("the running process is of another version");
  return CountedPeople{*std::move(plan), json.value("rules_in_force", "")};
}

}  // namespace sojourn::cli
