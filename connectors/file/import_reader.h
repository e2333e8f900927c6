// A customer's export as events: NDJSON of Segment-shaped calls, or CSV with a mapping of columns.
//
// Every line becomes events or a problem that names the line; none is passed over in silence. An
// event without an id of its own gets one from the file's content and its line, so that the same
// file gives the same ids.
//
// Threads: one owner. Errors of the file as a whole (missing, no header, a mapped column that does
// not exist) are a Status; those of a line are an ImportProblem.
#pragma once

#include <cstdint>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "connectors/file/columns.h"
#include "connectors/file/csv.h"
#include "connectors/file/event_sorter.h"
#include "engine/base/arena.h"
#include "engine/base/status.h"
#include "engine/model/event.h"
#include "engine/model/event_codec.h"

namespace sojourn::file {

// A longer line of NDJSON is a problem; the reading goes on behind it.
inline constexpr size_t kMaxJsonLineBytes = size_t{1024} * 1024;

struct MappedColumn {
  std::string name;    // of the property or trait
  std::string column;  // of the file
  ColumnType type = ColumnType::kString;
};

// How the columns of a CSV file become an event, and traits of the person.
struct ColumnMapping {
  std::string person_column;
  std::string event_name;    // the same for every row ...
  std::string event_column;  // ... or from a column; both empty: rows only carry traits
  std::string time_column;
  TimeFormat time_format = TimeFormat::kRfc3339;
  std::string id_column;  // empty: ids from content and line
  std::vector<MappedColumn> properties;
  std::vector<MappedColumn> traits;  // an Identify before the row's event, where not all are empty
  char delimiter = ',';
};

struct ImportProblem {
  int64_t line = 0;
  std::string reason;
  std::string text;  // the line, or the lines of a CSV record; cut after 1 MiB
};

// SHA-256 of the file's bytes, in hexadecimal: what makes two imports the same.
Result<std::string> FingerprintFile(const std::string& path);

class ImportReader {
 public:
  // `mapping`: CSV; nullopt: NDJSON.
  static Result<std::unique_ptr<ImportReader>> Open(const std::string& path,
                                                    std::optional<ColumnMapping> mapping,
                                                    const std::string& fingerprint,
                                                    bool historical);

  // The events of the next line (none where it has a problem); false at the end.
  bool Next(std::vector<SortableEvent>* events, std::optional<ImportProblem>* problem);

  // Of the file, so far and in all: for a progress bar.
  int64_t bytes_read();
  int64_t bytes_total() const { return bytes_total_; }

 private:
  ImportReader() = default;
  Status ReadHeader();
  Status FindColumn(const std::string& name, int* index) const;
  void ReadJsonLine(const std::string& line, std::vector<SortableEvent>* events,
                    std::string* reason);
  void ReadRow(const CsvRecord& row, std::vector<SortableEvent>* events, std::string* reason);
  bool ReadColumns(const CsvRecord& row, const std::vector<MappedColumn>& columns,
                   const std::vector<int>& indexes, model::Value* values, std::string* reason);
  bool ReadLine(std::string* line, std::string* reason);
  void Emit(model::Event event, int64_t part, std::vector<SortableEvent>* events,
            std::string* reason);

  std::ifstream stream_;
  int64_t bytes_total_ = 0;
  int64_t line_ = 0;
  bool historical_ = false;
  std::string id_prefix_;
  model::EventDecoder decoder_;
  Arena arena_;  // of one line

  std::optional<ColumnMapping> mapping_;
  std::unique_ptr<CsvReader> csv_;
  std::vector<std::string> header_;
  int person_index_ = -1, event_index_ = -1, time_index_ = -1, id_index_ = -1;
  std::vector<int> property_indexes_, trait_indexes_;
};

}  // namespace sojourn::file
