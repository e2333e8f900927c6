// `sojourn explain`: why somebody got a mail, or did not.

#include <fmt/format.h>

#include <cstdio>

#include "connectors/http/http_message.h"
#include "engine/cli/commands.h"
#include "engine/cli/explain_person.h"
#include "engine/cli/moment_option.h"
#include "engine/cli/printable.h"
#include "engine/cli/recording.h"
#include "engine/cli/remote.h"
#include "engine/cli/secrets.h"

namespace sojourn::cli {
namespace {

constexpr Duration kAnswerTimeout = Seconds(300);

struct ExplainOptions {
  std::shared_ptr<RecordingOptions> recording;
  ExplainRequest request;
  std::string until;
  std::string format = "text";
};

Result<std::string> FromFile(const ExplainOptions& options, const Config& config) {
  Timestamp until = Timestamp::Min();
  if (!options.until.empty()) {
    SOJOURN_ASSIGN_OR_RETURN(until, ParseMoment("--until", options.until, true));
  }
  SOJOURN_ASSIGN_OR_RETURN(const auto recording, Record(*options.recording, Timestamp::Max()));
  return ExplainFromFile(options.request, config.rules, until, recording.get());
}

std::string TargetOf(const ExplainRequest& request) {
  return fmt::format(
      "/-/explain?person={}&journey={}&template={}&format={}",
      http::EncodeQueryText(request.person), http::EncodeQueryText(request.filter.journey),
      http::EncodeQueryText(request.filter.template_name), request.json ? "json" : "text");
}

Result<std::string> Explain(const ExplainOptions& options) {
  SOJOURN_ASSIGN_OR_RETURN(const Config config, ResolveConfig(*options.recording->common));
  if (!options.recording->file.empty()) return FromFile(options, config);
  if (!options.until.empty() || options.recording->common->rules) {
    return InvalidArgument(
        "--rules and --until go with --events: a log's past is explained by the rules that were in "
        "force");
  }
  if (config.log == LogKind::kEmbedded) {
    if (const auto instance = FindInstance(config.data)) {
      return AskInstance(*instance, "GET", TargetOf(options.request), "", kAnswerTimeout);
    }
  }
  SOJOURN_ASSIGN_OR_RETURN(const OpenedBackend opened,
                           OpenForCommand(config, /*need_existing=*/true));
  SOJOURN_ASSIGN_OR_RETURN(const step::Secrets secrets, LoadSecrets(config));
  return ExplainFromLog(options.request, secrets, opened.backend.get());
}

}  // namespace

void AddExplainCommand(Command app, int* exit_code) {
  const Command command = app.AddSubcommand(
      "explain",
      "Says why somebody got a mail or did not: each of their events and timers, what every\n"
      "condition and gate came to and with which values, and what they wait for now, each with "
      "the\n"
      "rule's file and line. From the log of --data or --config (also while a process runs "
      "there),\n"
      "by the rules that were in force at each moment; or from a file (--events) by the rules in\n"
      "--rules. The log keeps events for `retention_hours`: of somebody whose first events are "
      "gone\n"
      "it shows the actions that it still has, with their reasons, and the stored state.");
  auto options = std::make_shared<ExplainOptions>();
  command.AddOption("PERSON", &options->request.person, "The person's id").Required();
  options->recording = AddRecordingOptions(command);
  command.AddOption("--rules", &options->recording->common->rules,
                    "With --events: rules directory (default: rules)");
  command.AddOption("--journey", &options->request.filter.journey, "Only this journey");
  command.AddOption("--template", &options->request.filter.template_name,
                    "Only journeys that can send this template, with what became of it in front");
  command.AddOption("--until", &options->until,
                    "With --events: let timers run on until then (default: the last event)");
  command.AddOption("--format", &options->format, "text or json").OneOf({"text", "json"});
  command.SetCallback([options, exit_code] {
    options->request.json = options->format == "json";
    const Result<std::string> text = Explain(*options);
    *exit_code = text.ok() ? 0 : Fail(text.status());
    // JSON escapes what a terminal would obey.
    if (text.ok()) std::fputs(PrintableLines(*text).c_str(), stdout);
  });
}

}  // namespace sojourn::cli
