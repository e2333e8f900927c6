// A database that fails or is slow on demand, in front of another one.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>

#include "engine/store/database.h"

namespace sojourn::store {

enum class Fault {
  kWriteLost,     // Write returns the error, nothing was written
  kWriteApplied,  // Write returns the error, but the batch was written
  kRead,          // Get, MultiGet and iterators
};

class FaultyDatabase final : public Database {
 public:
  // `inner` must outlive this.
  explicit FaultyDatabase(Database* inner) : inner_(inner) {}

  // Lets `successes` further calls of that sort pass; every one after them ends in `error` until
  // Heal().
  void Break(Fault fault, Status error, int successes = 0);
  void Heal();

  // The next Write takes until Release(); while it does, holding() is true.
  void HoldNextWrite();
  bool holding();
  void Release();

  Status Write(const WriteBatch& batch, Sync sync) override;
  Result<std::optional<std::string>> Get(Family family, std::string_view key) override;
  Status MultiGet(Family family, std::span<const std::string> keys,
                  std::vector<std::optional<std::string>>* values) override;
  std::unique_ptr<Iterator> NewIterator(Family family, KeyRange range) override;
  void AllowDropping(Family family, std::string_view begin, std::string_view end) override;
  uint64_t EstimateCount(Family family, const KeyRange& range) override;
  Status Flush() override;
  Status Checkpoint(const std::string& directory) override;
  DatabaseSizes Sizes() override;

 private:
  Status NextWriteError(bool* apply);
  Status NextReadError();
  void WaitIfHeld();

  Database* const inner_;
  std::mutex mutex_;
  Fault fault_ = Fault::kRead;
  Status error_;  // ok: healthy
  int successes_ = 0;
  enum class Hold { kNone, kNext, kHolding } hold_ = Hold::kNone;
  std::condition_variable released_;
};

}  // namespace sojourn::store
