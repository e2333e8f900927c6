// runtime::InputLog over a member of the consumer group.
//
// A member that fails for good is replaced inside Poll: its partitions are lost, and come back with
// a new assignment. Brokers that are away are waited for without end.
//
// Threads: one owner, but for Wake and Stop. The observer outlives it.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "connectors/kafka/config.h"
#include "connectors/kafka/consumer.h"
#include "connectors/kafka/observer.h"
#include "connectors/kafka/route_progress.h"
#include "connectors/kafka/signal.h"
#include "engine/runtime/ports.h"

namespace sojourn::kafka {

struct CommittedOffset {
  std::optional<Offset> offset;  // nullopt: the group has none
  std::string metadata;
};

class KafkaInputLog : public runtime::InputLog {
 public:
  // `progress`: of what the router copies into `<app>.events`; null: nothing. Outlives this object.
  // `on_released` is called when the task of a partition has let go of it, before another member
  // can get it.
  KafkaInputLog(const KafkaConfig& config, Membership membership,
                std::vector<runtime::InputDescription> inputs, int32_t partition_count,
                RouteProgress* progress, std::function<void(Partition)> on_released,
                KafkaObserver* observer);
  ~KafkaInputLog() override;

  const std::vector<runtime::InputDescription>& inputs() const override { return inputs_; }
  int32_t partition_count() const override { return partition_count_; }
  Status Poll(Duration timeout) override;
  void SetListener(runtime::AssignmentListener* listener) override { listener_ = listener; }
  Result<runtime::FetchedRecords> Fetch(Partition partition, uint16_t input,
                                        size_t max_records) override;
  Status SetPositions(std::span<const runtime::PartitionPositions> positions) override;
  std::optional<int64_t> Lag(Partition partition, uint16_t input, Offset next) override;
  Timestamp CopiedUntil() const override;
  void Wake() override { arrivals_.Ring(); }
  void Stop() override;

  // For the connector's other parts, on the worker's thread:

  // Keeps the member alive while a partition's state is restored; tells the listener nothing.
  // False: the assignment is about to change, the member failed, or all is about to end; Poll will
  // say so.
  bool KeepAlive();
  // As of GroupConsumer.
  Result<GroupMetadataPtr> CurrentGeneration() const;
  // By input. Waits until no open transaction can change them. kAborted where the partition is not
  // ours any more.
  Result<std::vector<CommittedOffset>> CommittedOffsets(Partition partition);

 private:
  // One input of one owned partition.
  struct Source {
    Offset next;              // the first offset that Fetch has not given yet
    bool positioned = false;  // SetPositions has named it
    bool at_end = false;
    bool wanted = false;  // Fetch was called since the last Poll
    std::vector<MessagePtr> messages;
    std::vector<runtime::InputRecord> records;
    std::vector<std::unique_ptr<runtime::OriginalPlace>> originals;
    std::deque<std::vector<runtime::RecordHeader>> headers;
  };
  using Sources = std::vector<Source>;  // by input

  Status Serve();
  void NoticeStandstill();
  bool IsSettling() const;
  Status HandleChange(const AssignmentChange& change);
  Status HandleAssigned(const std::vector<TopicPartition>& places);
  Result<std::vector<Partition>> AlignedPartitions(const std::vector<TopicPartition>& places) const;
  Status HandleTaken(AssignmentChangeKind kind);
  Status DropMember(const Status& why);
  Status JoinAgain();
  Status Assign();
  void RefreshAfterDisconnect();
  Status SkipDeletedRecords();
  bool HasWantedRecords();
  void TakeMessage(MessagePtr message, Partition partition, uint16_t input, Source* source);
  TopicPartition PlaceOf(Partition partition, uint16_t input) const;

  const KafkaConfig config_;
  const Membership membership_;
  const int32_t partition_count_;
  RouteProgress* const progress_;
  const std::function<void(Partition)> on_released_;
  KafkaObserver* const observer_;
  const std::vector<runtime::InputDescription> inputs_;
  std::vector<std::string> topics_;  // theirs
  runtime::AssignmentListener* listener_ = nullptr;
  Signal arrivals_;
  std::atomic<bool> stopping_ = false;
  std::unique_ptr<GroupConsumer> consumer_;  // null between a failure and the next attempt
  std::map<Partition, Sources> owned_;
  bool assign_needed_ = false;  // positions changed since the library was told
  bool releasing_ = false;      // the partitions are being given up
  Status failure_;              // why the member must be replaced; ok: it need not
  std::vector<TopicPartition> out_of_range_;
  int64_t disconnects_seen_ = 0;
  std::chrono::steady_clock::time_point joined_at_;
  std::chrono::steady_clock::time_point next_join_;
  std::chrono::steady_clock::time_point next_refresh_;
  Duration join_backoff_;
  std::chrono::steady_clock::time_point served_at_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point settled_at_;  // in the future after a standstill
  Timestamp stood_since_;                             // by the wall clock, while settling
};

}  // namespace sojourn::kafka
