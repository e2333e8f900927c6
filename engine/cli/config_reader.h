// Copies the scalars of a checked YAML mapping into plain values; what is absent stays as it is.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "engine/cli/secret_value.h"
#include "engine/language/values.h"
#include "engine/language/yaml.h"

namespace sojourn::cli {

// Copies scalars of a mapping that has passed its shape.
class ConfigReader {
 public:
  explicit ConfigReader(const language::Node& mapping) : mapping_(mapping) {}

  void Text(std::string_view key, std::string* target) const {
    if (const language::Node* node = mapping_.Find(key)) *target = node->text;
  }
  void Bool(std::string_view key, bool* target) const {
    if (const language::Node* node = mapping_.Find(key)) *target = node->text == "true";
  }
  template <typename Integer>
  void Number(std::string_view key, Integer* target) const {
    const language::Node* node = mapping_.Find(key);
    if (node != nullptr) {
      *target = static_cast<Integer>(language::ParseInteger(node->text).value_or(0));
    }
  }
  void Map(std::string_view key, std::map<std::string, std::string>* target) const {
    const language::Node* node = mapping_.Find(key);
    if (node == nullptr) return;
    for (const language::Node::Entry& entry : node->entries)
      (*target)[entry.key->text] = entry.value->text;
  }
  // Text of SecretShape: as it stands there, from a file or from the environment. A map of such.
  Status Secret(std::string_view key, std::string* target) const {
    const language::Node* node = mapping_.Find(key);
    if (node == nullptr) return Status::Ok();
    SOJOURN_ASSIGN_OR_RETURN(*target, ReadSecret(*node, key));
    return Status::Ok();
  }
  Status Secrets(std::string_view key, std::map<std::string, std::string>* target) const {
    const language::Node* node = mapping_.Find(key);
    if (node == nullptr) return Status::Ok();
    for (const language::Node::Entry& entry : node->entries) {
      SOJOURN_ASSIGN_OR_RETURN((*target)[entry.key->text],
                               ReadSecret(*entry.value, entry.key->text));
    }
    return Status::Ok();
  }
  // Relative to `directory`, where given at all.
  void Path(std::string_view key, const std::filesystem::path& directory,
            std::string* target) const {
    if (const language::Node* node = mapping_.Find(key)) {
      *target = (directory / node->text).lexically_normal().string();
    }
  }

 private:
  const language::Node& mapping_;
};

}  // namespace sojourn::cli
