#include "engine/store/rocks_status.h"

#include <algorithm>

#include <fmt/format.h>

namespace sojourn::store {
namespace {

bool Contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::string OneLine(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

}  // namespace

Status FromRocks(const rocksdb::Status& status, const std::string& directory) {
  if (status.ok()) return Status::Ok();
  const std::string text = OneLine(status.ToString());
  if (status.IsNoSpace() || status.subcode() == rocksdb::Status::kSpaceLimit) {
    return ResourceExhausted(
        fmt::format("{}: the disk is full; free some space, about 100 MiB", directory));
  }
  if (status.IsCorruption()) {
    return DataLoss(fmt::format(
        "{}: stored data is damaged: {}; restore the directory from a backup", directory, text));
  }
  if (status.IsIOError() &&
      (Contains(text, "lock hold by current process") || Contains(text, "While lock file"))) {
    return FailedPrecondition(fmt::format(
        "{}: is in use by another process; stop that one or choose another directory", directory));
  }
  if (status.IsIOError() &&
      (Contains(text, "Permission denied") || Contains(text, "Read-only file system"))) {
    return InvalidArgument(fmt::format(
        "{}: no permission to write there; change its owner or choose another directory",
        directory));
  }
  if (status.IsIOError()) {
    return Internal(fmt::format(
        "{}: cannot be read or written: {}; look after the disk and start again", directory, text));
  }
  return Internal(fmt::format("{}: {}", directory, text));
}

}  // namespace sojourn::store
