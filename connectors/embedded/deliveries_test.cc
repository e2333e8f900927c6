#include "connectors/embedded/embedded_log.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/store/partition_meta.h"
#include "engine/store/partition_store.h"
#include "engine/store/temporary_directory.h"

namespace sojourn::embedded {
namespace {

using deliver::ActionPlace;
using deliver::DeliveryRecord;
using deliver::DeliveryState;

constexpr Partition kPartition{0};

class Opened final : public deliver::DeliveryLog::Listener {
 public:
  void OnOpened(deliver::OpenedPartition partition) override {
    partitions.push_back(std::move(partition));
  }
  void OnClosed(Partition) override { FAIL() << "a partition of the embedded log was closed"; }

  std::vector<deliver::OpenedPartition> partitions;
};

class DeliveriesTest : public testing::Test {
 protected:
  DeliveriesTest() { options_.directory = directory_.path() + "/data"; }

  void Open(bool reader = true) {
    deliveries_.reset();
    log_.reset();
    auto log = EmbeddedLog::Open(options_);
    ASSERT_TRUE(log.ok()) << log.status().message();
    log_ = *std::move(log);
    if (!reader) return;
    auto deliveries = log_->MakeDeliveryLog("mail");
    ASSERT_TRUE(deliveries.ok()) << deliveries.status().message();
    deliveries_ = *std::move(deliveries);
    opened_ = {};
    ASSERT_TRUE(deliveries_->Poll(Duration(0), &opened_).ok());
  }

  // Commits actions as a worker does.
  void Emit(int count) {
    auto ports = log_->MakeWorkerPorts(0, 1);
    auto opened = ports.keeper->Open(kPartition);
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    std::vector<model::Action> actions(static_cast<size_t>(count));
    for (model::Action& action : actions) {
      action.id = fmt::format("act_{}", emitted_++);
      action.person = "u1";
    }
    store::PartitionMeta meta = opened->store->meta();
    runtime::CommitBatch batch;
    batch.partition = kPartition;
    batch.store = opened->store.get();
    batch.actions = actions;
    batch.meta = &meta;
    const runtime::CommitResult result = ports.committer->Commit({&batch, 1});
    ASSERT_EQ(result.outcome, runtime::CommitOutcome::kCommitted) << result.status.message();
  }

  static DeliveryRecord Record(int64_t offset, DeliveryState state) {
    DeliveryRecord record;
    record.place = {kPartition, Offset(offset)};
    record.action_id = fmt::format("act_{}", offset);
    record.state = state;
    return record;
  }

  static deliver::DeliveryEvent Delivered(int64_t offset) {
    deliver::DeliveryEvent event;
    event.id = fmt::format("act_{}-delivered", offset);
    event.name = model::kEmailDelivered;
    event.person = "u1";
    event.properties = {{"journey", "welcome"}, {"action_id", fmt::format("act_{}", offset)}};
    return event;
  }

  int64_t LogEnd() {
    auto ports = log_->MakeWorkerPorts(0, 1);
    return ports.input->Lag(kPartition, 0, Offset(0)).value_or(-1);
  }

  store::TemporaryDirectory directory_;
  EmbeddedOptions options_{.partition_count = 1, .min_free_bytes = 0};
  std::unique_ptr<EmbeddedLog> log_;
  std::unique_ptr<deliver::DeliveryLog> deliveries_;
  Opened opened_;
  int emitted_ = 0;
};

TEST_F(DeliveriesTest, CommittedActionsAreReadInOrder) {
  Open();
  ASSERT_EQ(opened_.partitions.size(), 1u);
  EXPECT_EQ(opened_.partitions[0].cursor, Offset(0));
  Emit(3);
  const auto first = deliveries_->Read(kPartition, Offset(0), 2);
  ASSERT_TRUE(first.ok()) << first.status().message();
  ASSERT_EQ(first->size(), 2u);
  EXPECT_EQ((*first)[1].action.id, "act_1");
  EXPECT_EQ((*first)[1].place, (ActionPlace{kPartition, Offset(1)}));
  EXPECT_GT((*first)[1].bytes, 0u);
  EXPECT_EQ(deliveries_->Read(kPartition, Offset(2), 10)->size(), 1u);
  EXPECT_EQ(deliveries_->Read(kPartition, Offset(3), 10)->size(), 0u);
}

TEST_F(DeliveriesTest, RecordsEventsAndCursorsAreDurableTogether) {
  Open();
  Emit(3);
  const DeliveryRecord records[] = {Record(0, DeliveryState::kDelivered),
                                    Record(1, DeliveryState::kStarted)};
  const deliver::DeliveryEvent event = Delivered(0);
  const ActionPlace cursor{kPartition, Offset(1)};
  const Status committed = deliveries_->Commit({records, {&event, 1}, {&cursor, 1}});
  ASSERT_TRUE(committed.ok()) << committed.message();
  EXPECT_EQ(LogEnd(), 1);
  Open();
  ASSERT_EQ(opened_.partitions.size(), 1u);
  EXPECT_EQ(opened_.partitions[0].cursor, Offset(1));
  ASSERT_EQ(opened_.partitions[0].records.size(), 1u);
  EXPECT_EQ(opened_.partitions[0].records.at(Offset(1)).state, DeliveryState::kStarted);
  EXPECT_EQ(LogEnd(), 1);
}

TEST_F(DeliveriesTest, WhileAnImportReplaysACommitWithEventsHasToWait) {
  Open();
  ImportChunk chunk;
  chunk.fingerprint = "file";
  chunk.state = {0, /*replay=*/true, /*finished=*/false};
  ASSERT_TRUE(log_->AppendImport(chunk).ok());
  const DeliveryRecord record = Record(0, DeliveryState::kDelivered);
  const deliver::DeliveryEvent event = Delivered(0);
  EXPECT_EQ(deliveries_->Commit({{&record, 1}, {&event, 1}, {}}).code(), StatusCode::kUnavailable);
  EXPECT_TRUE(deliveries_->Commit({{&record, 1}, {}, {}}).ok());
  Open();
  EXPECT_EQ(opened_.partitions[0].records.size(), 1u);
}

TEST_F(DeliveriesTest, RetentionLeavesWhatIsNotFinished) {
  options_.retention = Duration(-1000);  // everything is old
  Open();
  Emit(4);
  const DeliveryRecord records[] = {Record(0, DeliveryState::kDelivered),
                                    Record(1, DeliveryState::kDelivered)};
  const ActionPlace cursor{kPartition, Offset(2)};
  ASSERT_TRUE(deliveries_->Commit({records, {}, {}}).ok());
  ASSERT_TRUE(log_->ApplyRetention().ok());
  EXPECT_EQ(deliveries_->Read(kPartition, Offset(0), 10)->size(), 4u);
  ASSERT_TRUE(deliveries_->Commit({{}, {}, {&cursor, 1}}).ok());
  ASSERT_TRUE(log_->ApplyRetention().ok());
  const auto left = deliveries_->Read(kPartition, Offset(0), 10);
  ASSERT_EQ(left->size(), 2u);
  EXPECT_EQ(left->front().action.id, "act_2");
  // A cursor that an operator takes back shows what is still kept of the deliveries.
  const ActionPlace back{kPartition, Offset(0)};
  ASSERT_TRUE(deliveries_->Commit({{}, {}, {&back, 1}}).ok());
  Open();
  EXPECT_TRUE(opened_.partitions[0].records.empty());
}

TEST_F(DeliveriesTest, AWakeEndsThePoll) {
  Open();
  ASSERT_TRUE(deliveries_->Poll(Duration(0), &opened_).ok());
  deliveries_->Wake();
  const auto before = std::chrono::steady_clock::now();
  ASSERT_TRUE(deliveries_->Poll(Seconds(30), &opened_).ok());
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(10));
}

TEST_F(DeliveriesTest, RecordsAreFoundAlsoBehindTheCursor) {
  Open();
  Emit(4);
  const std::vector<DeliveryRecord> records = {Record(0, DeliveryState::kFailed),
                                               Record(1, DeliveryState::kDelivered),
                                               Record(2, DeliveryState::kFailed)};
  const ActionPlace cursor{kPartition, Offset(3)};
  ASSERT_TRUE(deliveries_->Commit({records, {}, {&cursor, 1}}).ok());
  const auto found = deliveries_->FindRecords(kPartition, {Offset(0), Offset(1), Offset(3)});
  ASSERT_TRUE(found.ok());
  ASSERT_EQ(found->size(), 2U);
  EXPECT_EQ(found->at(Offset(0)).state, DeliveryState::kFailed);
  EXPECT_EQ(found->at(Offset(1)).action_id, "act_1");
  std::vector<int64_t> visited;
  ASSERT_TRUE(log_->VisitDeliveries(kPartition, Offset(1),
                                    [&](const DeliveryRecord& record) {
                                      visited.push_back(record.place.offset.value());
                                      return visited.size() < 1;
                                    })
                  .ok());
  EXPECT_EQ(visited, std::vector<int64_t>{1});
}

// Another tool may have acted on them.
// Before there were webhooks of our own, somebody may have called what `sojourn actions` told.
TEST_F(DeliveriesTest, WebhooksOfADirectoryWithoutReadersBeginWithWhatComes) {
  Open(/*reader=*/false);
  Emit(3);
  auto webhooks = log_->MakeDeliveryLog("webhooks");
  ASSERT_TRUE(webhooks.ok()) << webhooks.status().message();
  Opened opened;
  ASSERT_TRUE((*webhooks)->Poll(Duration(0), &opened).ok());
  ASSERT_EQ(opened.partitions.size(), 1u);
  EXPECT_EQ(opened.partitions[0].cursor, Offset(3));
}

TEST_F(DeliveriesTest, AReaderThatIsNewBesideOthersBeginsWithWhatComes) {
  Open();
  Emit(3);
  auto webhooks = log_->MakeDeliveryLog("webhooks");
  ASSERT_TRUE(webhooks.ok()) << webhooks.status().message();
  Emit(1);
  const auto cursor_of = [](deliver::DeliveryLog* log) {
    Opened opened;
    EXPECT_TRUE(log->Poll(Duration(0), &opened).ok());
    return opened.partitions.empty() ? Offset(-1) : opened.partitions[0].cursor;
  };
  EXPECT_EQ(cursor_of(webhooks->get()), Offset(3));
  webhooks = log_->MakeDeliveryLog("webhooks");
  ASSERT_TRUE(webhooks.ok());
  EXPECT_EQ(cursor_of(webhooks->get()), Offset(3)) << "for good";
  EXPECT_EQ(opened_.partitions[0].cursor, Offset(0)) << "that of mails is its own";
}

}  // namespace
}  // namespace sojourn::embedded
