// `sojourn webhooks`: endpoints for which webhooks wait, URLs that have disabled themselves, and
// the secret that signs.

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "engine/base/json_text.h"
#include "engine/cli/commands.h"
#include "engine/cli/printable.h"
#include "engine/cli/remote.h"
#include "engine/cli/secrets.h"

namespace sojourn::cli {
namespace {

constexpr Duration kAnswerTimeout = Seconds(30);

Result<std::string> Ask(const CommonOptions& common, const char* method,
                        const std::string& target) {
  SOJOURN_ASSIGN_OR_RETURN(const Config config, ResolveConfig(common));
  const auto instance = FindInstance(config.data);
  if (!instance) {
    return FailedPrecondition(fmt::format(
        "no process runs on {}, so no webhooks leave; start sojourn run first", config.data));
  }
  return AskInstance(*instance, method, target, "", kAnswerTimeout);
}

void PrintWaiting(const nlohmann::json& endpoints) {
  for (const nlohmann::json& it : endpoints) {
    const int failures = it.value("failures", 0);
    fmt::print("{}  {} waiting", Printable(it.value("endpoint", "")), it.value("waiting", 0));
    if (it.contains("next_attempt")) {
      fmt::print(", tried at {}", Printable(it.value("next_attempt", "")));
    }
    if (failures > 0) {
      fmt::print("; {} failure{} in a row, the last: {}", failures, failures == 1 ? "" : "s",
                 Printable(it.value("last_failure", "")));
    }
    fmt::print("\n");
  }
  if (endpoints.empty()) fmt::print("no webhook waits\n");
}

Status List(const CommonOptions& common) {
  SOJOURN_ASSIGN_OR_RETURN(const std::string body, Ask(common, "GET", "/-/webhooks"));
  const auto json = ParseJson(body);
  if (!json.is_object() || !json.contains("disabled") || !json.contains("endpoints")) {
    return Unavailable("the process gave an answer that is none");
  }
  PrintWaiting(json["endpoints"]);
  for (const auto& [url, since] : json["disabled"].items()) {
    fmt::print("{}  disabled since {}\n", Printable(url),
               Printable(since.is_string() ? since.get<std::string>() : ""));
  }
  if (json["disabled"].empty()) fmt::print("no webhook URL is disabled\n");
  return Status::Ok();
}

Status Enable(const CommonOptions& common, const std::string& url) {
  SOJOURN_RETURN_IF_ERROR(
      Ask(common, "POST", "/-/webhooks?enable=" + http::EncodeQueryText(url)).status());
  fmt::print("{} is enabled; sojourn dead-letters retry sends again what it has missed\n",
             Printable(url));
  return Status::Ok();
}

Status ShowSecret(const CommonOptions& common) {
  SOJOURN_ASSIGN_OR_RETURN(const Config config, ResolveConfig(common));
  if (!config.webhooks.keys.empty()) {
    return FailedPrecondition("the configuration has the secrets: see webhooks: {secrets}");
  }
  SOJOURN_ASSIGN_OR_RETURN(const std::string secret, FindWebhookSecret(config));
  fmt::print("{}\n", secret);
  return Status::Ok();
}

}  // namespace

void AddWebhooksCommand(Command app, int* exit_code) {
  const Command command = app.AddSubcommand("webhooks",
                                            "Lists endpoints for which webhooks wait, and URLs "
                                            "that have answered 410 Gone and get nothing "
                                            "more");
  auto common = AddCommonOptions(command);
  const Command enable =
      command.AddSubcommand("enable", "Lets webhooks go to a disabled URL again");
  auto url = std::make_shared<std::string>();
  auto enable_common = AddCommonOptions(enable);
  enable.AddOption("URL", url.get(), "As listed").Required();
  enable.SetCallback([enable_common, url, exit_code] {
    const Status status = Enable(*enable_common, *url);
    if (!status.ok()) *exit_code = Fail(status);
  });
  const Command secret = command.AddSubcommand(
      "secret",
      "Shows the secret that the data directory made for itself; webhooks are signed "
      "with it where the configuration names none");
  auto secret_common = AddCommonOptions(secret);
  secret.SetCallback([secret_common, exit_code] {
    const Status status = ShowSecret(*secret_common);
    if (!status.ok()) *exit_code = Fail(status);
  });
  command.SetCallback([command, common, exit_code] {
    if (command.subcommand_given()) return;
    const Status status = List(*common);
    if (!status.ok()) *exit_code = Fail(status);
  });
}

}  // namespace sojourn::cli
