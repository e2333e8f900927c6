#include "engine/cli/mapping_shapes.h"

#include <map>
#include <string>

namespace sojourn::cli {

using file::ColumnType;
using file::TimeFormat;
using language::Node;
using language::Shape;
using language::ShapeKind;

const Shape& ColumnTypeShape() {
  static const Shape shape = {.kind = ShapeKind::kChoice,
                              .noun = "column type",
                              .choices = {"string", "int", "double", "bool", "timestamp", "list"}};
  return shape;
}

const Shape& TimeFormatShape() {
  static const Shape shape = {.kind = ShapeKind::kChoice,
                              .noun = "time format",
                              .choices = {"rfc3339", "day", "datetime", "seconds", "milliseconds"}};
  return shape;
}

ColumnType ReadColumnType(const Node* node) {
  static const std::map<std::string, ColumnType> types = {
      {"string", ColumnType::kString},       {"int", ColumnType::kInt},
      {"double", ColumnType::kDouble},       {"bool", ColumnType::kBool},
      {"timestamp", ColumnType::kTimestamp}, {"list", ColumnType::kList}};
  return node == nullptr ? ColumnType::kString : types.at(node->text);
}

TimeFormat ReadTimeFormat(const Node* node) {
  static const std::map<std::string, TimeFormat> formats = {
      {"rfc3339", TimeFormat::kRfc3339},
      {"day", TimeFormat::kDay},
      {"datetime", TimeFormat::kDateTime},
      {"seconds", TimeFormat::kEpochSeconds},
      {"milliseconds", TimeFormat::kEpochMilliseconds}};
  return node == nullptr ? TimeFormat::kRfc3339 : formats.at(node->text);
}

}  // namespace sojourn::cli
