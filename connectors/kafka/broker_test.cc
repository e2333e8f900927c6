// The connector against a real broker; see broker_fixture.h.
#include <fmt/format.h>

#include <set>
#include <thread>

#include "connectors/kafka/broker_fixture.h"
#include "connectors/kafka/bundle_store.h"
#include "connectors/kafka/changelog.h"
#include "connectors/kafka/error.h"
#include "engine/base/hash.h"
#include "engine/store/person_record.h"

namespace sojourn::kafka {
namespace {

using runtime::CommitOutcome;
using Records = std::vector<std::pair<std::string, std::string>>;

constexpr Partition kP0{0};
constexpr Partition kP1{1};

// An encoded person, told apart by a trait.
std::string RecordOf(const std::string& id, const std::string& trait) {
  model::Person person;
  person.id = id;
  person.known = true;
  person.SetTrait("name", model::Value::String(trait));
  std::string bytes;
  EXPECT_TRUE(store::EncodePerson(person, &bytes).ok());
  return bytes;
}

std::optional<std::string> Load(store::PartitionStore* store, std::string_view id) {
  std::vector<std::optional<std::string_view>> records;
  const std::vector<std::string_view> ids = {id};
  EXPECT_TRUE(store->Load(ids, &records).ok());
  if (!records.at(0)) return std::nullopt;
  return std::string(*records.at(0));
}

// ---- topics ------------------------------------------------------------------------------------

TEST_F(BrokerTest, TopicsAreMadeOnceWithTheirSettings) {
  const auto made = CreateTopics(config, cluster.get());
  ASSERT_OK(made.status());
  EXPECT_EQ(made->created.size(), 10u);
  EXPECT_TRUE(made->existing.empty());
  const auto settings =
      cluster->Settings({ChangelogTopic(config), config.inputs[0].name, RulesTopic(config),
                         DeliveriesTopic(config), SuppressionsTopic(config), NotesTopic(config)});
  ASSERT_OK(settings.status());
  EXPECT_EQ(settings->at(ChangelogTopic(config)).at("cleanup.policy"), "compact");
  EXPECT_EQ(settings->at(config.inputs[0].name).at("cleanup.policy"), "delete");
  EXPECT_EQ(settings->at(config.inputs[0].name).at("retention.ms"), "604800000");
  for (const std::string& shared : {SuppressionsTopic(config), NotesTopic(config)}) {
    EXPECT_EQ(settings->at(shared).at("cleanup.policy"), "compact");
  }
  EXPECT_EQ(settings->at(DeliveriesTopic(config)).at("cleanup.policy"), "compact,delete");
  EXPECT_EQ(settings->at(DeliveriesTopic(config)).at("retention.ms"), "2592000000");
  const auto again = CreateTopics(config, cluster.get());
  ASSERT_OK(again.status());
  EXPECT_TRUE(again->created.empty());
  EXPECT_EQ(again->existing.size(), 10u);
  const auto checked = CheckTopics(config, cluster.get());
  ASSERT_OK(checked.status());
  EXPECT_EQ(*checked, 2);
}

TEST_F(BrokerTest, ExistingInputsDecideThePartitionCount) {
  ASSERT_OK(cluster->Create({{config.inputs[0].name, 3, {}}}));
  ASSERT_OK(CreateTopics(config, cluster.get()).status());
  const auto counts = cluster->PartitionCounts();
  ASSERT_OK(counts.status());
  EXPECT_EQ(counts->at(ChangelogTopic(config)), 3);
  EXPECT_EQ(counts->at(RulesTopic(config)), 1);
}

TEST_F(BrokerTest, ATopicThatExistsByNowIsLeftAsItIs) {
  const std::string& name = config.inputs[0].name;
  ASSERT_OK(cluster->Create({{name, 3, {}}}));
  ASSERT_OK(cluster->Create({{name, 2, {}}}));
  const auto counts = cluster->PartitionCounts();
  ASSERT_OK(counts.status());
  EXPECT_EQ(counts->at(name), 3);
}

TEST_F(BrokerTest, WrongTopicsAreRefusedAndNothingIsMade) {
  ASSERT_OK(cluster->Create({{config.inputs[0].name, 2, {{"cleanup.policy", "compact"}}},
                             {config.inputs[1].name, 3, {}},
                             {ChangelogTopic(config), 2, {}},
                             {DeliveriesTopic(config), 2, {{"cleanup.policy", "delete"}}}}));
  const auto made = CreateTopics(config, cluster.get());
  ASSERT_EQ(made.status().code(), StatusCode::kFailedPrecondition);
  const std::string& message = made.status().message();
  EXPECT_NE(message.find(config.inputs[0].name + " has cleanup.policy=compact"), std::string::npos)
      << message;
  EXPECT_NE(message.find(config.inputs[1].name + " has 3 partitions and needs 2"),
            std::string::npos)
      << message;
  EXPECT_NE(message.find(ChangelogTopic(config) + " has cleanup.policy=delete"), std::string::npos)
      << message;
  EXPECT_NE(message.find(DeliveriesTopic(config) + " has cleanup.policy=delete"), std::string::npos)
      << message;
  EXPECT_NE(message.find(DeliveriesTopic(config) + " has retention.ms=604800000"),
            std::string::npos)
      << message;
  EXPECT_EQ(message.find('\n'), std::string::npos);
  const auto counts = cluster->PartitionCounts();
  ASSERT_OK(counts.status());
  EXPECT_FALSE(counts->contains(ActionsTopic(config)));
  EXPECT_EQ(CheckTopics(config, cluster.get()).status().code(), StatusCode::kFailedPrecondition);
}

TEST_F(BrokerTest, MissingTopicsAreNamed) {
  const Status status = CheckTopics(config, cluster.get()).status();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_NE(status.message().find("create-topics"), std::string::npos) << status.message();
}

TEST_F(BrokerTest, AMisalignedAssignmentIsRefused) {
  MakeTopics();
  config.inputs.push_back({config.app + "-late"});
  ASSERT_OK(cluster->Create({{config.inputs[2].name, 1, {}}}));
  const auto worker = MakeWorker();
  EXPECT_FALSE(worker->PumpUntil([] { return false; }));
  EXPECT_EQ(worker->poll_status.code(), StatusCode::kFailedPrecondition);
  EXPECT_NE(worker->poll_status.message().find("3 input topics instead of 4"), std::string::npos)
      << worker->poll_status.message();
}

// ---- records in --------------------------------------------------------------------------------

TEST_F(BrokerTest, RecordsComeInOrderWithTheEndOfEachPartition) {
  MakeTopics();
  for (int i = 0; i < 250; ++i) {
    Append(config.inputs[0].name, "ana", fmt::format("web {}", i));
  }
  Append(config.inputs[1].name, "ana", "bought");
  const auto worker = MakeWorker();
  ASSERT_TRUE(worker->PumpUntilAtEnd()) << worker->poll_status.message();
  EXPECT_EQ(worker->tasks.size(), 2u);
  ASSERT_EQ(worker->seen.size(), 251u);
  const Partition home(PartitionOfKey("ana", 2));
  int next_web = 0;
  for (const SeenRecord& record : worker->seen) {
    EXPECT_EQ(record.partition, home);
    EXPECT_EQ(record.key, "ana");
    if (record.input == 0) {
      EXPECT_EQ(record.value, fmt::format("web {}", next_web++));
    }
  }
  EXPECT_EQ(next_web, 250);
  EXPECT_EQ(worker->worker.input_log()->Lag(home, 0, Offset(100)), 150);

  Append(config.inputs[1].name, "ana", "bought again");
  ASSERT_TRUE(worker->PumpUntil([&] { return worker->seen.size() == 252; }));
  ASSERT_TRUE(worker->PumpUntilAtEnd());
  EXPECT_EQ(worker->seen.back().value, "bought again");
}

TEST_F(BrokerTest, SetPositionsReadsFromThereAgain) {
  MakeTopics();
  for (int i = 0; i < 20; ++i) Append(config.inputs[0].name, "ana", std::to_string(i), kP1);
  const auto worker = MakeWorker();
  ASSERT_TRUE(worker->PumpUntilAtEnd());
  ASSERT_EQ(worker->seen.size(), 20u);
  worker->seen.clear();
  const runtime::PartitionPositions back{kP1, {Offset(15), Offset(0), Offset(0)}};
  ASSERT_OK(worker->worker.input_log()->SetPositions({&back, 1}));
  ASSERT_TRUE(worker->PumpUntil([&] { return worker->seen.size() >= 5 && worker->AtEnd(); }));
  ASSERT_EQ(worker->seen.size(), 5u);
  EXPECT_EQ(worker->seen.front().value, "15");
  EXPECT_EQ(worker->seen.front().offset, Offset(15));
}

TEST_F(BrokerTest, CopiedRecordsSayWhereTheyStood) {
  MakeTopics();
  const runtime::OriginalPlace place{"old-topic", Partition(7), Offset(42),
                                     Timestamp(852'076'800'000)};
  const runtime::OriginalPlace time_only{"", {}, {}, Timestamp(852'076'800'001)};
  Append(EventsTopic(config), "ana", "copied", kP0, &place);
  Append(EventsTopic(config), "ana", "imported", kP0, &time_only);
  Append(config.inputs[0].name, "ana", "forged", kP0, &place);
  const auto worker = MakeWorker();
  ASSERT_TRUE(worker->PumpUntilAtEnd());
  ASSERT_EQ(worker->seen.size(), 3u);
  for (const SeenRecord& record : worker->seen) {
    if (record.value == "copied") {
      ASSERT_TRUE(record.original.has_value());
      EXPECT_EQ(record.original->topic, "old-topic");
      EXPECT_EQ(record.original->partition, Partition(7));
      EXPECT_EQ(record.original->offset, Offset(42));
      EXPECT_EQ(record.log_time, place.log_time);
    } else if (record.value == "imported") {
      EXPECT_FALSE(record.original.has_value());
      EXPECT_EQ(record.log_time, time_only.log_time);
    } else {
      EXPECT_FALSE(record.original.has_value());  // Only the product's own topic is believed.
      EXPECT_GT(record.log_time, place.log_time);
    }
  }
}

TEST_F(BrokerTest, WakeEndsAPoll) {
  MakeTopics();
  const auto worker = MakeWorker();
  ASSERT_TRUE(worker->PumpUntilAtEnd());
  worker->Pump(Milliseconds(1));
  const auto begin = std::chrono::steady_clock::now();
  std::thread waker([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    worker->worker.input_log()->Wake();
  });
  worker->Pump(Seconds(20));
  waker.join();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST_F(BrokerTest, EventsGoWhereEveryClientPutsThem) {
  MakeTopics();
  std::vector<std::string> keys;
  for (int i = 0; i < 50; ++i) keys.push_back(fmt::format("person-{}", i));
  std::vector<NewEvent> batch;
  for (const std::string& key : keys)
    batch.push_back({config.inputs[0].name, key, "x", {}, nullptr});
  ASSERT_OK(events->Append(batch));
  for (const Partition partition : {kP0, kP1}) {
    for (const auto& [key, value] : ReadCommitted(config.inputs[0].name, partition)) {
      EXPECT_EQ(PartitionOfKey(key, 2), partition.value()) << key;
      std::erase(keys, key);
    }
  }
  EXPECT_TRUE(keys.empty());
}

TEST_F(BrokerTest, AnEventThatIsTooLongIsRefused) {
  MakeTopics();
  const std::string value(kMaxRecordBytes + 1, 'x');
  const NewEvent event{config.inputs[0].name, "ana", value, {}, nullptr};
  EXPECT_EQ(events->Append({&event, 1}).code(), StatusCode::kResourceExhausted);
}

// ---- commits out -------------------------------------------------------------------------------

TEST_F(BrokerTest, ACommitIsSeenAsAWhole) {
  MakeTopics();
  Append(config.inputs[0].name, "ana", "hello", kP0);
  const auto worker = MakeWorker();
  ASSERT_TRUE(worker->PumpUntilAtEnd());
  TestWorker::Work work;
  work.actions = {ActionOf("ana", "act_1"), ActionOf("ana", "act_2")};
  work.persons = {{"ana", RecordOf("ana", "Ana")}, {"gone", ""}};
  runtime::DeadLetter letter;
  letter.topic = config.inputs[0].name;
  letter.offset = Offset(0);
  letter.key = "ana";
  letter.value = "not an event";
  work.dead_letters = {letter};
  const auto result = worker->Commit({{kP0, work}, {kP1, {}}});
  ASSERT_EQ(result.outcome, CommitOutcome::kCommitted) << result.status.message();
  ASSERT_OK(result.status);

  const Records actions = ReadCommitted(ActionsTopic(config), kP0);
  ASSERT_EQ(actions.size(), 2u);
  EXPECT_EQ(actions[0].first, "ana");
  EXPECT_NE(actions[0].second.find("act_1"), std::string::npos);
  EXPECT_TRUE(ReadCommitted(ActionsTopic(config), kP1).empty());
  EXPECT_EQ(ReadCommitted(DeadLettersTopic(config), kP0), (Records{{"ana", "not an event"}}));
  const Records changelog = ReadCommitted(ChangelogTopic(config), kP0);
  ASSERT_EQ(changelog.size(), 4u);
  EXPECT_EQ(changelog[0].first, kIncarnationKey);
  EXPECT_EQ(changelog[1], std::make_pair(std::string("ana"), RecordOf("ana", "Ana")));
  EXPECT_EQ(changelog[2], std::make_pair(std::string("gone"), std::string("(tombstone)")));
  EXPECT_EQ(changelog[3].first, kMetaKey);
  EXPECT_EQ(GroupOffsets(kP0), (std::vector<int64_t>{1, 0, 0}));
  EXPECT_EQ(Load(worker->tasks.at(kP0).store.get(), "ana"), RecordOf("ana", "Ana"));
}

TEST_F(BrokerTest, ATimerOnlyTransactionCommitsTheOffsetsOfEveryInput) {
  MakeTopics();
  const auto worker = MakeWorker();
  ASSERT_TRUE(worker->PumpUntilAtEnd());
  EXPECT_EQ(GroupOffsets(kP1), (std::vector<int64_t>{-1, -1, -1}));
  TestWorker::Work work;
  work.actions = {ActionOf("ana", "act_1")};
  ASSERT_EQ(worker->Commit({{kP1, work}}).outcome, CommitOutcome::kCommitted);
  EXPECT_EQ(GroupOffsets(kP1), (std::vector<int64_t>{0, 0, 0}));
}

TEST_F(BrokerTest, AnOverLargeRecordAbortsTheWhole) {
  MakeTopics();
  const auto worker = MakeWorker();
  ASSERT_TRUE(worker->PumpUntilAtEnd());
  TestWorker::Work work;
  work.actions = {ActionOf("ana", "act_1"), ActionOf("ana", "act_2")};
  work.actions[1].values_json = "\"" + std::string(kMaxRecordBytes, 'x') + "\"";
  work.persons = {{"ana", RecordOf("ana", "Ana")}};
  const auto refused = worker->Commit({{kP0, work}});
  EXPECT_EQ(refused.outcome, CommitOutcome::kNotCommitted);
  EXPECT_EQ(refused.status.code(), StatusCode::kResourceExhausted) << refused.status.message();
  EXPECT_EQ(GroupOffsets(kP0), (std::vector<int64_t>{-1, -1, -1}));
  // The same producer goes on.
  work.actions.pop_back();
  EXPECT_EQ(worker->Commit({{kP0, work}}).outcome, CommitOutcome::kCommitted);
  EXPECT_EQ(ReadCommitted(ActionsTopic(config), kP0).size(), 1u);
}

TEST_F(BrokerTest, ADeadLetterThatIsTooLongGoesWithoutItsValue) {
  MakeTopics();
  const auto worker = MakeWorker();
  ASSERT_TRUE(worker->PumpUntilAtEnd());
  TestWorker::Work work;
  work.dead_letters.emplace_back();
  work.dead_letters[0].key = "ana";
  work.dead_letters[0].value = std::string(kMaxRecordBytes, 'x');
  ASSERT_EQ(worker->Commit({{kP0, work}}).outcome, CommitOutcome::kCommitted);
  EXPECT_EQ(ReadCommitted(DeadLettersTopic(config), kP0), (Records{{"ana", ""}}));
}

TEST_F(BrokerTest, AZombieOfTheSameNameCannotCommit) {
  MakeTopics();
  const auto zombie = MakeWorker();
  ASSERT_TRUE(zombie->PumpUntilAtEnd());
  TestWorker::Work work;
  work.actions = {ActionOf("ana", "act_1")};
  ASSERT_EQ(zombie->Commit({{kP0, work}}).outcome, CommitOutcome::kCommitted);

  KeptDatabases elsewhere;
  TestWorker successor(config, 2, &elsewhere.databases, &clock, &observer);
  ASSERT_TRUE(successor.PumpUntilAtEnd());
  work.actions = {ActionOf("ana", "act_2")};
  EXPECT_EQ(zombie->Commit({{kP0, work}}).outcome, CommitOutcome::kNotCommitted);
  // Now it even has a producer of its own again, and is still not a member.
  EXPECT_EQ(zombie->Commit({{kP0, work}}).outcome, CommitOutcome::kNotCommitted);
  EXPECT_EQ(ReadCommitted(ActionsTopic(config), kP0).size(), 1u);
}

// ---- restore -----------------------------------------------------------------------------------

// Every commit is flushed.
StateOptions Eager() {
  StateOptions options;
  options.flush_bytes = 1;
  return options;
}

class BrokerRestoreTest : public BrokerTest {
 protected:
  // The work of a process that comes, commits a person to the first partition, and goes.
  void CommitOnePerson(const std::string& id, const StateOptions& options) {
    const auto worker = MakeWorker(config, options);
    ASSERT_TRUE(worker->PumpUntilAtEnd());
    TestWorker::Work work;
    work.persons = {{id, RecordOf(id, id)}};
    ASSERT_EQ(worker->Commit({{kP0, work}}).outcome, CommitOutcome::kCommitted);
  }

  Offset ChangelogEnd(Partition partition) {
    const auto watermarks = cluster->QueryWatermarks(ChangelogTopic(config), partition);
    EXPECT_TRUE(watermarks.ok());
    return watermarks->end;
  }

  // As an operator does who mistakes the topic for one of events.
  void DeleteChangelogBefore(Partition partition, Offset offset) {
    Ask([&](rd_kafka_t* handle, rd_kafka_queue_t* queue) {
      rd_kafka_ConfigResource_t* resource =
          rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, ChangelogTopic(config).c_str());
      rd_kafka_ConfigResource_set_config(resource, "cleanup.policy", "delete");
      rd_kafka_AlterConfigs(handle, &resource, 1, nullptr, queue);
      rd_kafka_ConfigResource_destroy(resource);
    });
    const PartitionListPtr list = NewPartitionList();
    rd_kafka_topic_partition_list_add(list.get(), ChangelogTopic(config).c_str(), partition.value())
        ->offset = offset.value();
    rd_kafka_DeleteRecords_t* before = rd_kafka_DeleteRecords_new(list.get());
    // The brokers take a moment to hear of the policy.
    for (int i = 0; i < 100 && Oldest(partition) < offset; ++i) {
      Ask([&](rd_kafka_t* handle, rd_kafka_queue_t* queue) {
        rd_kafka_DeleteRecords(handle, &before, 1, nullptr, queue);
      });
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    rd_kafka_DeleteRecords_destroy(before);
    ASSERT_EQ(Oldest(partition), offset);
  }

  void MakeChangelogAnew() {
    rd_kafka_DeleteTopic_t* topic = rd_kafka_DeleteTopic_new(ChangelogTopic(config).c_str());
    Ask([&](rd_kafka_t* handle, rd_kafka_queue_t* queue) {
      rd_kafka_DeleteTopics(handle, &topic, 1, nullptr, queue);
    });
    rd_kafka_DeleteTopic_destroy(topic);
    Status made = Unavailable("");
    for (int i = 0; i < 100 && !(made.ok() && ChangelogEnd(kP0) == Offset(0)); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      made = CreateTopics(config, cluster.get()).status();
    }
    ASSERT_OK(made);
    ASSERT_EQ(ChangelogEnd(kP0), Offset(0));
  }

 private:
  Offset Oldest(Partition partition) {
    const auto watermarks = cluster->QueryWatermarks(ChangelogTopic(config), partition);
    EXPECT_TRUE(watermarks.ok());
    return watermarks->oldest;
  }

  void Ask(const std::function<void(rd_kafka_t*, rd_kafka_queue_t*)>& call) {
    auto client = Client::Open(RD_KAFKA_PRODUCER, "operator", config, {}, {}, {}, &observer);
    ASSERT_OK(client.status());
    rd_kafka_queue_t* queue = rd_kafka_queue_new((*client)->handle());
    call((*client)->handle(), queue);
    rd_kafka_event_t* answer = rd_kafka_queue_poll(queue, 20'000);
    ASSERT_NE(answer, nullptr);
    EXPECT_EQ(rd_kafka_event_error(answer), RD_KAFKA_RESP_ERR_NO_ERROR)
        << rd_kafka_event_error_string(answer);
    rd_kafka_event_destroy(answer);
    rd_kafka_queue_destroy(queue);
  }
};

TEST_F(BrokerRestoreTest, StateComesBackFromTheChangelog) {
  MakeTopics();
  Append(config.inputs[0].name, "ana", "hello", kP0);
  {
    const auto worker = MakeWorker();
    ASSERT_TRUE(worker->PumpUntilAtEnd());
    TestWorker::Work work;
    work.persons = {{"ana", RecordOf("ana", "Ana")}, {"bob", RecordOf("bob", "Bob")}};
    ASSERT_EQ(worker->Commit({{kP0, work}}).outcome, CommitOutcome::kCommitted);
    work.persons = {{"ana", RecordOf("ana", "Anna")}, {"bob", ""}};
    ASSERT_EQ(worker->Commit({{kP0, work}}).outcome, CommitOutcome::kCommitted);
  }
  const auto worker = MakeWorker();  // The local store was never flushed: it has nothing.
  ASSERT_TRUE(worker->PumpUntilAtEnd());
  EXPECT_TRUE(worker->seen.empty());
  EXPECT_EQ(worker->tasks.at(kP0).next, (runtime::Positions{Offset(1), Offset(0), Offset(0)}));
  EXPECT_EQ(Load(worker->tasks.at(kP0).store.get(), "ana"), RecordOf("ana", "Anna"));
  EXPECT_EQ(Load(worker->tasks.at(kP0).store.get(), "bob"), std::nullopt);
  EXPECT_FALSE(worker->tasks.at(kP1).store->ever_committed());
}

TEST_F(BrokerRestoreTest, AFlushedStoreIsKeptAndOnlyTheRestIsReplayed) {
  MakeTopics();
  CommitOnePerson("ana", Eager());
  CommitOnePerson("bob", {});  // commits more, flushes nothing
  const auto worker = MakeWorker();
  ASSERT_TRUE(worker->PumpUntilAtEnd());
  EXPECT_EQ(Load(worker->tasks.at(kP0).store.get(), "ana"), RecordOf("ana", "ana"));
  EXPECT_EQ(Load(worker->tasks.at(kP0).store.get(), "bob"), RecordOf("bob", "bob"));
  EXPECT_FALSE(observer.Noted("wiped"));
}

TEST_F(BrokerRestoreTest, AStoreThatWasIdleForTooLongIsMadeAnew) {
  MakeTopics();
  CommitOnePerson("ana", Eager());
  clock.now = clock.now + config.tombstone_retention;
  const auto worker = MakeWorker(config, Eager());
  ASSERT_TRUE(worker->PumpUntilAtEnd());
  EXPECT_TRUE(observer.Noted("wiped 0: it was idle"));
  EXPECT_EQ(Load(worker->tasks.at(kP0).store.get(), "ana"), RecordOf("ana", "ana"));
}

TEST_F(BrokerRestoreTest, AStoreOfAnotherChangelogIsMadeAnew) {
  MakeTopics();
  CommitOnePerson("ana", Eager());
  config.app += "-two";
  MakeTopics();
  const auto worker = MakeWorker(config, Eager());
  ASSERT_TRUE(worker->PumpUntilAtEnd());
  EXPECT_TRUE(observer.Noted("wiped 0: it belongs to another"));
  EXPECT_EQ(Load(worker->tasks.at(kP0).store.get(), "ana"), std::nullopt);
}

TEST_F(BrokerRestoreTest, RestoreTellsWhatAnUncertainCommitDid) {
  MakeTopics();
  Append(config.inputs[0].name, "ana", "hello", kP0);
  config.commit_timeout = Milliseconds(1);  // hardly a broker answers as fast as that
  const auto worker = MakeWorker();
  ASSERT_TRUE(worker->PumpUntilAtEnd());
  TestWorker::Work work;
  work.actions = {ActionOf("ana", "act_1")};
  work.persons = {{"ana", RecordOf("ana", "Ana")}};
  int64_t known = 0;
  int uncertain = 0;
  for (int i = 0; i < 10 || (uncertain == 0 && i < 1000); ++i) {
    const auto result = worker->Commit({{kP0, work}});
    if (result.outcome == CommitOutcome::kUncertain) {
      ++uncertain;
      ASSERT_OK(worker->Reopen(kP0));
    }
    // Whatever it was, everything agrees on it.
    const auto actions = static_cast<int64_t>(ReadCommitted(ActionsTopic(config), kP0).size());
    ASSERT_TRUE(actions == known || actions == known + 1) << actions << " after " << known;
    known = actions;
    const bool any = actions > 0;
    EXPECT_EQ(GroupOffsets(kP0)[0], any ? 1 : -1);
    EXPECT_EQ(worker->tasks.at(kP0).next[0], any ? Offset(1) : Offset(0));
    EXPECT_EQ(Load(worker->tasks.at(kP0).store.get(), "ana").has_value(), any);
    worker->tasks.at(kP0).next[0] = Offset(1);
  }
  EXPECT_GT(uncertain, 0);
}

TEST_F(BrokerRestoreTest, AChangelogWithoutItsBeginningNeedsTheLocalState) {
  MakeTopics();
  CommitOnePerson("ana", Eager());
  const Offset last(ChangelogEnd(kP0).value() - 1);  // the end of the transaction
  CommitOnePerson("bob", {});                        // commits more, flushes nothing
  DeleteChangelogBefore(kP0, last);
  {
    const auto worker = MakeWorker();
    ASSERT_TRUE(worker->PumpUntilAtEnd()) << worker->poll_status.message();
    EXPECT_TRUE(observer.Noted("cut"));
    EXPECT_FALSE(observer.Noted("wiped"));
    EXPECT_EQ(Load(worker->tasks.at(kP0).store.get(), "ana"), RecordOf("ana", "ana"));
    EXPECT_EQ(Load(worker->tasks.at(kP0).store.get(), "bob"), RecordOf("bob", "bob"));
  }
  CommitOnePerson("eve", {});  // goes on, and is the same changelog still
  DeleteChangelogBefore(kP0, ChangelogEnd(kP0));
  const auto worker = MakeWorker();
  EXPECT_FALSE(worker->PumpUntilAtEnd());
  EXPECT_EQ(worker->poll_status.code(), StatusCode::kFailedPrecondition);
  EXPECT_NE(worker->poll_status.message().find("were deleted"), std::string::npos)
      << worker->poll_status.message();
  EXPECT_FALSE(observer.Noted("wiped"));
}

TEST_F(BrokerRestoreTest, AnEmptyChangelogLeavesTheLocalStateAlone) {
  MakeTopics();
  Append(config.inputs[0].name, "ana", "hello", kP0);
  {
    const auto worker = MakeWorker(config, Eager());
    ASSERT_TRUE(worker->PumpUntilAtEnd());
    TestWorker::Work work;
    work.persons = {{"ana", RecordOf("ana", "ana")}};
    ASSERT_EQ(worker->Commit({{kP0, work}}).outcome, CommitOutcome::kCommitted);
  }
  MakeChangelogAnew();
  const auto worker = MakeWorker();
  EXPECT_FALSE(worker->PumpUntilAtEnd());
  EXPECT_NE(worker->poll_status.message().find("do not belong together"), std::string::npos)
      << worker->poll_status.message();
  EXPECT_FALSE(observer.Noted("wiped"));
}

TEST_F(BrokerRestoreTest, AWorkerThatIsToEndRestoresNothing) {
  MakeTopics();
  const auto worker = MakeWorker();
  ASSERT_TRUE(worker->PumpUntilAtEnd());
  ASSERT_OK(worker->Reopen(kP0));
  worker->worker.input_log()->Stop();
  EXPECT_EQ(worker->Reopen(kP0).code(), StatusCode::kAborted);
}

TEST_F(BrokerRestoreTest, OffsetsWithoutStateAreRefused) {
  MakeTopics();
  TransactionalProducer producer(config, config.app + "-other", &observer);
  ASSERT_OK(producer.Settle(Seconds(20)));
  auto member =
      Client::Open(RD_KAFKA_CONSUMER, "committer", config,
                   {{"group.id", config.app}, {"enable.auto.commit", "false"}}, {}, {}, &observer);
  ASSERT_OK(member.status());
  const PartitionListPtr list = NewPartitionList();
  rd_kafka_topic_partition_list_add(list.get(), config.inputs[0].name.c_str(), 0)->offset = 5;
  ASSERT_EQ(rd_kafka_commit((*member)->handle(), list.get(), 0), RD_KAFKA_RESP_ERR_NO_ERROR);
  const auto worker = MakeWorker();
  EXPECT_FALSE(worker->PumpUntilAtEnd());
  EXPECT_EQ(worker->poll_status.code(), StatusCode::kFailedPrecondition);
  EXPECT_NE(worker->poll_status.message().find("do not belong together"), std::string::npos)
      << worker->poll_status.message();
}

TEST_F(BrokerRestoreTest, ForgottenOffsetsComeFromTheState) {
  MakeTopics();
  for (int i = 0; i < 3; ++i) Append(config.inputs[0].name, "ana", std::to_string(i), kP0);
  {
    // What a group leaves behind whose offsets the broker forgot after their retention.
    TransactionalProducer producer(config, config.app + "-other", &observer);
    ASSERT_OK(producer.Settle(Seconds(20)));
    store::PartitionMeta meta;
    for (const std::string& topic : InputTopicNames(config)) {
      meta.inputs.push_back({topic, kP0, Offset(topic == config.inputs[0].name ? 2 : 0)});
    }
    ASSERT_OK(producer.Begin());
    ASSERT_OK(producer.Produce({ChangelogTopic(config), kP0, kIncarnationKey, "x", {}}).status());
    const std::string bytes = store::EncodePartitionMeta(meta);
    ASSERT_OK(producer.Produce({ChangelogTopic(config), kP0, kMetaKey, bytes, {}}).status());
    ASSERT_EQ(producer.Commit().outcome, CommitOutcome::kCommitted);
  }
  const auto worker = MakeWorker();
  ASSERT_TRUE(worker->PumpUntilAtEnd()) << worker->poll_status.message();
  ASSERT_EQ(worker->seen.size(), 1u);
  EXPECT_EQ(worker->seen[0].value, "2");
}

// ---- the group ---------------------------------------------------------------------------------

TEST_F(BrokerTest, TwoMembersShareAndCommitBeforeTheyGive) {
  MakeTopics();
  const auto first = MakeWorker();
  ASSERT_TRUE(first->PumpUntilAtEnd());
  ASSERT_EQ(first->tasks.size(), 2u);
  TestWorker::Work work;
  work.persons = {{"ana", RecordOf("ana", "Ana")}};
  std::optional<CommitOutcome> last_commit;
  first->on_revoked = [&] { last_commit = first->Commit({{kP0, work}, {kP1, work}}).outcome; };

  KafkaConfig other = config;
  other.instance = "2";
  const auto second = MakeWorker(other);  // the same process: the databases change hands
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(40);
  const auto shared = [&] { return first->tasks.size() == 1 && second->tasks.size() == 1; };
  while (!shared() && std::chrono::steady_clock::now() < deadline) {
    std::thread pump([&] { second->Pump(Milliseconds(50)); });
    first->Pump(Milliseconds(50));
    pump.join();
  }
  ASSERT_TRUE(shared());
  EXPECT_EQ(last_commit, CommitOutcome::kCommitted);
  EXPECT_EQ(first->changes, (std::vector<std::string>{"assigned 2", "revoked 2", "assigned 1"}));
  const Partition given = second->tasks.begin()->first;
  EXPECT_NE(first->tasks.begin()->first, given);
  EXPECT_EQ(Load(second->tasks.at(given).store.get(), "ana"), RecordOf("ana", "Ana"));
  EXPECT_EQ(second->Commit({{given, work}}).outcome, CommitOutcome::kCommitted);
}

TEST_F(BrokerTest, AMemberThatWasThrownOutComesBack) {
  MakeTopics();
  Append(config.inputs[0].name, "ana", "hello", kP0);
  const auto first = MakeWorker();
  ASSERT_TRUE(first->PumpUntilAtEnd());
  {
    KeptDatabases elsewhere;
    TestWorker successor(config, 2, &elsewhere.databases, &clock, &observer);
    ASSERT_TRUE(successor.PumpUntilAtEnd());
  }
  // The library learns with the next heartbeat that its name was taken.
  ASSERT_TRUE(first->PumpUntil([&] { return first->changes.size() >= 3; }));
  EXPECT_EQ(first->changes, (std::vector<std::string>{"assigned 2", "lost 2", "assigned 2"}));
  EXPECT_TRUE(observer.Noted("rebuilt consumer"));
  ASSERT_TRUE(first->PumpUntilAtEnd());
  // Its producer was thrown out too, and is only found out when it is used.
  EXPECT_EQ(first->Commit({{kP0, {}}}).outcome, CommitOutcome::kNotCommitted);
  EXPECT_EQ(first->Commit({{kP0, {}}}).outcome, CommitOutcome::kCommitted);
}

// ---- bundles -----------------------------------------------------------------------------------

TEST_F(BrokerTest, BundlesAreNumberedAndSharedByAllProcesses) {
  MakeTopics();
  const auto mine = KafkaBundleStore::Open(config, &observer);
  ASSERT_OK(mine.status());
  const auto theirs = KafkaBundleStore::Open(config, &observer);
  ASSERT_OK(theirs.status());
  const auto none = (*mine)->ReadAll();
  ASSERT_OK(none.status());
  EXPECT_TRUE(none->empty());
  const auto number = [](const Result<uint32_t>& result) {
    EXPECT_TRUE(result.ok()) << result.status().message();
    return result.ok() ? *result : 0;
  };
  EXPECT_EQ(number((*mine)->Append({{"a", "1"}})), 1u);
  EXPECT_EQ(number((*mine)->Append({{"a", "1"}})), 1u);
  EXPECT_EQ(number((*theirs)->Append({{"a", "1"}})), 1u);
  EXPECT_EQ(number((*theirs)->Append({{"a", "2"}})), 2u);
  // The first store's producer is fenced by now, and knows nothing of number 2.
  const std::string large(3 * 1024 * 1024, 'x');
  EXPECT_EQ(number((*mine)->Append({{"codes.csv", large}})), 3u);
  const auto bundles = (*theirs)->ReadAll();
  ASSERT_OK(bundles.status());
  ASSERT_EQ(bundles->size(), 3u);
  EXPECT_EQ(bundles->at(1).number, 2u);
  EXPECT_EQ(bundles->at(1).files.at("a"), "2");
  EXPECT_EQ(bundles->at(2).files.at("codes.csv"), large);
}

// As when all processes of an app start, or are told of new rules, in one moment.
TEST_F(BrokerTest, BundlesMayBeWrittenByManyProcessesAtOnce) {
  MakeTopics();
  config.start_timeout = Seconds(120);  // of a slow machine
  constexpr size_t kProcesses = 6;
  constexpr uint32_t kRounds = 3;
  std::vector<std::unique_ptr<KafkaBundleStore>> stores;
  for (size_t i = 0; i < kProcesses; ++i) {
    auto opened = KafkaBundleStore::Open(config, &observer);
    ASSERT_OK(opened.status());
    stores.push_back(*std::move(opened));
  }
  const auto append_all = [&](auto&& files_of) {
    std::vector<uint32_t> numbers(kProcesses);
    std::vector<std::thread> threads;
    for (size_t i = 0; i < kProcesses; ++i) {
      threads.emplace_back([&, i] {
        const Result<uint32_t> number = stores[i]->Append({{"a", files_of(i)}});
        EXPECT_TRUE(number.ok()) << number.status().message();
        if (number.ok()) numbers[i] = *number;
      });
    }
    for (std::thread& thread : threads) thread.join();
    return numbers;
  };
  for (uint32_t round = 1; round <= kRounds; ++round) {
    const auto same = append_all([&](size_t) { return fmt::format("round {}", round); });
    EXPECT_EQ(same, std::vector<uint32_t>(kProcesses, round));
  }
  const auto different = append_all([](size_t i) { return fmt::format("of process {}", i); });
  const std::set<uint32_t> distinct(different.begin(), different.end());
  EXPECT_EQ(distinct.size(), kProcesses);
  EXPECT_EQ(*distinct.begin(), kRounds + 1);
  EXPECT_EQ(*distinct.rbegin(), kRounds + kProcesses);
}

// ---- the broker itself -------------------------------------------------------------------------

class BrokerRestartTest : public BrokerTest {};

TEST_F(BrokerRestartTest, EverythingGoesOnAfterTheBrokerWasAway) {
  MakeTopics();
  Append(config.inputs[0].name, "ana", "before", kP0);
  const auto worker = MakeWorker();
  ASSERT_TRUE(worker->PumpUntilAtEnd());
  TestWorker::Work work;
  work.actions = {ActionOf("ana", "act_1")};
  ASSERT_EQ(worker->Commit({{kP0, work}}).outcome, CommitOutcome::kCommitted);
  RestartBroker();
  Append(config.inputs[0].name, "ana", "after", kP0);
  ASSERT_TRUE(worker->PumpUntil(
      [&] { return !worker->seen.empty() && worker->seen.back().value == "after"; }));
  ASSERT_TRUE(worker->PumpUntilAtEnd());
  work.actions = {ActionOf("ana", "act_2")};
  runtime::CommitResult result;
  for (int attempt = 0; attempt < 5; ++attempt) {
    result = worker->Commit({{kP0, work}});
    if (result.outcome != CommitOutcome::kNotCommitted) break;
    worker->Pump(Seconds(1));
    ASSERT_TRUE(worker->PumpUntilAtEnd());  // it was away for longer than a session, perhaps
  }
  ASSERT_EQ(result.outcome, CommitOutcome::kCommitted) << result.status.message();
  EXPECT_EQ(ReadCommitted(ActionsTopic(config), kP0).size(), 2u);
  EXPECT_EQ(GroupOffsets(kP0)[0], 2);
}

}  // namespace
}  // namespace sojourn::kafka
