// `sojourn actions`: what the journeys decided to do.

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <optional>

#include "engine/base/arena.h"
#include "engine/cli/commands.h"
#include "engine/cli/printable.h"
#include "engine/model/json_reader.h"

namespace sojourn::cli {
namespace {

constexpr size_t kActionsPerRead = 5000;
constexpr int kMaxNesting = 1000;  // deeper than any value that an event can bring

struct ActionsOptions {
  std::shared_ptr<CommonOptions> common;
  bool follow = false;
  bool new_only = false;
  std::string format = "text";
  std::string journey;
  std::string person;
  int64_t limit = 0;  // 0: all
};

// The text under a key; empty where there is none.
std::string_view TextOf(const model::Value& action, std::string_view key) {
  const model::Value* value = action.Find(key);
  const bool text = value != nullptr && value->kind() == model::ValueKind::kString;
  return text ? value->text() : std::string_view();
}

// One line for people: when, what, to whom, by which step.
std::string Line(const model::Value& action) {
  std::string what(TextOf(action, "kind"));
  for (const char* key : {"template", "url"}) {
    const std::string_view detail = TextOf(action, key);
    if (!detail.empty()) what.append(" ").append(detail);
  }
  std::string line =
      fmt::format("{}  {:<34} {:<24} {} {}", TextOf(action, "time"), what, TextOf(action, "person"),
                  TextOf(action, "journey"), TextOf(action, "step"));
  if (const model::Value* coupon = action.Find("coupon")) {
    line.append("  code ").append(TextOf(*coupon, "code"));
    line.append(" of ").append(TextOf(*coupon, "pool"));
  }
  if (action.Find("late") != nullptr) line += "  (late: would have been sent)";
  return line;
}

// The line to print; nullopt: not asked for.
std::optional<std::string> LineOf(const ActionsOptions& options, const CommittedAction& action,
                                  model::JsonReader* reader, Arena* arena) {
  const bool as_json = options.format == "json";
  if (as_json && options.journey.empty() && options.person.empty()) return action.json;
  arena->Reset();
  const Result<model::Value> read = reader->Read(action.json, kMaxNesting, arena);
  if (!read.ok()) return std::nullopt;
  if (!options.journey.empty() && TextOf(*read, "journey") != options.journey) return std::nullopt;
  if (!options.person.empty() && TextOf(*read, "person") != options.person) return std::nullopt;
  return as_json ? action.json : Printable(Line(*read));
}

int Print(const ActionsOptions& options, Backend* backend) {
  ActionCursors cursors;
  if (options.new_only) {
    Result<ActionCursors> ends = backend->ActionEnds();
    if (!ends.ok()) return Fail(ends.status());
    cursors = *ends;
  }
  model::JsonReader reader;
  Arena arena;
  int64_t printed = 0;
  while (true) {
    const auto actions =
        backend->ReadActions(&cursors, kActionsPerRead, options.follow ? Seconds(10) : Duration(0));
    if (!actions.ok()) return Fail(actions.status());
    if (actions->empty() && !options.follow) return 0;
    for (const CommittedAction& action : *actions) {
      const std::optional<std::string> line = LineOf(options, action, &reader, &arena);
      if (!line) continue;
      if (std::printf("%s\n", line->c_str()) < 0) return 0;  // nobody reads any more
      if (++printed == options.limit) return 0;
    }
    std::fflush(stdout);
  }
}

}  // namespace

void AddActionsCommand(Command app, int* exit_code) {
  const Command command = app.AddSubcommand("actions", "Prints emitted actions");
  auto options = std::make_shared<ActionsOptions>();
  options->common = AddCommonOptions(command);
  command.AddFlag("--follow", &options->follow, "Stay, and print new ones as they come");
  command.AddFlag("--new", &options->new_only, "Only those from now on");
  command.AddOption("--format", &options->format, "text or json (one a line)")
      .OneOf({"text", "json"});
  command.AddOption("--journey", &options->journey, "Only of this journey");
  command.AddOption("--person", &options->person, "Only of this person");
  command.AddOption("--limit", &options->limit, "At most so many").Range(1, 1'000'000'000);
  command.SetCallback([options, exit_code] {
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
