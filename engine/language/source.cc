#include "engine/language/source.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/utf8.h"

namespace sojourn::language {

SourceFile::SourceFile(std::string path, std::string_view bytes) : path_(std::move(path)) {
  if (bytes.substr(0, 3) == "\xEF\xBB\xBF") bytes.remove_prefix(3);
  text_.reserve(bytes.size());
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] != '\r') {
      text_.push_back(bytes[i]);
      continue;
    }
    text_.push_back('\n');
    if (i + 1 < bytes.size() && bytes[i + 1] == '\n') ++i;
  }
  line_starts_.push_back(0);
  for (size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] == '\n') line_starts_.push_back(static_cast<uint32_t>(i + 1));
  }
}

SourcePosition SourceFile::PositionOf(uint32_t offset) const {
  offset = std::min<uint32_t>(offset, static_cast<uint32_t>(text_.size()));
  const auto behind = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
  const uint32_t start = *(behind - 1);
  SourcePosition position;
  position.file = path_;
  position.line = static_cast<int>(behind - line_starts_.begin());
  position.column =
      static_cast<int>(CountCodePoints(std::string_view(text_).substr(start, offset - start))) + 1;
  return position;
}

std::string_view SourceFile::Line(int line) const {
  const uint32_t start = LineStart(line);
  const size_t end = text_.find('\n', start);
  return std::string_view(text_).substr(start, end == std::string::npos ? end : end - start);
}

uint32_t SourceFile::LineStart(int line) const {
  return line_starts_[static_cast<size_t>(std::clamp(line, 1, line_count()) - 1)];
}

void Reporter::Error(Code code, const SourceFile& file, SourceRange range, std::string message,
                     std::string hint) {
  Add(Severity::kError, CodeText(code), file, range, std::move(message), std::move(hint));
}

void Reporter::Warning(Code code, const SourceFile& file, SourceRange range, std::string message,
                       std::string hint) {
  Add(Severity::kWarning, CodeText(code), file, range, std::move(message), std::move(hint));
}

void Reporter::Add(Severity severity, std::string code, const SourceFile& file, SourceRange range,
                   std::string message, std::string hint) {
  const SourcePosition begin = file.PositionOf(range.begin);
  const SourcePosition end = file.PositionOf(std::max(range.begin, range.end));
  Diagnostic diagnostic;
  diagnostic.severity = severity;
  diagnostic.code = std::move(code);
  diagnostic.file = file.path();
  diagnostic.line = begin.line;
  diagnostic.column = begin.column;
  const std::string_view line = file.Line(begin.line);
  if (line.size() <= kMaxShownLineBytes) diagnostic.source_line = line;
  // A range over several lines is shown up to the end of its first.
  const int line_end = static_cast<int>(CountCodePoints(line)) + 1;
  diagnostic.end_column = end.line == begin.line ? end.column : line_end;
  diagnostic.end_column = std::max(diagnostic.end_column, begin.column + 1);
  diagnostic.message = std::move(message);
  diagnostic.hint = std::move(hint);
  Keep(std::move(diagnostic));
}

void Reporter::FileError(Code code, const std::string& path, std::string message,
                         std::string hint) {
  Diagnostic diagnostic;
  diagnostic.code = CodeText(code);
  diagnostic.file = path;
  diagnostic.line = 1;
  diagnostic.column = 1;
  diagnostic.end_column = 2;
  diagnostic.message = std::move(message);
  diagnostic.hint = std::move(hint);
  Keep(std::move(diagnostic));
}

void Reporter::Keep(Diagnostic diagnostic) {
  if (diagnostics_.size() == kMaxDiagnostics) {
    error_count_ += diagnostic.severity == Severity::kError ? 1 : 0;
    return;
  }
  const std::string key = fmt::format("{}:{}:{}:{}:{}", diagnostic.file, diagnostic.line,
                                      diagnostic.column, diagnostic.code, diagnostic.message);
  if (!seen_.insert(key).second) return;
  if (diagnostic.severity == Severity::kError) ++error_count_;
  diagnostics_.push_back(std::move(diagnostic));
}

std::vector<Diagnostic> Reporter::Take() {
  SortDiagnostics(&diagnostics_);
  seen_.clear();
  error_count_ = 0;
  return std::move(diagnostics_);
}

}  // namespace sojourn::language
