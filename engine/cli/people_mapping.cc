#include "engine/cli/people_mapping.h"

#include <fmt/format.h>

#include <filesystem>

#include "engine/base/suggest.h"
#include "engine/cli/built_in_mappings.h"
#include "engine/cli/mapping_shapes.h"
#include "engine/cli/yaml_file.h"

namespace sojourn::cli {
namespace {

using file::Consent;
using language::Node;
using language::Shape;
using language::ShapeKind;

const Shape& TextsShape() {
  static const Shape shape = {
      .kind = ShapeKind::kOneOrMany, .noun = "text", .item = language::TextShape};
  return shape;
}

const Shape& ConsentShape() {
  static const Shape shape = {.kind = ShapeKind::kChoice,
                              .noun = "consent",
                              .choices = {"subscribed", "unsubscribed", "bounced"}};
  return shape;
}

const Shape& BooleanShape() {
  static const Shape shape = {.kind = ShapeKind::kBoolean, .noun = "true or false"};
  return shape;
}

// `Name`, or {column: Name or [Names], optional: true} with what this place says besides.
Shape ColumnObject(std::string_view noun, std::vector<language::Field> more) {
  Shape object = {
      .kind = ShapeKind::kObject,
      .noun = noun,
      .fields = {{"column", TextsShape, true, "the column, or the first filled of many"},
                 {"optional", BooleanShape, false, "whether the file may lack it"}}};
  object.fields.insert(object.fields.end(), more.begin(), more.end());
  return object;
}

Shape NameOr(std::string_view noun, language::ShapeFunction object) {
  return {
      .kind = ShapeKind::kScalarOr, .noun = noun, .item = object, .scalar = language::TextShape};
}

const Shape& ColumnShape() {
  static const Shape object = ColumnObject("column", {});
  static const Shape shape = NameOr("column", []() -> const Shape& { return object; });
  return shape;
}

const Shape& TraitShape() {
  static const Shape object =
      ColumnObject("column", {{"type", ColumnTypeShape, false, "what its values are"}});
  static const Shape shape = NameOr("column", []() -> const Shape& { return object; });
  return shape;
}

const Shape& TimeShape() {
  static const Shape object =
      ColumnObject("time column", {{"format", TimeFormatShape, false, "how times are written"}});
  static const Shape shape = NameOr("time column", []() -> const Shape& { return object; });
  return shape;
}

const Shape& RuleShape() {
  static const Shape object =
      ColumnObject("consent column", {{"is", TextsShape, false, "its values; none: any"}});
  static const Shape shape = NameOr("consent column", []() -> const Shape& { return object; });
  return shape;
}

const Shape& TraitsShape() {
  static const Shape shape = {
      .kind = ShapeKind::kMap, .noun = "traits", .item = TraitShape, .key = language::TextShape};
  return shape;
}

const Shape& ConsentRulesShape() {
  static const Shape shape = {
      .kind = ShapeKind::kObject,
      .noun = "consent",
      .fields = {{"bounced", RuleShape, false, "whose address does not exist"},
                 {"unsubscribed", RuleShape, false, "who wants no mail"},
                 {"subscribed", RuleShape, false, "who wants mail"},
                 {"otherwise", ConsentShape, false, "everybody else"},
                 {"topic", language::TextShape, false, "consent topic; default: all of marketing"},
                 {"time", TimeShape, false, "when it was said"}}};
  return shape;
}

const Shape& PeopleShape() {
  static const Shape shape = {
      .kind = ShapeKind::kObject,
      .noun = "mapping of contacts",
      .fields = {{"address", ColumnShape, true, "column of the mail address"},
                 {"person", ColumnShape, false, "column of the person's id"},
                 {"time", TimeShape, false, "column of the traits' time"},
                 {"traits", TraitsShape, false, "trait: column"},
                 {"consent", ConsentRulesShape, false, "who may be written to"},
                 {"ignore", TextsShape, false, "columns that are not wanted"},
                 {"delimiter", language::TextShape, false, "one character"}}};
  return shape;
}

std::vector<std::string> ReadTexts(const Node* node) {
  std::vector<std::string> texts;
  if (node == nullptr) return texts;
  if (node->is_scalar()) return {node->text};
  for (const Node* item : node->items) texts.push_back(item->text);
  return texts;
}

const Node* FindIn(const Node* node, std::string_view key) {
  return node != nullptr && node->is_mapping() ? node->Find(key) : nullptr;
}

file::ColumnChoice ReadChoice(const Node* node) {
  file::ColumnChoice choice;
  if (node == nullptr) return choice;
  choice.columns = ReadTexts(node->is_scalar() ? node : node->Find("column"));
  const Node* optional = FindIn(node, "optional");
  choice.optional = optional != nullptr && optional->text == "true";
  return choice;
}

file::TimeColumn ReadTime(const Node* node) {
  file::TimeColumn column;
  column.column = ReadChoice(node);
  column.format = ReadTimeFormat(FindIn(node, "format"));
  return column;
}

std::vector<file::TraitColumn> ReadTraits(const Node* traits) {
  std::vector<file::TraitColumn> columns;
  if (traits == nullptr) return columns;
  for (const Node::Entry& entry : traits->entries) {
    const Node* type = FindIn(entry.value, "type");
    columns.push_back({entry.key->text, ReadChoice(entry.value), ReadColumnType(type)});
  }
  return columns;
}

void ReadConsent(const Node& node, file::PeopleMapping* mapping) {
  static const std::vector<std::pair<std::string, Consent>> kinds = {
      {"bounced", Consent::kBounced},
      {"unsubscribed", Consent::kUnsubscribed},
      {"subscribed", Consent::kSubscribed}};
  const Node* otherwise = node.Find("otherwise");
  for (const auto& [key, consent] : kinds) {
    if (const Node* rule = node.Find(key)) {
      mapping->consent.push_back({consent, ReadChoice(rule), ReadTexts(FindIn(rule, "is"))});
    }
    if (otherwise != nullptr && otherwise->text == key) mapping->otherwise = consent;
  }
  if (const Node* topic = node.Find("topic")) mapping->topic = topic->text;
  mapping->consent_time = ReadTime(node.Find("time"));
}

Result<file::PeopleMapping> ToMapping(const std::string& name, const Node& root) {
  file::PeopleMapping mapping;
  mapping.address = ReadChoice(root.Find("address"));
  mapping.person = ReadChoice(root.Find("person"));
  mapping.time = ReadTime(root.Find("time"));
  mapping.traits = ReadTraits(root.Find("traits"));
  for (const file::TraitColumn& trait : mapping.traits) {
    if (trait.trait == "email") {
      return InvalidArgument(name + ": the trait email is the address; leave it out of traits");
    }
  }
  if (const Node* consent = root.Find("consent")) ReadConsent(*consent, &mapping);
  mapping.ignored = ReadTexts(root.Find("ignore"));
  if (const Node* delimiter = root.Find("delimiter")) {
    if (delimiter->text.size() != 1) return InvalidArgument(name + ": delimiter is one character");
    mapping.delimiter = delimiter->text[0];
  }
  return mapping;
}

// Ready mappings go by their name, files by their path.
Result<YamlFile> ReadMappingFile(const std::string& name) {
  std::vector<std::string> names;
  for (const BuiltInMapping& ready : BuiltInMappings()) {
    if (ready.name == name) {
      return ParseYaml("mapping " + name, std::string(ready.yaml), PeopleShape());
    }
    names.emplace_back(ready.name);
  }
  std::error_code unknown;
  if (std::filesystem::exists(name, unknown)) return ReadYamlFile(name, PeopleShape());
  const std::string hint = DidYouMean(name, names);
  return InvalidArgument(fmt::format("there is no mapping {}: neither a file nor one of {}{}", name,
                                     fmt::join(names, ", "), hint.empty() ? "" : "; " + hint));
}

}  // namespace

Result<ReadPeopleMapping> FindPeopleMapping(const std::string& name) {
  SOJOURN_ASSIGN_OR_RETURN(const YamlFile yaml, ReadMappingFile(name));
  ReadPeopleMapping read;
  SOJOURN_ASSIGN_OR_RETURN(read.mapping, ToMapping(name, yaml.root()));
  read.text = yaml.source->text();
  return read;
}

}  // namespace sojourn::cli
