#include "connectors/embedded/directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/base/json_text.h"

namespace sojourn::embedded {
namespace {

namespace fs = std::filesystem;

constexpr const char* kIdentityFile = "/sojourn.json";

// What may stand in a directory that is to become ours: what operators put there, what a file
// system has, and what a crash left while it was made.
constexpr std::array<std::string_view, 9> kAllowedBefore = {
    "lock",          "secrets.json",      "secrets.json.new", "mail",
    "instance.json", "instance.json.new", "sojourn.json.new", "database.new",
    "lost+found"};

// What an error of the system means for somebody who starts the process.
Status FromErrno(int error, const std::string& what) {
  const std::string message = fmt::format("{}: {}", what, std::strerror(error));
  switch (error) {
    case EACCES:
    case EPERM:
    case EROFS:
      return InvalidArgument(message + "; choose a directory that this user may write");
    case ENOSPC:
    case EDQUOT:
      return ResourceExhausted(message + "; make room on the disk");
    case ENOTDIR:
      return InvalidArgument(message + "; choose another path");
    default:
      return Internal(message);
  }
}

Status WriteAll(int file, const std::string& bytes) {
  for (size_t written = 0; written < bytes.size();) {
    const ssize_t count = ::write(file, bytes.data() + written, bytes.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return FromErrno(errno, "cannot write");
    written += static_cast<size_t>(count);
  }
  return ::fsync(file) == 0 ? Status::Ok() : FromErrno(errno, "cannot sync");
}

Status SyncDirectory(const std::string& directory) {
  const int file = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return FromErrno(errno, "cannot open " + directory);
  const int synced = ::fsync(file);
  const int error = errno;
  ::close(file);
  return synced == 0 ? Status::Ok() : FromErrno(error, "cannot sync " + directory);
}

// A crash leaves the old file or the new one, never half of it.
Status WriteFileDurably(const std::string& directory, const std::string& path,
                        const std::string& bytes) {
  const std::string temporary = path + ".new";
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return FromErrno(errno, "cannot write " + temporary);
  const Status written = WriteAll(file, bytes);
  ::close(file);
  if (!written.ok()) return Status(written.code(), temporary + ": " + written.message());
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    return FromErrno(errno, "cannot write " + path);
  }
  return SyncDirectory(directory);
}

std::string ToText(const DirectoryIdentity& identity) {
  nlohmann::ordered_json document;
  document["format"] = identity.format;
  document["app"] = identity.app;
  document["partitions"] = identity.partition_count;
  return DumpJson(document, 2) + "\n";
}

Result<DirectoryIdentity> FromText(const std::string& text, const std::string& path) {
  const auto document = ParseJson(text);
  const auto is = [&](const char* key, auto check) {
    return document.is_object() && document.contains(key) && check(document[key]);
  };
  const auto whole = [](const nlohmann::json& value) { return value.is_number_integer(); };
  const auto string = [](const nlohmann::json& value) { return value.is_string(); };
  if (!is("format", whole)) {
    return DataLoss(path + " is damaged; restore it from a copy of the directory");
  }
  DirectoryIdentity identity;
  identity.format = document["format"].get<int>();
  if (identity.format > kDirectoryFormat) {
    return FailedPrecondition(
        fmt::format("{} says format {}, and this version reads up to {}; run a newer version", path,
                    identity.format, kDirectoryFormat));
  }
  if (!is("app", string) || !is("partitions", whole) || document["partitions"].get<int>() < 1) {
    return DataLoss(path + " is damaged; restore it from a copy of the directory");
  }
  identity.app = document["app"].get<std::string>();
  identity.partition_count = document["partitions"].get<int32_t>();
  return identity;
}

// Fine where the directory has its identity, or nothing that could be somebody else's.
Status CheckNotForeign(const std::string& path) {
  std::error_code error;
  if (fs::exists(path + kIdentityFile, error)) return Status::Ok();
  if (fs::exists(path + "/database/CURRENT", error)) {
    return DataLoss(fmt::format("{}{} is missing beside a database; restore it from a copy", path,
                                kIdentityFile));
  }
  for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename();
    if (std::find(kAllowedBefore.begin(), kAllowedBefore.end(), name) == kAllowedBefore.end()) {
      return FailedPrecondition(
          fmt::format("{} is not empty and not a Sojourn data directory; choose another", path));
    }
  }
  return error ? FromErrno(error.value(), "cannot read " + path) : Status::Ok();
}

}  // namespace

Result<std::unique_ptr<DataDirectory>> DataDirectory::Open(const std::string& path,
                                                           const DirectoryIdentity& wanted,
                                                           bool create_if_missing) {
  std::error_code error;
  if (!fs::exists(path, error)) {
    if (!create_if_missing) {
      return NotFound(
          fmt::format("there is no data directory {}; name one with --data, or "
                      "make it with sojourn run",
                      path));
    }
    fs::create_directories(path, error);
    if (error) return FromErrno(error.value(), "cannot make the data directory " + path);
  }
  SOJOURN_RETURN_IF_ERROR(CheckNotForeign(path));
  std::unique_ptr<DataDirectory> directory(new DataDirectory(path));
  SOJOURN_RETURN_IF_ERROR(directory->Lock());
  SOJOURN_RETURN_IF_ERROR(directory->ReadIdentity(wanted, create_if_missing));
  return directory;
}

DataDirectory::~DataDirectory() {
  if (lock_file_ >= 0) ::close(lock_file_);
}

Status DataDirectory::Lock() {
  const std::string path = path_ + "/lock";
  lock_file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock_file_ < 0) return FromErrno(errno, "cannot open " + path);
  if (::flock(lock_file_, LOCK_EX | LOCK_NB) == 0) return Status::Ok();
  if (errno != EWOULDBLOCK) return FromErrno(errno, "cannot lock " + path);
  return FailedPrecondition(fmt::format(
      "the data directory {} is in use by another process; stop it or choose another directory",
      path_));
}

Status DataDirectory::ReadIdentity(const DirectoryIdentity& wanted, bool create_if_missing) {
  const std::string path = path_ + kIdentityFile;
  std::ifstream file(path);
  if (file) {
    std::ostringstream text;
    text << file.rdbuf();
    SOJOURN_ASSIGN_OR_RETURN(identity_, FromText(text.str(), path));
    if (identity_.app == wanted.app) return FinishDatabase();
    return FailedPrecondition(fmt::format(
        "the data directory {} belongs to the app \"{}\", not to \"{}\"; choose another directory "
        "or configure that app",
        path_, identity_.app, wanted.app));
  }
  std::error_code error;
  if (fs::exists(path, error)) {
    return InvalidArgument(fmt::format("cannot read {}; this user needs the permission", path));
  }
  if (!create_if_missing) {
    return NotFound(
        fmt::format("{} is no data directory: it has no sojourn.json; "
                    "name another with --data",
                    path_));
  }
  identity_ = wanted;
  identity_.format = kDirectoryFormat;
  is_new_ = true;
  return Status::Ok();
}

Status DataDirectory::Make(const std::function<Status(const std::string& path)>& make_database) {
  const std::string fresh = new_database_path();
  std::error_code error;
  fs::remove_all(fresh, error);  // half a one, after a crash
  if (error) return FromErrno(error.value(), "cannot remove " + fresh);
  SOJOURN_RETURN_IF_ERROR(make_database(fresh));
  SOJOURN_RETURN_IF_ERROR(WriteIdentity(path_));
  is_new_ = false;
  return FinishDatabase();
}

// The identity stands only beside a whole database, which a crash may have left under its first
// name.
Status DataDirectory::FinishDatabase() const {
  std::error_code error;
  if (fs::exists(database_path(), error)) return Status::Ok();
  fs::rename(new_database_path(), database_path(), error);
  if (error == std::errc::no_such_file_or_directory) {
    return DataLoss(fmt::format("{} is missing; restore {} from a backup", database_path(), path_));
  }
  if (error) return FromErrno(error.value(), "cannot make " + database_path());
  return SyncDirectory(path_);
}

Status DataDirectory::WriteIdentity(const std::string& directory) const {
  return WriteFileDurably(directory, directory + kIdentityFile, ToText(identity_));
}

Status DataDirectory::MakeCopy(const std::string& directory) const {
  std::error_code error;
  if (fs::exists(directory, error)) {
    return FailedPrecondition(fmt::format("{} exists already; choose a new path", directory));
  }
  fs::create_directories(directory, error);
  if (error) return FromErrno(error.value(), "cannot make " + directory);
  return WriteIdentity(directory);
}

Result<uint64_t> DataDirectory::FreeBytes() const {
  std::error_code error;
  const fs::space_info space = fs::space(path_, error);
  if (error) return FromErrno(error.value(), "cannot ask for the free space of " + path_);
  return space.available;
}

}  // namespace sojourn::embedded
