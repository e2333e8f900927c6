// `sojourn pause` and `sojourn resume`: mails that wait, and go on.

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "engine/base/json_text.h"
#include "engine/cli/commands.h"
#include "engine/cli/remote.h"

namespace sojourn::cli {
namespace {

Status Ask(const CommonOptions& common, const std::string& journey, bool resume) {
  SOJOURN_ASSIGN_OR_RETURN(const Config config, ResolveConfig(common));
  const auto instance = FindInstance(config.data);
  if (!instance) {
    return FailedPrecondition(fmt::format(
        "no process runs on {}, so no mails leave; start sojourn run, then pause or resume",
        config.data));
  }
  SOJOURN_ASSIGN_OR_RETURN(const std::string body,
                           AskInstance(*instance, "POST",
                                       fmt::format("/-/pause?journey={}&resume={}",
                                                   http::EncodeQueryText(journey), resume ? 1 : 0),
                                       "", Seconds(30)));
  const auto json = ParseJson(body);
  if (!json.is_object() || !json["paused"].is_array()) {
    return Unavailable("the process gave an answer that is none");
  }
  std::string paused;
  for (const auto& entry : json["paused"]) {
    const std::string name = entry.is_string() ? entry.get<std::string>() : "";
    paused += (paused.empty() ? "" : ", ") + (name.empty() ? "every journey" : name);
  }
  fmt::print("mails are held: {}\n", paused.empty() ? "none" : paused);
  return Status::Ok();
}

void AddCommand(Command app, const char* name, const char* help, bool resume, int* exit_code) {
  const Command command = app.AddSubcommand(name, help);
  auto common = AddCommonOptions(command);
  auto journey = std::make_shared<std::string>();
  command.AddOption("JOURNEY", journey.get(), "The journey; without it: all");
  command.SetCallback([common, journey, resume, exit_code] {
    const Status status = Ask(*common, *journey, resume);
    if (!status.ok()) *exit_code = Fail(status);
  });
}

}  // namespace

void AddPauseCommands(Command app, int* exit_code) {
  AddCommand(app, "pause",
             "Holds mails and webhooks, of one journey or all; they expire by the rules' "
             "late_send_limit only",
             /*resume=*/false, exit_code);
  AddCommand(app, "resume", "Lets mails go that were held; without a journey all of them",
             /*resume=*/true, exit_code);
}

}  // namespace sojourn::cli
