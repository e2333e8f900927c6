// Comma-separated values by RFC 4180, record by record.
//
// Reads what spreadsheets and exports write: CRLF or LF, quoted fields with commas, quotes and line
// breaks, a byte order mark. Threads: one owner. Errors: a record that cannot be read is a reason
// with its line; reading goes on with the next line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <istream>
#include <string>
#include <vector>

namespace sojourn::file {

// A record longer than this (a quote that is never closed) is given up.
inline constexpr size_t kMaxCsvRecordBytes = size_t{1024} * 1024;

struct CsvRecord {
  int64_t line = 0;  // where it begins, from 1
  std::vector<std::string> fields;
  std::string problem;  // not empty: why it could not be read; `fields` then mean nothing
  std::string text;     // as the file has it, cut after kMaxCsvRecordBytes
};

class CsvReader {
 public:
  // `input` outlives the reader.
  explicit CsvReader(std::istream* input, char delimiter = ',');

  // False at the end. Empty lines are passed over.
  bool Next(CsvRecord* record);

 private:
  enum class FieldEnd { kField, kRecord };
  FieldEnd ReadField(std::string* field, std::string* problem);
  FieldEnd ReadQuoted(std::string* field, std::string* problem);
  void SkipLine();
  int Get();

  std::istream* const input_;
  const char delimiter_;
  int64_t line_ = 1;
  size_t record_bytes_ = 0;
  std::string text_;  // of the record so far
};

}  // namespace sojourn::file
