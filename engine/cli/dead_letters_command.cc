// `sojourn dead-letters`: what was no event, and why.

#include <fmt/format.h>

#include <cstdio>

#include "engine/base/rfc3339.h"
#include "engine/cli/commands.h"
#include "engine/cli/dead_letters.h"

namespace sojourn::cli {
namespace {

constexpr size_t kLettersPerRead = 1000;

// One line for people: when, where from, why.
std::string Line(const runtime::DeadLetter& letter) {
  return fmt::format("{}  {:<12} {:<17} {}", FormatRfc3339(letter.log_time), letter.topic,
                     runtime::DeadLetterReasonName(letter.reason), letter.message);
}

Status Print(const Config& config, bool as_json) {
  SOJOURN_ASSIGN_OR_RETURN(const OpenedBackend opened,
                           OpenForCommand(config, /*need_existing=*/true));
  LetterCursors cursors;
  while (true) {
    SOJOURN_ASSIGN_OR_RETURN(const auto letters,
                             opened.backend->ReadDeadLetters(&cursors, kLettersPerRead));
    if (letters.empty()) return Status::Ok();
    for (const runtime::DeadLetter& letter : letters) {
      const std::string line = as_json ? LetterToJson(letter) : Line(letter);
      if (std::printf("%s\n", line.c_str()) < 0) return Status::Ok();  // nobody reads any more
    }
  }
}

}  // namespace

void AddDeadLettersCommand(CLI::App* app, int* exit_code) {
  CLI::App* command = app->add_subcommand(
      "dead-letters",
      "Prints the records, calls and lines of files that were no events, with their reasons");
  auto options = AddCommonOptions(command);
  auto format = std::make_shared<std::string>("text");
  command->add_option("--format", *format, "text or json (one a line, with the record itself)")
      ->check(CLI::IsMember({"text", "json"}));
  command->callback([options, format, exit_code] {
    const Result<Config> config = ResolveConfig(*options);
    const Status printed = config.ok() ? Print(*config, *format == "json") : config.status();
    if (!printed.ok()) *exit_code = Fail(printed);
  });
}

}  // namespace sojourn::cli
