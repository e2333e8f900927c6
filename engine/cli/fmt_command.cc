// `sojourn fmt`: rules files in one form.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "engine/base/limits.h"
#include "engine/base/regular_file.h"
#include "engine/cli/commands.h"
#include "engine/language/format.h"

namespace sojourn::cli {
namespace {

namespace fs = std::filesystem;

bool IsFormatted(const fs::path& path) {
  return path.extension() == ".yaml" || path.extension() == ".liquid";
}

// The files meant by the arguments, directories with all below them, each once.
Result<std::vector<fs::path>> FilesOf(const std::vector<std::string>& arguments) {
  std::vector<fs::path> files;
  for (const std::string& argument : arguments) {
    std::error_code error;
    if (!fs::is_directory(argument, error)) {
      if (!fs::exists(argument, error)) return NotFound(argument + ": no such file or directory");
      if (!IsFormatted(argument)) {
        return InvalidArgument(argument + " is no rules file; they end in .yaml or .liquid");
      }
      files.emplace_back(argument);
      continue;
    }
    fs::recursive_directory_iterator at(argument, error);
    for (const fs::recursive_directory_iterator end; !error && at != end; at.increment(error)) {
      const bool hidden = at->path().filename().string().starts_with(".");
      if (hidden && at->is_directory(error)) at.disable_recursion_pending();
      const bool link = at->is_symlink(error);
      if (!hidden && !link && at->is_regular_file(error) && IsFormatted(at->path())) {
        files.push_back(at->path());
      }
    }
    if (error) return Internal(fmt::format("cannot read {}: {}", argument, error.message()));
  }
  std::sort(files.begin(), files.end());
  files.erase(std::unique(files.begin(), files.end()), files.end());
  return files;
}

// Whole or not at all: a file beside it takes its place.
Status Replace(const fs::path& path, const std::string& text) {
  const fs::path real = fs::canonical(path);
  const fs::path beside = real.parent_path() / ("." + real.filename().string() + ".formatted");
  std::error_code error;
  {
    std::ofstream stream(beside, std::ios::binary | std::ios::trunc);
    stream << text;
    stream.close();
    if (!stream) {
      fs::remove(beside, error);
      return Internal(fmt::format("cannot write {}: the directory must be writable and have room",
                                  path.string()));
    }
  }
  fs::permissions(beside, fs::status(real).permissions(), error);
  fs::rename(beside, real, error);
  if (!error) return Status();
  return Internal(fmt::format("cannot write {}: {}", path.string(), error.message()));
}

struct FormatCounts {
  int changed = 0;
  int broken = 0;
};

Status FormatFile(const fs::path& path, bool only_check, FormatCounts* counts) {
  Result<std::string> bytes = ReadRegularFile(path.string(), kMaxRuleFileBytes);
  if (!bytes.ok()) {
    return InvalidArgument(
        fmt::format("{} cannot be read: {}", path.string(), bytes.status().message()));
  }
  const language::FormatResult result = language::FormatRules(path.string(), *bytes);
  if (!result.diagnostics.empty()) {
    ++counts->broken;
    std::fputs(FormatDiagnostics(result.diagnostics, language::DiagnosticFormat::kText).c_str(),
               stderr);
  } else if (!result.left_because.empty()) {
    std::fprintf(stderr, "%s: left as it is: %s\n", path.c_str(), result.left_because.c_str());
  } else if (result.text != *bytes) {
    ++counts->changed;
    std::printf("%s\n", path.c_str());
    if (!only_check) return Replace(path, result.text);
  }
  return Status();
}

int Format(const std::vector<std::string>& arguments, bool only_check) {
  const auto files = FilesOf(arguments);
  if (!files.ok()) return Fail(files.status());
  FormatCounts counts;
  for (const fs::path& path : *files) {
    const Status status = FormatFile(path, only_check, &counts);
    if (!status.ok()) return Fail(status);
  }
  if (only_check && counts.changed > 0) {
    std::fprintf(stderr, "sojourn: %d of %zu files are not formatted; run sojourn fmt\n",
                 counts.changed, files->size());
    return 1;
  }
  return counts.broken > 0 ? 1 : 0;
}

}  // namespace

void AddFmtCommand(Command app, int* exit_code) {
  const Command command = app.AddSubcommand("fmt", "Writes rules files in one form");
  auto paths = std::make_shared<std::vector<std::string>>();
  auto only_check = std::make_shared<bool>(false);
  command.AddOption("PATHS", paths.get(),
                    "Files, or directories with all below them (default: rules)");
  command.AddFlag("--check", only_check.get(),
                  "Change nothing; exit code 1 where a file is not formatted");
  command.SetFooter(
      "Prints the names of the files that change. Comments, the order of keys and what the rules\n"
      "mean stay; indentation, empty lines, quotes and the spaces in {...} become alike. Files\n"
      "that do not parse are left alone, with the diagnostics and exit code 1.");
  command.SetCallback([=] {
    *exit_code = Format(paths->empty() ? std::vector<std::string>{"rules"} : *paths, *only_check);
  });
}

}  // namespace sojourn::cli
