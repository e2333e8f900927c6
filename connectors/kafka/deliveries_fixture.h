// What tests of deliverers against a real broker share; see broker_fixture.h.
//
// Threads: as each test uses them; a TestDeliverer has one owner.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "connectors/kafka/broker_fixture.h"
#include "connectors/kafka/deliveries.h"
#include "engine/model/action_codec.h"

namespace sojourn::kafka {

using deliver::ActionPlace;
using deliver::CommittedAction;
using deliver::DeliveryRecord;
using deliver::DeliveryState;

constexpr Partition kP0{0};
constexpr Partition kP1{1};

inline const std::vector<Offset> kFromTheBeginning = {Offset(0), Offset(0)};

inline DeliveryRecord RecordOf(Partition partition, int64_t offset, DeliveryState state) {
  DeliveryRecord record;
  record.place = {partition, Offset(offset)};
  record.action_id = fmt::format("act_{}", offset);
  record.state = state;
  record.attempts = 1;
  record.at = Timestamp(1'700'000'000'000);
  return record;
}

// A deliverer that only notes what it is told.
class TestDeliverer : public deliver::DeliveryLog::Listener {
 public:
  TestDeliverer(const KafkaConfig& config, const DeliveryReader& reader,
                const std::vector<Offset>& starts, KafkaObserver* observer)
      : log(config, reader, starts, observer) {}

  void OnOpened(deliver::OpenedPartition partition) override {
    changes.push_back(fmt::format("opened {}", partition.partition.value()));
    opened[partition.partition] = std::move(partition);
  }
  void OnClosed(Partition partition) override {
    changes.push_back(fmt::format("closed {}", partition.value()));
    opened.erase(partition);
  }

  bool PollUntil(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(40);
    while (!done()) {
      if (std::chrono::steady_clock::now() > deadline || !status.ok()) return false;
      status = log.Poll(Milliseconds(100), this);
    }
    return true;
  }
  bool PollUntilOpen(size_t count = 2) {
    return PollUntil([&] { return opened.size() == count; });
  }

  // From `from` on, once there are `count`.
  std::vector<CommittedAction> Read(Partition partition, int64_t from, size_t count) {
    std::vector<CommittedAction> actions;
    Offset next(from);
    EXPECT_TRUE(PollUntil([&] {
      auto read = log.Read(partition, next, 100);
      if (read.status().code() == StatusCode::kUnavailable) return false;  // being shared out
      EXPECT_TRUE(read.ok()) << read.status().message();
      for (CommittedAction& action : *read) {
        next = Offset(action.place.offset.value() + 1);
        actions.push_back(std::move(action));
      }
      return actions.size() >= count;
    })) << status.message();
    return actions;
  }

  Status Commit(const std::vector<DeliveryRecord>& records,
                const std::vector<ActionPlace>& cursors = {},
                const std::vector<deliver::DeliveryEvent>& events = {}) {
    return log.Commit({records, events, cursors});
  }
  // As the deliverer does it: until it is done, or a partition is gone.
  Status CommitPatiently(const std::vector<DeliveryRecord>& records,
                         const std::vector<ActionPlace>& cursors = {}) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (true) {
      const Status done = Commit(records, cursors);
      if (done.code() != StatusCode::kUnavailable || std::chrono::steady_clock::now() > deadline) {
        return done;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }

  KafkaDeliveries log;
  std::map<Partition, deliver::OpenedPartition> opened;
  std::vector<std::string> changes;  // "opened 0", "closed 1"
  Status status;
};

class BrokerDeliveriesTest : public BrokerTest {
 protected:
  void AppendActions(Partition partition, int count) {
    std::vector<std::string> values;
    for (int i = 0; i < count; ++i) {
      model::Action action = ActionOf("ana", fmt::format("act_{}", appended_++));
      action.useful_until = Timestamp(4'000'000'000'000);
      action.address = "ana@shop.example";
      values.push_back(model::ActionToJson(action));
    }
    const std::string topic = ActionsTopic(config);
    std::vector<NewEvent> batch;
    for (const std::string& value : values) {
      batch.push_back({topic, "ana", value, partition, nullptr});
    }
    ASSERT_OK(events->Append(batch));
  }

  std::unique_ptr<TestDeliverer> MakeDeliverer(
      const std::string& instance = "1", const DeliveryReader& reader = kMailReader,
      const std::vector<Offset>& starts = kFromTheBeginning) {
    KafkaConfig own = config;
    own.instance = instance;
    return std::make_unique<TestDeliverer>(own, reader, starts, &observer);
  }

  // "0 started, 1 delivered", without cursors.
  std::string States(Partition partition) {
    std::string states;
    for (const auto& [key, value] : ReadCommitted(DeliveriesTopic(config), partition)) {
      const auto offset = ParseOffset(key);
      if (!offset) continue;
      const auto record = deliver::DecodeDelivery({partition, *offset}, value);
      EXPECT_TRUE(record.ok()) << value;
      states += fmt::format("{}{} {}", states.empty() ? "" : ", ", key,
                            deliver::DeliveryStateName(record->state));
    }
    return states;
  }

  CommittedOffset GroupOffset(Partition partition, const DeliveryReader& reader = kMailReader) {
    auto client =
        Client::Open(RD_KAFKA_CONSUMER, "asker", config,
                     {{"group.id", GroupOf(config, reader)}, {"isolation.level", "read_committed"}},
                     {}, {}, &observer);
    EXPECT_TRUE(client.ok());
    const PartitionListPtr list = NewPartitionList();
    rd_kafka_topic_partition_list_add(list.get(), ActionsTopic(config).c_str(), partition.value());
    constexpr int kTimeoutMs = 20'000;
    EXPECT_EQ(rd_kafka_committed((*client)->handle(), list.get(), kTimeoutMs),
              RD_KAFKA_RESP_ERR_NO_ERROR);
    const rd_kafka_topic_partition_t& place = list->elems[0];
    CommittedOffset committed;
    if (place.offset >= 0) committed.offset = Offset(place.offset);
    committed.metadata.assign(static_cast<const char*>(place.metadata), place.metadata_size);
    return committed;
  }

  int64_t UncertainCommits() {
    return std::ranges::count_if(observer.notes(), [](const std::string& note) {
      return note.starts_with("rebuilt producer: Kafka: committing a transaction");
    });
  }
  // One commit, whose answer agrees with what stands in the topic: `expected`, with it or not.
  void CommitAndCompare(TestDeliverer* deliverer, int64_t offset, std::string* expected) {
    const Status status = deliverer->Commit({RecordOf(kP0, offset, DeliveryState::kDelivered)});
    ASSERT_TRUE(status.ok() || status.code() == StatusCode::kUnavailable) << status.message();
    if (status.ok()) {
      *expected += fmt::format("{}{} delivered", expected->empty() ? "" : ", ", offset);
    }
    ASSERT_EQ(States(kP0), *expected) << "after " << offset;
  }

  int appended_ = 0;
};

}  // namespace sojourn::kafka
