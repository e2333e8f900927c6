// A deliverer's log over Kafka: a member of the deliverer's group, such as `<app>.mail`, which
// shares the partitions of `<app>.actions`.
//
// A commit is one transaction: records into `<app>.deliveries`, events into `<app>.events`, and the
// cursors as the group's offsets, always of every open partition, so that the broker checks the
// member's generation. A member that was thrown out can therefore neither mark nor finish a send.
//
// Every commit leaves a note of its own beside each offset (delivery_topic.h). The notes tell,
// after a commit without an answer, whether it took effect; and after a rebalance, whether somebody
// else has written meanwhile. A partition that comes back untouched was never closed: what its
// deliverer knows about sends under way is not lost with a connection.
//
// Threads: one owner, the deliverer's thread, but for Wake. The observer outlives it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "connectors/kafka/config.h"
#include "connectors/kafka/delivery_readers.h"
#include "connectors/kafka/delivery_restore.h"
#include "connectors/kafka/delivery_topic.h"
#include "connectors/kafka/input_log.h"
#include "connectors/kafka/observer.h"
#include "connectors/kafka/producer.h"
#include "engine/deliver/delivery_log.h"
#include "engine/runtime/ports.h"

namespace sojourn::kafka {

class KafkaDeliveries final : public deliver::DeliveryLog, private runtime::AssignmentListener {
 public:
  // Makes no connection yet. `starts`: the reader's, of every partition. One per process and
  // reader: its name in the group comes from config.instance.
  KafkaDeliveries(const KafkaConfig& config, const DeliveryReader& reader,
                  const std::vector<Offset>& starts, KafkaObserver* observer);

  // Never tells of one partition twice: what is closed in one call is opened in a later one.
  Status Poll(Duration timeout, Listener* listener) override;
  // An action that cannot be decoded is passed over, with a line in the log. kUnavailable also
  // while the group shares its partitions out.
  Result<std::vector<deliver::CommittedAction>> Read(Partition partition, Offset from,
                                                     size_t max_count) override;
  // Reads the partition's deliveries from their beginning: for an operator, not for every send. All
  // that goes wrong with the reading is kUnavailable; only the producer's lasting errors are
  // others.
  Result<std::map<Offset, deliver::DeliveryRecord>> FindRecords(
      Partition partition, const std::set<Offset>& actions) override;
  // Serves the member, so that waiting here does not cost the membership. After a commit without an
  // answer it waits until the outcome is known; when that takes too long, every partition is closed
  // and the answer is kAborted.
  Status Commit(const deliver::DeliveryBatch& batch) override;
  void Wake() override { input_log_.Wake(); }

 private:
  // As the deliverer knows it: opened, and not closed yet.
  struct Open {
    Offset next_read;     // where the group's queue goes on
    Offset cursor;        // as committed
    std::string note;     // beside the committed offset, when we last knew
    Offset noted_cursor;  // under the reader's cursor_key
    Offset next_record;   // behind our last record of the deliveries
    ReplayStarts starts;
  };
  struct Attempted {
    Offset cursor;
    std::string note;
  };
  // The commit under way or without an answer, by partition.
  struct Attempt {
    std::map<Partition, Attempted> places;
    std::map<Partition, size_t> last_records;  // numbers for DeliveredOffset
  };

  Status OnAssigned(std::span<const Partition> partitions) override;
  Status OnRevoked(std::span<const Partition> partitions) override;
  Status OnLost(std::span<const Partition> partitions) override;

  // Whether partitions can be read and committed now.
  bool in_place() const { return assigned_.has_value() && reconciled_; }
  Status Reconcile();
  Status SetPosition(Partition partition, Offset next);
  void Close(Partition partition);
  Status OpenNext(Listener* listener);

  std::vector<deliver::CommittedAction> ReadQueue(Partition partition, Open* open,
                                                  size_t max_count);
  Result<std::vector<deliver::CommittedAction>> ReadBehind(Partition partition, Offset from,
                                                           Offset end, size_t max_count);
  std::optional<deliver::CommittedAction> Decode(const deliver::ActionPlace& place,
                                                 std::string_view value);

  Status Serve();
  bool AllOpen(const deliver::DeliveryBatch& batch) const;
  Attempt Plan(const deliver::DeliveryBatch& batch);
  runtime::CommitResult Transact(const deliver::DeliveryBatch& batch, Attempt* attempt);
  Status Write(const deliver::DeliveryBatch& batch, Attempt* attempt);
  Status WriteRecord(const deliver::DeliveryRecord& record, Attempt* attempt);
  Status WriteCursors(Attempt* attempt);
  Status WriteEvent(const deliver::DeliveryEvent& event);
  Status SendOffsets(const Attempt& attempt);
  void TookEffect(Partition partition, const Attempted& attempted);
  Status FindOutcome(Attempt attempt, const deliver::DeliveryBatch& batch);

  const KafkaConfig config_;
  const DeliveryReader reader_;
  const int32_t partition_count_;
  const std::string actions_topic_;
  const std::string deliveries_topic_;
  const std::string events_topic_;
  const std::string commit_name_;  // of this object's commits
  KafkaObserver* const observer_;
  TransactionalProducer producer_;
  KafkaInputLog input_log_;
  DeliveryRestorer restorer_;
  std::map<Partition, Open> open_;
  std::vector<Partition> closing_;               // to be told to the listener
  std::optional<std::set<Partition>> assigned_;  // by the present generation; nullopt: none yet
  bool reconciled_ = false;                      // open_ was compared with assigned_
  std::optional<Attempt> unanswered_;
  bool attempt_took_effect_ = false;  // of the last unanswered one
  bool hurry_ = false;                // the next Poll need not wait
  uint64_t commits_ = 0;
};

}  // namespace sojourn::kafka
