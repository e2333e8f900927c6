#include "connectors/feedback/mailbox.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "connectors/feedback/report_mail.h"
#include "engine/base/hash.h"

namespace sojourn::feedback {
namespace {

namespace filesystem = std::filesystem;

constexpr size_t kFingerprintBytes = 512;
constexpr std::string_view kMailBegins = "From ";

// The bytes [begin, begin + size) of a file, fewer at its end; nullopt: there is no file.
std::optional<std::string> ReadBytes(const std::string& path, uint64_t begin, size_t size) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  file.seekg(static_cast<std::streamoff>(begin));
  std::string bytes(size, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(size));
  bytes.resize(static_cast<size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  return bytes;
}

class MboxFile final : public Mailbox {
 public:
  MboxFile(std::string path, const std::string& progress) : path_(std::move(path)) {
    const size_t space = progress.find(' ');
    const char* const begin = progress.data();
    const char* const end = begin + std::min(space, progress.size());
    if (space == std::string::npos || std::from_chars(begin, end, offset_).ec != std::errc()) {
      offset_ = 0;
      return;
    }
    fingerprint_ = progress.substr(space + 1);
  }

  Result<std::vector<std::string>> Next() override {
    std::error_code error;
    const uint64_t size = filesystem::file_size(path_, error);
    if (error == std::errc::no_such_file_or_directory) return std::vector<std::string>();
    if (error) return Unavailable(fmt::format("cannot read {}: {}", path_, error.message()));
    const bool settled = std::exchange(seen_size_, size) == size;
    if (!IsWhereItWasLeft(size)) {
      offset_ = 0;
      fingerprint_.clear();
    }
    taken_ = offset_;
    if (size == offset_) return std::vector<std::string>();
    const auto chunk = ReadBytes(path_, offset_, kMaxMailboxChunkBytes);
    if (!chunk) return Unavailable(fmt::format("cannot read {}: {}", path_, strerror(errno)));
    return Split(*chunk, settled && offset_ + chunk->size() >= size);
  }

  Status Done() override {
    if (taken_ == offset_) return Status::Ok();
    const size_t before = std::min<uint64_t>(taken_, kFingerprintBytes);
    const auto tail = ReadBytes(path_, taken_ - before, before);
    offset_ = taken_;
    fingerprint_ = Hash(tail.value_or(""));
    return Status::Ok();
  }

  std::string progress() const override { return fmt::format("{} {}", offset_, fingerprint_); }

 private:
  static std::string Hash(std::string_view bytes) { return Hex(Sha256(bytes).data(), 16); }

  // Another file, or another life of it, has other bytes before that place.
  bool IsWhereItWasLeft(uint64_t size) const {
    if (offset_ == 0) return true;
    if (size < offset_) return false;
    const size_t before = std::min<uint64_t>(offset_, kFingerprintBytes);
    return Hash(ReadBytes(path_, offset_ - before, before).value_or("")) == fingerprint_;
  }

  static size_t NextMail(std::string_view chunk, size_t from) {
    const size_t line = chunk.find("\nFrom ", from);
    return line == std::string_view::npos ? line : line + 1;
  }

  // `whole`: nothing follows the chunk, and nothing is on its way.
  std::vector<std::string> Split(std::string_view chunk, bool whole) {
    std::vector<std::string> mails;
    // What does not begin with a mail is the rest of one that was too long.
    size_t begin = chunk.starts_with(kMailBegins) ? 0 : NextMail(chunk, 0);
    if (begin == std::string_view::npos) {
      // The last line may become the first of a mail.
      const size_t passed_over = IsFull(chunk) ? chunk.size() : chunk.rfind('\n') + 1;
      taken_ = offset_ + (whole || IsFull(chunk) ? passed_over : 0);
      return mails;
    }
    while (begin < chunk.size() && mails.size() < kMaxMailsAtOnce) {
      size_t end = NextMail(chunk, begin);
      const bool last = end == std::string_view::npos;
      if (last && !whole && !(begin == 0 && IsFull(chunk))) break;
      if (last) end = chunk.size();
      const std::string_view mail = chunk.substr(begin, end - begin);
      const size_t line = std::min(mail.find('\n'), mail.size() - 1);
      mails.emplace_back(mail.substr(line + 1, kMaxReportBytes));
      begin = end;
    }
    taken_ = offset_ + begin;
    return mails;
  }

  static bool IsFull(std::string_view chunk) { return chunk.size() == kMaxMailboxChunkBytes; }

  const std::string path_;
  uint64_t offset_ = 0;      // everything before it is done
  std::string fingerprint_;  // of what stands before it
  uint64_t taken_ = 0;       // where what Next gave ends
  uint64_t seen_size_ = 0;
};

class MaildirDirectory final : public Mailbox {
 public:
  explicit MaildirDirectory(std::string path) : path_(std::move(path)) {}

  Result<std::vector<std::string>> Next() override {
    std::error_code error;
    std::vector<std::string> names;
    for (filesystem::directory_iterator at(path_ + "/new", error), end; !error && at != end;
         at.increment(error)) {
      const std::string name = at->path().filename().string();
      if (!name.starts_with('.')) names.push_back(name);
    }
    if (error) return Unavailable(fmt::format("cannot read {}/new: {}", path_, error.message()));
    std::ranges::sort(names);  // they begin with the time
    names.resize(std::min(names.size(), kMaxMailsAtOnce));
    given_.clear();
    std::vector<std::string> mails;
    for (std::string& name : names) {
      auto mail = ReadBytes(path_ + "/new/" + name, 0, kMaxReportBytes);
      if (!mail) continue;  // somebody else has taken it
      mails.push_back(*std::move(mail));
      given_.push_back(std::move(name));
    }
    return mails;
  }

  Status Done() override {
    for (const std::string& name : std::exchange(given_, {})) {
      std::error_code error;
      filesystem::rename(path_ + "/new/" + name, path_ + "/cur/" + name + ":2,S", error);
      if (error && error != std::errc::no_such_file_or_directory) {
        return Unavailable(
            fmt::format("cannot move {}/new/{} to cur: {}", path_, name, error.message()));
      }
    }
    return Status::Ok();
  }

  std::string progress() const override { return ""; }

 private:
  const std::string path_;
  std::vector<std::string> given_;
};

}  // namespace

Result<std::unique_ptr<Mailbox>> Mailbox::Open(const std::string& path,
                                               const std::string& progress) {
  if (!filesystem::is_directory(path)) {
    return std::unique_ptr<Mailbox>(std::make_unique<MboxFile>(path, progress));
  }
  for (const char* folder : {"new", "cur"}) {
    if (filesystem::is_directory(path + "/" + folder)) continue;
    return InvalidArgument(
        fmt::format("{} is no mailbox: a Maildir has the directories new and cur", path));
  }
  return std::unique_ptr<Mailbox>(std::make_unique<MaildirDirectory>(path));
}

}  // namespace sojourn::feedback
