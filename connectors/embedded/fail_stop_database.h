// A database that writes nothing more after the first write that failed.
//
// What became of that write is not known: whatever followed it might stand on rows that are not
// there. So the process stops, and the next one finds out by opening the directory.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/store/database.h"

namespace sojourn::embedded {

class FailStopDatabase final : public store::Database {
 public:
  explicit FailStopDatabase(std::unique_ptr<store::Database> inner) : inner_(std::move(inner)) {}

  // Why the first write failed; ok: none did. It is also the result of every later one. A full disk
  // is kInternal here: nothing goes on by itself when there is room again.
  Status failure() const;

  Status Write(const store::WriteBatch& batch, store::Sync sync) override;
  Status Flush() override;

  Result<std::optional<std::string>> Get(store::Family family, std::string_view key) override {
    return inner_->Get(family, key);
  }
  Status MultiGet(store::Family family, std::span<const std::string> keys,
                  std::vector<std::optional<std::string>>* values) override {
    return inner_->MultiGet(family, keys, values);
  }
  std::unique_ptr<store::Iterator> NewIterator(store::Family family,
                                               store::KeyRange range) override {
    return inner_->NewIterator(family, std::move(range));
  }
  void AllowDropping(store::Family family, std::string_view begin, std::string_view end) override {
    inner_->AllowDropping(family, begin, end);
  }
  uint64_t EstimateCount(store::Family family, const store::KeyRange& range) override {
    return inner_->EstimateCount(family, range);
  }
  Status Checkpoint(const std::string& directory) override { return inner_->Checkpoint(directory); }
  store::DatabaseSizes Sizes() override { return inner_->Sizes(); }

 private:
  Status Keep(Status written);

  const std::unique_ptr<store::Database> inner_;
  mutable std::mutex mutex_;
  Status failure_;  // guarded by mutex_
};

}  // namespace sojourn::embedded
