#include "engine/language/read.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "engine/base/limits.h"
#include "engine/base/regular_file.h"
#include "engine/language/load.h"
#include "engine/language/source.h"

namespace sojourn::language {
namespace {

namespace fs = std::filesystem;

bool IsCodeFile(std::string_view path) {
  return HasSuffix(path, ".csv") || HasSuffix(path, ".txt");
}

bool IsRulesFile(std::string_view path) {
  return HasSuffix(path, ".yaml") || HasSuffix(path, ".yml") || HasSuffix(path, ".liquid") ||
         IsCodeFile(path);
}

class DirectoryReader {
 public:
  DirectoryReader(fs::path root, Reporter* reporter)
      : root_(std::move(root)), reporter_(reporter) {}

  std::map<std::string, std::string> Read() {
    Walk(root_);
    return std::move(files_);
  }

 private:
  void Walk(const fs::path& directory) {
    std::error_code error;
    std::vector<fs::path> paths;
    for (fs::directory_iterator at(directory, error), end; !error && at != end;
         at.increment(error)) {
      paths.push_back(at->path());
    }
    if (error) {
      return reporter_->FileError(Code::kUnreadableFile, Relative(directory),
                                  fmt::format("cannot be read: {}", error.message()));
    }
    std::sort(paths.begin(), paths.end());
    for (const fs::path& path : paths) Visit(path);
  }

  void Visit(const fs::path& path) {
    if (path.filename().string().front() == '.') return;  // .git and the like
    std::error_code error;
    const bool directory = fs::is_directory(path, error);
    if (!directory && !IsRulesFile(path.string())) return;
    const bool link = fs::is_symlink(path, error);
    if (link && LeadsOutside(path)) {
      return reporter_->FileError(Code::kLinkOutside, Relative(path),
                                  "this link leads out of the rules directory",
                                  "copy the file into the directory");
    }
    // A link to a directory in here leads to files that are read anyway, or round in a circle.
    if (directory && !link) Walk(path);
    if (!directory) ReadFile(path);
  }

  bool LeadsOutside(const fs::path& path) const {
    std::error_code error;
    const fs::path target = fs::canonical(path, error);
    if (error) return false;  // dangling: reading it says so
    const auto [at, end] = std::mismatch(root_.begin(), root_.end(), target.begin(), target.end());
    return at != root_.end();
  }

  void ReadFile(const fs::path& path) {
    const std::string relative = Relative(path);
    std::error_code error;
    const auto size = fs::file_size(path, error);
    const size_t limit = IsCodeFile(relative) ? kMaxCouponFileBytes : kMaxRuleFileBytes;
    if (!error && size > limit) {
      return reporter_->FileError(
          Code::kFileTooLarge, relative,
          fmt::format("such a file has at most {} bytes, this has {}", limit, size));
    }
    Result<std::string> bytes = ReadRegularFile(path, limit);
    if (!bytes.ok()) {
      return reporter_->FileError(Code::kUnreadableFile, relative,
                                  fmt::format("cannot be read: {}", bytes.status().message()));
    }
    files_.emplace(relative, *std::move(bytes));
  }

  std::string Relative(const fs::path& path) const {
    return path.lexically_relative(root_).generic_string();
  }

  const fs::path root_;
  Reporter* const reporter_;
  std::map<std::string, std::string> files_;
};

}  // namespace

bool HasSuffix(std::string_view text, std::string_view suffix) {
  return text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

Result<std::map<std::string, std::string>> ReadRulesDirectory(
    const std::string& directory, std::vector<Diagnostic>* diagnostics) {
  std::error_code error;
  const fs::path root = fs::canonical(directory, error);
  if (error) {
    return NotFound(fmt::format("rules directory {}: {}", directory, error.message()));
  }
  if (!fs::is_directory(root, error)) {
    return InvalidArgument(fmt::format("{} is not a directory", directory));
  }
  Reporter reporter;
  std::map<std::string, std::string> files = DirectoryReader(root, &reporter).Read();
  const std::vector<Diagnostic> found = reporter.Take();
  // An unmounted volume or a wrong path: taken as rules it would end every journey.
  if (files.empty() && found.empty()) {
    return InvalidArgument(fmt::format(
        "rules directory {} holds no rules; give the directory of company.yaml", directory));
  }
  diagnostics->insert(diagnostics->end(), found.begin(), found.end());
  return files;
}

}  // namespace sojourn::language
