// A rules file's text with its lines, and the collector of what is wrong in it.
//
// Threads: a SourceFile is immutable; a Reporter has one owner. Ownership: SourceFiles outlive all
// that points into them. Positions are bytes into SourceFile::text(), columns code points from 1.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/language/bundle.h"
#include "engine/language/codes.h"
#include "engine/language/diagnostic.h"

namespace sojourn::language {

// Bytes [begin, end) of a file.
struct SourceRange {
  uint32_t begin = 0;
  uint32_t end = 0;
};

class SourceFile {
 public:
  // Drops a byte order mark and turns CR LF and CR into LF, so that every later stage knows one
  // kind of line only.
  SourceFile(std::string path, std::string_view bytes);

  const std::string& path() const { return path_; }
  const std::string& text() const { return text_; }

  SourcePosition PositionOf(uint32_t offset) const;
  // The line (from 1) without its line break.
  std::string_view Line(int line) const;
  // Offset of the first byte of the line (from 1).
  uint32_t LineStart(int line) const;
  int line_count() const { return static_cast<int>(line_starts_.size()); }

 private:
  std::string path_;
  std::string text_;
  std::vector<uint32_t> line_starts_;
};

// Collects diagnostics, each once, the first kMaxDiagnostics of them.
class Reporter {
 public:
  void Error(Code code, const SourceFile& file, SourceRange range, std::string message,
             std::string hint = "");
  void Warning(Code code, const SourceFile& file, SourceRange range, std::string message,
               std::string hint = "");
  // With a code of another table.
  void Add(Severity severity, std::string code, const SourceFile& file, SourceRange range,
           std::string message, std::string hint);
  // About a file as a whole.
  void FileError(Code code, const std::string& path, std::string message, std::string hint = "");

  size_t error_count() const { return error_count_; }
  // Sorted.
  std::vector<Diagnostic> Take();

 private:
  void Keep(Diagnostic diagnostic);

  std::vector<Diagnostic> diagnostics_;
  std::set<std::string> seen_;  // an aliased node is looked at once for each alias
  size_t error_count_ = 0;
};

}  // namespace sojourn::language
