#include "engine/runtime/person_table.h"

#include <utility>

#include "engine/base/limits.h"
#include "engine/store/person_record.h"

namespace sojourn::runtime {
namespace {

constexpr size_t kMaxSparePersons = 1024;
constexpr size_t kMaxSpareArenaBytes = 16 * 1024;

}  // namespace

model::Person* PersonTable::Find(std::string_view id) {
  const auto found = persons_.find(id);
  return found == persons_.end() ? nullptr : found->second.person.get();
}

Result<model::Person*> PersonTable::Touch(std::string_view id) {
  if (model::Person* person = Find(id)) return person;
  std::vector<std::optional<std::string_view>> records;
  SOJOURN_RETURN_IF_ERROR(store_->Load({&id, 1}, &records));
  std::unique_ptr<model::Person> person;
  if (records[0].has_value()) {
    person = NewPerson(id);
    SOJOURN_RETURN_IF_ERROR(store::DecodePerson(*records[0], person.get()));
  } else {
    person = std::make_unique<model::Person>();
    person->id = id;
  }
  model::Person* touched = person.get();
  persons_.emplace(std::string(id), Entry{std::move(person), records[0].has_value()});
  return touched;
}

std::unique_ptr<model::Person> PersonTable::NewPerson(std::string_view id) {
  std::unique_ptr<model::Person> person;
  if (spare_.empty()) {
    person = std::make_unique<model::Person>();
  } else {
    person = std::move(spare_.back());
    spare_.pop_back();
  }
  person->id = id;
  return person;
}

Result<const std::vector<store::PersonChange>*> PersonTable::Encode() {
  encoded_.clear();
  changes_.clear();
  std::vector<size_t> ends;
  std::string record;
  for (const auto& [id, entry] : persons_) {
    record.clear();
    if (entry.person->known) SOJOURN_RETURN_IF_ERROR(store::EncodePerson(*entry.person, &record));
    if (record.size() > kMaxPersonRecordBytes) return ResourceExhausted("a person's record");
    encoded_ += record;
    ends.push_back(encoded_.size());
    changes_.push_back({id, {}});
  }
  size_t begin = 0;
  for (size_t i = 0; i < changes_.size(); ++i) {
    changes_[i].record = std::string_view(encoded_).substr(begin, ends[i] - begin);
    begin = ends[i];
  }
  return &changes_;
}

int64_t PersonTable::Growth() const {
  int64_t growth = 0;
  for (const auto& [id, entry] : persons_) {
    growth += (entry.person->known ? 1 : 0) - (entry.stored ? 1 : 0);
  }
  return growth;
}

void PersonTable::Clear() {
  for (auto& [id, entry] : persons_) {
    if (spare_.size() >= kMaxSparePersons) break;
    if (entry.person->arena.reserved_bytes() > kMaxSpareArenaBytes) continue;
    spare_.push_back(std::move(entry.person));
  }
  persons_.clear();
  encoded_.clear();
  changes_.clear();
}

}  // namespace sojourn::runtime
