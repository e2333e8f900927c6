// A customer's contacts, from a CSV file: who they are and whether they may be written to.
//
// Two passes. The survey learns which people stand in the file twice; then each row becomes the
// events that bring one person up to date, or a problem that names the line.
//
// Of several rows of one person the last one counts; but whoever unsubscribed or bounced in any of
// them did so. Rows of the same address but different ids are different people.
//
// Threads: one owner. Errors of the file as a whole (missing, no header, a column that does not
// exist) are a Status; those of a row are in the row.
#pragma once

#include <cstdint>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "connectors/file/columns.h"
#include "connectors/file/csv.h"
#include "connectors/file/event_sorter.h"
#include "engine/base/arena.h"
#include "engine/base/status.h"
#include "engine/model/event.h"

namespace sojourn::file {

// In the order of their weight: of two rows the heavier counts.
enum class Consent : uint8_t { kNotSaid, kSubscribed, kUnsubscribed, kBounced };

// The first of the columns that a row fills.
struct ColumnChoice {
  std::vector<std::string> columns;
  bool optional = false;  // else the file must have one of them
};

struct ConsentRule {
  Consent consent = Consent::kNotSaid;
  ColumnChoice column;
  std::vector<std::string> values;  // whatever their case; empty: any value
};

struct TraitColumn {
  std::string trait;
  ColumnChoice column;
  ColumnType type = ColumnType::kString;
};

struct TimeColumn {
  ColumnChoice column;  // no columns: the present
  TimeFormat format = TimeFormat::kRfc3339;
};

struct PeopleMapping {
  ColumnChoice address;
  ColumnChoice person;  // no columns, or none filled: the address in lower case
  TimeColumn time;
  std::vector<TraitColumn> traits;
  std::vector<ConsentRule> consent;  // the first that fits
  Consent otherwise = Consent::kNotSaid;
  TimeColumn consent_time;
  std::string topic;                 // of the consent; empty: every marketing topic
  std::vector<std::string> ignored;  // columns that are known and not wanted
  char delimiter = ',';
};

struct PeopleOptions {
  PeopleMapping mapping;
  std::string fingerprint;  // of the file; makes the ids of the events
  Timestamp now;
  std::function<Status(std::string_view address)> check_address;
};

// Valid until the next one is read.
struct PersonRow {
  int64_t line = 0;
  std::string text;     // as the file has it
  std::string problem;  // not empty: why it is no contact; the rest then means nothing
  std::string person;
  std::string address;  // may be empty where the person has an id of its own
  Consent consent = Consent::kNotSaid;
  Timestamp time;
  Timestamp consent_time;
  model::Value traits;  // without the address
};

class PeopleReader {
 public:
  static Result<std::unique_ptr<PeopleReader>> Open(const std::string& path, PeopleOptions options);

  // False at the end.
  bool Next(PersonRow* row);

  // The events of a row; `consent` is what the whole file says of the person. The reason where one
  // is too large.
  Status ToEvents(const PersonRow& row, Consent consent, std::vector<SortableEvent>* events);

  // Columns of the file that the mapping says nothing about.
  const std::vector<std::string>& unmapped_columns() const { return unmapped_columns_; }

  // Those of the mapping's traits that the file has a column for: trait and its first column.
  std::vector<std::pair<std::string, std::string>> TraitsInFile() const;

  int64_t bytes_read();
  int64_t bytes_total() const { return bytes_total_; }

 private:
  explicit PeopleReader(PeopleOptions options) : options_(std::move(options)) {}
  Status ReadHeader();
  Status Find(const ColumnChoice& choice, std::vector<size_t>* indexes);
  std::string_view Field(const std::vector<size_t>& indexes) const;
  void ReadRow(PersonRow* row);
  Status ReadWho(PersonRow* row) const;
  Status ReadTraits(PersonRow* row);
  Result<Timestamp> ReadTime(const TimeColumn& column, const std::vector<size_t>& indexes) const;
  Consent ReadConsent() const;
  Status Emit(model::Event event, int64_t line, int64_t part, std::vector<SortableEvent>* events);

  const PeopleOptions options_;
  std::ifstream stream_;
  int64_t bytes_total_ = 0;
  std::unique_ptr<CsvReader> csv_;
  CsvRecord record_;
  Arena arena_;  // of one row
  std::vector<std::string> header_;
  std::vector<bool> mapped_;
  std::vector<std::string> unmapped_columns_;
  std::vector<size_t> address_, person_, time_, consent_time_;
  std::vector<std::vector<size_t>> traits_, consent_;
};

// What the rows of a file say together.
class PeopleSurvey {
 public:
  void Add(const PersonRow& row);

  // Both of a row that was added.
  bool IsLastOf(const PersonRow& row) const { return people_.at(row.person).last_line == row.line; }
  Consent ConsentOf(const PersonRow& row) const { return people_.at(row.person).consent; }
  // Another person came first with this address.
  bool SharesAddress(const PersonRow& row) const;

  size_t people() const { return people_.size(); }

 private:
  struct Seen {
    int64_t last_line = 0;
    Consent consent = Consent::kNotSaid;
  };
  std::unordered_map<std::string, Seen> people_;
  std::unordered_map<std::string, std::string> first_with_;  // address -> person, where they differ
};

// "info@", "postmaster@", "noreply@" and the like: nobody's own. For an address in lower case.
bool IsRoleAddress(std::string_view address);

}  // namespace sojourn::file
