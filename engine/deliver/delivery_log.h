// What a deliverer needs from the log beneath it: committed actions in, records and events out.
//
// The life of a partition, all calls on the deliverer's thread:
//
//   Poll -> Listener::OnOpened   from where to read, and the records of what lies behind it
//   Read                         committed actions, in offset order
//   FindRecords                  what was committed of single actions, also behind the cursor
//   Commit                       records, events and cursors, as one
//   Poll -> Listener::OnClosed   somebody else's now: nothing of it may be sent or committed
//
// Threads: one instance belongs to one thread; only Wake may be called by others. Errors: as
// ports.h of the runtime says: a Status ends the deliverer, but for kUnavailable of Read
// and FindRecords, and for those of Commit.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/deliver/delivery.h"
#include "engine/model/action.h"

namespace sojourn::deliver {

struct CommittedAction {
  ActionPlace place;
  model::Action action;
  size_t bytes = 0;  // of its stored form
};

struct OpenedPartition {
  Partition partition;
  Offset cursor;                             // every action before it is final
  std::map<Offset, DeliveryRecord> records;  // of actions from the cursor on
};

// What became of a send, for the journeys; becomes an event of the person.
struct DeliveryEvent {
  Partition partition;  // of the action
  std::string id;
  std::string name;  // "Email Delivered", "Email Bounced"
  std::string person;
  std::vector<std::pair<std::string, std::string>> properties;
  Timestamp time;
};

struct DeliveryBatch {
  std::span<const DeliveryRecord> records;
  std::span<const DeliveryEvent> events;
  std::span<const ActionPlace> cursors;  // each partition at most once
};

class DeliveryLog {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void OnOpened(OpenedPartition partition) = 0;
    virtual void OnClosed(Partition partition) = 0;
  };

  virtual ~DeliveryLog() = default;
  // Returns when there may be something new, after Wake, or after `timeout`.
  virtual Status Poll(Duration timeout, Listener* listener) = 0;
  // Nothing: there is none, or it was deleted. kUnavailable: that cannot be told now.
  virtual Result<std::vector<CommittedAction>> Read(Partition partition, Offset from,
                                                    size_t max_count) = 0;
  // The records of those actions that have one, as committed. kUnavailable: that cannot be told
  // now.
  virtual Result<std::map<Offset, DeliveryRecord>> FindRecords(Partition partition,
                                                               const std::set<Offset>& actions) = 0;
  // All or nothing, durable when ok. kUnavailable, kResourceExhausted: nothing was written; try
  // again. kAborted: a partition of it is somebody else's now, as Poll will say. Else fatal.
  virtual Status Commit(const DeliveryBatch& batch) = 0;
  virtual void Wake() = 0;
};

}  // namespace sojourn::deliver
