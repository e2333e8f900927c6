// The comments of a YAML file, found in what lies between its scalars. Internal to this folder.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/language/yaml.h"

namespace sojourn::language {

struct Comment {
  uint32_t begin = 0;
  uint32_t line_start = 0;
  std::string text;          // from # to the end of the line, without trailing spaces
  bool own_line = false;     // nothing but spaces before it
  bool after_blank = false;  // an empty line stands above it
};

struct Gaps {
  std::vector<Comment> comments;        // in file order
  std::vector<uint32_t> scalar_begins;  // in file order
};

// nullopt, with the reason, where something else stands between the scalars than what is written
// again: anchors and aliases, directives, complex keys, indentation in block headers.
std::optional<Gaps> ReadGaps(const SourceFile& file, SourceRange range, const Node& root,
                             std::string* why);

// Whether the line above the one that holds `offset` is empty.
bool IsAfterBlankLine(const SourceFile& file, uint32_t offset);

}  // namespace sojourn::language
