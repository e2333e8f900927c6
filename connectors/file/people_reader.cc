#include "connectors/file/people_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "engine/base/limits.h"
#include "engine/base/regular_file.h"
#include "engine/base/utf8.h"
#include "engine/model/event_codec.h"

namespace sojourn::file {
namespace {

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r\n";
  const size_t begin = std::min(text.find_first_not_of(kSpaces), text.size());
  text = text.substr(begin, text.find_last_not_of(kSpaces) + 1 - begin);
  // So exports keep spreadsheets from changing a number: '0123, '+49123.
  if (text.size() > 1 && text[0] == '\'' &&
      (text[1] == '+' || (text[1] >= '0' && text[1] <= '9'))) {
    text.remove_prefix(1);
  }
  return text;
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

}  // namespace

Result<std::unique_ptr<PeopleReader>> PeopleReader::Open(const std::string& path,
                                                         PeopleOptions options) {
  SOJOURN_RETURN_IF_ERROR(CheckRegularFile(path));
  std::error_code error;
  std::unique_ptr<PeopleReader> reader(new PeopleReader(std::move(options)));
  reader->stream_.open(path, std::ios::binary);
  if (!reader->stream_) {
    return NotFound(fmt::format("cannot read {}: no such file, or no permission", path));
  }
  reader->bytes_total_ = static_cast<int64_t>(std::filesystem::file_size(path, error));
  const Status header = reader->ReadHeader();
  if (!header.ok()) return Status(header.code(), path + ": " + header.message());
  return reader;
}

Status PeopleReader::ReadHeader() {
  const PeopleMapping& mapping = options_.mapping;
  csv_ = std::make_unique<CsvReader>(&stream_, mapping.delimiter);
  if (!csv_->Next(&record_) || !record_.problem.empty()) {
    return InvalidArgument("the first line must name the columns");
  }
  header_ = record_.fields;
  mapped_.assign(header_.size(), false);
  SOJOURN_RETURN_IF_ERROR(Find(mapping.address, &address_));
  SOJOURN_RETURN_IF_ERROR(Find(mapping.person, &person_));
  SOJOURN_RETURN_IF_ERROR(Find(mapping.time.column, &time_));
  SOJOURN_RETURN_IF_ERROR(Find(mapping.consent_time.column, &consent_time_));
  for (const TraitColumn& trait : mapping.traits) {
    SOJOURN_RETURN_IF_ERROR(Find(trait.column, &traits_.emplace_back()));
  }
  for (const ConsentRule& rule : mapping.consent) {
    SOJOURN_RETURN_IF_ERROR(Find(rule.column, &consent_.emplace_back()));
  }
  for (size_t i = 0; i < header_.size(); ++i) {
    const auto& ignored = mapping.ignored;
    if (mapped_[i] || std::find(ignored.begin(), ignored.end(), header_[i]) != ignored.end()) {
      continue;
    }
    unmapped_columns_.push_back(header_[i]);
  }
  return Status::Ok();
}

Status PeopleReader::Find(const ColumnChoice& choice, std::vector<size_t>* indexes) {
  for (const std::string& name : choice.columns) {
    const auto found = std::find(header_.begin(), header_.end(), name);
    if (found == header_.end()) continue;
    if (std::find(found + 1, header_.end(), name) != header_.end()) return ColumnStandsTwice(name);
    indexes->push_back(static_cast<size_t>(found - header_.begin()));
    mapped_[indexes->back()] = true;
  }
  if (!indexes->empty() || choice.optional || choice.columns.empty()) return Status::Ok();
  return NoSuchColumn(choice.columns.front(), header_);
}

std::string_view PeopleReader::Field(const std::vector<size_t>& indexes) const {
  for (const size_t index : indexes) {
    const std::string_view field = Trimmed(record_.fields[index]);
    if (!field.empty()) return field;
  }
  return {};
}

bool PeopleReader::Next(PersonRow* row) {
  if (!csv_->Next(&record_)) return false;
  arena_.Reset();
  *row = PersonRow();
  row->line = record_.line;
  row->problem = record_.problem;
  if (row->problem.empty()) ReadRow(row);
  row->text = std::move(record_.text);
  return true;
}

void PeopleReader::ReadRow(PersonRow* row) {
  if (record_.fields.size() != header_.size()) {
    row->problem =
        fmt::format("{} fields where the header has {}", record_.fields.size(), header_.size());
    return;
  }
  for (const std::string& field : record_.fields) {
    if (!IsValidUtf8(field)) row->problem = "not UTF-8";
  }
  if (!row->problem.empty()) return;
  const auto read = [&]() -> Status {
    SOJOURN_RETURN_IF_ERROR(ReadWho(row));
    SOJOURN_RETURN_IF_ERROR(ReadTraits(row));
    SOJOURN_ASSIGN_OR_RETURN(row->time, ReadTime(options_.mapping.time, time_));
    SOJOURN_ASSIGN_OR_RETURN(row->consent_time,
                             ReadTime(options_.mapping.consent_time, consent_time_));
    row->consent = ReadConsent();
    return Status::Ok();
  };
  row->problem = read().message();
}

Status PeopleReader::ReadWho(PersonRow* row) const {
  row->address = Field(address_);
  row->person = Field(person_);
  if (!row->address.empty()) SOJOURN_RETURN_IF_ERROR(options_.check_address(row->address));
  if (row->person.empty()) row->person = LowerCase(row->address);
  if (row->person.empty()) return InvalidArgument("no mail address");
  if (!model::IsValidPersonId(row->person) || row->person.starts_with(model::kAnonymousPrefix)) {
    return InvalidArgument(fmt::format("\"{}\" is no person's id", row->person));
  }
  return Status::Ok();
}

Status PeopleReader::ReadTraits(PersonRow* row) {
  const auto& traits = options_.mapping.traits;
  auto* entries = arena_.AllocateArray<model::MapEntry>(traits.size() + 1);
  uint32_t count = 0;
  for (size_t i = 0; i < traits.size(); ++i) {
    const std::string_view field = Field(traits_[i]);
    if (field.empty()) continue;
    const auto value = ParseField(field, traits[i].type, &arena_);
    if (!value) {
      return InvalidArgument(fmt::format("column \"{}\" is no {}", header_[traits_[i].front()],
                                         ColumnTypeName(traits[i].type)));
    }
    entries[count++] = {model::Value::String(traits[i].trait), *value};
  }
  if (!row->address.empty()) {
    entries[count++] = {model::Value::String("email"),
                        model::Value::String(arena_.Copy(row->address))};
  }
  row->traits = model::Value::SortedMap(entries, count);
  return Status::Ok();
}

Result<Timestamp> PeopleReader::ReadTime(const TimeColumn& column,
                                         const std::vector<size_t>& indexes) const {
  const std::string_view field = Field(indexes);
  if (field.empty()) return options_.now;
  const auto time = ParseTime(field, column.format);
  if (time) return *time;
  return InvalidArgument(fmt::format("\"{}\" is no time", field));
}

Consent PeopleReader::ReadConsent() const {
  const auto& rules = options_.mapping.consent;
  for (size_t i = 0; i < rules.size(); ++i) {
    const std::string value = LowerCase(Field(consent_[i]));
    const auto fits = [&](const std::string& wanted) { return LowerCase(wanted) == value; };
    if (value.empty()) continue;
    const auto& values = rules[i].values;
    if (values.empty() || std::any_of(values.begin(), values.end(), fits)) return rules[i].consent;
  }
  return options_.mapping.otherwise;
}

Status PeopleReader::ToEvents(const PersonRow& row, Consent consent,
                              std::vector<SortableEvent>* events) {
  events->clear();
  model::Event event;
  event.person = row.person;
  if (row.traits.size() > 0) {
    event.type = model::EventType::kIdentify;
    event.name = model::kIdentify;
    event.time = row.time;
    event.properties = row.traits;
    SOJOURN_RETURN_IF_ERROR(Emit(event, row.line, 0, events));
  }
  if (consent == Consent::kNotSaid) return Status::Ok();
  std::array<model::MapEntry, 2> entries;
  uint32_t count = 0;
  const auto add = [&](std::string_view name, const model::Value& value) {
    entries[count++] = {model::Value::String(name), value};
  };
  if (consent == Consent::kBounced) {
    add("type", model::Value::String("hard"));
    add("email", model::Value::String(row.address));
  } else if (!options_.mapping.topic.empty()) {
    add("topic", model::Value::String(options_.mapping.topic));
  }
  // Who unsubscribed here since the export was made stays unsubscribed.
  if (consent == Consent::kSubscribed) add("unless_unsubscribed", model::Value::Bool(true));
  event.type = model::EventType::kTrack;
  event.name = consent == Consent::kSubscribed     ? model::kSubscribed
               : consent == Consent::kUnsubscribed ? model::kUnsubscribed
                                                   : model::kEmailBounced;
  event.time = row.consent_time;
  event.properties = model::Value::SortedMap(entries.data(), count);
  return Emit(event, row.line, 1, events);
}

Status PeopleReader::Emit(model::Event event, int64_t line, int64_t part,
                          std::vector<SortableEvent>* events) {
  const std::string id =
      fmt::format("people-{}-{}-{}", options_.fingerprint.substr(0, 16), line, part);
  event.id = id;
  event.historical = true;
  SortableEvent sortable{event.time, line, part, std::string(event.person), ""};
  model::EncodeEvent(event, nullptr, &sortable.bytes);
  if (sortable.bytes.size() > kMaxEventBytes) {
    return InvalidArgument(fmt::format("the contact is over {} bytes", kMaxEventBytes));
  }
  events->push_back(std::move(sortable));
  return Status::Ok();
}

std::vector<std::pair<std::string, std::string>> PeopleReader::TraitsInFile() const {
  std::vector<std::pair<std::string, std::string>> found;
  for (size_t i = 0; i < traits_.size(); ++i) {
    if (traits_[i].empty()) continue;
    found.emplace_back(options_.mapping.traits[i].trait, header_[traits_[i].front()]);
  }
  return found;
}

int64_t PeopleReader::bytes_read() {
  const auto position = static_cast<int64_t>(stream_.tellg());
  return position < 0 ? bytes_total_ : position;
}

void PeopleSurvey::Add(const PersonRow& row) {
  Seen& seen = people_[row.person];
  seen.last_line = row.line;
  seen.consent = std::max(seen.consent, row.consent);
  const std::string address = LowerCase(row.address);
  if (!address.empty()) first_with_.emplace(address, row.person);
}

bool PeopleSurvey::SharesAddress(const PersonRow& row) const {
  const auto first = first_with_.find(LowerCase(row.address));
  return first != first_with_.end() && first->second != row.person;
}

bool IsRoleAddress(std::string_view address) {
  static constexpr std::array kRoles = std::to_array<std::string_view>(
      {"abuse",        "account",     "accounting", "accounts",  "admin",         "administrator",
       "billing",      "careers",     "compliance", "contact",   "customercare",  "devnull",
       "do-not-reply", "dns",         "donotreply", "enquiries", "feedback",      "finance",
       "ftp",          "hello",       "help",       "helpdesk",  "hostmaster",    "hr",
       "info",         "information", "inquiries",  "invoice",   "invoices",      "it",
       "jobs",         "legal",       "list",       "mail",      "mailer-daemon", "marketing",
       "media",        "newsletter",  "no-reply",   "no_reply",  "noc",           "noreply",
       "null",         "office",      "orders",     "phishing",  "postmaster",    "press",
       "privacy",      "purchasing",  "registrar",  "root",      "sales",         "security",
       "service",      "spam",        "support",    "sysadmin",  "team",          "tech",
       "undisclosed",  "unsubscribe", "usenet",     "uucp",      "webmaster",     "www"});
  const std::string_view local = address.substr(0, std::min(address.find('+'), address.find('@')));
  return std::find(kRoles.begin(), kRoles.end(), local) != kRoles.end();
}

}  // namespace sojourn::file
