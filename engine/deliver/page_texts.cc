#include "engine/deliver/page_texts.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "engine/base/check.h"
#include "engine/base/limits.h"
#include "engine/deliver/built_in_texts.h"
#include "engine/language/schema.h"
#include "engine/language/yaml.h"

namespace sojourn::deliver {
namespace {

using language::Node;
using language::Shape;
using language::ShapeKind;

constexpr std::string_view kEnglish = "en";
constexpr std::string_view kTopics = "topics";

constexpr std::array<std::string_view, kPageTextCount> kKeys = {
    "direction",
    "footer_reason",
    "footer_unsubscribe",
    "footer_preferences",
    "unsubscribe_title",
    "unsubscribe_topic",
    "unsubscribe_all",
    "unsubscribe_button",
    "unsubscribed_title",
    "unsubscribed_topic",
    "unsubscribed_all",
    "unsubscribed_late",
    "preferences_title",
    "preferences_link",
    "preferences_topics",
    "preferences_intro",
    "preferences_unknown",
    "preferences_button",
    "preferences_saved",
    "preferences_nothing",
    "preferences_all_title",
    "preferences_all_intro",
    "preferences_all_button",
    "transactional_title",
    "transactional_intro",
    "not_found_title",
    "not_found_text",
    "try_later_title",
    "try_later_text",
    "try_later_target",
};

const Shape& DirectionShape() {
  static const Shape shape = {
      .kind = ShapeKind::kChoice, .noun = "direction", .choices = {"ltr", "rtl"}};
  return shape;
}

const Shape& TopicsShape() {
  static const Shape shape = {.kind = ShapeKind::kMap,
                              .noun = "names of topics",
                              .item = language::TextShape,
                              .key = language::KebabShape,
                              .may_be_empty = true};
  return shape;
}

const Shape& FileShape() {
  static const Shape shape = [] {
    Shape made = {.kind = ShapeKind::kObject, .noun = "texts"};
    for (const std::string_view key : kKeys) {
      made.fields.push_back({key, key == kKeys[0] ? DirectionShape : language::TextShape});
    }
    made.fields.push_back({kTopics, TopicsShape});
    return made;
  }();
  return shape;
}

Status FirstOf(const std::vector<language::Diagnostic>& diagnostics) {
  const language::Diagnostic& first = diagnostics.front();
  const std::string place =
      first.line > 0 ? fmt::format("{}:{}:{}", first.file, first.line, first.column) : first.file;
  const std::string hint = first.hint.empty() ? "" : " (" + first.hint + ")";
  return InvalidArgument(fmt::format("{}: {}{}", place, first.message, hint));
}

std::string LowerText(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

// "de", "pt-br": what BCP 47 begins with, in lower case.
bool IsLanguageTag(std::string_view tag) {
  const size_t primary = std::min(tag.find('-'), tag.size());
  return primary >= 2 && primary <= 3 && tag.size() <= 35 && tag.back() != '-' &&
         std::all_of(tag.begin(), tag.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

Result<std::string> ReadFile(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) {
    return InvalidArgument(fmt::format("cannot read {}: {}", path.string(), std::strerror(errno)));
  }
  return std::string{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

// A language of an Accept-Language header with its weight, "0" to "1".
struct Wish {
  std::string_view tag;
  std::string_view weight;
};

std::string_view Trim(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

// The most wished first; those with weight 0 are not wished.
std::vector<Wish> ParseAcceptLanguage(std::string_view header) {
  std::vector<Wish> wishes;
  while (!header.empty()) {
    const std::string_view item = header.substr(0, header.find(','));
    header.remove_prefix(std::min(header.size(), item.size() + 1));
    const size_t semicolon = std::min(item.find(';'), item.size());
    const std::string_view parameter = Trim(item.substr(std::min(semicolon + 1, item.size())));
    const std::string_view weight = parameter.starts_with("q=") ? parameter.substr(2) : "1";
    if (weight.find_first_of("123456789") == std::string_view::npos) continue;
    wishes.push_back({Trim(item.substr(0, semicolon)), weight});
  }
  // Decimals between 0 and 1 stand in the order of their texts.
  std::stable_sort(wishes.begin(), wishes.end(),
                   [](const Wish& a, const Wish& b) { return a.weight > b.weight; });
  return wishes;
}

}  // namespace

Result<PageTexts> PageTexts::Read(const std::string& directory) {
  PageTexts texts;
  for (const BuiltInTexts& built_in : AllBuiltInTexts()) {
    const std::string language(built_in.language);
    SOJOURN_RETURN_IF_ERROR(texts.Add(language + ".yaml", language, built_in.yaml));
  }
  std::error_code error;
  if (directory.empty() || !std::filesystem::exists(directory, error)) return texts;
  std::set<std::filesystem::path> paths;
  for (auto entry = std::filesystem::directory_iterator(directory, error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    if (entry->path().extension() == ".yaml") paths.insert(entry->path());
  }
  if (error) {
    return InvalidArgument(fmt::format("cannot read {}: {}", directory, error.message()));
  }
  for (const std::filesystem::path& path : paths) {
    const std::string language = path.stem().string();
    if (!IsLanguageTag(language)) {
      return InvalidArgument(
          fmt::format("{}: a file of texts is named by its language, like de.yaml or pt-br.yaml",
                      path.string()));
    }
    SOJOURN_ASSIGN_OR_RETURN(const std::string yaml, ReadFile(path));
    SOJOURN_RETURN_IF_ERROR(texts.Add(path.string(), language, yaml));
  }
  return texts;
}

Status PageTexts::Add(const std::string& path, const std::string& language, std::string_view yaml) {
  if (yaml.size() > kMaxRuleFileBytes) {
    return InvalidArgument(fmt::format("{} is over {} bytes", path, kMaxRuleFileBytes));
  }
  const language::SourceFile source(path, yaml);
  language::Reporter reporter;
  const auto document = language::YamlDocument::Parse(source, &reporter);
  if (document == nullptr || !language::CheckShape(document->root(), FileShape(), &reporter)) {
    return FirstOf(reporter.Take());
  }
  const auto english = languages_.find(kEnglish);
  const Language start = english == languages_.end() ? Language{} : english->second;
  Language& entry = languages_.try_emplace(language, start).first->second;
  for (size_t i = 0; i < kPageTextCount; ++i) {
    if (const Node* node = document->root().Find(kKeys[i])) entry.texts[i] = node->text;
  }
  if (const Node* topics = document->root().Find(kTopics)) {
    for (const Node::Entry& topic : topics->entries) {
      entry.topics[topic.key->text] = topic.value->text;
    }
  }
  return Status::Ok();
}

std::string PageTexts::Choose(std::string_view wished, std::string_view accept_language) const {
  std::vector<Wish> wishes = ParseAcceptLanguage(accept_language);
  wishes.insert(wishes.begin(), {wished, "1"});
  for (const Wish& wish : wishes) {
    std::string tag = LowerText(wish.tag);
    std::replace(tag.begin(), tag.end(), '_', '-');
    while (!tag.empty()) {
      if (languages_.find(tag) != languages_.end()) return tag;
      const size_t dash = tag.rfind('-');
      tag.resize(dash == std::string::npos ? 0 : dash);
    }
  }
  return std::string(kEnglish);
}

const PageTexts::Language& PageTexts::At(const std::string& language) const {
  const auto found = languages_.find(language);
  SOJOURN_CHECK(found != languages_.end());
  return found->second;
}

std::string_view PageTexts::Get(const std::string& language, PageText text) const {
  return At(language).texts[static_cast<size_t>(text)];
}

std::string PageTexts::Get(const std::string& language, PageText text,
                           std::string_view topic) const {
  static constexpr std::string_view kPlace = "{topic}";
  const std::string name = TopicName(language, topic);
  std::string whole(Get(language, text));
  for (size_t at = 0; (at = whole.find(kPlace, at)) != std::string::npos; at += name.size()) {
    whole.replace(at, kPlace.size(), name);
  }
  return whole;
}

std::string PageTexts::TopicName(const std::string& language, std::string_view topic) const {
  const Language& entry = At(language);
  const auto found = entry.topics.find(topic);
  if (found != entry.topics.end()) return found->second;
  std::string name(topic);
  std::replace(name.begin(), name.end(), '-', ' ');
  if (!name.empty()) name[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(name[0])));
  return name;
}

}  // namespace sojourn::deliver
