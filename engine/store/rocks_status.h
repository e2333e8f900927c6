// Turns RocksDB's errors into ours. Inside the store only.
#pragma once

#include <string>

#include <rocksdb/status.h>

#include "engine/base/status.h"

namespace sojourn::store {

// `directory` is named in the message.
Status FromRocks(const rocksdb::Status& status, const std::string& directory);

}  // namespace sojourn::store
