#include "engine/cli/recording.h"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <utility>
#include <vector>

#include "connectors/file/import_reader.h"
#include "engine/cli/append_import.h"
#include "engine/cli/import_mapping.h"
#include "engine/cli/progress.h"
#include "engine/model/event_codec.h"

namespace sojourn::cli {
namespace {

Status ReadFile(const RecordingOptions& options, Timestamp to, Recording* recording) {
  std::optional<file::ColumnMapping> mapping;
  if (!options.mapping_file.empty()) {
    SOJOURN_ASSIGN_OR_RETURN(mapping, ReadMapping(options.mapping_file));
  } else if (std::filesystem::path(options.file).extension() == ".csv") {
    return InvalidArgument(fmt::format(
        "{} needs --map FILE, which says what its columns mean; see sojourn help import",
        options.file));
  }
  SOJOURN_ASSIGN_OR_RETURN(const std::string fingerprint, file::FingerprintFile(options.file));
  SOJOURN_ASSIGN_OR_RETURN(
      const auto reader,
      file::ImportReader::Open(options.file, mapping, fingerprint, /*historical=*/false));
  Progress progress("reading", reader->bytes_total());
  std::vector<file::SortableEvent> events;
  std::optional<file::ImportProblem> problem;
  for (int64_t line = 0; reader->Next(&events, &problem); ++line) {
    if (problem) {
      ++recording->bad_lines;
      progress.Interrupt();
      std::fprintf(stderr, "%s:%lld: %s\n", options.file.c_str(),
                   static_cast<long long>(problem->line), problem->reason.c_str());
    }
    for (file::SortableEvent& event : events) {
      if (event.time > to) continue;
      SOJOURN_RETURN_IF_ERROR(recording->events.Add(std::move(event)));
    }
    if (line % 4096 == 0) progress.Show(reader->bytes_read());
  }
  progress.Finish();
  recording->source = options.file;
  return Status::Ok();
}

Status ReadLog(const RecordingOptions& options, Timestamp to, Recording* recording) {
  SOJOURN_ASSIGN_OR_RETURN(const Config config, ResolveConfig(*options.common));
  SOJOURN_ASSIGN_OR_RETURN(const OpenedBackend opened,
                           OpenForCommand(config, /*need_existing=*/true));
  SOJOURN_ASSIGN_OR_RETURN(const int32_t parts, opened.backend->LogParts());
  Progress progress("reading", parts);
  Status added;
  int64_t passed_over = 0;
  for (int32_t part = 0; part < parts; ++part) {
    // A person's records of one moment stay in the order of their part.
    int64_t number = 0;
    const auto visit = [&](const LoggedEvent& event) {
      if (event.log_time > to || model::IsMadeByMerge(event.bytes)) return true;
      added = recording->events.Add(
          {event.log_time, part, number++, std::string(event.person), std::string(event.bytes)});
      return added.ok();
    };
    SOJOURN_ASSIGN_OR_RETURN(const LogScan scan,
                             opened.backend->ScanLog(part, Offset(0), "", visit));
    SOJOURN_RETURN_IF_ERROR(added);
    recording->begins_late |= scan.first > Offset(0);
    passed_over += scan.passed_over;
    progress.Show(part + 1);
  }
  progress.Finish();
  recording->source =
      config.log == LogKind::kKafka ? "the topics of " + config.app : "the log in " + config.data;
  if (passed_over > 0) {
    std::fprintf(stderr,
                 "%lld of the records are no events and left out; to a process they are dead "
                 "letters\n",
                 static_cast<long long>(passed_over));
  }
  return Status::Ok();
}

}  // namespace

Recording::Recording()
    : events(std::filesystem::temp_directory_path().string(), kSortMemoryBytes) {}

std::shared_ptr<RecordingOptions> AddRecordingOptions(Command command) {
  auto options = std::make_shared<RecordingOptions>();
  options->common = AddCommonOptions(command);
  command.AddOption("--events", &options->file,
                    "A file of events, as import takes it, instead of the log of --data");
  command.AddOption("--map,--mapping", &options->mapping_file,
                    "What the columns of a CSV file mean; see sojourn help import");
  return options;
}

Result<std::unique_ptr<Recording>> Record(const RecordingOptions& options, Timestamp to) {
  auto recording = std::make_unique<Recording>();
  if (options.file.empty()) {
    SOJOURN_RETURN_IF_ERROR(ReadLog(options, to, recording.get()));
  } else {
    SOJOURN_RETURN_IF_ERROR(ReadFile(options, to, recording.get()));
  }
  SOJOURN_RETURN_IF_ERROR(recording->events.Finish());
  if (recording->events.count() == 0) {
    return NotFound(recording->source + " has no event of that time");
  }
  return recording;
}

}  // namespace sojourn::cli
