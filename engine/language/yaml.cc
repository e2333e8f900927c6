#include "engine/language/yaml.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>

#include "engine/base/utf8.h"

namespace sojourn::language {

bool Node::is_null() const { return is_scalar() && TypeOfScalar(*this) == ScalarType::kNull; }

bool Node::is_flow() const {
  if (is_scalar() || range.begin >= file->text().size()) return false;
  return file->text()[range.begin] == (is_mapping() ? '{' : '[');
}

const Node* Node::Find(std::string_view key) const {
  for (const Entry& entry : entries) {
    if (entry.key->text == key) return entry.value->broken ? nullptr : entry.value;
  }
  return nullptr;
}

const Node* Node::FindKey(std::string_view key) const {
  for (const Entry& entry : entries) {
    if (entry.key->text == key) return entry.key;
  }
  return nullptr;
}

ScalarType TypeOfScalar(const Node& scalar) {
  static const re2::RE2 null_pattern("~|null|Null|NULL|");
  static const re2::RE2 bool_pattern("true|True|TRUE|false|False|FALSE");
  static const re2::RE2 int_pattern("[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+");
  static const re2::RE2 double_pattern(
      R"([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))");
  if (scalar.style != ScalarStyle::kPlain) return ScalarType::kText;
  if (re2::RE2::FullMatch(scalar.text, null_pattern)) return ScalarType::kNull;
  if (re2::RE2::FullMatch(scalar.text, bool_pattern)) return ScalarType::kBool;
  if (re2::RE2::FullMatch(scalar.text, int_pattern)) return ScalarType::kInt;
  if (re2::RE2::FullMatch(scalar.text, double_pattern)) return ScalarType::kDouble;
  return ScalarType::kText;
}

namespace {

constexpr std::string_view kStyleNames[] = {"plain", "single", "double", "literal", "folded"};

void DumpNode(const Node& node, int depth, std::string* out) {
  const SourcePosition at = node.position();
  const std::string where = fmt::format("{}:{}", at.line, at.column);
  const std::string indent(static_cast<size_t>(depth) * 2, ' ');
  if (node.is_scalar()) {
    *out += fmt::format("{} {}{} {}\n", where, indent, kStyleNames[static_cast<size_t>(node.style)],
                        model::DebugString(model::Value::String(node.text)));
    return;
  }
  *out += fmt::format("{} {}{}\n", where, indent, node.is_mapping() ? "mapping" : "sequence");
  for (const Node* item : node.items) DumpNode(*item, depth + 1, out);
  for (const Node::Entry& entry : node.entries) {
    DumpNode(*entry.key, depth + 1, out);
    DumpNode(*entry.value, depth + 2, out);
  }
}

// Lengths before texts, so that no two trees have the same canonical text.
void AppendCanonical(const Node& node, std::string* out) {
  if (node.is_scalar()) {
    *out += node.is_null() ? "n" : fmt::format("s{}:{}", node.text.size(), node.text);
    return;
  }
  if (node.is_sequence()) {
    *out += fmt::format("l{}[", node.items.size());
    for (const Node* item : node.items) AppendCanonical(*item, out);
    *out += "]";
    return;
  }
  std::vector<const Node::Entry*> sorted;
  for (const Node::Entry& entry : node.entries) sorted.push_back(&entry);
  std::sort(sorted.begin(), sorted.end(),
            [](const Node::Entry* a, const Node::Entry* b) { return a->key->text < b->key->text; });
  *out += fmt::format("m{}{{", sorted.size());
  for (const Node::Entry* entry : sorted) {
    *out += fmt::format("{}:{}", entry->key->text.size(), entry->key->text);
    AppendCanonical(*entry->value, out);
  }
  *out += "}";
}

}  // namespace

std::string YamlDocument::Dump() const {
  std::string out;
  DumpNode(*root_, 0, &out);
  return out;
}

std::string YamlDocument::Canonical() const {
  std::string out;
  AppendCanonical(*root_, &out);
  return out;
}

}  // namespace sojourn::language
