#include "engine/deliver/memory_delivery_log.h"

#include <chrono>
#include <utility>

namespace sojourn::deliver {
namespace {

size_t Index(Partition partition) { return static_cast<size_t>(partition.value()); }

}  // namespace

MemoryDeliveryLog::MemoryDeliveryLog(int partitions)
    : partitions_(static_cast<size_t>(partitions)),
      owned_(static_cast<size_t>(partitions), true),
      open_(static_cast<size_t>(partitions), false) {}

Status MemoryDeliveryLog::Poll(Duration timeout, Listener* listener) {
  std::unique_lock lock(mutex_);
  woken_.wait_for(lock, std::chrono::milliseconds(timeout.milliseconds()),
                  [this] { return wake_ || open_ != owned_; });
  wake_ = false;
  for (size_t i = 0; i < open_.size(); ++i) {
    if (open_[i] == owned_[i]) continue;
    open_[i] = owned_[i];
    const Partition partition(static_cast<int32_t>(i));
    if (!owned_[i]) {
      listener->OnClosed(partition);
      continue;
    }
    OpenedPartition opened{partition, partitions_[i].cursor, {}};
    opened.records.insert(partitions_[i].records.lower_bound(opened.cursor),
                          partitions_[i].records.end());
    listener->OnOpened(std::move(opened));
  }
  return Status::Ok();
}

Result<std::vector<CommittedAction>> MemoryDeliveryLog::Read(Partition partition, Offset from,
                                                             size_t max_count) {
  const std::lock_guard lock(mutex_);
  if (read_failures_.contains(from)) return read_failures_.at(from);
  const std::vector<model::Action>& actions = partitions_[Index(partition)].actions;
  std::vector<CommittedAction> found;
  for (auto i = static_cast<size_t>(from.value()); i < actions.size(); ++i) {
    if (found.size() == max_count) break;
    found.push_back({{partition, Offset(static_cast<int64_t>(i))}, actions[i], bytes_});
  }
  return found;
}

Result<std::map<Offset, DeliveryRecord>> MemoryDeliveryLog::FindRecords(
    Partition partition, const std::set<Offset>& actions) {
  const std::lock_guard lock(mutex_);
  std::map<Offset, DeliveryRecord> found = partitions_[Index(partition)].records;
  std::erase_if(found, [&](const auto& entry) { return !actions.contains(entry.first); });
  return found;
}

Status MemoryDeliveryLog::Commit(const DeliveryBatch& batch) {
  const std::lock_guard lock(mutex_);
  if (!failures_.empty()) {
    const Status failure = failures_.front();
    failures_.erase(failures_.begin());
    if (!failure.ok()) return failure;
  }
  for (const DeliveryRecord& record : batch.records) {
    if (!owned_[Index(record.place.partition)]) return Aborted("not ours");
  }
  for (const DeliveryRecord& record : batch.records) {
    Committed& committed = partitions_[Index(record.place.partition)];
    committed.records[record.place.offset] = record;
    committed.history.push_back(record);
  }
  for (const DeliveryEvent& event : batch.events) partitions_.front().events.push_back(event);
  for (const ActionPlace& cursor : batch.cursors) {
    partitions_[Index(cursor.partition)].cursor = cursor.offset;
  }
  return Status::Ok();
}

void MemoryDeliveryLog::Wake() {
  const std::lock_guard lock(mutex_);
  wake_ = true;
  woken_.notify_all();
}

void MemoryDeliveryLog::Append(Partition partition, model::Action action) {
  const std::lock_guard lock(mutex_);
  partitions_[Index(partition)].actions.push_back(std::move(action));
  wake_ = true;
  woken_.notify_all();
}

MemoryDeliveryLog::Committed MemoryDeliveryLog::committed(Partition partition) const {
  const std::lock_guard lock(mutex_);
  return partitions_[Index(partition)];
}

void MemoryDeliveryLog::FailCommits(std::vector<Status> statuses) {
  const std::lock_guard lock(mutex_);
  failures_ = std::move(statuses);
}

size_t MemoryDeliveryLog::failures_left() const {
  const std::lock_guard lock(mutex_);
  return failures_.size();
}

void MemoryDeliveryLog::FailReadsFrom(Offset from, Status status) {
  const std::lock_guard lock(mutex_);
  read_failures_.erase(from);
  if (!status.ok()) read_failures_.emplace(from, std::move(status));
}

void MemoryDeliveryLog::SetOwned(Partition partition, bool owned) {
  const std::lock_guard lock(mutex_);
  owned_[Index(partition)] = owned;
  woken_.notify_all();
}

void MemoryDeliveryLog::Restart() {
  const std::lock_guard lock(mutex_);
  open_.assign(open_.size(), false);
}

}  // namespace sojourn::deliver
