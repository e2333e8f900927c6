#include "connectors/file/import_reader.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <filesystem>

#include "engine/base/hash.h"
#include "engine/base/limits.h"
#include "engine/base/regular_file.h"
#include "engine/base/rfc3339.h"
#include "engine/base/utf8.h"

namespace sojourn::file {
namespace {

// What a call that names no time gets as its log time here: the first moment that RFC 3339 can say.
constexpr Timestamp kNoTime(-62135596800000);

}  // namespace

Result<std::string> FingerprintFile(const std::string& path) {
  SOJOURN_RETURN_IF_ERROR(CheckRegularFile(path));
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return NotFound(fmt::format("cannot read {}: no such file, or no permission", path));
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_DigestInit_ex(context, EVP_sha256(), nullptr);
  std::vector<char> block(1 << 20);
  while (stream) {
    stream.read(block.data(), static_cast<std::streamsize>(block.size()));
    EVP_DigestUpdate(context, block.data(), static_cast<size_t>(stream.gcount()));
  }
  Sha256Digest digest{};
  EVP_DigestFinal_ex(context, digest.data(), nullptr);
  EVP_MD_CTX_free(context);
  if (stream.bad()) return Unavailable(fmt::format("cannot read {} to its end", path));
  return Hex(digest.data(), digest.size());
}

Result<std::unique_ptr<ImportReader>> ImportReader::Open(const std::string& path,
                                                         std::optional<ColumnMapping> mapping,
                                                         const std::string& fingerprint,
                                                         bool historical) {
  SOJOURN_RETURN_IF_ERROR(CheckRegularFile(path));
  std::error_code error;
  std::unique_ptr<ImportReader> reader(new ImportReader());
  reader->stream_.open(path, std::ios::binary);
  if (!reader->stream_) {
    return NotFound(fmt::format("cannot read {}: no such file, or no permission", path));
  }
  reader->bytes_total_ = static_cast<int64_t>(std::filesystem::file_size(path, error));
  reader->historical_ = historical;
  reader->id_prefix_ = "import-" + fingerprint.substr(0, 16);
  reader->mapping_ = std::move(mapping);
  if (reader->mapping_) {
    const Status header = reader->ReadHeader();
    if (!header.ok()) return Status(header.code(), path + ": " + header.message());
  }
  return reader;
}

Status ImportReader::ReadHeader() {
  if (mapping_->person_column.empty()) return InvalidArgument("no column is mapped to the person");
  if (mapping_->time_column.empty()) return InvalidArgument("no column is mapped to the time");
  csv_ = std::make_unique<CsvReader>(&stream_, mapping_->delimiter);
  CsvRecord record;
  if (!csv_->Next(&record) || !record.problem.empty()) {
    return InvalidArgument("the first line must name the columns");
  }
  header_ = record.fields;
  SOJOURN_RETURN_IF_ERROR(FindColumn(mapping_->person_column, &person_index_));
  SOJOURN_RETURN_IF_ERROR(FindColumn(mapping_->event_column, &event_index_));
  SOJOURN_RETURN_IF_ERROR(FindColumn(mapping_->time_column, &time_index_));
  SOJOURN_RETURN_IF_ERROR(FindColumn(mapping_->id_column, &id_index_));
  const auto find_all = [this](const std::vector<MappedColumn>& columns,
                               std::vector<int>* indexes) {
    for (const MappedColumn& column : columns) {
      indexes->push_back(-1);
      SOJOURN_RETURN_IF_ERROR(FindColumn(column.column, &indexes->back()));
    }
    return Status::Ok();
  };
  SOJOURN_RETURN_IF_ERROR(find_all(mapping_->properties, &property_indexes_));
  return find_all(mapping_->traits, &trait_indexes_);
}

Status ImportReader::FindColumn(const std::string& name, int* index) const {
  if (name.empty()) return Status::Ok();
  const auto found = std::find(header_.begin(), header_.end(), name);
  if (found == header_.end()) {
    return NoSuchColumn(name, header_);
  }
  if (std::find(found + 1, header_.end(), name) != header_.end()) return ColumnStandsTwice(name);
  *index = static_cast<int>(found - header_.begin());
  return Status::Ok();
}

// False at the end of the file. Empty lines count but are passed over by the caller.
bool ImportReader::ReadLine(std::string* line, std::string* reason) {
  line->clear();
  std::streambuf* bytes = stream_.rdbuf();
  int byte = bytes->sbumpc();
  if (byte == std::istream::traits_type::eof()) return false;
  for (; byte != '\n' && byte != std::istream::traits_type::eof(); byte = bytes->sbumpc()) {
    if (line->size() <= kMaxJsonLineBytes) line->push_back(static_cast<char>(byte));
  }
  ++line_;
  if (line->size() > kMaxJsonLineBytes) *reason = "the line is longer than 1 MiB";
  if (line_ == 1 && line->starts_with("\xef\xbb\xbf")) line->erase(0, 3);
  if (!line->empty() && line->back() == '\r') line->pop_back();
  return true;
}

bool ImportReader::Next(std::vector<SortableEvent>* events, std::optional<ImportProblem>* problem) {
  events->clear();
  problem->reset();
  arena_.Reset();
  std::string reason;
  std::string line;
  if (csv_ != nullptr) {
    CsvRecord row;
    if (!csv_->Next(&row)) return false;
    line_ = row.line;
    ReadRow(row, events, &reason);
    line = std::move(row.text);
  } else {
    do {
      if (!ReadLine(&line, &reason)) return false;
    } while (reason.empty() && line.find_first_not_of(" \t") == std::string::npos);
    if (reason.empty()) ReadJsonLine(line, events, &reason);
  }
  if (!reason.empty()) {
    events->clear();
    *problem = ImportProblem{line_, std::move(reason), std::move(line)};
  }
  return true;
}

void ImportReader::ReadJsonLine(const std::string& line, std::vector<SortableEvent>* events,
                                std::string* reason) {
  const Result<model::Event> event =
      decoder_.Decode(model::EventFormat::kJson, line, kNoTime, &arena_);
  if (!event.ok()) {
    *reason = event.status().message();
  } else if (event->time == kNoTime) {
    *reason = "no timestamp";
  } else if (event->person.empty()) {
    *reason = "neither userId nor anonymousId";
  } else {
    Emit(*event, 0, events, reason);
  }
}

bool ImportReader::ReadColumns(const CsvRecord& row, const std::vector<MappedColumn>& columns,
                               const std::vector<int>& indexes, model::Value* values,
                               std::string* reason) {
  auto* entries = arena_.AllocateArray<model::MapEntry>(columns.size());
  uint32_t count = 0;
  for (size_t i = 0; i < columns.size(); ++i) {
    const std::string& field = row.fields[static_cast<size_t>(indexes[i])];
    if (field.empty()) continue;
    const auto value = ParseField(field, columns[i].type, &arena_);
    if (!value) {
      *reason =
          fmt::format("column \"{}\" is no {}", columns[i].column, ColumnTypeName(columns[i].type));
      return false;
    }
    entries[count++] = {model::Value::String(columns[i].name), *value};
  }
  *values = model::Value::SortedMap(entries, count);
  return true;
}

void ImportReader::ReadRow(const CsvRecord& row, std::vector<SortableEvent>* events,
                           std::string* reason) {
  *reason = row.problem;
  if (!reason->empty()) return;
  if (row.fields.size() != header_.size()) {
    *reason = fmt::format("{} fields where the header has {}", row.fields.size(), header_.size());
    return;
  }
  for (const std::string& field : row.fields) {
    if (!IsValidUtf8(field)) *reason = "not UTF-8";
  }
  if (!reason->empty()) return;
  model::Event event;
  event.person = row.fields[static_cast<size_t>(person_index_)];
  if (!model::IsValidPersonId(event.person) || event.person.starts_with("a:")) {
    *reason = fmt::format("column \"{}\" is no person's id", mapping_->person_column);
    return;
  }
  const auto time = ParseTime(row.fields[static_cast<size_t>(time_index_)], mapping_->time_format);
  if (!time) {
    *reason = fmt::format("column \"{}\" is no time", mapping_->time_column);
    return;
  }
  event.time = *time;
  std::string id;
  if (id_index_ >= 0) id = row.fields[static_cast<size_t>(id_index_)];
  model::Value traits;
  if (!ReadColumns(row, mapping_->traits, trait_indexes_, &traits, reason)) return;
  if (!ReadColumns(row, mapping_->properties, property_indexes_, &event.properties, reason)) return;
  event.name = event_index_ >= 0 ? row.fields[static_cast<size_t>(event_index_)]
                                 : std::string_view(mapping_->event_name);
  if (CountCodePoints(event.name) > kMaxEventNameCharacters ||
      (event_index_ >= 0 && event.name.empty())) {
    *reason = "the event's name is empty or longer than 100 characters";
    return;
  }
  if (traits.size() > 0) {
    model::Event identify = event;
    identify.type = model::EventType::kIdentify;
    identify.name = model::kIdentify;
    identify.properties = traits;
    const std::string identify_id = id.empty() ? "" : id + "-identify";
    identify.id = identify_id;
    Emit(identify, 0, events, reason);
  }
  event.id = id;
  if (!event.name.empty()) Emit(event, 1, events, reason);
  if (events->empty() && reason->empty()) *reason = "neither an event nor a trait";
}

// Refuses what the log's decoder would refuse later, when nobody knows the line any more.
void ImportReader::Emit(model::Event event, int64_t part, std::vector<SortableEvent>* events,
                        std::string* reason) {
  const std::string made_id = fmt::format("{}-{}-{}", id_prefix_, line_, part);
  if (event.id.empty()) event.id = made_id;
  event.historical = historical_;
  SortableEvent sortable{event.time, line_, part, std::string(event.person), ""};
  model::EncodeEvent(event, nullptr, &sortable.bytes);
  if (event.id.size() > kMaxEventIdBytes) {
    *reason = fmt::format("the event's id is over {} bytes", kMaxEventIdBytes);
  } else if (sortable.bytes.size() > kMaxEventBytes) {
    *reason = fmt::format("the event is over {} bytes", kMaxEventBytes);
  } else {
    events->push_back(std::move(sortable));
  }
}

int64_t ImportReader::bytes_read() {
  const auto position = static_cast<int64_t>(stream_.tellg());
  return position < 0 ? bytes_total_ : position;
}

}  // namespace sojourn::file
