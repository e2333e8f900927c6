// Database in ordered maps: for tests and `simulate`. Nothing survives the object.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "engine/store/database.h"

namespace sojourn::store {

// Any family number works. AllowDropping drops at once, so that a wrong range shows in tests.
class MemoryDatabase final : public Database {
 public:
  Status Write(const WriteBatch& batch, Sync sync) override;
  Result<std::optional<std::string>> Get(Family family, std::string_view key) override;
  Status MultiGet(Family family, std::span<const std::string> keys,
                  std::vector<std::optional<std::string>>* values) override;
  // Sees later writes.
  std::unique_ptr<Iterator> NewIterator(Family family, KeyRange range) override;
  void AllowDropping(Family family, std::string_view begin, std::string_view end) override;
  uint64_t EstimateCount(Family family, const KeyRange& range) override;  // exact
  Status Flush() override { return Status::Ok(); }
  Status Checkpoint(const std::string& directory) override;  // kFailedPrecondition
  DatabaseSizes Sizes() override;

 private:
  friend class MemoryIterator;
  using Rows = std::map<std::string, std::string, std::less<>>;

  std::mutex mutex_;
  std::map<Family, Rows> families_;
};

}  // namespace sojourn::store
