#include "engine/cli/backup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>

#include "engine/base/json_text.h"
#include "engine/base/rfc3339.h"

namespace sojourn::cli {
namespace {

namespace fs = std::filesystem;

constexpr char kAboutFile[] = "backup.json";
constexpr char kSecretsFile[] = "secrets.json";
constexpr char kRestoredNote[] = "restored_at";
// Of the restore after which the lists of codes were found to be free of codes given since.
constexpr char kListsReleasedNote[] = "coupon_lists_released";

Status Failed(const std::string& what, const std::error_code& error) {
  return Unavailable(fmt::format("{}: {}", what, error.message()));
}

// Makes it survive a loss of power.
Status Sync(const fs::path& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = file >= 0 && fsync(file) == 0;
  const std::error_code error(errno, std::generic_category());
  if (file >= 0) close(file);
  return synced ? Status::Ok() : Failed("cannot write " + path.string(), error);
}

Status SyncAll(const fs::path& directory) {
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(directory, error)) {
    SOJOURN_RETURN_IF_ERROR(Sync(entry.path()));
  }
  if (error) return Failed("cannot read " + directory.string(), error);
  return Sync(directory);
}

// What is half made beside the place; a former attempt's leavings go first.
Result<fs::path> Beside(const fs::path& directory) {
  const fs::path beside = directory.string() + ".unfinished";
  std::error_code error;
  fs::remove_all(beside, error);
  if (error) return Failed("cannot remove " + beside.string(), error);
  return beside;
}

Status PutInPlace(const fs::path& made, const fs::path& directory) {
  SOJOURN_RETURN_IF_ERROR(SyncAll(made));
  std::error_code error;
  fs::rename(made, directory, error);
  if (error) return Failed("cannot make " + directory.string(), error);
  return Sync(fs::absolute(directory).parent_path());
}

Status CopySecrets(const fs::path& from, const fs::path& to) {
  std::error_code error;
  if (!fs::exists(from / kSecretsFile, error)) return Status::Ok();  // they are configured
  fs::copy_file(from / kSecretsFile, to / kSecretsFile, error);      // its mode is kept
  return error ? Failed("cannot copy " + (from / kSecretsFile).string(), error) : Status::Ok();
}

Status WriteAbout(const fs::path& directory, Timestamp now) {
  std::ofstream file(directory / kAboutFile);
  file << DumpJson(nlohmann::json{{"made_at", FormatRfc3339(now)}}) << "\n";
  file.close();
  return file ? Status::Ok() : Unavailable("cannot write " + (directory / kAboutFile).string());
}

Result<Timestamp> ReadAbout(const fs::path& directory) {
  std::ifstream file(directory / kAboutFile);
  const auto about = ParseJson(file);
  const auto made_at =
      about.is_object() ? ParseRfc3339(about.value("made_at", "")) : std::optional<Timestamp>();
  if (made_at) return *made_at;
  return FailedPrecondition(
      fmt::format("{} is no backup: sojourn backup makes one", directory.string()));
}

Status CheckEmpty(const fs::path& data) {
  std::error_code error;
  if (!fs::exists(data, error)) return Status::Ok();
  if (fs::is_directory(data, error) && fs::is_empty(data, error)) return Status::Ok();
  return FailedPrecondition(fmt::format(
      "{} is there already: move it away, or name another directory with --data", data.string()));
}

int64_t SizeOf(const fs::path& directory) {
  int64_t bytes = 0;
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(directory, error)) {
    if (entry.is_regular_file(error)) bytes += static_cast<int64_t>(entry.file_size(error));
  }
  return bytes;
}

// The copy, not yet in its place, learns that it is one.
Result<std::vector<ListStand>> NoteRestored(const fs::path& directory, Config config,
                                            Timestamp now) {
  config.data = directory.string();
  SOJOURN_ASSIGN_OR_RETURN(const auto backend, OpenEmbeddedBackend(config, /*need_existing=*/true));
  SOJOURN_RETURN_IF_ERROR(backend->WriteNote(kRestoredNote, FormatRfc3339(now)));
  return FindLists(backend.get());
}

}  // namespace

Status MakeBackup(const fs::path& directory, const Config& config, Timestamp now,
                  Backend* backend) {
  std::error_code error;
  if (fs::exists(directory, error)) {
    return FailedPrecondition(
        fmt::format("{} exists already; choose a new path", directory.string()));
  }
  SOJOURN_ASSIGN_OR_RETURN(const fs::path made, Beside(directory));
  SOJOURN_RETURN_IF_ERROR(backend->CopyTo(made.string()));
  SOJOURN_RETURN_IF_ERROR(CopySecrets(config.data, made));
  SOJOURN_RETURN_IF_ERROR(WriteAbout(made, now));
  return PutInPlace(made, directory);
}

Result<Restored> RestoreBackup(const fs::path& directory, const Config& config, Timestamp now) {
  Restored restored;
  SOJOURN_ASSIGN_OR_RETURN(restored.backup_at, ReadAbout(directory));
  SOJOURN_RETURN_IF_ERROR(CheckEmpty(config.data));
  SOJOURN_ASSIGN_OR_RETURN(const fs::path made, Beside(config.data));
  std::error_code error;
  fs::create_directories(fs::absolute(made).parent_path(), error);
  if (!error) fs::copy(directory, made, fs::copy_options::recursive, error);
  if (error) return Failed("cannot copy " + directory.string(), error);
  fs::remove(made / kAboutFile, error);
  SOJOURN_ASSIGN_OR_RETURN(restored.lists, NoteRestored(made, config, now));
  restored.bytes = SizeOf(made);
  fs::remove(config.data, error);  // an empty directory
  SOJOURN_RETURN_IF_ERROR(PutInPlace(made, config.data));
  return restored;
}

Result<std::optional<Timestamp>> RestoredAt(Backend* backend) {
  SOJOURN_ASSIGN_OR_RETURN(const std::string note, backend->ReadNote(kRestoredNote));
  return ParseRfc3339(note);
}

Result<bool> AreListsHeld(Backend* backend) {
  SOJOURN_ASSIGN_OR_RETURN(const std::string restored, backend->ReadNote(kRestoredNote));
  SOJOURN_ASSIGN_OR_RETURN(const std::string released, backend->ReadNote(kListsReleasedNote));
  return restored != released;
}

Status ReleaseLists(Backend* backend) {
  SOJOURN_ASSIGN_OR_RETURN(const std::string restored, backend->ReadNote(kRestoredNote));
  return backend->WriteNote(kListsReleasedNote, restored);
}

}  // namespace sojourn::cli
