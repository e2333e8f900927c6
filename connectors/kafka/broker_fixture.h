// What the tests against a real broker share. The broker's address is in KAFKA_BOOTSTRAP;
// tests/integration/kafka_connector_test.py starts one and sets it.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "connectors/kafka/cluster.h"
#include "connectors/kafka/config.h"
#include "connectors/kafka/event_producer.h"
#include "connectors/kafka/reader.h"
#include "connectors/kafka/state_databases.h"
#include "connectors/kafka/topics.h"
#include "connectors/kafka/worker.h"
#include "engine/store/memory_database.h"
#include "engine/store/partition_store.h"

namespace sojourn::kafka {

#define ASSERT_OK(expression)                                               \
  do {                                                                      \
    const Status sojourn_test_status = (expression);                        \
    ASSERT_TRUE(sojourn_test_status.ok()) << sojourn_test_status.message(); \
  } while (false)

// Notes what the connector says.
class NotingObserver : public KafkaObserver {
 public:
  void OnLog(LogLevel, std::string_view client, std::string_view message) override;
  void OnClientRebuilt(std::string_view client, const Status& why) override;
  void OnRecordsMissed(std::string_view topic, Partition, Offset expected, Offset oldest) override;
  void OnChangelogCut(std::string_view topic, Partition, Offset oldest) override;
  void OnStoreWiped(Partition, std::string_view why) override;
  std::vector<std::string> notes();
  bool Noted(std::string_view text);

 private:
  void Note(std::string text);
  std::mutex mutex_;
  std::vector<std::string> notes_;  // guarded by mutex_
};

class HandClock : public runtime::WallClock {
 public:
  Timestamp Now() const override { return now; }
  Timestamp now{1'700'000'000'000};
};

// Databases in memory that outlive their loans, as directories do.
class KeptDatabases {
 public:
  StateDatabases databases{[this](Partition p) { return Open(p); },
                           [this](Partition p) {
                             kept_.erase(p);
                             return Status::Ok();
                           }};

 private:
  Result<std::unique_ptr<store::Database>> Open(Partition partition);
  std::map<Partition, std::shared_ptr<store::MemoryDatabase>> kept_;
};

struct SeenRecord {
  Partition partition;
  uint16_t input = 0;
  Offset offset;
  Timestamp log_time;
  std::string key;
  std::string value;
  std::optional<runtime::OriginalPlace> original;
};

// A worker whose "task" only counts: what the engine's runtime does with the ports, by hand.
class TestWorker : public runtime::AssignmentListener {
 public:
  TestWorker(const KafkaConfig& config, int32_t partition_count, StateDatabases* databases,
             const runtime::WallClock* clock, KafkaObserver* observer, StateOptions options = {});
  ~TestWorker() override;

  // Polls and fetches until `done`; false after half a minute.
  bool PumpUntil(const std::function<bool()>& done);
  bool PumpUntilAtEnd();
  void Pump(Duration timeout);
  // Every owned partition is at the end of every input.
  bool AtEnd() const;

  struct Work {
    std::vector<model::Action> actions;
    std::vector<std::pair<std::string, std::string>> persons;  // id, record
    std::vector<runtime::DeadLetter> dead_letters;
    std::vector<model::Suppression> suppressions;
  };
  runtime::CommitResult Commit(const std::map<Partition, Work>& work);
  // Opens one partition again, as after an uncertain commit.
  Status Reopen(Partition partition);

  Status OnAssigned(std::span<const Partition> partitions) override;
  Status OnRevoked(std::span<const Partition> partitions) override;
  Status OnLost(std::span<const Partition> partitions) override;

  struct Task {
    std::unique_ptr<store::PartitionStore> store;
    runtime::Positions next;
    std::vector<bool> at_end;
  };
  const runtime::WallClock* const clock;
  KafkaWorker worker;
  std::map<Partition, Task> tasks;
  std::vector<SeenRecord> seen;
  std::vector<std::string> changes;  // "assigned 2", "revoked 2", "lost 2"
  std::function<void()> on_revoked;  // called while the partitions are still ours
  Status poll_status;
};

class BrokerTest : public testing::Test {
 protected:
  void SetUp() override;
  // Topics for `config`, and a producer of events.
  void MakeTopics();
  void Append(const std::string& topic, const std::string& key, const std::string& value,
              std::optional<Partition> partition = std::nullopt,
              const runtime::OriginalPlace* original = nullptr);
  // What a read_committed reader sees in a partition.
  std::vector<std::pair<std::string, std::string>> ReadCommitted(const std::string& topic,
                                                                 Partition partition);
  // By input; -1 where the group has none.
  std::vector<int64_t> GroupOffsets(Partition partition);
  std::unique_ptr<TestWorker> MakeWorker(const KafkaConfig& worker_config,
                                         StateOptions options = {});
  std::unique_ptr<TestWorker> MakeWorker() { return MakeWorker(config); }

  KafkaConfig config;
  HandClock clock;
  NotingObserver observer;
  KeptDatabases kept;
  std::unique_ptr<Cluster> cluster;
  std::unique_ptr<EventProducer> events;
};

// Asks the harness to restart the broker, and waits until it answers again.
void RestartBroker();

model::Action ActionOf(const std::string& person, const std::string& id);

}  // namespace sojourn::kafka
