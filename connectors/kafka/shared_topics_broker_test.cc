// What every process of the app knows alike, against a real broker; see broker_fixture.h.
#include <fmt/format.h>

#include <thread>

#include "connectors/kafka/broker_fixture.h"
#include "connectors/kafka/notes.h"
#include "connectors/kafka/suppression_record.h"
#include "connectors/kafka/suppressions.h"

namespace sojourn::kafka {
namespace {

using deliver::AddressHash;
using deliver::Suppression;
using deliver::SuppressionReason;

constexpr Partition kP0{0};

Suppression Entry(uint8_t first, SuppressionReason reason, int64_t since = 1000) {
  Suppression entry{{}, reason, Timestamp(since)};
  entry.hash.fill(0xee);
  entry.hash[0] = first;
  return entry;
}

class SharedTopicsTest : public BrokerTest {
 protected:
  void SetUp() override {
    BrokerTest::SetUp();
    MakeTopics();
  }

  std::unique_ptr<KafkaSuppressions> OpenList() {
    auto list = KafkaSuppressions::Open(config, events.get(), &observer);
    EXPECT_TRUE(list.ok()) << list.status().message();
    return list.ok() ? *std::move(list) : nullptr;
  }

  // Within the seconds that another process may take on a busy machine.
  static bool Eventually(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
  }

  static std::optional<SuppressionReason> ReasonOf(KafkaSuppressions* list, uint8_t first) {
    const auto found = list->Find(Entry(first, SuppressionReason::kManual).hash);
    EXPECT_TRUE(found.ok()) << found.status().message();
    if (!found.ok() || !*found) return std::nullopt;
    return (*found)->reason;
  }

  static std::vector<int> FirstBytes(KafkaSuppressions* list, const AddressHash& from = {}) {
    std::vector<int> bytes;
    const Status visited = list->ForEach(from, [&](const Suppression& entry) {
      bytes.push_back(entry.hash[0]);
      return true;
    });
    EXPECT_TRUE(visited.ok()) << visited.message();
    return bytes;
  }
};

TEST_F(SharedTopicsTest, EveryProcessHasTheSameSuppressions) {
  const auto mine = OpenList();
  const auto other = OpenList();
  EXPECT_EQ(FirstBytes(mine.get()), std::vector<int>());
  const std::vector entries = {
      Entry(200, SuppressionReason::kBounced), Entry(3, SuppressionReason::kComplained),
      Entry(200, SuppressionReason::kManual), Entry(90, SuppressionReason::kImported)};
  const auto added = mine->Add(entries);
  ASSERT_OK(added.status());
  EXPECT_EQ(*added, 3u);
  // At once where it was added, a little later elsewhere.
  EXPECT_EQ(ReasonOf(mine.get(), 200), SuppressionReason::kBounced);
  EXPECT_TRUE(Eventually([&] { return ReasonOf(other.get(), 90).has_value(); }));
  EXPECT_EQ(FirstBytes(other.get()), (std::vector{3, 90, 200}));
  EXPECT_EQ(FirstBytes(other.get(), entries[3].hash), (std::vector{90, 200}));
  // What stands there stays as it is, whoever put it there.
  const std::vector again = {Entry(3, SuppressionReason::kManual)};
  EXPECT_EQ(*other->Add(again), 0u);
  EXPECT_EQ(ReasonOf(other.get(), 3), SuppressionReason::kComplained);
  EXPECT_TRUE(*other->Remove(entries[1].hash));
  EXPECT_FALSE(*other->Remove(entries[1].hash));
  EXPECT_FALSE(*mine->Remove(entries[1].hash));
  EXPECT_EQ(FirstBytes(OpenList().get()), (std::vector{90, 200}));
}

TEST_F(SharedTopicsTest, ALongListIsReadWholeAndWalkedInPieces) {
  std::vector<Suppression> entries(2500);
  for (size_t i = 0; i < entries.size(); ++i) {
    entries[i].hash.fill(static_cast<uint8_t>(i % 251));
    entries[i].hash[31] = static_cast<uint8_t>(i / 251);
  }
  ASSERT_OK(OpenList()->Add(entries).status());
  const auto list = OpenList();
  size_t count = 0;
  AddressHash last{};
  ASSERT_OK(list->ForEach({}, [&](const Suppression& entry) {
    EXPECT_TRUE(count == 0 || last < entry.hash);
    last = entry.hash;
    ++count;
    return true;
  }));
  EXPECT_EQ(count, entries.size());
  count = 0;
  ASSERT_OK(list->ForEach({}, [&](const Suppression&) { return ++count < 1500; }));
  EXPECT_EQ(count, 1500u);
}

TEST_F(SharedTopicsTest, SuppressionsAreCommittedWithTheInterval) {
  Append(config.inputs[0].name, "ana", "bounced", kP0);
  const auto list = OpenList();
  const auto worker = MakeWorker();
  ASSERT_TRUE(worker->PumpUntilAtEnd());
  std::map<Partition, TestWorker::Work> work;
  work[kP0].actions = {ActionOf("ana", "act_1")};
  work[kP0].suppressions = {Entry(7, SuppressionReason::kBounced)};
  const auto result = worker->Commit(work);
  ASSERT_EQ(result.outcome, runtime::CommitOutcome::kCommitted) << result.status.message();
  EXPECT_TRUE(Eventually([&] { return ReasonOf(list.get(), 7).has_value(); }));
  const auto records = ReadCommitted(SuppressionsTopic(config), kP0);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].first, "07" + std::string(62, 'e'));
  EXPECT_EQ(records[0].second, "bounced,1970-01-01T00:00:01Z");
}

TEST_F(SharedTopicsTest, WhatIsNotCommittedSuppressesNobody) {
  config.start_timeout = Seconds(2);
  const auto list = OpenList();
  TransactionalProducer producer(config, config.app + "-x", &observer);
  ASSERT_OK(producer.Settle(Seconds(30)));
  ASSERT_OK(producer.Begin());
  const std::string topic = SuppressionsTopic(config);
  const std::string key = SuppressionKey(Entry(9, SuppressionReason::kBounced).hash);
  ASSERT_OK(producer.Produce({topic, kP0, key, "bounced,1970-01-01T00:00:01Z", {}}).status());
  // The record is on its way to the broker: until its end is known, nobody says what is new.
  const std::vector entries = {Entry(10, SuppressionReason::kManual)};
  ASSERT_TRUE(Eventually([&] { return !list->Add(entries).ok(); }));
  EXPECT_EQ(ReasonOf(list.get(), 9), std::nullopt);
  producer.Abort();
  ASSERT_TRUE(Eventually([&] { return list->Add(entries).ok(); }));
  EXPECT_EQ(FirstBytes(list.get()), std::vector{10});
}

TEST_F(SharedTopicsTest, RecordsThatAreNoneArePassedOver) {
  Append(SuppressionsTopic(config), "ann@shop.example", "bounced,1970-01-01T00:00:01Z", kP0);
  Append(SuppressionsTopic(config), std::string(64, 'a'), "", kP0);
  Append(SuppressionsTopic(config), std::string(64, 'b'), "manual,1970-01-01T00:00:01Z", kP0);
  EXPECT_EQ(FirstBytes(OpenList().get()), std::vector{0xbb});
  EXPECT_TRUE(observer.Noted("the record at offset 0 is no entry"));
  EXPECT_TRUE(observer.Noted("the record at offset 1 is no entry"));
}

TEST_F(SharedTopicsTest, EveryProcessHasTheSameNotes) {
  const auto mine = KafkaNotes::Open(config, events.get(), &observer);
  ASSERT_OK(mine.status());
  const auto other = KafkaNotes::Open(config, events.get(), &observer);
  ASSERT_OK(other.status());
  EXPECT_EQ(*(*mine)->Read("mail_paused"), "");
  ASSERT_OK((*mine)->Write("mail_paused", "[\"offer\"]"));
  EXPECT_EQ(*(*mine)->Read("mail_paused"), "[\"offer\"]");
  EXPECT_TRUE(Eventually([&] { return *(*other)->Read("mail_paused") == "[\"offer\"]"; }));
  ASSERT_OK((*other)->Write("mail_paused", ""));
  EXPECT_TRUE(Eventually([&] { return (*mine)->Read("mail_paused")->empty(); }));
  ASSERT_OK((*other)->Write("another", "x"));
  EXPECT_EQ(*(*mine)->ReadNewest("another"), "x") << "at once";
  const auto later = KafkaNotes::Open(config, events.get(), &observer);
  ASSERT_OK(later.status());
  EXPECT_EQ(*(*later)->Read("mail_paused"), "");
  EXPECT_EQ(*(*later)->Read("another"), "x");
}

class BrokerSharedTopicsRestartTest : public SharedTopicsTest {};

TEST_F(BrokerSharedTopicsRestartTest, TheListIsFollowedAgain) {
  const auto mine = OpenList();
  const auto other = OpenList();
  const std::vector before = {Entry(1, SuppressionReason::kManual)};
  ASSERT_OK(mine->Add(before).status());
  RestartBroker();
  EXPECT_EQ(ReasonOf(mine.get(), 1), SuppressionReason::kManual);
  const std::vector behind = {Entry(2, SuppressionReason::kBounced)};
  ASSERT_TRUE(Eventually([&] { return mine->Add(behind).ok(); }));
  EXPECT_TRUE(Eventually([&] { return ReasonOf(other.get(), 2).has_value(); }));
  EXPECT_EQ(FirstBytes(other.get()), (std::vector{1, 2}));
}

}  // namespace
}  // namespace sojourn::kafka
