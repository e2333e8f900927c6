#include "engine/language/key_places.h"

#include "engine/language/source.h"
#include "engine/language/yaml.h"

namespace sojourn::language {

KeyPositions FindKeys(const Bundle& bundle, const std::string& file) {
  KeyPositions positions;
  const auto content = bundle.files.find(file);
  if (content == bundle.files.end()) return positions;
  const SourceFile source(file, content->second);
  Reporter reporter;
  const auto document = YamlDocument::Parse(source, &reporter);
  if (document == nullptr) return positions;
  for (const Node::Entry& entry : document->root().entries) {
    positions.emplace(entry.key->text, entry.key->position());
  }
  return positions;
}

std::string CompanyFile(const Bundle& bundle) {
  for (const auto& [path, content] : bundle.files) {
    if (!path.ends_with(".yaml") || content.find("company") == std::string::npos) continue;
    const KeyPositions keys = FindKeys(bundle, path);
    const auto company = keys.find("company");
    if (company == keys.end()) continue;
    bool is_first = true;
    for (const auto& [key, place] : keys) {
      is_first &= key == "company" || place.line > company->second.line;
    }
    if (is_first) return path;
  }
  return "";
}

}  // namespace sojourn::language
