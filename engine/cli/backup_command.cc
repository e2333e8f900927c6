// `sojourn backup` and `sojourn restore`.

#include <fmt/format.h>

#include <filesystem>

#include "connectors/http/http_message.h"
#include "engine/base/rfc3339.h"
#include "engine/cli/backup.h"
#include "engine/cli/commands.h"
#include "engine/cli/remote.h"

namespace sojourn::cli {
namespace {

constexpr Duration kAnswerTimeout = Hours(2);  // all may have to be copied

struct BackupOptions {
  std::shared_ptr<CommonOptions> common;
  std::string directory;
};

Status Backup(const BackupOptions& options) {
  SOJOURN_ASSIGN_OR_RETURN(const Config config, ResolveConfig(*options.common));
  if (config.log == LogKind::kKafka) {
    return FailedPrecondition(
        "over Kafka the topics hold everything: a process without its data directory restores "
        "itself from them");
  }
  const std::string directory = std::filesystem::absolute(options.directory).string();
  if (const auto instance = FindInstance(config.data)) {
    const std::string target = "/-/backup?directory=" + http::EncodeQueryText(directory);
    return AskInstance(*instance, "POST", target, "", kAnswerTimeout).status();
  }
  SOJOURN_ASSIGN_OR_RETURN(const auto backend, OpenEmbeddedBackend(config, /*need_existing=*/true));
  return MakeBackup(directory, config, runtime::SystemClock().Now(), backend.get());
}

// Which of their codes were given since nobody here knows.
void PrintLists(const std::vector<ListStand>& lists) {
  for (const ListStand& list : lists) {
    fmt::print("the list {} had {} of {} codes left\n", list.pool, list.left, list.codes);
  }
  fmt::print(
      "lists of coupon codes give none until you have taken those given since out of {} and "
      "said: sojourn coupons resume\n",
      lists.empty() ? "them" : "these");
}

Status Restore(const BackupOptions& options) {
  SOJOURN_ASSIGN_OR_RETURN(const Config config, ResolveConfig(*options.common));
  if (config.log == LogKind::kKafka) {
    return FailedPrecondition("only the embedded log is restored from a backup");
  }
  SOJOURN_ASSIGN_OR_RETURN(const Restored restored,
                           RestoreBackup(options.directory, config, runtime::SystemClock().Now()));
  fmt::print("{} is as it was on {} ({} MiB)\n", config.data, FormatRfc3339(restored.backup_at),
             restored.bytes >> 20);
  fmt::print(
      "what happened since is not in it: send the events of that time again. Mails that may have "
      "left since are held back: sojourn dead-letters list shows them, once a process runs\n");
  PrintLists(restored.lists);
  return Status::Ok();
}

void AddOne(Command app, int* exit_code, const char* name, const char* what,
            Status (*run)(const BackupOptions&)) {
  const Command command = app.AddSubcommand(name, what);
  auto options = std::make_shared<BackupOptions>();
  options->common = AddCommonOptions(command);
  command.AddOption("DIRECTORY", &options->directory, "Of the backup").Required();
  command.SetCallback([options, exit_code, run] {
    const Status status = run(*options);
    *exit_code = status.ok() ? 0 : Fail(status);
  });
}

}  // namespace

void AddBackupCommands(Command app, int* exit_code) {
  AddOne(app, exit_code, "backup",
         "Copies the data directory, also while a process works on it, into a new directory: one "
         "consistent moment. Files are linked, not copied, where both lie on one disk",
         &Backup);
  AddOne(app, exit_code, "restore",
         "Makes the data directory, which must not be there, from a backup. Mails that may have "
         "left since the backup are held back as dead letters",
         &Restore);
}

}  // namespace sojourn::cli
