// Small YAML files of the operator's, checked against a shape.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "engine/language/schema.h"
#include "engine/language/yaml.h"

namespace sojourn::cli {

struct YamlFile {
  std::unique_ptr<language::SourceFile> source;
  std::unique_ptr<language::YamlDocument> document;
  const language::Node& root() const { return document->root(); }
};

// Errors: kInvalidArgument, one line: `file:line:col: what is wrong (what to write)`.
Result<YamlFile> ReadYamlFile(const std::string& path, const language::Shape& shape);

// The same for a text that stands in no file; `name` is how errors call it.
Result<YamlFile> ParseYaml(const std::string& name, std::string text, const language::Shape& shape);

// kInvalidArgument: `file:line:col: message`, where the node stands.
Status ErrorAt(const language::Node& node, std::string_view message);

}  // namespace sojourn::cli
