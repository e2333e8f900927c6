// A DeliveryLog in memory, for tests: one list of actions per partition, failures on demand.
//
// Threads: as DeliveryLog; the members beyond it may be called from any thread.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "engine/deliver/delivery_log.h"

namespace sojourn::deliver {

class MemoryDeliveryLog final : public DeliveryLog {
 public:
  // What survives the deliverer.
  struct Committed {
    std::vector<model::Action> actions;  // offset = index
    Offset cursor;
    std::map<Offset, DeliveryRecord> records;
    std::vector<DeliveryEvent> events;
    std::vector<DeliveryRecord> history;  // every record ever committed, in order
  };

  explicit MemoryDeliveryLog(int partitions);

  Status Poll(Duration timeout, Listener* listener) override;
  Result<std::vector<CommittedAction>> Read(Partition partition, Offset from,
                                            size_t max_count) override;
  Result<std::map<Offset, DeliveryRecord>> FindRecords(Partition partition,
                                                       const std::set<Offset>& actions) override;
  Status Commit(const DeliveryBatch& batch) override;
  void Wake() override;

  // Of each action, as stored. Before the deliverer starts.
  void SetBytes(size_t bytes) { bytes_ = bytes; }
  void Append(Partition partition, model::Action action);
  Committed committed(Partition partition) const;
  // The next commits fail so, each with the next of these.
  void FailCommits(std::vector<Status> statuses);
  size_t failures_left() const;
  // Reading from `from` on fails so; ok: not any more.
  void FailReadsFrom(Offset from, Status status);
  // At the next Poll the partition goes to somebody else, or comes back.
  void SetOwned(Partition partition, bool owned);
  // A new deliverer begins: every owned partition is opened anew.
  void Restart();

 private:
  size_t bytes_ = 1000;
  mutable std::mutex mutex_;
  std::condition_variable woken_;
  bool wake_ = false;  // guarded by mutex_, as all below
  std::vector<Committed> partitions_;
  std::vector<bool> owned_;
  std::vector<bool> open_;
  std::vector<Status> failures_;
  std::map<Offset, Status> read_failures_;
};

}  // namespace sojourn::deliver
