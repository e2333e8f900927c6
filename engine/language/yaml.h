// YAML 1.2 (core schema) as a tree of nodes that know where they stand.
//
// Threads: a tree is immutable after parsing but for Node::broken; one owner at a time. Ownership:
// a YamlDocument owns its nodes and borrows the SourceFile. Errors: mistakes go to the Reporter; no
// input crashes or takes memory beyond a small multiple of its size: nesting, aliases and size are
// limited (engine/base/limits.h).
//
// An alias is the anchored node itself, so a tree is a graph without cycles; walking it visits at
// most kMaxAliasExpansionBytes more nodes than were written.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/language/source.h"

namespace sojourn::language {

enum class NodeKind : uint8_t { kScalar, kSequence, kMapping };
enum class ScalarStyle : uint8_t { kPlain, kSingleQuoted, kDoubleQuoted, kLiteral, kFolded };

struct Node {
  struct Entry {
    Node* key = nullptr;  // a scalar
    Node* value = nullptr;
  };

  NodeKind kind = NodeKind::kScalar;
  const SourceFile* file = nullptr;
  SourceRange range;  // quotes and brackets included; a block scalar's header is not

  // Scalars.
  ScalarStyle style = ScalarStyle::kPlain;
  std::string text;     // decoded
  SourceRange content;  // without quotes

  std::vector<Node*> items;    // sequences
  std::vector<Entry> entries;  // mappings, in file order

  // Set by the stage that reported a mistake here, so that later stages leave it alone.
  mutable bool broken = false;

  bool is_scalar() const { return kind == NodeKind::kScalar; }
  bool is_sequence() const { return kind == NodeKind::kSequence; }
  bool is_mapping() const { return kind == NodeKind::kMapping; }
  // A plain scalar that YAML reads as null: empty, "~", "null", "Null", "NULL".
  bool is_null() const;
  // Flow style: in brackets or braces.
  bool is_flow() const;

  // The value under `key`; nullptr where absent, or where an earlier stage found it broken.
  const Node* Find(std::string_view key) const;
  // The key's own node; nullptr where absent.
  const Node* FindKey(std::string_view key) const;

  // Where bytes [begin, end) of `text` stand in the file. Escapes, folding and indentation are
  // followed.
  SourceRange RangeOf(uint32_t begin, uint32_t end) const;

  SourcePosition position() const { return file->PositionOf(range.begin); }
};

// What a plain scalar means in the core schema; other styles are always text.
enum class ScalarType : uint8_t { kNull, kBool, kInt, kDouble, kText };
ScalarType TypeOfScalar(const Node& scalar);

// Reports the first byte of the range that is not UTF-8; whether there is none.
bool CheckUtf8(const SourceFile& file, SourceRange range, Reporter* reporter);

class YamlDocument {
 public:
  // `range`: the part of the file that is YAML (front matter); the whole file by default. Null
  // where it does not parse; the reporter then has at least one error.
  static std::unique_ptr<YamlDocument> Parse(const SourceFile& file, Reporter* reporter);
  static std::unique_ptr<YamlDocument> Parse(const SourceFile& file, SourceRange range,
                                             Reporter* reporter);

  const Node& root() const { return *root_; }

  // One node a line, indented, with position and style.
  std::string Dump() const;
  // The content alone, in one form whatever the spelling, comments or key order in the file:
  // revisions hash it. (The order of keys has no meaning in rules.)
  std::string Canonical() const;

 private:
  friend class YamlBuilder;
  std::deque<Node> nodes_;
  Node* root_ = nullptr;
};

}  // namespace sojourn::language
