#include "engine/store/timer_index.h"

#include <algorithm>

#include "engine/base/check.h"
#include "engine/base/mutant.h"
#include "engine/store/keys.h"

namespace sojourn::store {
namespace {

// A node of a set with a row in it; longer ids live on the heap.
size_t BytesOf(const TimerRow& row) {
  constexpr size_t kNodeBytes = 96;
  constexpr size_t kInlineBytes = 15;
  return kNodeBytes + (row.person.size() > kInlineBytes ? row.person.capacity() + 16 : 0);
}

std::string KeyOf(Partition partition, const TimerRow& row) {
  return TimerKey(partition, row.time, row.person);
}

void AppendRows(Partition partition, const std::set<TimerRow>& rows, WriteBatch* batch) {
  for (const TimerRow& row : rows) batch->Put(kTimersFamily, KeyOf(partition, row), {});
}

// Of a mutant: by itself, and not with what the timer led to.
void DeleteNow(Database* database, const std::string& key) {
  WriteBatch batch;
  batch.Delete(kTimersFamily, key);
  (void)database->Write(batch, Sync::kNo);
}

}  // namespace

TimerIndex::TimerIndex(Database* database, Partition partition, TimerRow cursor,
                       TimerIndexOptions options)
    : database_(database),
      partition_(partition),
      options_(options),
      committed_cursor_(cursor),
      cursor_(cursor),
      horizon_(std::move(cursor)) {}

Status TimerIndex::NextDue(Timestamp limit, size_t max_count, std::vector<TimerRow>* due) {
  while (true) {
    due->clear();
    for (const TimerRow& row : near_) {
      if (row.time > limit || due->size() == max_count) break;
      due->push_back(row);
    }
    if (due->size() == max_count || !horizon_ || horizon_->time > limit) return Status::Ok();
    SOJOURN_RETURN_IF_ERROR(ReadAhead());
  }
}

// Takes the rows behind `from` that lie within the horizon; where there are too many, the
// horizon comes nearer.
void TimerIndex::ReadAheadIn(const std::set<TimerRow>& rows, const TimerRow& from) {
  size_t count = 0;
  for (auto row = rows.upper_bound(from); row != rows.end() && InHorizon(*row); ++row) {
    near_.insert(*row);
    if (++count == options_.read_ahead_rows) horizon_ = *row;
  }
}

// Moves the horizon over the next rows of the database and the unwritten ones between them.
Status TimerIndex::ReadAhead() {
  const TimerRow from = std::max(*horizon_, cursor_);
  const auto rows = database_->NewIterator(
      kTimersFamily, {KeyBehind(KeyOf(partition_, from)), PartitionRange(partition_).upper});
  std::optional<TimerRow> last;
  size_t count = 0;
  for (rows->SeekToFirst(); rows->Valid() && count < options_.read_ahead_rows; rows->Next()) {
    const auto parts = ParseTimerKey(rows->key());
    if (!parts) return DataLoss("a row of the timer index is damaged");
    last = TimerRow{parts->time, std::string(parts->person)};
    near_.insert(*last);
    ++count;
  }
  SOJOURN_RETURN_IF_ERROR(rows->status());
  horizon_ = rows->Valid() ? last : std::nullopt;
  ReadAheadIn(unwritten_, from);
  ReadAheadIn(armed_, from);
  if (horizon_) near_.erase(near_.upper_bound(*horizon_), near_.end());
  return Status::Ok();
}

void TimerIndex::Pass(const TimerRow& row, Timestamp next_deadline) {
  SOJOURN_CHECK(!near_.empty() && *near_.begin() == row);
  if (IsMutant(Mutant::kTimersOutsideBatch)) DeleteNow(database_, KeyOf(partition_, row));
  cursor_ = row;
  near_.erase(near_.begin());
  if (armed_.erase(cursor_) > 0) unwritten_bytes_ -= BytesOf(cursor_);
  if (next_deadline != Timestamp::Max()) Insert({next_deadline, cursor_.person});
}

void TimerIndex::Arm(std::string_view person, Timestamp before, Timestamp after) {
  if (after < before) Insert({after, std::string(person)});
}

void TimerIndex::Insert(TimerRow row) {
  if (row <= cursor_) {
    row.time = row.person > cursor_.person ? cursor_.time : cursor_.time + Milliseconds(1);
  }
  if (InHorizon(row)) near_.insert(row);
  const auto [place, inserted] = armed_.insert(std::move(row));
  if (inserted) unwritten_bytes_ += BytesOf(*place);
}

void TimerIndex::AppendUncommitted(WriteBatch* batch) const {
  SOJOURN_CHECK(unwritten_.empty());
  AppendRows(partition_, armed_, batch);
}

void TimerIndex::AppendUnwritten(WriteBatch* batch) const {
  AppendRows(partition_, unwritten_, batch);
}

void TimerIndex::Commit() {
  committed_cursor_ = cursor_;
  unwritten_.merge(armed_);
  for (const TimerRow& twice : armed_) unwritten_bytes_ -= BytesOf(twice);
  armed_.clear();
  while (!unwritten_.empty() && *unwritten_.begin() <= cursor_) {
    unwritten_bytes_ -= BytesOf(*unwritten_.begin());
    unwritten_.erase(unwritten_.begin());
  }
  Trim();
}

void TimerIndex::Written() {
  for (const TimerRow& row : unwritten_) unwritten_bytes_ -= BytesOf(row);
  unwritten_.clear();
}

void TimerIndex::Abort() {
  if (IsMutant(Mutant::kTimersNotRebuilt)) return;
  cursor_ = committed_cursor_;
  for (const TimerRow& row : armed_) unwritten_bytes_ -= BytesOf(row);
  armed_.clear();
  near_.clear();
  horizon_ = cursor_;
}

// Forgets the far end of what is in memory; ReadAhead finds it again.
void TimerIndex::Trim() {
  if (near_.size() <= 2 * options_.max_rows_in_memory) return;
  const auto first = std::next(near_.begin(), static_cast<long>(options_.max_rows_in_memory));
  near_.erase(first, near_.end());
  horizon_ = *near_.rbegin();
}

void TimerIndex::AllowDropping(const TimerRow& cursor) {
  database_->AllowDropping(kTimersFamily, PartitionRange(partition_).lower,
                           KeyBehind(KeyOf(partition_, cursor)));
}

Result<std::optional<Timestamp>> TimerIndex::OldestPending() {
  std::vector<TimerRow> first;
  SOJOURN_RETURN_IF_ERROR(NextDue(Timestamp::Max(), 1, &first));
  return first.empty() ? std::nullopt : std::optional(first[0].time);
}

uint64_t TimerIndex::EstimatePending() const {
  if (!horizon_) return near_.size();
  const uint64_t written = database_->EstimateCount(
      kTimersFamily, {KeyBehind(KeyOf(partition_, cursor_)), PartitionRange(partition_).upper});
  return written + unwritten_.size() + armed_.size();
}

}  // namespace sojourn::store
