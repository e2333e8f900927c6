#include "engine/base/regular_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace sojourn {
namespace {

constexpr size_t kBlockBytes = 64u << 10;

Result<std::string> ReadAll(int file, size_t limit_bytes) {
  struct stat about {};
  if (::fstat(file, &about) != 0) return Unavailable(std::strerror(errno));
  if (!S_ISREG(about.st_mode)) return InvalidArgument("not a regular file");
  std::string bytes;
  while (bytes.size() <= limit_bytes) {
    const size_t size = bytes.size();
    bytes.resize(size + kBlockBytes);
    const ssize_t count = ::read(file, bytes.data() + size, kBlockBytes);
    const int error = errno;
    bytes.resize(size + (count > 0 ? static_cast<size_t>(count) : 0));
    if (count == 0) return bytes;
    if (count < 0 && error != EINTR) return Unavailable(std::strerror(error));
  }
  return ResourceExhausted(fmt::format("larger than {} bytes", limit_bytes));
}

}  // namespace

Status CheckRegularFile(const std::string& path) {
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0 || S_ISREG(about.st_mode)) return Status::Ok();
  if (S_ISDIR(about.st_mode)) {
    return InvalidArgument(fmt::format("{} is a directory, not a file", path));
  }
  return InvalidArgument(fmt::format("{} is not a regular file; write it to a file first", path));
}

Result<std::string> ReadRegularFile(const std::string& path, size_t limit_bytes) {
  // Opening a pipe would wait for a writer.
  const int file = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) return Unavailable(std::strerror(errno));
  Result<std::string> bytes = ReadAll(file, limit_bytes);
  ::close(file);
  return bytes;
}

}  // namespace sojourn
