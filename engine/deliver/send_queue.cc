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
  for (const auto& [offset, entry] : found->second.entries) {
    Dequeue({partition, offset}, entry);
    bytes_ -= entry.mail.committed.bytes;
    --size_;
  }
  partitions_.erase(found);
}

bool SendQueue::Has(const ActionPlace& place) const {
  const auto found = partitions_.find(place.partition);
  return found != partitions_.end() && found->second.entries.count(place.offset) != 0;
}

bool SendQueue::IsReopened(const ActionPlace& place) const {
  if (!Has(place)) return false;
  return partitions_.at(place.partition).entries.at(place.offset).mail.reopened;
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

void SendQueue::Add(QueuedMail mail, Timestamp due) {
  const ActionPlace place = mail.committed.place;
  PartitionState& state = partitions_.at(place.partition);
  Entry entry;
  entry.lane = {mail.sender, DomainOf(mail.committed.action.address)};
  entry.due = due;
  entry.mail = std::move(mail);
  entry.mail.opening = state.opening;
  const auto [added, is_new] = state.entries.try_emplace(place.offset, std::move(entry));
  SOJOURN_CHECK(is_new);
  bytes_ += added->second.mail.committed.bytes;
  ++size_;
  Enqueue(place, &added->second);
}

std::optional<SendQueue::Next> SendQueue::Take(const PausedJourneys& paused, Timestamp now) {
  if (const auto expired = TakeExpiredHeld(now)) return Next{&Find(*expired)->mail, true};
  while (!wake_order_.empty() && wake_order_.begin()->first <= now) {
    const LaneKey key = wake_order_.begin()->second;
    Lane& lane = lanes_.at(key);
    const ActionPlace place = lane.waiting.begin()->second;
    Entry& entry = *Find(place);
    const model::Action& action = entry.mail.committed.action;
    const bool expired = action.late || action.useful_until < now;
    if (!expired && !paused.Has(action.journey)) {
      const Timestamp allowed = limiter_.NextAllowed(key.first, key.second, now);
      if (allowed > now) {
        SetWake(key, &lane, allowed);
        continue;
      }
      limiter_.Take(key.first, key.second, now);
    }
    Dequeue(place, entry);
    if (!expired && paused.Has(action.journey)) {
      entry.where = Where::kHeld;
      held_.emplace(action.useful_until, place);
      continue;
    }
    entry.where = Where::kUnderWay;
    return Next{&entry.mail, expired};
  }
  limiter_.Forget(now);
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
    if (!paused.Has(Find(place)->mail.committed.action.journey)) released.push_back(place);
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
  entry->mail.attempts = attempts;
  // What would come too late anyway expires when its time has passed, not before.
  entry->due = std::min(due, entry->mail.committed.action.useful_until + Milliseconds(1));
  Enqueue(place, entry);
}

void SendQueue::Finish(const ActionPlace& place) {
  Entry* entry = Find(place);
  if (entry == nullptr) return;
  Dequeue(place, *entry);
  bytes_ -= entry->mail.committed.bytes;
  --size_;
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

std::optional<Timestamp> SendQueue::OldestTime() const {
  std::optional<Timestamp> oldest;
  for (const auto& [partition, state] : partitions_) {
    if (state.entries.empty()) continue;
    const Timestamp time = state.entries.begin()->second.mail.committed.action.time;
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
  Lane& lane = lanes_[entry->lane];
  lane.waiting.emplace(entry->due, place);
  // A lane that waits for its rate goes on waiting; Take looks again when it wakes.
  SetWake(entry->lane, &lane, std::min(lane.wakes_at, entry->due));
}

void SendQueue::Dequeue(const ActionPlace& place, const Entry& entry) {
  if (entry.where == Where::kHeld) {
    held_.erase({entry.mail.committed.action.useful_until, place});
    return;
  }
  if (entry.where == Where::kUnderWay) return;
  Lane& lane = lanes_.at(entry.lane);
  lane.waiting.erase({entry.due, place});
  if (lane.waiting.empty()) {
    wake_order_.erase({lane.wakes_at, entry.lane});
    lanes_.erase(entry.lane);
    return;
  }
  SetWake(entry.lane, &lane, lane.waiting.begin()->first);
}

void SendQueue::SetWake(const LaneKey& key, Lane* lane, Timestamp at) {
  if (lane->wakes_at == at && wake_order_.count({at, key}) != 0) return;
  wake_order_.erase({lane->wakes_at, key});
  lane->wakes_at = at;
  wake_order_.emplace(at, key);
}

}  // namespace sojourn::deliver
