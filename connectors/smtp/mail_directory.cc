#include "connectors/smtp/mail_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "connectors/smtp/directory_pages.h"
#include "connectors/smtp/mime.h"

namespace sojourn::smtp {
namespace {

constexpr const char* kIndexName = "index.html";

Status FileError(const std::string& path) {
  return Unavailable(fmt::format("{}: {}", path, std::strerror(errno)));
}

// Locks a directory against others who lock it, in this process or another, while it lives.
class DirectoryLock {
 public:
  static Result<std::unique_ptr<DirectoryLock>> Take(const std::string& path) {
    const int directory = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return FileError(path);
    std::unique_ptr<DirectoryLock> lock(new DirectoryLock(directory));
    while (flock(directory, LOCK_EX) != 0) {
      if (errno != EINTR) return FileError(path);
    }
    return lock;
  }
  ~DirectoryLock() { close(directory_); }
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
  explicit DirectoryLock(int directory) : directory_(directory) {}

  const int directory_;
};

// A row of an index file, with the id in it; empty where the line is none of ours.
std::string IdOfRow(std::string_view line) {
  if (!line.starts_with(kRowStart) || !line.ends_with("</tr>")) return {};
  line.remove_prefix(kRowStart.size());
  const std::string id(line.substr(0, line.find('"')));
  return SafeActionId(id) == id ? id : std::string();
}

}  // namespace

Result<std::shared_ptr<MailDirectory>> MailDirectory::Open(std::string path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return InvalidArgument(fmt::format("{}: {}", path, error.message()));
  std::shared_ptr<MailDirectory> directory(new MailDirectory(std::move(path)));
  SOJOURN_ASSIGN_OR_RETURN(const auto lock, DirectoryLock::Take(directory->path_));
  // Also shows at once whether the directory can be written to.
  SOJOURN_RETURN_IF_ERROR(directory->WriteIndex(directory->ReadIndex()));
  return directory;
}

std::deque<MailDirectory::Row> MailDirectory::ReadIndex() const {
  std::deque<Row> rows;  // newest first
  std::ifstream index(path_ + "/" + kIndexName);
  for (std::string line; rows.size() < kMaxIndexedMails && std::getline(index, line);) {
    std::string id = IdOfRow(line);
    if (!id.empty()) rows.push_back({std::move(id), line});
  }
  return rows;
}

Status MailDirectory::Replace(const std::string& name, std::string_view bytes) const {
  static std::atomic<uint64_t> count = 0;  // two threads, or processes, may write one name
  const std::string path = path_ + "/" + name;
  const std::string partial = fmt::format("{}/.{}.{}.{}.partial", path_, name, getpid(), ++count);
  std::FILE* file = std::fopen(partial.c_str(), "we");
  if (file == nullptr) return FileError(partial);
  const bool written = std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  const int write_error = errno;
  const bool closed = std::fclose(file) == 0;
  if (written && closed && std::rename(partial.c_str(), path.c_str()) == 0) return Status::Ok();
  if (!written) errno = write_error;
  Status status = FileError(path);
  std::remove(partial.c_str());
  return status;
}

Status MailDirectory::WriteIndex(const std::deque<Row>& rows) const {
  std::string page(IndexHead());
  for (const Row& row : rows) {
    page += row.html;
    page += '\n';
  }
  page += IndexTail();
  return Replace(kIndexName, page);
}

Status MailDirectory::Add(const deliver::Mail& mail, std::string_view message) {
  const std::string id = SafeActionId(mail.action_id);
  SOJOURN_RETURN_IF_ERROR(Replace(id + ".html", MailPage(mail)));
  SOJOURN_RETURN_IF_ERROR(Replace(id + ".eml", message));
  SOJOURN_ASSIGN_OR_RETURN(const auto lock, DirectoryLock::Take(path_));
  std::deque<Row> rows = ReadIndex();
  std::erase_if(rows, [&](const Row& row) { return row.id == id; });
  rows.push_front({id, IndexRow(mail, id)});
  if (rows.size() > kMaxIndexedMails) rows.pop_back();
  return WriteIndex(rows);
}

}  // namespace sojourn::smtp
