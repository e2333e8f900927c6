// The router's side of the topics of others: a member of the group `<app>-router`, and the records
// of the partitions that it has, put into the order of their log times.
//
// The order is only known while every partition either has a record at hand or is at its end. It
// holds among the partitions of this member; those of other routers come as they come.
//
// A member that fails for good is replaced inside Serve. Brokers that are away are waited for
// without end.
//
// Threads: one owner, but for Wake. The observer outlives it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/kafka/config.h"
#include "connectors/kafka/consumer.h"
#include "connectors/kafka/observer.h"
#include "connectors/kafka/producer.h"
#include "connectors/kafka/signal.h"

namespace sojourn::kafka {

class RoutedInputs {
 public:
  RoutedInputs(const KafkaConfig& config, std::string member_name, KafkaObserver* observer);
  ~RoutedInputs();

  // To be called several times a second. Errors are for good.
  Status Serve();
  // Until something may have come, or `timeout` is over.
  void Wait(Duration timeout) { (void)arrivals_.Wait(timeout); }
  void Wake() { arrivals_.Ring(); }

  // Whether the group has given its partitions, of which there may be none.
  bool assigned() const { return assigned_; }
  // Whether it is known from where they are read.
  bool positioned() const { return assigned_ && positioned_; }

  // Asks the group where it stands; what it never read begins at its oldest record. Requires
  // assigned(), and that no transaction of ours is open. kUnavailable: ask again.
  Status FindPositions();

  // The next record in order; null: none at hand. Requires positioned(). It lives until Pop.
  const rd_kafka_message_t* Head();
  // Steps over what Head gave.
  void Pop();

  // Whether a commit would move the group.
  bool moved() const;
  // Where every partition goes on.
  std::vector<NextOffset> Positions() const;
  // As of GroupConsumer.
  Result<GroupMetadataPtr> CurrentGeneration() const;
  // What Positions gave is committed.
  void Committed();
  // Back to what is committed.
  void RollBack();
  // What is committed is not known; FindPositions tells.
  void ForgetPositions() { positioned_ = false; }

 private:
  // One partition.
  struct Source {
    Offset next;                      // behind what was popped
    std::optional<Offset> committed;  // nullopt: nothing yet
    std::deque<MessagePtr> messages;  // not popped yet
    Offset behind;                    // where the library goes on after `messages`
    bool at_end = false;
  };

  Status JoinAgain();
  void DropMember(const Status& why);
  void HandleChange(const AssignmentChange& change);
  void Assign();
  void RefreshAfterDisconnect();
  Status SkipDeletedRecords();
  void Fetch(const TopicPartition& place, Source* source);
  void TakeMessage(MessagePtr message, const TopicPartition& place, Source* source);
  Source* FirstSource();

  const KafkaConfig config_;
  const Membership membership_;
  KafkaObserver* const observer_;
  std::vector<std::string> topics_;
  Signal arrivals_;
  std::unique_ptr<GroupConsumer> consumer_;  // null between a failure and the next attempt
  std::map<TopicPartition, Source> sources_;
  Source* head_ = nullptr;  // that Head gave a record of
  bool assigned_ = false;
  bool positioned_ = false;
  bool assign_needed_ = false;  // positions changed since the library was told
  Status failure_;              // why the member must be replaced; ok: it need not
  std::vector<TopicPartition> out_of_range_;
  int64_t disconnects_seen_ = 0;
  std::chrono::steady_clock::time_point joined_at_;
  std::chrono::steady_clock::time_point next_join_;
  std::chrono::steady_clock::time_point next_refresh_;
  Duration join_backoff_;
};

}  // namespace sojourn::kafka
