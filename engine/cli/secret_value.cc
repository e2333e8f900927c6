#include "engine/cli/secret_value.h"

#include <cstdlib>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "engine/base/regular_file.h"
#include "engine/cli/yaml_file.h"

namespace sojourn::cli {
namespace {

using language::Node;
using language::Shape;
using language::ShapeKind;

constexpr size_t kMaxSecretFileBytes = size_t{64} * 1024;

const Shape& SourceShape() {
  static const Shape shape = {
      .kind = ShapeKind::kObject,
      .noun = "secret",
      .forms = {
          {.naming = {"file", language::TextShape, true, "path of a file that holds it"},
           .fields = {}},
          {.naming = {"env", language::TextShape, true, "variable that holds it"}, .fields = {}}}};
  return shape;
}

Result<std::string> ReadFromFile(const Node& node, std::string_view name) {
  const auto directory = std::filesystem::path(node.file->path()).parent_path();
  const std::string path = (directory / node.text).lexically_normal().string();
  auto text = ReadRegularFile(path, kMaxSecretFileBytes);
  if (!text.ok()) {
    return ErrorAt(node,
                   fmt::format("{}: cannot read {}: {}", name, path, text.status().message()));
  }
  std::string secret = *std::move(text);
  if (secret.ends_with('\n')) secret.pop_back();
  if (secret.ends_with('\r')) secret.pop_back();
  if (secret.empty()) return ErrorAt(node, fmt::format("{}: the file {} is empty", name, path));
  return secret;
}

Result<std::string> ReadFromEnvironment(const Node& node, std::string_view name) {
  const char* const value = std::getenv(node.text.c_str());
  if (value == nullptr || *value == '\0') {
    return ErrorAt(node, fmt::format("{}: the environment variable {} is {}", name, node.text,
                                     value == nullptr ? "not set" : "empty"));
  }
  return std::string(value);
}

}  // namespace

const Shape& SecretShape() {
  static const Shape shape = {.kind = ShapeKind::kScalarOr,
                              .noun = "secret",
                              .item = SourceShape,
                              .scalar = language::TextShape};
  return shape;
}

const Shape& SecretMapShape() {
  static const Shape shape = {.kind = ShapeKind::kMap,
                              .noun = "map of names",
                              .item = SecretShape,
                              .key = language::TextShape,
                              .may_be_empty = true};
  return shape;
}

Result<std::string> ReadSecret(const Node& node, std::string_view name) {
  if (const Node* file = node.Find("file")) return ReadFromFile(*file, name);
  if (const Node* variable = node.Find("env")) return ReadFromEnvironment(*variable, name);
  if (!node.text.empty()) return node.text;
  return ErrorAt(node, fmt::format("{} is empty; leave it out or give a secret", name));
}

}  // namespace sojourn::cli
