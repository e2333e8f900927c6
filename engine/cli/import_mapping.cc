#include "engine/cli/import_mapping.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/base/json_text.h"
#include "engine/cli/mapping_shapes.h"
#include "engine/cli/yaml_file.h"

namespace sojourn::cli {
namespace {

using language::Node;
using language::Shape;
using language::ShapeKind;

const Shape& EventColumnShape() {
  static const Shape object = {.kind = ShapeKind::kObject,
                               .noun = "event",
                               .fields = {{"column", language::TextShape, true, "the column"}}};
  static const Shape shape = {.kind = ShapeKind::kScalarOr,
                              .noun = "event",
                              .item = []() -> const Shape& { return object; },
                              .scalar = language::EventNameShape};
  return shape;
}

const Shape& TimeColumnShape() {
  static const Shape object = {
      .kind = ShapeKind::kObject,
      .noun = "time column",
      .fields = {{"column", language::TextShape, true, "the column"},
                 {"format", TimeFormatShape, false, "how times are written"}}};
  static const Shape shape = {.kind = ShapeKind::kScalarOr,
                              .noun = "time column",
                              .item = []() -> const Shape& { return object; },
                              .scalar = language::TextShape};
  return shape;
}

const Shape& ColumnShape() {
  static const Shape object = {.kind = ShapeKind::kObject,
                               .noun = "column",
                               .fields = {{"column", language::TextShape, true, "the column"},
                                          {"type", ColumnTypeShape, false, "what its values are"}}};
  static const Shape shape = {.kind = ShapeKind::kScalarOr,
                              .noun = "column",
                              .item = []() -> const Shape& { return object; },
                              .scalar = language::TextShape};
  return shape;
}

const Shape& ColumnsShape() {
  static const Shape shape = {
      .kind = ShapeKind::kMap, .noun = "columns", .item = ColumnShape, .key = language::TextShape};
  return shape;
}

const Shape& MappingShape() {
  static const Shape shape = {
      .kind = ShapeKind::kObject,
      .noun = "column mapping",
      .fields = {{"person", language::TextShape, true, "column of the person's id"},
                 {"event", EventColumnShape, false, "name of the event, or its column"},
                 {"time", TimeColumnShape, true, "column of the event's time"},
                 {"id", language::TextShape, false, "column of the event's id"},
                 {"delimiter", language::TextShape, false, "one character"},
                 {"properties", ColumnsShape, false, "property: column"},
                 {"traits", ColumnsShape, false, "trait: column"}}};
  return shape;
}

// `x` or `{column: x}`.
std::string ColumnOf(const Node& node) {
  return node.is_scalar() ? node.text : node.Find("column")->text;
}

std::vector<file::MappedColumn> ReadColumns(const Node* columns) {
  std::vector<file::MappedColumn> mapped;
  if (columns == nullptr) return mapped;
  for (const Node::Entry& entry : columns->entries) {
    const Node* type = entry.value->is_mapping() ? entry.value->Find("type") : nullptr;
    mapped.push_back({entry.key->text, ColumnOf(*entry.value), ReadColumnType(type)});
  }
  return mapped;
}

}  // namespace

Result<file::ColumnMapping> ReadMapping(const std::string& path) {
  SOJOURN_ASSIGN_OR_RETURN(const YamlFile yaml, ReadYamlFile(path, MappingShape()));
  const Node& root = yaml.root();
  file::ColumnMapping mapping;
  mapping.person_column = root.Find("person")->text;
  if (const Node* event = root.Find("event")) {
    (event->is_scalar() ? mapping.event_name : mapping.event_column) = ColumnOf(*event);
  }
  const Node* time = root.Find("time");
  mapping.time_column = ColumnOf(*time);
  mapping.time_format = ReadTimeFormat(time->is_mapping() ? time->Find("format") : nullptr);
  if (const Node* id = root.Find("id")) mapping.id_column = id->text;
  mapping.properties = ReadColumns(root.Find("properties"));
  mapping.traits = ReadColumns(root.Find("traits"));
  if (const Node* delimiter = root.Find("delimiter")) {
    if (delimiter->text.size() != 1) return InvalidArgument(path + ": delimiter is one character");
    mapping.delimiter = delimiter->text[0];
  }
  if (mapping.event_name.empty() && mapping.event_column.empty() && mapping.traits.empty()) {
    return InvalidArgument(path + ": a mapping needs `event`, `traits` or both");
  }
  return mapping;
}

std::string CanonicalMapping(const file::ColumnMapping& mapping) {
  const auto columns = [](std::vector<file::MappedColumn> mapped) {
    std::sort(mapped.begin(), mapped.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    nlohmann::json list = nlohmann::json::array();
    for (const file::MappedColumn& column : mapped) {
      list.push_back({column.name, column.column, static_cast<int>(column.type)});
    }
    return list;
  };
  const nlohmann::json json = {mapping.person_column,
                               mapping.event_name,
                               mapping.event_column,
                               mapping.time_column,
                               static_cast<int>(mapping.time_format),
                               mapping.id_column,
                               columns(mapping.properties),
                               columns(mapping.traits),
                               static_cast<int>(mapping.delimiter)};
  return DumpJson(json);
}

}  // namespace sojourn::cli
