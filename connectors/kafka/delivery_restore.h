// A partition of a deliverer as its group left it: the cursor, and the deliverer's records of the
// actions from the cursor on.
//
// Threads: one owner. All that is passed in outlives the call or the object.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "connectors/kafka/cluster.h"
#include "connectors/kafka/config.h"
#include "connectors/kafka/delivery_readers.h"
#include "connectors/kafka/delivery_topic.h"
#include "connectors/kafka/input_log.h"
#include "connectors/kafka/observer.h"
#include "connectors/kafka/reader.h"
#include "engine/deliver/delivery_log.h"

namespace sojourn::kafka {

struct RestoredDeliveries {
  deliver::OpenedPartition opened;
  std::string note;  // the metadata beside the committed offset, as it stands
  ReplayStarts starts;
  Offset next_record;  // the end of the deliveries' partition
  // The highest that stands under cursor_key in what was read, or where the reader began.
  Offset noted_cursor;
};

class DeliveryRestorer {
 public:
  // `starts`: of each partition the first action that is the reader's.
  DeliveryRestorer(const KafkaConfig& config, const DeliveryReader& reader,
                   std::vector<Offset> starts, KafkaInputLog* input_log, KafkaObserver* observer);

  // Requires that no transaction of ours is open. Keeps the member alive. kAborted: the partition
  // is not ours any more; kUnavailable: no broker answers now; kFailedPrecondition: the committed
  // offset lies behind the end of a topic that was made anew.
  Result<RestoredDeliveries> Restore(Partition partition);

  // The newest committed records of these actions. Requires that no transaction of ours is open.
  // Reads the whole partition of the deliveries and keeps the member alive. An action whose newest
  // record cannot be decoded is as one without, with a line in the log. kAborted: nobody answers
  // for a while; kDataLoss: the oldest records were deleted meanwhile.
  Result<std::map<Offset, deliver::DeliveryRecord>> Find(Partition partition,
                                                         const std::set<Offset>& actions);

  // Visits the actions in [from, end); what is below `end` is known to be committed. An error of
  // `visit` ends it. kAborted: nobody answers for a while; kDataLoss: `from` was deleted.
  Status ReadActions(Partition partition, Offset from, Offset end,
                     const PartitionReader::Visitor& visit);

 private:
  struct Known {
    std::optional<Offset> committed;
    Offset noted_cursor;
    std::map<Offset, deliver::DeliveryRecord> records;
    Offset cursor() const { return committed.value_or(noted_cursor); }
  };
  Status Connect();
  Result<Offset> StartOf(Partition partition);
  Result<Offset> FirstAction(Partition partition, Offset cursor);
  Status Replay(Partition partition, Offset from, Offset end, Known* known);
  Status Take(Partition partition, const StoredRecord& record, Known* known) const;
  Status MadeAnew(const std::string& topic, Partition partition, Offset end, Offset wanted) const;

  const KafkaConfig config_;
  const DeliveryReader reader_;
  const std::vector<Offset> starts_;
  const std::string actions_topic_;
  const std::string deliveries_topic_;
  KafkaInputLog* const input_log_;
  KafkaObserver* const observer_;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<PartitionReader> log_reader_;
};

}  // namespace sojourn::kafka
