// `sojourn import`: a customer's export into the log.

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <iostream>

#include "connectors/file/event_sorter.h"
#include "connectors/file/import_reader.h"
#include "engine/base/hash.h"
#include "engine/base/rfc3339.h"
#include "engine/cli/append_import.h"
#include "engine/cli/commands.h"
#include "engine/cli/import_mapping.h"
#include "engine/cli/people_import.h"
#include "engine/cli/progress.h"

namespace sojourn::cli {
namespace {

struct ImportOptions {
  std::shared_ptr<CommonOptions> common;
  std::string file;
  std::string mapping_file;
  std::string mode;  // "", "history", "events"
  bool yes = false;
  bool again = false;
  bool abandon = false;
  bool people = false;
  bool dry_run = false;
  std::string consent;
};

// What is known before the first event is read.
struct Plan {
  ImportIdentity identity;
  ImportProgress progress;
  std::optional<file::ColumnMapping> mapping;
};

Result<std::string> Fingerprint(const ImportOptions& options,
                                const std::optional<file::ColumnMapping>& mapping) {
  SOJOURN_ASSIGN_OR_RETURN(const std::string of_file, file::FingerprintFile(options.file));
  if (!mapping) return of_file;
  const Sha256Digest digest = Sha256(of_file + CanonicalMapping(*mapping));
  return Hex(digest.data(), digest.size());
}

// Refuses a file without one event before anything is made for it.
Status CheckHasEvent(const ImportOptions& options, const Plan& plan) {
  SOJOURN_ASSIGN_OR_RETURN(
      const auto reader, file::ImportReader::Open(options.file, plan.mapping,
                                                  plan.identity.fingerprint, /*historical=*/false));
  std::vector<file::SortableEvent> events;
  std::optional<file::ImportProblem> problem;
  std::string first_problem;
  while (reader->Next(&events, &problem)) {
    if (!events.empty()) return Status::Ok();
    if (problem && first_problem.empty()) {
      first_problem = fmt::format("; the first line that is none: {}:{}: {}", options.file,
                                  problem->line, problem->reason);
    }
  }
  return InvalidArgument(fmt::format("{} has no event{}", options.file, first_problem));
}

// What the files tell, before anything is opened or made for them.
Result<Plan> ReadFiles(const ImportOptions& options) {
  Plan plan;
  if (!options.mapping_file.empty()) {
    SOJOURN_ASSIGN_OR_RETURN(plan.mapping, ReadMapping(options.mapping_file));
  } else if (std::filesystem::path(options.file).extension() == ".csv") {
    return InvalidArgument(fmt::format(
        "{} needs --map FILE, which says what its columns mean; see sojourn help import",
        options.file));
  }
  SOJOURN_ASSIGN_OR_RETURN(plan.identity.fingerprint, Fingerprint(options, plan.mapping));
  plan.identity.name = NameForPeople(options.file);
  SOJOURN_RETURN_IF_ERROR(CheckHasEvent(options, plan));
  return plan;
}

// "imported as history on 2026-03-02T09:00:00Z".
std::string WhatCame(ImportMode mode, const ImportProgress& progress) {
  std::string what = progress.abandoned  ? "begun and abandoned"
                     : progress.finished ? "imported"
                                         : "begun to be imported";
  what += fmt::format(" as {}", ImportModeName(mode));
  return progress.begun_at ? what + " on " + FormatRfc3339(*progress.begun_at) : what;
}

// A file that came in one mode does not come in another one by mistake.
Status CheckNew(const ImportOptions& options, ImportMode mode, const ImportLedger& ledger) {
  for (const auto& [other, progress] : ledger) {
    if (!progress.begun || (other == mode && !progress.abandoned)) continue;
    return FailedPrecondition(
        fmt::format("{} was {}; --again if all of it is really to be imported once more, as {}",
                    options.file, WhatCame(other, progress), ImportModeName(mode)));
  }
  return Status::Ok();
}

// Which import this is: one that was begun goes on as it began; a new one replays into an empty
// log.
Status FindMode(const ImportOptions& options, Backend* backend, Plan* plan) {
  SOJOURN_ASSIGN_OR_RETURN(const ImportLedger ledger,
                           backend->FindImports(plan->identity.fingerprint));
  SOJOURN_ASSIGN_OR_RETURN(const bool empty, backend->IsEmpty());
  const auto under_way = [&ledger](ImportMode mode) {
    return ledger.at(mode).begun && !ledger.at(mode).abandoned;
  };
  ImportMode mode = empty ? ImportMode::kReplay : ImportMode::kHistory;
  if (options.mode == "history") mode = ImportMode::kHistory;
  if (options.mode == "events") {
    mode = ImportMode::kEvents;
  } else if (!options.again && under_way(ImportMode::kReplay)) {
    mode = ImportMode::kReplay;
  } else if (under_way(ImportMode::kHistory)) {
    mode = ImportMode::kHistory;
  }
  if (!options.again && !under_way(mode)) {
    SOJOURN_RETURN_IF_ERROR(CheckNew(options, mode, ledger));
  }
  plan->identity.mode = mode;
  plan->progress = ledger.at(mode);
  return Status::Ok();
}

// Reads the whole file into the sorter; every line that is no event is named on stderr.
Result<int64_t> ReadAll(const ImportOptions& options, const Plan& plan, file::EventSorter* sorter) {
  SOJOURN_ASSIGN_OR_RETURN(
      const auto reader,
      file::ImportReader::Open(options.file, plan.mapping, plan.identity.fingerprint,
                               plan.identity.mode == ImportMode::kHistory));
  Progress progress("reading", reader->bytes_total());
  std::vector<file::SortableEvent> events;
  std::optional<file::ImportProblem> problem;
  int64_t problems = 0;
  for (int64_t line = 0; reader->Next(&events, &problem); ++line) {
    if (problem) {
      ++problems;
      progress.Interrupt();
      std::fprintf(stderr, "%s:%lld: %s\n", options.file.c_str(),
                   static_cast<long long>(problem->line), problem->reason.c_str());
    }
    for (file::SortableEvent& event : events) {
      SOJOURN_RETURN_IF_ERROR(sorter->Add(std::move(event)));
    }
    if (line % 4096 == 0) progress.Show(reader->bytes_read());
  }
  progress.Finish();
  SOJOURN_RETURN_IF_ERROR(sorter->Finish());
  return problems;
}

// Every line that is no event becomes a dead letter; that ends the import.
Status KeepBadLines(const ImportOptions& options, const Plan& plan, uint64_t event_count,
                    Backend* backend) {
  SOJOURN_ASSIGN_OR_RETURN(
      const auto reader, file::ImportReader::Open(options.file, plan.mapping,
                                                  plan.identity.fingerprint, /*historical=*/false));
  std::vector<file::SortableEvent> events;
  std::optional<file::ImportProblem> problem;
  BadLineKeeper keeper(options.file, plan.identity, plan.progress, event_count, backend);
  while (reader->Next(&events, &problem)) {
    if (!problem) continue;
    SOJOURN_RETURN_IF_ERROR(keeper.Add(problem->line, problem->reason, std::move(problem->text)));
  }
  return keeper.Finish();
}

bool Confirm(const std::string& question) {
  std::cerr << question << " [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

// `--as events` makes people get mail: say so before.
bool MayGoOn(const ImportOptions& options, const Plan& plan, const file::EventSorter& sorter) {
  if (plan.identity.mode != ImportMode::kEvents) return true;
  const std::string warning = fmt::format(
      "{} events from {} to {} will be taken as if they happened now: they start journeys, and "
      "people get what those send.",
      sorter.count(), FormatRfc3339(sorter.first_time()), FormatRfc3339(sorter.last_time()));
  if (options.yes) {
    std::fprintf(stderr, "%s\n", warning.c_str());
    return true;
  }
  return Confirm(warning + "\nWithout --as events they would only bring people up to date. Go on?");
}

std::string_view WhatHappened(ImportMode mode) {
  switch (mode) {
    case ImportMode::kReplay:
      return "replayed on their own time: what is late by now is marked late and not sent";
    case ImportMode::kHistory:
      return "as history: people are brought up to date, nothing starts and nothing is sent";
    case ImportMode::kEvents:
      return "as events of now";
  }
  return "";
}

Result<int> Import(const ImportOptions& options) {
  SOJOURN_ASSIGN_OR_RETURN(const Config config, ResolveConfig(*options.common));
  if (options.people) {
    if (options.mode == "events") return InvalidArgument("contacts are always taken as history");
    return ImportPeople(config, {.file = options.file,
                                 .mapping = options.mapping_file,
                                 .consent = options.consent,
                                 .dry_run = options.dry_run});
  }
  SOJOURN_ASSIGN_OR_RETURN(Plan plan, ReadFiles(options));
  SOJOURN_ASSIGN_OR_RETURN(const OpenedBackend opened,
                           OpenForCommand(config, /*need_existing=*/false));
  SOJOURN_RETURN_IF_ERROR(FindMode(options, opened.backend.get(), &plan));
  if (plan.progress.finished) {
    std::printf("%s was imported before; nothing to do\n", options.file.c_str());
    return 0;
  }
  file::EventSorter sorter(std::filesystem::temp_directory_path().string(), kSortMemoryBytes);
  SOJOURN_ASSIGN_OR_RETURN(const int64_t problems, ReadAll(options, plan, &sorter));
  if (!MayGoOn(options, plan, sorter)) return 1;
  SOJOURN_ASSIGN_OR_RETURN(const uint64_t event_count,
                           AppendSorted(plan.identity, plan.progress, /*end=*/problems == 0,
                                        &sorter, opened.backend.get()));
  if (problems > 0) {
    SOJOURN_RETURN_IF_ERROR(KeepBadLines(options, plan, event_count, opened.backend.get()));
  }
  std::printf("%lld events from %s to %s, %s\n", static_cast<long long>(sorter.count()),
              FormatRfc3339(sorter.first_time()).c_str(), FormatRfc3339(sorter.last_time()).c_str(),
              std::string(WhatHappened(plan.identity.mode)).c_str());
  if (problems > 0) {
    std::printf("%lld line%s no event%s, named above and kept: sojourn dead-letters\n",
                static_cast<long long>(problems), problems == 1 ? " was" : "s were",
                problems == 1 ? "" : "s");
  }
  if (!opened.remote && config.log == LogKind::kEmbedded) {
    std::printf("no process runs on %s: `sojourn run` will take them from there\n",
                config.data.c_str());
  }
  return problems > 0 ? 1 : 0;
}

// The way out where a replay was cut short and cannot go on.
Result<int> Abandon(const ImportOptions& options) {
  SOJOURN_ASSIGN_OR_RETURN(const Config config, ResolveConfig(*options.common));
  SOJOURN_ASSIGN_OR_RETURN(const OpenedBackend opened,
                           OpenForCommand(config, /*need_existing=*/true));
  SOJOURN_ASSIGN_OR_RETURN(const auto open, opened.backend->FindOpenReplay());
  if (!open) {
    std::printf("no import is unfinished; nothing to do\n");
    return 0;
  }
  const std::string name = ImportForPeople(open->identity);
  const std::string what = fmt::format(
      "The import of {}{}{} stands at event {}. Abandoned, it stays there: what came of it counts, "
      "the rest does not come. Events are taken again, and timers go on.",
      name, open->progress.begun_at ? ", begun on " : "",
      open->progress.begun_at ? FormatRfc3339(*open->progress.begun_at) + "," : "",
      open->progress.position);
  if (options.yes) {
    std::fprintf(stderr, "%s\n", what.c_str());
  } else if (!Confirm(what + "\nIs no `sojourn import` at work on it, and should it end?")) {
    return 1;
  }
  SOJOURN_RETURN_IF_ERROR(opened.backend->AbandonImport(open->identity));
  std::printf("the import of %s is ended\n", name.c_str());
  return 0;
}

}  // namespace

void AddImportCommand(Command app, int* exit_code) {
  const Command command = app.AddSubcommand(
      "import",
      "Imports a file of past events: NDJSON of Segment-shaped calls, or CSV with --map.\n"
      "Into an empty log they are replayed on their own time; otherwise they only bring people up\n"
      "to date, unless --as events is given. The same file twice changes nothing (--again imports\n"
      "it in another mode); an import that was cut short goes on where it stopped when its file "
      "is\n"
      "imported again. Where that file is gone, --abandon ends its replay.\n"
      "With --people the file is CSV with one contact a row: traits and consent, and nothing "
      "starts\n"
      "or is sent. Of several rows of one person the last counts, an unsubscription in any of "
      "them;\n"
      "a row without a right address is refused; role accounts (info@ ...) are named and "
      "imported.\n"
      "Exit code: 0 every line is in, 1 some lines were no events (they are named, and kept as "
      "dead\n"
      "letters) or the answer was no, 2 nothing was imported.\n"
      "A mapping for --map:\n"
      "  person: customer_id\n"
      "  event: Order Completed\n"
      "  time: {column: date, format: day}\n"
      "  properties: {order_id: order, total: {column: amount, type: double}}\n"
      "  traits: {email: email}");
  auto options = std::make_shared<ImportOptions>();
  options->common = AddCommonOptions(command);
  const Option file = command.AddOption("FILE", &options->file, "The file");
  command.AddOption("--map,--mapping", &options->mapping_file,
                    "What the columns of a CSV file mean (YAML); with --people also the name of a\n"
                    "ready one: mailchimp, shopify, plain (default)");
  command.AddOption("--as", &options->mode, "history or events").OneOf({"history", "events"});
  command.AddFlag("--yes", &options->yes, "Do not ask");
  command.AddFlag("--again", &options->again,
                  "Import it although it was imported otherwise, or abandoned");
  command.AddFlag("--abandon", &options->abandon, "End the replay that was cut short")
      .Excludes(file);
  const Option people =
      command.AddFlag("--people", &options->people, "The file has contacts, not events");
  command.AddFlag("--dry-run", &options->dry_run, "Only say what would be imported").Needs(people);
  command
      .AddOption("--consent", &options->consent,
                 "All contacts of the file are so, whatever its columns say: subscribed,\n"
                 "unsubscribed or bounced")
      .OneOf({"subscribed", "unsubscribed", "bounced"})
      .Needs(people);
  command.SetCallback([options, exit_code] {
    if (options->file.empty() && !options->abandon) {
      *exit_code = Fail(InvalidArgument("FILE is missing; see sojourn help import"));
      return;
    }
    const Result<int> result = options->abandon ? Abandon(*options) : Import(*options);
    *exit_code = result.ok() ? *result : Fail(result.status());
  });
}

}  // namespace sojourn::cli
