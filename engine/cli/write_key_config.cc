#include "engine/cli/write_key_config.h"

#include "engine/cli/config_reader.h"
#include "engine/cli/listener_config.h"
#include "engine/cli/secret_value.h"
#include "engine/cli/yaml_file.h"

namespace sojourn::cli {
namespace {

using language::Node;
using language::Shape;
using language::ShapeKind;

// Below it trying them out is a matter of patience.
constexpr size_t kMinStrongBytes = 16;
constexpr std::string_view kExample = "CHANGE-ME";  // in the shipped configuration

const Shape& TruthShape() {
  static const Shape shape = {.kind = ShapeKind::kBoolean, .noun = "true or false"};
  return shape;
}

const Shape& KeyObjectShape() {
  static const Shape shape = {
      .kind = ShapeKind::kObject,
      .noun = "write key",
      .forms = {
          {.naming = {"key", SecretShape, true, "the key or its hash"},
           .fields = {{"public", TruthShape, false,
                       "anybody can read it, as in a web page; reports nothing that only servers "
                       "know"}}},
          {.naming = {"file", language::TextShape, true, "path of a file that holds it"},
           .fields = {}},
          {.naming = {"env", language::TextShape, true, "variable that holds it"}, .fields = {}}}};
  return shape;
}

const Shape& WriteKeyShape() {
  static const Shape shape = {.kind = ShapeKind::kScalarOr,
                              .noun = "write key",
                              .item = KeyObjectShape,
                              .scalar = language::TextShape};
  return shape;
}

Result<http::WriteKey> ReadWriteKey(const Node& node, const std::string& name) {
  const Node* inner = node.Find("key");
  const Node& value = inner == nullptr ? node : *inner;
  SOJOURN_ASSIGN_OR_RETURN(const std::string text, ReadSecret(value, name));
  SOJOURN_ASSIGN_OR_RETURN(const http::SecretHash hash, ReadHash(value, name, text));
  http::WriteKey key{hash};
  ConfigReader(node).Bool("public", &key.is_public);
  key.is_weak = text.size() < kMinStrongBytes || text.find(kExample) != std::string::npos;
  return key;
}

}  // namespace

const Shape& WriteKeysShape() {
  static const Shape shape = {.kind = ShapeKind::kMap,
                              .noun = "map of names",
                              .item = WriteKeyShape,
                              .key = language::TextShape,
                              .may_be_empty = true};
  return shape;
}

Result<std::map<std::string, http::WriteKey>> ReadWriteKeys(const Node& root) {
  std::map<std::string, http::WriteKey> keys;
  const Node* map = root.Find("write_keys");
  if (map == nullptr) return keys;
  for (const Node::Entry& entry : map->entries) {
    const std::string& name = entry.key->text;
    if (name.empty()) return ErrorAt(*entry.key, "write_keys: a name is missing");
    SOJOURN_ASSIGN_OR_RETURN(const http::WriteKey key, ReadWriteKey(*entry.value, name));
    keys.emplace(name, key);
  }
  return keys;
}

}  // namespace sojourn::cli
