#include "engine/simulate/rules_subset.h"

#include <algorithm>
#include <map>
#include <string>

#include "engine/base/check.h"
#include "engine/language/load.h"

namespace sojourn::simulate {
namespace {

using Files = std::map<std::string, std::string>;

// Rules that are loaded only where something names them, by name.
std::multimap<std::string, std::string, std::less<>> FilesByName(const language::Bundle& bundle) {
  std::multimap<std::string, std::string, std::less<>> files;
  for (const auto& rule : bundle.segments) files.emplace(rule.name, rule.position.file);
  for (const auto& rule : bundle.templates) files.emplace(rule->name, rule->position.file);
  for (const auto& rule : bundle.pools) files.emplace(rule->name, rule->position.file);
  return files;
}

bool IsOfName(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; }

// Moves the files whose names stand in the text from `unnamed` to `kept`, and then those that they
// name themselves.
class Follower {
 public:
  Follower(const language::Bundle& bundle, Files* unnamed, Files* kept)
      : by_name_(FilesByName(bundle)), unnamed_(*unnamed), kept_(*kept) {}

  void Follow(std::string_view text) {
    std::vector<std::string_view> texts = {text};
    while (!texts.empty()) {
      const std::string_view next = texts.back();
      texts.pop_back();
      for (size_t begin = 0; begin < next.size(); ++begin) {
        const size_t start = begin;
        while (begin < next.size() && IsOfName(next[begin])) ++begin;
        Keep(next.substr(start, begin - start), &texts);
      }
    }
  }

 private:
  void Keep(std::string_view name, std::vector<std::string_view>* texts) {
    const auto [first, last] = by_name_.equal_range(name);
    for (auto at = first; at != last; ++at) {
      auto node = unnamed_.extract(at->second);
      if (node.empty()) continue;
      texts->push_back(kept_.insert(std::move(node)).position->second);
    }
  }

  const std::multimap<std::string, std::string, std::less<>> by_name_;
  Files& unnamed_;
  Files& kept_;
};

}  // namespace

std::shared_ptr<const language::Bundle> SubsetFor(const language::Bundle& bundle,
                                                  const std::vector<std::string>& journeys,
                                                  std::string_view test_text) {
  Files kept = bundle.files;
  std::vector<std::string> wanted;
  for (const auto& journey : bundle.journeys) {
    auto file = kept.extract(journey->position.file);
    if (std::find(journeys.begin(), journeys.end(), journey->name) == journeys.end()) continue;
    wanted.push_back(journey->position.file);
    kept.insert(std::move(file));
  }
  const Files all = kept;
  Files unnamed;
  for (const auto& [name, path] : FilesByName(bundle)) unnamed.insert(kept.extract(path));
  Follower follower(bundle, &unnamed, &kept);
  follower.Follow(test_text);
  for (const std::string& path : wanted) follower.Follow(all.at(path));
  // A name that is written with YAML's escapes is not found in the text.
  std::shared_ptr<const language::Bundle> subset = language::LoadBundle(kept).bundle;
  if (subset == nullptr) subset = language::LoadBundle(all).bundle;
  SOJOURN_CHECK(subset != nullptr);
  return subset;
}

}  // namespace sojourn::simulate
