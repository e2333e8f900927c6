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
#include "engine/cli/commands.h"
#include "engine/cli/import_mapping.h"
#include "engine/cli/progress.h"

namespace sojourn::cli {
namespace {

constexpr size_t kEventsPerChunk = 2000;
constexpr size_t kBytesPerChunk = 8u << 20;
constexpr size_t kSortMemoryBytes = 512u << 20;

struct ImportOptions {
  std::shared_ptr<CommonOptions> common;
  std::string file;
  std::string mapping_file;
  std::string mode;  // "", "history", "events"
  bool yes = false;
};

// What is known before the first event is read.
struct Plan {
  ImportIdentity identity;
  ImportProgress progress;
  std::optional<file::ColumnMapping> mapping;
};

Result<std::string> Fingerprint(const ImportOptions& options) {
  SOJOURN_ASSIGN_OR_RETURN(const std::string of_file, file::FingerprintFile(options.file));
  if (options.mapping_file.empty()) return of_file;
  SOJOURN_ASSIGN_OR_RETURN(const std::string of_mapping,
                           file::FingerprintFile(options.mapping_file));
  const Sha256Digest digest = Sha256(of_file + of_mapping);
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
  SOJOURN_ASSIGN_OR_RETURN(plan.identity.fingerprint, Fingerprint(options));
  SOJOURN_RETURN_IF_ERROR(CheckHasEvent(options, plan));
  return plan;
}

// Which import this is: one that was begun goes on as it began; a new one replays into an empty
// log.
Status FindMode(const ImportOptions& options, Backend* backend, Plan* plan) {
  if (options.mode == "events") {
    plan->identity.mode = ImportMode::kEvents;
    SOJOURN_ASSIGN_OR_RETURN(plan->progress, backend->FindImport(plan->identity));
    return Status::Ok();
  }
  for (const ImportMode mode : {ImportMode::kReplay, ImportMode::kHistory}) {
    plan->identity.mode = mode;
    SOJOURN_ASSIGN_OR_RETURN(plan->progress, backend->FindImport(plan->identity));
    if (plan->progress.begun) return Status::Ok();
  }
  SOJOURN_ASSIGN_OR_RETURN(const bool empty, backend->IsEmpty());
  plan->identity.mode =
      empty && options.mode != "history" ? ImportMode::kReplay : ImportMode::kHistory;
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

// Every line that is no event becomes a dead letter.
Status KeepBadLines(const ImportOptions& options, const Plan& plan, Backend* backend) {
  SOJOURN_ASSIGN_OR_RETURN(
      const auto reader, file::ImportReader::Open(options.file, plan.mapping,
                                                  plan.identity.fingerprint, /*historical=*/false));
  std::vector<file::SortableEvent> events;
  std::optional<file::ImportProblem> problem;
  std::vector<runtime::DeadLetter> letters;
  size_t bytes = 0;
  const Timestamp now = runtime::SystemClock().Now();
  while (reader->Next(&events, &problem)) {
    if (!problem) continue;
    runtime::DeadLetter letter;
    letter.message = fmt::format("{}:{}: {}", options.file, problem->line, problem->reason);
    letter.topic = "import";
    letter.offset = Offset(problem->line);
    letter.log_time = now;
    letter.value = std::move(problem->text);
    bytes += letter.value.size();
    letters.push_back(std::move(letter));
    if (letters.size() < kEventsPerChunk && bytes < kBytesPerChunk) continue;
    SOJOURN_RETURN_IF_ERROR(backend->AppendDeadLetters(letters));
    letters.clear();
    bytes = 0;
  }
  return letters.empty() ? Status::Ok() : backend->AppendDeadLetters(letters);
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

Status AppendAll(const Plan& plan, file::EventSorter* sorter, Backend* backend) {
  Progress progress("importing", sorter->count());
  std::vector<ImportedEvent> chunk;
  size_t chunk_bytes = 0;
  uint64_t position = 0;
  file::SortableEvent event;
  SOJOURN_ASSIGN_OR_RETURN(bool more, sorter->Next(&event));
  while (more) {
    if (position + chunk.size() < plan.progress.position) {
      ++position;  // appended by an earlier run of this import
    } else {
      chunk_bytes += event.bytes.size();
      chunk.push_back({event.time, std::move(event.person), std::move(event.bytes)});
    }
    SOJOURN_ASSIGN_OR_RETURN(more, sorter->Next(&event));
    if (more && chunk.size() < kEventsPerChunk && chunk_bytes < kBytesPerChunk) continue;
    if (chunk.empty() && more) continue;
    SOJOURN_RETURN_IF_ERROR(backend->AppendImport(plan.identity, position, chunk, !more));
    position += chunk.size();
    chunk.clear();
    chunk_bytes = 0;
    progress.Show(static_cast<int64_t>(position));
  }
  progress.Finish();
  return Status::Ok();
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
  if (problems > 0 && !plan.progress.begun) {
    SOJOURN_RETURN_IF_ERROR(KeepBadLines(options, plan, opened.backend.get()));
  }
  SOJOURN_RETURN_IF_ERROR(AppendAll(plan, &sorter, opened.backend.get()));
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

}  // namespace

void AddImportCommand(CLI::App* app, int* exit_code) {
  CLI::App* command = app->add_subcommand(
      "import",
      "Imports a file of past events: NDJSON of Segment-shaped calls, or CSV with --map.\n"
      "Into an empty log they are replayed on their own time; otherwise they only bring people up\n"
      "to date, unless --as events is given. The same file twice changes nothing; an import that\n"
      "was cut short goes on where it stopped.\n"
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
  command->add_option("FILE", options->file, "The file")->required();
  command->add_option("--map", options->mapping_file, "What the columns of a CSV file mean (YAML)");
  command->add_option("--as", options->mode, "history or events")
      ->check(CLI::IsMember({"history", "events"}));
  command->add_flag("--yes", options->yes, "Do not ask");
  command->callback([options, exit_code] {
    const Result<int> result = Import(*options);
    *exit_code = result.ok() ? *result : Fail(result.status());
  });
}

}  // namespace sojourn::cli
