#include "engine/store/record_table.h"

namespace sojourn::store {
namespace {
// The node of the map, two string headers and the list pointers, about.
constexpr size_t kEntryOverheadBytes = 144;
}  // namespace

RecordTable::RecordTable() { clean_.newer = clean_.older = &clean_; }

size_t RecordTable::BytesOf(const Entry& entry) {
  return kEntryOverheadBytes + entry.id->size() + entry.record.capacity();
}

void RecordTable::Link(Entry* entry) {
  entry->newer = &clean_;
  entry->older = clean_.older;
  clean_.older->newer = entry;
  clean_.older = entry;
}

void RecordTable::Unlink(Entry* entry) {
  entry->newer->older = entry->older;
  entry->older->newer = entry->newer;
}

void RecordTable::Erase(Entry* entry) {
  clean_bytes_ -= BytesOf(*entry);
  Unlink(entry);
  map_.erase(map_.find(*entry->id));
}

const RecordTable::Entry* RecordTable::Find(std::string_view id) {
  const auto found = map_.find(id);
  if (found == map_.end()) return nullptr;
  Entry* const entry = &found->second;
  if (!entry->unflushed) {
    Unlink(entry);
    Link(entry);
  }
  return entry;
}

const RecordTable::Entry* RecordTable::Peek(std::string_view id) const {
  const auto found = map_.find(id);
  return found == map_.end() ? nullptr : &found->second;
}

RecordTable::Entry* RecordTable::Detach(std::string_view id) {
  auto found = map_.find(id);
  if (found == map_.end()) {
    found = map_.emplace(std::string(id), Entry()).first;
    found->second.id = &found->first;
    return &found->second;
  }
  Entry* const entry = &found->second;
  if (entry->unflushed) {
    unflushed_bytes_ -= BytesOf(*entry);
  } else {
    clean_bytes_ -= BytesOf(*entry);
    Unlink(entry);
  }
  return entry;
}

void RecordTable::PutClean(std::string_view id, std::string_view record) {
  Entry* const entry = Detach(id);
  SOJOURN_CHECK(!entry->unflushed);
  entry->record.assign(record);
  clean_bytes_ += BytesOf(*entry);
  Link(entry);
  if (record.empty()) Erase(entry);
}

void RecordTable::PutUnflushed(std::string_view id, std::string_view record) {
  Entry* const entry = Detach(id);
  entry->record.assign(record);
  if (!entry->unflushed) unflushed_.push_back(entry);
  entry->unflushed = true;
  unflushed_bytes_ += BytesOf(*entry);
}

void RecordTable::MarkFlushed() {
  for (Entry* entry : unflushed_) {
    entry->unflushed = false;
    clean_bytes_ += BytesOf(*entry);
    Link(entry);
    if (entry->record.empty()) Erase(entry);
  }
  unflushed_.clear();
  unflushed_bytes_ = 0;
}

void RecordTable::TrimTo(size_t max_clean_bytes) {
  while (clean_bytes_ > max_clean_bytes) Erase(clean_.newer);
}

}  // namespace sojourn::store
