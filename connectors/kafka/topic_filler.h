// Fills the topics of an app that has nothing yet with what was kept elsewhere: in one transaction,
// so that all of it is there or nothing, whatever ends the process on the way.
//
//   FindOccupied, FindNote   may it begin, or was it done before?
//   Begin
//   Add...                   in any order, but for a partition's meta, which comes after its people
//   AwaitActions             where the actions stand is known; then their deliveries can be added
//   Commit
//
// Who opens one with the same app ends what another has left open, and shuts that one out.
//
// Threads: one owner. The observer outlives it. Errors: kUnavailable where no broker answers in
// time; anything else of a broker ends the filling. After an error nothing more is added.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/kafka/cluster.h"
#include "connectors/kafka/config.h"
#include "connectors/kafka/producer.h"
#include "connectors/kafka/reader.h"
#include "engine/deliver/delivery.h"
#include "engine/model/action.h"
#include "engine/model/suppression.h"
#include "engine/runtime/ports.h"
#include "engine/store/partition_meta.h"

namespace sojourn::kafka {

// The longest that a filling may take: what brokers allow a transaction unless they are told
// otherwise.
inline constexpr Duration kLongestFilling = Minutes(15);

class TopicFiller {
 public:
  // `partition_count`: what CheckTopics gave. What another filler has left open is ended.
  static Result<std::unique_ptr<TopicFiller>> Open(const KafkaConfig& config,
                                                   int32_t partition_count,
                                                   KafkaObserver* observer);

  const std::string& cluster_id() const { return cluster_->id(); }

  // Which of the app's own topics hold a committed record and which of its groups have committed
  // offsets, as words for people. Input topics belong to their senders.
  Result<std::vector<std::string>> FindOccupied();
  // A committed note; nullopt: there is none.
  Result<std::optional<std::string>> FindNote(std::string_view name);

  Status Begin();
  Status AddBundle(const runtime::StoredBundle& bundle, std::optional<Timestamp> stored_at);
  Status AddNote(std::string_view name, std::string_view text);
  Status AddSuppression(const model::Suppression& entry);
  Status AddDeadLetter(const runtime::DeadLetter& letter);
  Status AddEvent(std::string_view person, std::string_view event,
                  const runtime::OriginalPlace& original);
  // An empty record says nothing. The partition is that of the id.
  Status AddPerson(std::string_view id, std::string_view record);
  Status AddMeta(Partition partition, const store::PartitionMeta& meta);

  // The number it gives is for PlaceOf, once AwaitActions was ok.
  Result<size_t> AddAction(const model::Action& action);
  Status AwaitActions();
  deliver::ActionPlace PlaceOf(size_t action) const;
  Status AddDelivery(const deliver::DeliveryRecord& record);

  // kUncertain: FindNote of a new filler tells.
  runtime::CommitResult Commit();

 private:
  TopicFiller(const KafkaConfig& config, int32_t partition_count, KafkaObserver* observer);
  struct Topic {
    std::string name;
    int32_t partition_count;
  };
  std::vector<Topic> OwnTopics() const;
  Result<bool> HoldsRecords(const Topic& topic);
  Status AskCommitted(rd_kafka_t* handle, const std::string& group,
                      rd_kafka_topic_partition_list_t* places);
  Result<bool> HasOffsets(const std::string& group, const std::vector<std::string>& topics);
  Status Produce(const OutgoingRecord& record);
  Status BeginChangelog(Partition partition);
  Partition PartitionOf(std::string_view key) const;

  const KafkaConfig config_;  // with the transaction's longer timeouts
  const int32_t partition_count_;
  KafkaObserver* const observer_;
  TransactionalProducer producer_;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<PartitionReader> reader_;
  std::set<std::string> pieces_;  // of rules files that were written, by key
  std::set<Partition> begun_;     // whose changelog has its first record
  struct WrittenAction {
    Partition partition;
    size_t number;  // of the producer
  };
  std::vector<WrittenAction> actions_;
};

}  // namespace sojourn::kafka
