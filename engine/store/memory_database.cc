#include "engine/store/memory_database.h"

namespace sojourn::store {

// Keeps a copy of the row it stands on and looks its neighbours up anew, so that writes in between
// cannot hurt it.
class MemoryIterator final : public Iterator {
 public:
  MemoryIterator(MemoryDatabase* database, Family family, KeyRange range)
      : database_(database), family_(family), range_(std::move(range)) {}

  void SeekToFirst() override { Seek(range_.lower); }

  void SeekToLast() override {
    const std::lock_guard lock(database_->mutex_);
    const MemoryDatabase::Rows& rows = database_->families_[family_];
    StepBack(rows, range_.upper.empty() ? rows.end() : rows.lower_bound(range_.upper));
  }

  void Seek(std::string_view key) override {
    const std::lock_guard lock(database_->mutex_);
    const MemoryDatabase::Rows& rows = database_->families_[family_];
    Take(rows, rows.lower_bound(key < range_.lower ? std::string_view(range_.lower) : key));
  }

  void Next() override {
    const std::lock_guard lock(database_->mutex_);
    const MemoryDatabase::Rows& rows = database_->families_[family_];
    Take(rows, rows.upper_bound(key_));
  }

  void Prev() override {
    const std::lock_guard lock(database_->mutex_);
    const MemoryDatabase::Rows& rows = database_->families_[family_];
    StepBack(rows, rows.lower_bound(key_));
  }

  bool Valid() const override { return valid_; }
  Status status() const override { return Status::Ok(); }
  std::string_view key() const override { return key_; }
  std::string_view value() const override { return value_; }

 private:
  void StepBack(const MemoryDatabase::Rows& rows, MemoryDatabase::Rows::const_iterator behind) {
    Take(rows, behind == rows.begin() ? rows.end() : std::prev(behind));
  }

  void Take(const MemoryDatabase::Rows& rows, MemoryDatabase::Rows::const_iterator row) {
    valid_ = row != rows.end() && row->first >= range_.lower &&
             (range_.upper.empty() || row->first < range_.upper);
    if (!valid_) return;
    key_ = row->first;
    value_ = row->second;
  }

  MemoryDatabase* const database_;
  const Family family_;
  const KeyRange range_;
  bool valid_ = false;
  std::string key_;
  std::string value_;
};

Status MemoryDatabase::Write(const WriteBatch& batch, Sync) {
  const std::lock_guard lock(mutex_);
  batch.ForEach([this](const WriteBatch::Change& change) {
    Rows& rows = families_[change.family];
    switch (change.kind) {
      case WriteBatch::Kind::kPut:
        rows.insert_or_assign(std::string(change.key), std::string(change.value));
        break;
      case WriteBatch::Kind::kDelete:
        rows.erase(std::string(change.key));
        break;
      case WriteBatch::Kind::kDeleteRange:
        if (change.key < change.value) {
          rows.erase(rows.lower_bound(change.key), rows.lower_bound(change.value));
        }
        break;
    }
  });
  return Status::Ok();
}

Result<std::optional<std::string>> MemoryDatabase::Get(Family family, std::string_view key) {
  const std::lock_guard lock(mutex_);
  const Rows& rows = families_[family];
  const auto row = rows.find(key);
  return row == rows.end() ? std::nullopt : std::optional(row->second);
}

Status MemoryDatabase::MultiGet(Family family, std::span<const std::string> keys,
                                std::vector<std::optional<std::string>>* values) {
  values->clear();
  for (const std::string& key : keys) {
    SOJOURN_ASSIGN_OR_RETURN(std::optional<std::string> value, Get(family, key));
    values->push_back(std::move(value));
  }
  return Status::Ok();
}

std::unique_ptr<Iterator> MemoryDatabase::NewIterator(Family family, KeyRange range) {
  return std::make_unique<MemoryIterator>(this, family, std::move(range));
}

void MemoryDatabase::AllowDropping(Family family, std::string_view begin, std::string_view end) {
  SOJOURN_CHECK(family != kStateFamily && family != kMetaFamily);
  const std::lock_guard lock(mutex_);
  Rows& rows = families_[family];
  if (begin < end) rows.erase(rows.lower_bound(begin), rows.lower_bound(end));
}

uint64_t MemoryDatabase::EstimateCount(Family family, const KeyRange& range) {
  const std::lock_guard lock(mutex_);
  const Rows& rows = families_[family];
  const auto end = range.upper.empty() ? rows.end() : rows.lower_bound(range.upper);
  if (!range.upper.empty() && range.upper < range.lower) return 0;
  return static_cast<uint64_t>(std::distance(rows.lower_bound(range.lower), end));
}

Status MemoryDatabase::Checkpoint(const std::string& directory) {
  return FailedPrecondition(directory + ": a database in memory cannot be copied to disk");
}

DatabaseSizes MemoryDatabase::Sizes() {
  const std::lock_guard lock(mutex_);
  DatabaseSizes sizes;
  for (const auto& [family, rows] : families_) {
    for (const auto& [key, value] : rows) sizes.write_buffer_bytes += key.size() + value.size();
  }
  return sizes;
}

}  // namespace sojourn::store
