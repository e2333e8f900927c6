#include "connectors/kafka/broker_fixture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>
#include <utility>

namespace sojourn::kafka {
namespace {

using SteadyClock = std::chrono::steady_clock;

// A loan of a database that lives on.
class LentDatabase : public store::Database {
 public:
  explicit LentDatabase(std::shared_ptr<store::MemoryDatabase> kept) : kept_(std::move(kept)) {}

  Status Write(const store::WriteBatch& batch, store::Sync sync) override {
    return kept_->Write(batch, sync);
  }
  Result<std::optional<std::string>> Get(store::Family family, std::string_view key) override {
    return kept_->Get(family, key);
  }
  Status MultiGet(store::Family family, std::span<const std::string> keys,
                  std::vector<std::optional<std::string>>* values) override {
    return kept_->MultiGet(family, keys, values);
  }
  std::unique_ptr<store::Iterator> NewIterator(store::Family family,
                                               store::KeyRange range) override {
    return kept_->NewIterator(family, std::move(range));
  }
  void AllowDropping(store::Family family, std::string_view begin, std::string_view end) override {
    kept_->AllowDropping(family, begin, end);
  }
  uint64_t EstimateCount(store::Family family, const store::KeyRange& range) override {
    return kept_->EstimateCount(family, range);
  }
  Status Flush() override { return kept_->Flush(); }
  Status Checkpoint(const std::string& directory) override { return kept_->Checkpoint(directory); }
  store::DatabaseSizes Sizes() override { return kept_->Sizes(); }

 private:
  const std::shared_ptr<store::MemoryDatabase> kept_;
};

}  // namespace

// ---- the observer ------------------------------------------------------------------------------

void NotingObserver::Note(std::string text) {
  const std::lock_guard lock(mutex_);
  notes_.push_back(std::move(text));
}

void NotingObserver::OnLog(LogLevel, std::string_view client, std::string_view message) {
  Note(fmt::format("{}: {}", client, message));
}
void NotingObserver::OnClientRebuilt(std::string_view client, const Status& why) {
  Note(fmt::format("rebuilt {}: {}", client, why.message()));
}
void NotingObserver::OnRecordsMissed(std::string_view topic, Partition partition, Offset expected,
                                     Offset oldest) {
  Note(fmt::format("missed {} [{}] {} to {}", topic, partition.value(), expected.value(),
                   oldest.value()));
}
void NotingObserver::OnChangelogCut(std::string_view topic, Partition partition, Offset oldest) {
  Note(fmt::format("cut {} [{}] before {}", topic, partition.value(), oldest.value()));
}
void NotingObserver::OnStoreWiped(Partition partition, std::string_view why) {
  Note(fmt::format("wiped {}: {}", partition.value(), why));
}

std::vector<std::string> NotingObserver::notes() {
  const std::lock_guard lock(mutex_);
  return notes_;
}

bool NotingObserver::Noted(std::string_view text) {
  return std::ranges::any_of(
      notes(), [&](const std::string& note) { return note.find(text) != std::string::npos; });
}

Result<std::unique_ptr<store::Database>> KeptDatabases::Open(Partition partition) {
  std::shared_ptr<store::MemoryDatabase>& kept = kept_[partition];
  if (!kept) kept = std::make_shared<store::MemoryDatabase>();
  return std::unique_ptr<store::Database>(std::make_unique<LentDatabase>(kept));
}

// ---- the worker --------------------------------------------------------------------------------

TestWorker::TestWorker(const KafkaConfig& config, int32_t partition_count,
                       StateDatabases* databases, const runtime::WallClock* wall_clock,
                       KafkaObserver* observer, StateOptions options)
    : clock(wall_clock),
      worker(config, options, 0, partition_count, databases, nullptr, wall_clock, observer) {
  worker.input_log()->SetListener(this);
}

TestWorker::~TestWorker() { tasks.clear(); }

void TestWorker::Pump(Duration timeout) {
  poll_status = worker.input_log()->Poll(timeout);
  for (auto& [partition, task] : tasks) {
    for (uint16_t input = 0; input < task.next.size(); ++input) {
      constexpr size_t kMost = 100;
      const auto fetched = worker.input_log()->Fetch(partition, input, kMost);
      ASSERT_OK(fetched.status());
      for (const runtime::InputRecord& record : fetched->records) {
        SeenRecord copy{partition,
                        input,
                        record.offset,
                        record.log_time,
                        std::string(record.key),
                        std::string(record.value),
                        std::nullopt};
        if (record.original) copy.original = *record.original;
        seen.push_back(std::move(copy));
      }
      task.next[input] = fetched->next;
      task.at_end[input] = fetched->at_end;
    }
  }
}

bool TestWorker::PumpUntil(const std::function<bool()>& done) {
  const auto deadline = SteadyClock::now() + std::chrono::seconds(30);
  while (!done()) {
    if (SteadyClock::now() > deadline || !poll_status.ok()) return false;
    Pump(Milliseconds(100));
  }
  return true;
}

bool TestWorker::AtEnd() const {
  return std::ranges::all_of(tasks, [](const auto& entry) {
    return std::ranges::all_of(entry.second.at_end, [](bool at_end) { return at_end; });
  });
}

bool TestWorker::PumpUntilAtEnd() {
  return PumpUntil([this] { return !tasks.empty() && AtEnd(); });
}

Status TestWorker::Reopen(Partition partition) {
  Task& task = tasks[partition];
  task.store.reset();
  SOJOURN_ASSIGN_OR_RETURN(runtime::OpenedPartition opened, worker.state_keeper()->Open(partition));
  task.store = std::move(opened.store);
  task.next = opened.next;
  task.at_end.assign(task.next.size(), false);
  const runtime::PartitionPositions positions{partition, task.next};
  return worker.input_log()->SetPositions({&positions, 1});
}

Status TestWorker::OnAssigned(std::span<const Partition> partitions) {
  changes.push_back(fmt::format("assigned {}", partitions.size()));
  for (const Partition partition : partitions) {
    const Status status = Reopen(partition);
    if (status.ok()) continue;
    tasks.erase(partition);
    if (status.code() != StatusCode::kAborted) return status;
  }
  return Status::Ok();
}

Status TestWorker::OnRevoked(std::span<const Partition> partitions) {
  changes.push_back(fmt::format("revoked {}", partitions.size()));
  if (on_revoked) on_revoked();
  for (const Partition partition : partitions) tasks.erase(partition);
  return Status::Ok();
}

Status TestWorker::OnLost(std::span<const Partition> partitions) {
  changes.push_back(fmt::format("lost {}", partitions.size()));
  for (const Partition partition : partitions) tasks.erase(partition);
  return Status::Ok();
}

runtime::CommitResult TestWorker::Commit(const std::map<Partition, Work>& work) {
  std::map<Partition, store::PartitionMeta> metas;
  std::map<Partition, std::vector<store::PersonChange>> persons;
  std::vector<runtime::CommitBatch> batches;
  for (const auto& [partition, done] : work) {
    Task& task = tasks.at(partition);
    store::PartitionMeta& meta = metas[partition];
    meta = task.store->meta();
    meta.written_at = clock->Now();
    meta.inputs.clear();
    for (size_t input = 0; input < task.next.size(); ++input) {
      meta.inputs.push_back(
          {worker.input_log()->inputs()[input].topic, partition, task.next[input]});
    }
    for (const auto& [id, record] : done.persons) persons[partition].push_back({id, record});
    runtime::CommitBatch batch;
    batch.partition = partition;
    batch.store = task.store.get();
    batch.actions = done.actions;
    batch.changes = persons[partition];
    batch.meta = &meta;
    batch.dead_letters = done.dead_letters;
    batch.suppressions = done.suppressions;
    batches.push_back(batch);
  }
  return worker.committer()->Commit(batches);
}

// ---- the test ----------------------------------------------------------------------------------

void BrokerTest::SetUp() {
  const char* bootstrap = std::getenv("KAFKA_BOOTSTRAP");
  ASSERT_NE(bootstrap, nullptr) << "KAFKA_BOOTSTRAP names no broker";
  config.bootstrap_servers = bootstrap;
  config.app = fmt::format("t{:08x}", std::random_device()());
  config.inputs = {{config.app + "-web"}, {config.app + "-purchase"}};
  config.partition_count = 2;
  // A busy test machine must not turn every slow commit into an uncertain one.
  config.commit_timeout = Seconds(9);
  auto connected = Cluster::Connect(config, &observer);
  ASSERT_OK(connected.status());
  cluster = *std::move(connected);
}

void BrokerTest::MakeTopics() {
  ASSERT_OK(CreateTopics(config, cluster.get()).status());
  auto opened = EventProducer::Open(config, &observer);
  ASSERT_OK(opened.status());
  events = *std::move(opened);
}

void BrokerTest::Append(const std::string& topic, const std::string& key, const std::string& value,
                        std::optional<Partition> partition,
                        const runtime::OriginalPlace* original) {
  const NewEvent event{topic, key, value, partition, original};
  ASSERT_OK(events->Append({&event, 1}));
}

std::vector<std::pair<std::string, std::string>> BrokerTest::ReadCommitted(const std::string& topic,
                                                                           Partition partition) {
  std::vector<std::pair<std::string, std::string>> records;
  const auto watermarks = cluster->QueryWatermarks(topic, partition);
  EXPECT_TRUE(watermarks.ok()) << watermarks.status().message();
  auto reader = PartitionReader::Open(config, &observer);
  EXPECT_TRUE(reader.ok());
  const auto deadline = SteadyClock::now() + std::chrono::seconds(30);
  const auto read = (*reader)->ReadTo(
      topic, partition, watermarks->oldest, watermarks->end,
      [&](const StoredRecord& record) {
        records.emplace_back(record.key, record.value.value_or("(tombstone)"));
        return Status::Ok();
      },
      [&] { return SteadyClock::now() < deadline; });
  EXPECT_TRUE(read.ok()) << read.status().message();
  return records;
}

std::vector<int64_t> BrokerTest::GroupOffsets(Partition partition) {
  // A member of the group that never joins may still ask.
  auto client = Client::Open(RD_KAFKA_CONSUMER, "asker", config,
                             {{"group.id", config.app}, {"isolation.level", "read_committed"}}, {},
                             {}, &observer);
  EXPECT_TRUE(client.ok());
  const PartitionListPtr list = NewPartitionList();
  for (const std::string& topic : InputTopicNames(config)) {
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition.value());
  }
  constexpr int kTimeoutMs = 20'000;
  EXPECT_EQ(rd_kafka_committed((*client)->handle(), list.get(), kTimeoutMs),
            RD_KAFKA_RESP_ERR_NO_ERROR);
  std::vector<int64_t> offsets;
  for (int i = 0; i < list->cnt; ++i) {
    EXPECT_EQ(list->elems[i].err, RD_KAFKA_RESP_ERR_NO_ERROR);
    offsets.push_back(std::max<int64_t>(-1, list->elems[i].offset));
  }
  return offsets;
}

std::unique_ptr<TestWorker> BrokerTest::MakeWorker(const KafkaConfig& worker_config,
                                                   StateOptions options) {
  return std::make_unique<TestWorker>(worker_config, worker_config.partition_count, &kept.databases,
                                      &clock, &observer, options);
}

// The harness restarts the broker when it reads the line, and then makes the file.
void RestartBroker() {
  static int restarts = 0;
  const char* file = std::getenv("KAFKA_RESTARTED");
  ASSERT_NE(file, nullptr);
  const std::string done = fmt::format("{}-{}", file, ++restarts);
  printf("please restart the broker\n");
  fflush(stdout);
  const auto deadline = SteadyClock::now() + std::chrono::seconds(120);
  while (!std::filesystem::exists(done)) {
    ASSERT_LT(SteadyClock::now(), deadline);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

model::Action ActionOf(const std::string& person, const std::string& id) {
  model::Action action;
  action.id = id;
  action.person = person;
  action.journey = "win-back";
  action.step = "1";
  action.values_json = "{}";
  action.time = Timestamp(1'700'000'000'000);
  return action;
}

}  // namespace sojourn::kafka
