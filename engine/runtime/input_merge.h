// The records of one partition's inputs, fetched, decoded and put into one order: by log time, then
// topic order, then offset.
//
// The order is only known while every input either has a record at hand or is at its end;
// Complete() says so, and nothing may be taken before.
//
// A record that its decoder cannot read yet is neither: it holds its input, and so the order.
//
// Threads: one owner. Memory: at most `fetch_records` records of each input are held; they and all
// views into them live until the next Fetch or Reset.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "engine/base/arena.h"
#include "engine/base/status.h"
#include "engine/base/strong.h"
#include "engine/base/time.h"
#include "engine/model/event.h"
#include "engine/runtime/ports.h"
#include "engine/runtime/record_check.h"

namespace sojourn::runtime {

// A record that stands in line.
struct PendingRecord {
  InputRecord record;
  Timestamp log_time;                  // clamped to the wall clock plus the limit
  model::Event event;                  // unless rejected; `person` is the key
  std::optional<Rejection> rejection;  // a dead letter to be
};

class InputMerge {
 public:
  // `log` and `decoder` outlive this.
  InputMerge(InputLog* log, Decoder* decoder, Partition partition, size_t fetch_records);

  // Everything held is dropped; the log goes on at `next` (the caller has told it so).
  void Reset(Positions next);

  // Looks for records of every input that has none at hand. `wall` is the clamp's clock. New
  // records are appended to *arrived, which may be null.
  Status Fetch(Timestamp wall, std::vector<const PendingRecord*>* arrived);

  bool Complete() const;
  // Whatever has a log time before this is known here, as far as records become readable within
  // `slack` of it, or the log says that they are under way. Requires Complete() and no head.
  Timestamp KnownUntil(Duration slack) const;
  // The log time of the earliest record that was under way at the last Fetch; Max: none.
  Timestamp UnderWaySince() const;
  // What other topics were told before this moment has been copied, fetched and, but for what is at
  // hand, popped. Max: nothing is copied.
  Timestamp CopiedUntil() const;
  // The next record in order; null where all inputs are at their end. Requires Complete().
  const PendingRecord* Head() const;
  // The log time of the earliest record that is at hand or cannot be decoded yet; nullopt: none.
  std::optional<Timestamp> Oldest() const;
  // Steps over the head. It stays valid until the next Fetch.
  void Pop();

  // By input: the first offset that was not popped.
  const Positions& next() const { return next_; }

 private:
  struct Queue {
    std::vector<PendingRecord> records;
    size_t head = 0;
    Offset behind;  // where the log goes on after `records`
    bool at_end = false;
    Timestamp fetched_at;                  // `wall` of the last Fetch of the log
    std::span<const InputRecord> waiting;  // fetched; the first one cannot be decoded yet
    Offset behind_waiting;                 // what the log said with them
    bool at_end_behind_waiting = false;
    Timestamp under_way_since = Timestamp::Max();
    Arena arena;  // of the decoded events
    bool empty() const { return head == records.size(); }
  };

  Status FetchInput(uint16_t input, Timestamp wall);
  Status AskLog(uint16_t input, Timestamp wall, Queue* queue);
  bool Decode(const InputRecord& record, Timestamp wall, Queue* queue);

  InputLog* const log_;
  Decoder* const decoder_;
  const Partition partition_;
  const size_t fetch_records_;
  std::vector<Queue> queues_;
  Positions next_;
};

}  // namespace sojourn::runtime
