// `sojourn actions`: what the journeys decided to do.

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "engine/cli/commands.h"

namespace sojourn::cli {
namespace {

struct ActionsOptions {
  std::shared_ptr<CommonOptions> common;
  bool follow = false;
  bool new_only = false;
  std::string format = "text";
  std::string journey;
  std::string person;
  int64_t limit = 0;  // 0: all
};

std::string TextOf(const nlohmann::json& action, const char* key) {
  return action.contains(key) && action[key].is_string() ? action[key].get<std::string>() : "";
}

// One line for people: when, what, to whom, by which step.
std::string Line(const nlohmann::json& action) {
  std::string what = TextOf(action, "kind");
  for (const char* key : {"template", "url"}) {
    const std::string detail = TextOf(action, key);
    if (!detail.empty()) what += " " + detail;
  }
  std::string line =
      fmt::format("{}  {:<34} {:<24} {} {}", TextOf(action, "time"), what, TextOf(action, "person"),
                  TextOf(action, "journey"), TextOf(action, "step"));
  if (action.contains("coupon") && action["coupon"].is_object()) {
    line += "  code " + TextOf(action["coupon"], "code");
  }
  if (action.value("late", false)) line += "  (late: would have been sent)";
  return line;
}

int Print(const ActionsOptions& options, Backend* backend) {
  ActionCursors cursors;
  if (options.new_only) {
    Result<ActionCursors> ends = backend->ActionEnds();
    if (!ends.ok()) return Fail(ends.status());
    cursors = *ends;
  }
  int64_t printed = 0;
  while (true) {
    const auto actions =
        backend->ReadActions(&cursors, 1000, options.follow ? Seconds(10) : Duration(0));
    if (!actions.ok()) return Fail(actions.status());
    if (actions->empty() && !options.follow) return 0;
    for (const CommittedAction& action : *actions) {
      const auto json = nlohmann::json::parse(action.json, nullptr, /*allow_exceptions=*/false);
      if (!json.is_object()) continue;
      if (!options.journey.empty() && TextOf(json, "journey") != options.journey) continue;
      if (!options.person.empty() && TextOf(json, "person") != options.person) continue;
      const std::string line = options.format == "json" ? action.json : Line(json);
      if (std::printf("%s\n", line.c_str()) < 0) return 0;  // nobody reads any more
      if (++printed == options.limit) return 0;
    }
    std::fflush(stdout);
  }
}

}  // namespace

void AddActionsCommand(CLI::App* app, int* exit_code) {
  CLI::App* command = app->add_subcommand("actions", "Prints emitted actions");
  auto options = std::make_shared<ActionsOptions>();
  options->common = AddCommonOptions(command);
  command->add_flag("--follow", options->follow, "Stay, and print new ones as they come");
  command->add_flag("--new", options->new_only, "Only those from now on");
  command->add_option("--format", options->format, "text or json (one a line)")
      ->check(CLI::IsMember({"text", "json"}));
  command->add_option("--journey", options->journey, "Only of this journey");
  command->add_option("--person", options->person, "Only of this person");
  command->add_option("--limit", options->limit, "At most so many")
      ->check(CLI::Range(1, 1'000'000'000));
  command->callback([options, exit_code] {
    const Result<Config> config = ResolveConfig(*options->common);
    if (!config.ok()) {
      *exit_code = Fail(config.status());
      return;
    }
    const Result<OpenedBackend> opened = OpenForCommand(*config, /*need_existing=*/true);
    *exit_code = opened.ok() ? Print(*options, opened->backend.get()) : Fail(opened.status());
  });
}

}  // namespace sojourn::cli
