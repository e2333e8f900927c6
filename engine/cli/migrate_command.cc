#include "engine/cli/migrate_command.h"

#include <fmt/format.h>

#include "engine/cli/commands.h"
#include "engine/cli/migrate.h"

namespace sojourn::cli {
namespace {

constexpr char kWhat[] =
    "Moves the people of a data directory of the embedded log into the topics of a Kafka "
    "configuration, once and as a whole, while no process uses either";

constexpr char kMore[] =
    "Goes along: rules by number, people with their journeys, timers, counters and consent, mails "
    "and webhooks that are not at their end or failed, dead letters, suppressed addresses, pauses, "
    "disabled webhook URLs, and events that were not taken in yet.\n"
    "Stays behind: events that were taken in (backfill and explain look back no further than the "
    "move), what was delivered, all other actions, and which files were imported: import none of "
    "them again.\n"
    "Afterwards no process starts on the directory any more. Interrupted, it is run again.";

struct MigrateOptions {
  std::shared_ptr<CommonOptions> common;
  std::string from;
  bool abandon = false;
};

// What the next process would do otherwise than the directory's did.
void PrintWarnings(const Moved& moved, const Config& config, const std::string& from) {
  if (moved.mails.never_sent) {
    fmt::print(
        "no mails were moved: none was ever delivered from {}, so they are with whoever "
        "reads its actions\n",
        from);
  }
  if (moved.webhooks.never_sent) {
    fmt::print(
        "no webhooks were moved: none was ever called from {}, so they are with whoever "
        "reads its actions\n",
        from);
  }
  if (moved.webhooks.open > 0 && !config.webhooks.send) {
    fmt::print(
        "this configuration calls no webhooks: say how under `webhooks`, or those that wait are "
        "with whoever reads the actions\n");
  }
  if (moved.signs_otherwise) {
    fmt::print(
        "webhooks are not signed any more with the secret that {} made for itself: name it under "
        "webhooks: {{secrets}}, too, until receivers know the new one\n",
        from);
  }
}

void Print(const Moved& moved, const Config& config, const std::string& from) {
  if (moved.before) {
    fmt::print("{} was moved before; nothing was done\n", from);
    return;
  }
  fmt::print(
      "moved to app {}: {} people, {} rules bundles, {} open mails, {} failed mails, "
      "{} open webhooks, {} failed webhooks, {} events not taken in yet, {} dead letters, "
      "{} suppressed addresses\n",
      config.app, moved.people, moved.bundles, moved.mails.open, moved.mails.failed,
      moved.webhooks.open, moved.webhooks.failed, moved.events, moved.dead_letters,
      moved.suppressions);
  PrintWarnings(moved, config, from);
  if (moved.dropped_backfills > 0) {
    fmt::print("a backfill that never ended was dropped for {} people\n", moved.dropped_backfills);
  }
  fmt::print("start sojourn with this configuration; {} is not used any more\n", from);
}

Status Migrate(const MigrateOptions& options) {
  SOJOURN_ASSIGN_OR_RETURN(const Config config, ResolveConfig(*options.common));
  LogObserver observer(/*quiet=*/true);
  if (options.abandon) {
    SOJOURN_RETURN_IF_ERROR(AbandonMove(config, options.from, &observer));
    fmt::print("{} is the embedded log's again\n", options.from);
    return Status::Ok();
  }
  SOJOURN_ASSIGN_OR_RETURN(const Moved moved, MoveToKafka(config, options.from,
                                                          runtime::SystemClock().Now(), &observer));
  Print(moved, config, options.from);
  return Status::Ok();
}

}  // namespace

void AddMigrateCommand(Command app, int* exit_code) {
  const Command command = app.AddSubcommand("migrate-to-kafka", kWhat);
  command.SetFooter(kMore);
  auto options = std::make_shared<MigrateOptions>();
  options->common = AddCommonOptions(command);
  command.AddOption("--from", &options->from, "Data directory of the embedded log").Required();
  command.AddFlag("--abandon", &options->abandon,
                  "Gives a directory back whose move did not come to its end");
  command.SetCallback([options, exit_code] {
    const Status status = Migrate(*options);
    *exit_code = status.ok() ? 0 : Fail(status);
  });
}

}  // namespace sojourn::cli
