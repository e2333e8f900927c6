#include "connectors/file/csv.h"

#include <utility>

namespace sojourn::file {
namespace {
constexpr int kEnd = std::istream::traits_type::eof();
}  // namespace

CsvReader::CsvReader(std::istream* input, char delimiter) : input_(input), delimiter_(delimiter) {
  if (input_->peek() != 0xef) return;
  input_->get();
  if (input_->peek() == 0xbb) input_->get();
  if (input_->peek() == 0xbf) input_->get();
}

int CsvReader::Get() {
  const int byte = input_->get();
  if (byte != kEnd && record_bytes_ < kMaxCsvRecordBytes) text_.push_back(static_cast<char>(byte));
  ++record_bytes_;
  if (byte == '\n') ++line_;
  return byte;
}

bool CsvReader::Next(CsvRecord* record) {
  while (input_->peek() == '\n' || input_->peek() == '\r') Get();
  if (input_->peek() == kEnd) return false;
  record->line = line_;
  record->fields.clear();
  record->problem.clear();
  record_bytes_ = 0;
  text_.clear();
  FieldEnd end = FieldEnd::kField;
  while (end == FieldEnd::kField) {
    record->fields.emplace_back();
    end = ReadField(&record->fields.back(), &record->problem);
  }
  while (text_.ends_with('\n') || text_.ends_with('\r')) text_.pop_back();
  std::swap(record->text, text_);
  return true;
}

CsvReader::FieldEnd CsvReader::ReadField(std::string* field, std::string* problem) {
  if (input_->peek() == '"') return ReadQuoted(field, problem);
  while (true) {
    const int byte = Get();
    if (byte == delimiter_) return FieldEnd::kField;
    if (byte == '\n' || byte == kEnd) {
      if (!field->empty() && field->back() == '\r') field->pop_back();
      return FieldEnd::kRecord;
    }
    if (record_bytes_ > kMaxCsvRecordBytes) {
      *problem = "the line is longer than 1 MiB";
      SkipLine();
      return FieldEnd::kRecord;
    }
    field->push_back(static_cast<char>(byte));
  }
}

CsvReader::FieldEnd CsvReader::ReadQuoted(std::string* field, std::string* problem) {
  Get();
  while (true) {
    const int byte = Get();
    if (byte == kEnd || record_bytes_ > kMaxCsvRecordBytes) {
      *problem = "a quote is opened and never closed";
      SkipLine();
      return FieldEnd::kRecord;
    }
    if (byte != '"') {
      field->push_back(static_cast<char>(byte));
      continue;
    }
    if (input_->peek() != '"') break;
    field->push_back(static_cast<char>(Get()));
  }
  const int after = Get();
  if (after == delimiter_) return FieldEnd::kField;
  if (after == '\n' || after == kEnd) return FieldEnd::kRecord;
  if (after == '\r' && (input_->peek() == '\n' || input_->peek() == kEnd)) {
    Get();
    return FieldEnd::kRecord;
  }
  *problem = "text follows the closing quote of a field";
  SkipLine();
  return FieldEnd::kRecord;
}

void CsvReader::SkipLine() {
  for (int byte = 0; byte != '\n' && byte != kEnd;) byte = Get();
}

}  // namespace sojourn::file
