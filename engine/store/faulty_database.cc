#include "engine/store/faulty_database.h"

namespace sojourn::store {
namespace {

class FailedIterator final : public Iterator {
 public:
  explicit FailedIterator(Status error) : error_(std::move(error)) {}
  void SeekToFirst() override {}
  void SeekToLast() override {}
  void Seek(std::string_view) override {}
  void Next() override {}
  void Prev() override {}
  bool Valid() const override { return false; }
  Status status() const override { return error_; }
  std::string_view key() const override { return {}; }
  std::string_view value() const override { return {}; }

 private:
  const Status error_;
};

}  // namespace

void FaultyDatabase::Break(Fault fault, Status error, int successes) {
  const std::lock_guard lock(mutex_);
  fault_ = fault;
  error_ = std::move(error);
  successes_ = successes;
}

void FaultyDatabase::Heal() {
  const std::lock_guard lock(mutex_);
  error_ = Status::Ok();
}

Status FaultyDatabase::NextWriteError(bool* apply) {
  const std::lock_guard lock(mutex_);
  *apply = true;
  if (error_.ok() || fault_ == Fault::kRead || successes_-- > 0) return Status::Ok();
  successes_ = 0;
  *apply = fault_ == Fault::kWriteApplied;
  return error_;
}

Status FaultyDatabase::NextReadError() {
  const std::lock_guard lock(mutex_);
  if (error_.ok() || fault_ != Fault::kRead || successes_-- > 0) return Status::Ok();
  successes_ = 0;
  return error_;
}

void FaultyDatabase::HoldNextWrite() {
  const std::lock_guard lock(mutex_);
  hold_ = Hold::kNext;
}

bool FaultyDatabase::holding() {
  const std::lock_guard lock(mutex_);
  return hold_ == Hold::kHolding;
}

void FaultyDatabase::Release() {
  const std::lock_guard lock(mutex_);
  hold_ = Hold::kNone;
  released_.notify_all();
}

void FaultyDatabase::WaitIfHeld() {
  std::unique_lock lock(mutex_);
  if (hold_ != Hold::kNext) return;
  hold_ = Hold::kHolding;
  released_.wait(lock, [this] { return hold_ != Hold::kHolding; });
}

Status FaultyDatabase::Write(const WriteBatch& batch, Sync sync) {
  WaitIfHeld();
  bool apply = true;
  Status error = NextWriteError(&apply);
  if (apply) SOJOURN_RETURN_IF_ERROR(inner_->Write(batch, sync));
  return error;
}

Result<std::optional<std::string>> FaultyDatabase::Get(Family family, std::string_view key) {
  SOJOURN_RETURN_IF_ERROR(NextReadError());
  return inner_->Get(family, key);
}

Status FaultyDatabase::MultiGet(Family family, std::span<const std::string> keys,
                                std::vector<std::optional<std::string>>* values) {
  SOJOURN_RETURN_IF_ERROR(NextReadError());
  return inner_->MultiGet(family, keys, values);
}

std::unique_ptr<Iterator> FaultyDatabase::NewIterator(Family family, KeyRange range) {
  Status error = NextReadError();
  if (!error.ok()) return std::make_unique<FailedIterator>(std::move(error));
  return inner_->NewIterator(family, std::move(range));
}

void FaultyDatabase::AllowDropping(Family family, std::string_view begin, std::string_view end) {
  inner_->AllowDropping(family, begin, end);
}

uint64_t FaultyDatabase::EstimateCount(Family family, const KeyRange& range) {
  return inner_->EstimateCount(family, range);
}

Status FaultyDatabase::Flush() {
  bool apply = true;
  Status error = NextWriteError(&apply);
  if (apply) SOJOURN_RETURN_IF_ERROR(inner_->Flush());
  return error;
}

Status FaultyDatabase::Checkpoint(const std::string& directory) {
  return inner_->Checkpoint(directory);
}

DatabaseSizes FaultyDatabase::Sizes() { return inner_->Sizes(); }

}  // namespace sojourn::store
