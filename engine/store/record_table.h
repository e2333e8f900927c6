// The records of one partition that are in memory: unflushed ones, which only this table has, and
// clean ones, which the database has too and which are dropped, least recently used first.
//
// Threads: one owner. Views into records live until the entry changes or TrimTo drops it.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/base/check.h"

namespace sojourn::store {

class RecordTable {
 public:
  struct Entry {
    std::string record;  // empty: a tombstone (only while unflushed)
    bool unflushed = false;
    // Neighbours in the ring of clean entries: behind the head the most recently used.
    Entry* newer = nullptr;
    Entry* older = nullptr;
    const std::string* id = nullptr;  // the key of this entry
  };

  RecordTable();
  RecordTable(const RecordTable&) = delete;
  RecordTable& operator=(const RecordTable&) = delete;

  // nullptr: not in memory. Counts as a use.
  const Entry* Find(std::string_view id);

  // The same, but does not count.
  const Entry* Peek(std::string_view id) const;

  // What was just read from, or written to, the database. An empty record removes the entry. Not
  // for an unflushed entry.
  void PutClean(std::string_view id, std::string_view record);

  // What only memory has. An empty record is a tombstone.
  void PutUnflushed(std::string_view id, std::string_view record);

  // Calls visit(id, record) for every unflushed entry, in no order.
  template <typename Visitor>
  void ForEachUnflushed(Visitor visit) const {
    for (const Entry* entry : unflushed_) visit(std::string_view(*entry->id), entry->record);
  }
  // All unflushed entries are in the database now.
  void MarkFlushed();

  // Drops clean entries until they take at most `max_clean_bytes`.
  void TrimTo(size_t max_clean_bytes);

  size_t unflushed_count() const { return unflushed_.size(); }
  size_t unflushed_bytes() const { return unflushed_bytes_; }
  size_t clean_bytes() const { return clean_bytes_; }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view id) const { return std::hash<std::string_view>()(id); }
  };
  using Map = std::unordered_map<std::string, Entry, Hash, std::equal_to<>>;

  // The entry of `id`, made if missing, out of the ring and out of the sums of bytes.
  Entry* Detach(std::string_view id);
  void Link(Entry* entry);
  void Unlink(Entry* entry);
  void Erase(Entry* entry);
  static size_t BytesOf(const Entry& entry);

  Map map_;
  Entry clean_;  // head of the ring: `older` is the newest entry, `newer` the oldest
  std::vector<Entry*> unflushed_;
  size_t unflushed_bytes_ = 0;
  size_t clean_bytes_ = 0;
};

}  // namespace sojourn::store
