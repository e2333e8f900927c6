#include "engine/deliver/send_queue.h"

#include <algorithm>

#include "engine/base/check.h"

namespace sojourn::deliver {

void SendQueue::Open(Partition partition, Offset cursor) {
  PartitionState& state = partitions_[partition];
  SOJOURN_CHECK(state.entries.empty());
  state.next_to_read = state.written_cursor = cursor;
  state.opening = ++openings_;
}

bool SendQueue::IsOpen(Partition partition, uint64_t opening) const {
  const auto found = partitions_.find(partition);
  return found != partitions_.end() && found->second.opening == opening;
}

void SendQueue::Close(Partition partition) {
  const auto found = partitions_.find(partition);
  if (found == partitions_.end()) return;
  for (auto& [offset, entry] : found->second.entries) {
    Dequeue({partition, offset}, entry);
    ComeBack(&entry);
    Forget(entry);
  }
  partitions_.erase(found);
}

bool SendQueue::Has(const ActionPlace& place) const {
  const auto found = partitions_.find(place.partition);
  return found != partitions_.end() && found->second.entries.count(place.offset) != 0;
}

bool SendQueue::IsReopened(const ActionPlace& place) const {
  if (!Has(place)) return false;
  return partitions_.at(place.partition).entries.at(place.offset).queued.reopened;
}

std::vector<Partition> SendQueue::partitions() const {
  std::vector<Partition> all;
  for (const auto& [partition, state] : partitions_) all.push_back(partition);
  return all;
}

Offset SendQueue::NextToRead(Partition partition) const {
  return partitions_.at(partition).next_to_read;
}

void SendQueue::SetRead(Partition partition, Offset next) {
  partitions_.at(partition).next_to_read = next;
}

void SendQueue::Add(QueuedAction queued, Timestamp due) {
  const ActionPlace place = queued.committed.place;
  PartitionState& state = partitions_.at(place.partition);
  Entry entry;
  entry.due = due;
  entry.queued = std::move(queued);
  entry.queued.opening = state.opening;
  const auto [added, is_new] = state.entries.try_emplace(place.offset, std::move(entry));
  SOJOURN_CHECK(is_new);
  bytes_ += added->second.queued.committed.bytes;
  ++size_;
  Enqueue(place, &added->second);
}

std::optional<SendQueue::Next> SendQueue::Take(const PausedJourneys& paused, Timestamp now) {
  if (const auto expired = TakeExpiredHeld(now)) return Next{&Find(*expired)->queued, true};
  while (!wake_order_.empty() && wake_order_.begin()->first <= now) {
    const LaneKey key = wake_order_.begin()->second;
    Lane& lane = lanes_.at(key);
    const ActionPlace place = lane.waiting.begin()->second;
    Entry& entry = *Find(place);
    const model::Action& action = entry.queued.committed.action;
    const bool expired = action.late || entry.queued.useful_until < now;
    if (!expired && !paused.Has(action.journey)) {
      const Timestamp allowed = gate_->NextAllowed(key, now);
      if (allowed > now) {
        SetWake(key, &lane, allowed);
        continue;
      }
    }
    Dequeue(place, entry);
    if (!expired && paused.Has(action.journey)) {
      entry.where = Where::kHeld;
      held_.emplace(entry.queued.useful_until, place);
      continue;
    }
    entry.where = Where::kUnderWay;
    entry.through_gate = !expired;
    if (!expired) gate_->Take(key, now);
    return Next{&entry.queued, expired};
  }
  gate_->Forget(now);
  return std::nullopt;
}

std::optional<ActionPlace> SendQueue::TakeExpiredHeld(Timestamp now) {
  if (held_.empty() || held_.begin()->first >= now) return std::nullopt;
  const ActionPlace place = held_.begin()->second;
  Entry& entry = *Find(place);
  Dequeue(place, entry);
  entry.where = Where::kUnderWay;
  return place;
}

Timestamp SendQueue::NextMoment() const {
  Timestamp next = Timestamp::Max();
  if (!wake_order_.empty()) next = wake_order_.begin()->first;
  if (!held_.empty()) next = std::min(next, held_.begin()->first + Milliseconds(1));
  return next;
}

void SendQueue::LookAtHeld(const PausedJourneys& paused, Timestamp now) {
  std::vector<ActionPlace> released;
  for (const auto& [until, place] : held_) {
    if (!paused.Has(Find(place)->queued.committed.action.journey)) released.push_back(place);
  }
  for (const ActionPlace& place : released) {
    Entry* entry = Find(place);
    Dequeue(place, *entry);
    entry->due = now;
    Enqueue(place, entry);
  }
}

void SendQueue::Retry(const ActionPlace& place, int attempts, Timestamp due) {
  Entry* entry = Find(place);
  if (entry == nullptr) return;
  ComeBack(entry);
  entry->queued.attempts = attempts;
  // What would come too late anyway expires when its time has passed, not before.
  entry->due = std::min(due, entry->queued.useful_until + Milliseconds(1));
  Enqueue(place, entry);
}

void SendQueue::Finish(const ActionPlace& place) {
  Entry* entry = Find(place);
  if (entry == nullptr) return;
  Dequeue(place, *entry);
  ComeBack(entry);
  Forget(*entry);
  partitions_.at(place.partition).entries.erase(place.offset);
}

std::vector<ActionPlace> SendQueue::MovedCursors() const {
  std::vector<ActionPlace> moved;
  for (const auto& [partition, state] : partitions_) {
    if (state.cursor() != state.written_cursor) moved.push_back({partition, state.cursor()});
  }
  return moved;
}

void SendQueue::CursorsWritten(const std::vector<ActionPlace>& cursors) {
  for (const ActionPlace& cursor : cursors) {
    const auto found = partitions_.find(cursor.partition);
    if (found != partitions_.end()) found->second.written_cursor = cursor.offset;
  }
}

std::vector<LaneGauge> SendQueue::Lanes() const {
  std::vector<LaneGauge> lanes;
  for (const auto& [key, lane] : lanes_) {
    lanes.push_back({key, static_cast<int64_t>(lane.waiting.size()),
                     std::max(lane.wakes_at, lane.waiting.begin()->first)});
  }
  return lanes;
}

std::optional<Timestamp> SendQueue::OldestTime() const {
  std::optional<Timestamp> oldest;
  for (const auto& [partition, state] : partitions_) {
    if (state.entries.empty()) continue;
    const Timestamp time = state.entries.begin()->second.queued.committed.action.time;
    oldest = oldest ? std::min(*oldest, time) : time;
  }
  return oldest;
}

SendQueue::Entry* SendQueue::Find(const ActionPlace& place) {
  const auto partition = partitions_.find(place.partition);
  if (partition == partitions_.end()) return nullptr;
  const auto entry = partition->second.entries.find(place.offset);
  return entry == partition->second.entries.end() ? nullptr : &entry->second;
}

void SendQueue::Enqueue(const ActionPlace& place, Entry* entry) {
  entry->where = Where::kLane;
  Lane& lane = lanes_[entry->queued.lane];
  lane.waiting.emplace(entry->due, place);
  lane.bytes += entry->queued.committed.bytes;
  // A lane that waits for its gate goes on waiting; Take looks again when it wakes.
  SetWake(entry->queued.lane, &lane, std::min(lane.wakes_at, entry->due));
}

void SendQueue::Dequeue(const ActionPlace& place, const Entry& entry) {
  if (entry.where == Where::kHeld) {
    held_.erase({entry.queued.useful_until, place});
    return;
  }
  if (entry.where == Where::kUnderWay) return;
  const LaneKey& key = entry.queued.lane;
  Lane& lane = lanes_.at(key);
  lane.waiting.erase({entry.due, place});
  lane.bytes -= entry.queued.committed.bytes;
  if (lane.waiting.empty()) {
    wake_order_.erase({lane.wakes_at, key});
    lanes_.erase(key);
    return;
  }
  SetWake(key, &lane, lane.waiting.begin()->first);
}

// What waited for one to come back looks at the gate again.
void SendQueue::ComeBack(Entry* entry) {
  if (entry->where != Where::kUnderWay || !std::exchange(entry->through_gate, false)) return;
  const LaneKey& key = entry->queued.lane;
  gate_->Return(key);
  const auto lane = lanes_.find(key);
  if (lane == lanes_.end()) return;
  SetWake(key, &lane->second, lane->second.waiting.begin()->first);
}

void SendQueue::Forget(const Entry& entry) {
  bytes_ -= entry.queued.committed.bytes;
  --size_;
}

const QueuedAction* SendQueue::LastOfShutLane(size_t max_bytes) {
  for (const auto& [key, lane] : lanes_) {
    if (lane.bytes <= max_bytes || !gate_->IsShut(key)) continue;
    return &Find(lane.waiting.rbegin()->second)->queued;
  }
  return nullptr;
}

void SendQueue::SetWake(const LaneKey& key, Lane* lane, Timestamp at) {
  if (lane->wakes_at == at && wake_order_.count({at, key}) != 0) return;
  wake_order_.erase({lane->wakes_at, key});
  lane->wakes_at = at;
  wake_order_.emplace(at, key);
}

}  // namespace sojourn::deliver
