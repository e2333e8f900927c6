// Database over RocksDB, one directory each.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "engine/store/database.h"

namespace sojourn::store {

// Memory that all databases of a process share: one block cache, one budget for write buffers.
class RocksMemory;
std::shared_ptr<RocksMemory> NewRocksMemory(size_t block_cache_bytes, size_t write_buffer_bytes);

struct ExtraFamilyOptions {
  std::string name;
  bool bloom_filter = false;  // worth it where single keys are looked up
};

struct RocksOptions {
  std::string directory;                           // made if missing, with its parents
  bool create_if_missing = true;                   // false: kNotFound where there is no database
  std::vector<ExtraFamilyOptions> extra_families;  // ExtraFamily(0), ExtraFamily(1), ...
  std::shared_ptr<RocksMemory> memory;             // null: a small one of its own
  size_t write_buffer_bytes_per_family = 32u << 20;
};

// Opens or makes the database and checks its format version. Errors, each one line that names the
// directory and the way out: kFailedPrecondition (in use by another process, newer format),
// kInvalidArgument (no permission, not a directory), kResourceExhausted (disk full), kDataLoss
// (also for remains of a database: only an empty directory becomes a new one; nothing is changed
// then). A write-ahead log may lack what power loss cut off at its end; damage before that is
// kDataLoss.
Result<std::unique_ptr<Database>> OpenRocksDatabase(const RocksOptions& options);

// Deletes the database in `directory` with all it holds; fine where there is none. It must not be
// open.
Status DestroyRocksDatabase(const std::string& directory);

}  // namespace sojourn::store
