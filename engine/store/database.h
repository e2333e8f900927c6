// An ordered key-value store with column families: what the engine needs of a database, and no
// more.
//
// Three implementations: RocksDB (rocks_database.h), ordered maps in memory (memory_database.h) and
// one that fails on demand (faulty_database.h).
//
// Threads: every member of Database may be called from any thread. A WriteBatch or an Iterator has
// one owner at a time. Keys are ordered as unsigned bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/base/strong.h"

namespace sojourn::store {

// A column family. The first three exist in every database; a caller's own follow in the order in
// which DatabaseOptions names them.
using Family = StrongInt<struct FamilyTag, uint32_t>;
inline constexpr Family kStateFamily{0};
inline constexpr Family kTimersFamily{1};
inline constexpr Family kMetaFamily{2};
constexpr Family ExtraFamily(uint32_t index) { return Family(3 + index); }

// Changes that take effect together or not at all, in the order in which they were added.
class WriteBatch {
 public:
  enum class Kind : uint8_t { kPut, kDelete, kDeleteRange };
  struct Change {
    Kind kind;
    Family family;
    std::string_view key;
    std::string_view value;  // kDeleteRange: the end of the range, excluded
  };

  void Put(Family family, std::string_view key, std::string_view value);
  void Delete(Family family, std::string_view key);
  // Every key in [begin, end).
  void DeleteRange(Family family, std::string_view begin, std::string_view end);

  // Adds all changes of `other` behind its own.
  void Append(const WriteBatch& other);
  void Clear();

  bool empty() const { return count_ == 0; }
  size_t count() const { return count_; }
  // Memory that the changes take.
  size_t bytes() const { return changes_.size(); }

  // Calls visit(const Change&) for each change in order. The views die with the batch.
  template <typename Visitor>
  void ForEach(Visitor visit) const {
    const char* at = changes_.data();
    const char* const end = at + changes_.size();
    while (at < end) visit(ReadChange(&at));
  }

 private:
  void Add(Kind kind, Family family, std::string_view key, std::string_view value);
  static Change ReadChange(const char** at);

  std::string changes_;
  size_t count_ = 0;
};

// Walks the keys of one family within bounds. Sees what was written before it was made; whether it
// sees later writes is not promised. Must die before its database.
class Iterator {
 public:
  virtual ~Iterator() = default;

  virtual void SeekToFirst() = 0;
  virtual void SeekToLast() = 0;
  // To the first key at or behind `key`.
  virtual void Seek(std::string_view key) = 0;
  virtual void Next() = 0;  // requires Valid()
  virtual void Prev() = 0;  // requires Valid()

  // False at the end and after an error; status() tells which.
  virtual bool Valid() const = 0;
  virtual Status status() const = 0;

  // Require Valid(); live until the iterator moves or dies.
  virtual std::string_view key() const = 0;
  virtual std::string_view value() const = 0;
};

// Keys in [lower, upper); an empty upper bound means no bound.
struct KeyRange {
  std::string lower;
  std::string upper;
};

enum class Sync {
  kNo,   // survives the end of the process, not that of the machine
  kYes,  // survives both: returns after fsync, for this batch and all before it
};

struct DatabaseSizes {
  uint64_t disk_bytes = 0;          // live table files
  uint64_t write_buffer_bytes = 0;  // written, not yet in a table file
  uint64_t cached_block_bytes = 0;  // in the block cache, which several databases may share
};

class Database {
 public:
  virtual ~Database() = default;

  // Applies the batch as a whole. After an error nothing more may be assumed about it than that it
  // took effect as a whole or not at all. Errors: kResourceExhausted (disk full; writes succeed
  // again some seconds after there is room), kDataLoss, kInternal.
  virtual Status Write(const WriteBatch& batch, Sync sync) = 0;

  // nullopt: no such key.
  virtual Result<std::optional<std::string>> Get(Family family, std::string_view key) = 0;

  // values[i] belongs to keys[i]; nullopt: no such key. One call is cheaper than many Get.
  virtual Status MultiGet(Family family, std::span<const std::string> keys,
                          std::vector<std::optional<std::string>>* values) = 0;

  // Not positioned yet: Seek first.
  virtual std::unique_ptr<Iterator> NewIterator(Family family, KeyRange range) = 0;

  // Says that nobody will ever read the keys in [begin, end) of `family` again: they may vanish at
  // any moment, or never. A later call with the same `begin` replaces the range. For
  // kTimersFamily and extra families only.
  virtual void AllowDropping(Family family, std::string_view begin, std::string_view end) = 0;

  // About how many keys the range holds; cheap.
  virtual uint64_t EstimateCount(Family family, const KeyRange& range) = 0;

  // Moves everything written so far into table files, durably.
  virtual Status Flush() = 0;

  // Writes a consistent copy that opens as a database of its own; `directory` must not exist.
  virtual Status Checkpoint(const std::string& directory) = 0;

  virtual DatabaseSizes Sizes() = 0;
};

// The version of everything FORMAT.md describes: keys, families and what stands in `meta`. Person
// records and partition metas carry versions of their own.
inline constexpr uint32_t kFormatVersion = 1;

// Reads the format version from `meta`, writes it into an empty database. `name` is how messages
// call the database (its directory). Errors: kFailedPrecondition where the database is of a newer
// version or not one of Sojourn's, kDataLoss where the row is not readable.
Status CheckFormatVersion(Database* database, const std::string& name);

}  // namespace sojourn::store
