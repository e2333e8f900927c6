#include "engine/language/load_partials.h"

#include <fmt/format.h>

#include <utility>

namespace sojourn::language {
namespace {

constexpr std::string_view kFolder = "partials/";
constexpr std::string_view kEnding = ".liquid";

}  // namespace

std::optional<std::string> PartialNameOf(std::string_view path) {
  if (!path.ends_with(kEnding)) return std::nullopt;
  const size_t folder = path.rfind(kFolder);
  if (folder == std::string_view::npos) return std::nullopt;
  if (folder != 0 && path[folder - 1] != '/') return std::nullopt;
  const size_t begin = folder + kFolder.size();
  return std::string(path.substr(begin, path.size() - kEnding.size() - begin));
}

void Partials::Add(const std::string& name, const SourceFile* file, Reporter* reporter) {
  const auto [first, is_new] = files_.emplace(name, file);
  if (is_new) return;
  reporter->Error(Code::kDeclaredTwice, *file, {0, 0},
                  fmt::format("another partial is called \"{}\"", name),
                  fmt::format("the first stands in {}", first->second->path()));
}

void Partials::Check(Reporter* reporter) {
  std::set<std::string, std::less<>> broken;
  std::set<std::string, std::less<>> reported;
  std::vector<std::pair<std::string, liquid::Issue>> elsewhere;  // in partials that others place
  const auto report = [&](const std::string& name, const liquid::Issue& issue) {
    reporter->Error(Code::kBadLiquid, *files_.at(name), {issue.begin, issue.end}, issue.message,
                    issue.hint);
    reported.insert(name);
  };
  for (const auto& [name, file] : files_) {
    if (file->Line(1) == "---") {
      reporter->Error(Code::kBadFrontMatter, *file, {0, 3}, "a partial has no front matter",
                      "begin with the text; only templates that are sent have names and subjects");
      reported.insert(name);
      broken.insert(name);
      continue;
    }
    for (const liquid::Issue& issue : liquid::Parse(file->text(), {this, name}).issues) {
      broken.insert(name);
      if (!issue.partial.empty()) {
        elsewhere.emplace_back(name, issue);
      } else {
        report(name, issue);
      }
    }
  }
  // Most have been reported where they stand; not a circle of partials, which has no such place.
  for (const auto& [name, issue] : elsewhere) {
    if (reported.count(issue.partial) != 0 || reported.count(name) != 0) continue;
    report(name, issue);
    reported.insert(issue.partial);
  }
  broken_ = std::move(broken);
  asked_.clear();
}

std::optional<std::string> Partials::Find(std::string_view name) const {
  const auto found = files_.find(name);
  if (found == files_.end()) return std::nullopt;
  asked_.emplace(name);
  return broken_.find(name) != broken_.end() ? std::string() : found->second->text();
}

std::vector<std::string> Partials::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, file] : files_) names.push_back(name);
  return names;
}

std::set<std::string> Partials::TakeAsked() { return std::exchange(asked_, {}); }

}  // namespace sojourn::language
