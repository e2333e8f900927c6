// Which action goes next: what was read and is not finished yet, ordered by when it may leave.
//
// What shares a gate, as mails of one sender to one domain, forms a lane, which is held up without
// holding up the others. What paused journeys send is held aside. A partition's cursor is its first
// unfinished action.
//
// Threads: one. Pure but for its memory: all times are the caller's.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/deliver/delivery_log.h"
#include "engine/deliver/lane_gate.h"

namespace sojourn::deliver {

// Of stored actions in memory; beyond this no more are read.
inline constexpr size_t kMaxQueuedBytes = size_t{128} << 20;

// Journeys whose sends are held back.
struct PausedJourneys {
  bool all = false;
  std::set<std::string, std::less<>> names;

  bool Has(std::string_view journey) const { return all || names.find(journey) != names.end(); }
};

struct QueuedAction {
  CommittedAction committed;
  LaneKey lane;
  Timestamp useful_until;  // it expires later than this
  int attempts = 0;
  bool reopened = false;  // by an operator, after it had failed
  uint64_t opening = 0;   // of its partition; what is left of an earlier one counts no more
};

// What waits in a lane.
struct LaneGauge {
  LaneKey key;
  int64_t waiting = 0;
  Timestamp next_at;  // when one of it may leave, at the earliest
};

class SendQueue {
 public:
  // `gate` outlives it.
  explicit SendQueue(LaneGate* gate) : gate_(gate) {}

  void Open(Partition partition, Offset cursor);
  // Forgets everything of the partition, also what is being sent.
  void Close(Partition partition);
  bool IsOpen(Partition partition) const { return partitions_.count(partition) != 0; }
  // Whether it is still the opening of that number.
  bool IsOpen(Partition partition, uint64_t opening) const;
  std::vector<Partition> partitions() const;

  // Where reading goes on.
  Offset NextToRead(Partition partition) const;
  bool WantsMore() const { return bytes_ < kMaxQueuedBytes; }
  // Everything before `next` was read; what was not added meanwhile is finished.
  void SetRead(Partition partition, Offset next);
  bool Has(const ActionPlace& place) const;
  // Whether it was added so and is not finished.
  bool IsReopened(const ActionPlace& place) const;
  // Not before `due`. Its partition is open.
  void Add(QueuedAction queued, Timestamp due);
  // Of a lane that its gate has shut and in which more than `max_bytes` of stored actions wait, the
  // one that is due last; null: there is none. Valid until Retry, Finish or Close.
  const QueuedAction* LastOfShutLane(size_t max_bytes);

  struct Next {
    const QueuedAction* queued = nullptr;  // valid until Retry, Finish or Close
    bool expired = false;                  // its latest useful time has passed
  };
  // The next that may leave or has expired; it is then under way until Retry or Finish.
  std::optional<Next> Take(const PausedJourneys& paused, Timestamp now);
  // When Take may have something, if nothing else happens; Max: never.
  Timestamp NextMoment() const;
  // After a change of what is paused.
  void LookAtHeld(const PausedJourneys& paused, Timestamp now);

  // Both do nothing where the partition was closed meanwhile.
  void Retry(const ActionPlace& place, int attempts, Timestamp due);
  void Finish(const ActionPlace& place);

  // Partitions whose cursor has moved since CursorsWritten, with the new one.
  std::vector<ActionPlace> MovedCursors() const;
  void CursorsWritten(const std::vector<ActionPlace>& cursors);

  std::vector<LaneGauge> Lanes() const;
  size_t size() const { return size_; }
  size_t held() const { return held_.size(); }
  // The logical time of the oldest unfinished action; nullopt: there is none.
  std::optional<Timestamp> OldestTime() const;

 private:
  enum class Where : uint8_t { kLane, kHeld, kUnderWay };
  using DuePlace = std::pair<Timestamp, ActionPlace>;
  struct Entry {
    QueuedAction queued;
    Timestamp due;
    Where where = Where::kLane;
    bool through_gate = false;  // kUnderWay: the gate hears when it is back
  };
  struct Lane {
    std::set<DuePlace> waiting;
    size_t bytes = 0;                       // of them, as stored
    Timestamp wakes_at = Timestamp::Max();  // its key in wake_order_
  };
  struct PartitionState {
    uint64_t opening = 0;
    Offset next_to_read;
    Offset written_cursor;
    std::map<Offset, Entry> entries;

    Offset cursor() const { return entries.empty() ? next_to_read : entries.begin()->first; }
  };

  Entry* Find(const ActionPlace& place);
  void Enqueue(const ActionPlace& place, Entry* entry);
  void Dequeue(const ActionPlace& place, const Entry& entry);
  void SetWake(const LaneKey& key, Lane* lane, Timestamp at);
  std::optional<ActionPlace> TakeExpiredHeld(Timestamp now);

  void ComeBack(Entry* entry);
  void Forget(const Entry& entry);

  LaneGate* const gate_;
  uint64_t openings_ = 0;
  std::map<Partition, PartitionState> partitions_;
  std::map<LaneKey, Lane> lanes_;  // none is empty
  std::set<std::pair<Timestamp, LaneKey>> wake_order_;
  std::set<DuePlace> held_;  // by latest useful time
  size_t bytes_ = 0;
  size_t size_ = 0;
};

}  // namespace sojourn::deliver
