// `sojourn plan`: what a change of rules does.

#include <fmt/format.h>

#include <cstdio>
#include <optional>

#include "engine/cli/commands.h"
#include "engine/cli/count_people.h"
#include "engine/cli/loaded_rules.h"
#include "engine/cli/remote.h"
#include "engine/simulate/plan_report.h"

namespace sojourn::cli {
namespace {

constexpr Duration kAnswerTimeout = Seconds(600);
constexpr int kWarningsExitCode = 3;

struct PlanOptions {
  std::shared_ptr<CommonOptions> common;
  std::string old_rules;
  std::string new_rules;
  std::string format = "text";
  bool strict = false;
};

Result<CountedPeople> Count(const PlanOptions& options, const language::Bundle& new_rules) {
  SOJOURN_ASSIGN_OR_RETURN(const Config config, ResolveConfig(*options.common));
  if (config.log == LogKind::kEmbedded) {
    if (const auto instance = FindInstance(config.data)) {
      SOJOURN_ASSIGN_OR_RETURN(
          const std::string body,
          AskInstance(*instance, "POST", "/-/plan", EncodeFiles(new_rules.files), kAnswerTimeout));
      return DecodeCounted(body);
    }
  }
  SOJOURN_ASSIGN_OR_RETURN(const OpenedBackend opened,
                           OpenForCommand(config, /*need_existing=*/true));
  return CountPeople(new_rules.files, opened.backend.get());
}

Result<int> Plan(const PlanOptions& options) {
  SOJOURN_ASSIGN_OR_RETURN(const auto old_rules, LoadCleanRules(options.old_rules));
  SOJOURN_ASSIGN_OR_RETURN(const auto new_rules, LoadCleanRules(options.new_rules));
  const simulate::RulesPlan plan = simulate::PlanRules(*old_rules, *new_rules);
  std::vector<std::string> notes;
  std::optional<CountedPeople> counted;
  if (options.common->data || !options.common->config_file.empty()) {
    SOJOURN_ASSIGN_OR_RETURN(counted, Count(options, *new_rules));
    if (counted->rules_in_force != old_rules->revision) {
      notes.push_back(fmt::format(
          "The rules in force are not those in {}: people are counted from the rules in force.",
          options.old_rules));
    }
  }
  const simulate::PeoplePlan* people = counted ? &counted->plan : nullptr;
  const auto write = options.format == "json" ? simulate::PlanJson : simulate::PlanText;
  std::fputs(write(plan, people, notes).c_str(), stdout);
  if (!plan.errors.empty()) return 1;
  return options.strict && simulate::HasWarnings(plan, people) ? kWarningsExitCode : 0;
}

}  // namespace

void AddPlanCommand(Command app, int* exit_code) {
  const Command command = app.AddSubcommand(
      "plan",
      "Says what a change of rules does: journeys, steps and segments that come, go or change, "
      "and\n"
      "conditions that would read a counter too early. With --data or --config also how many "
      "people\n"
      "are on the way where and what becomes of them, and how many members a new journey leaves\n"
      "out; a process may run there. Nothing is changed.\n"
      "Exit code: 0 done, 1 runs have no place in the new rules (on_change: move), 2 bad usage or\n"
      "rules that do not check, 3 with --strict: something is read too early, left out or without "
      "a\n"
      "place.");
  auto options = std::make_shared<PlanOptions>();
  command.AddOption("OLD", &options->old_rules, "Rules directory as it is").Required();
  command.AddOption("NEW", &options->new_rules, "Rules directory as it will be").Required();
  options->common = AddCommonOptions(command);
  command.AddFlag("--strict", &options->strict, "What a careful operator stops at fails, with 3");
  command.AddOption("--format", &options->format, "text or json").OneOf({"text", "json"});
  command.SetCallback([options, exit_code] {
    const Result<int> result = Plan(*options);
    *exit_code = result.ok() ? *result : Fail(result.status());
  });
}

}  // namespace sojourn::cli
