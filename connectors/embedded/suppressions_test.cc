#include "engine/deliver/suppression.h"

#include <gtest/gtest.h>

#include <vector>

#include "connectors/embedded/embedded_log.h"
#include "connectors/embedded/rows.h"
#include "engine/store/faulty_database.h"
#include "engine/store/partition_meta.h"
#include "engine/store/partition_store.h"
#include "engine/store/temporary_directory.h"

namespace sojourn::embedded {
namespace {

using deliver::AddressHash;
using deliver::Suppression;
using deliver::SuppressionReason;

class SuppressionsTest : public testing::Test {
 protected:
  SuppressionsTest() { Open(); }

  void Open() {
    log_.reset();
    EmbeddedOptions options;
    options.directory = directory_.path() + "/data";
    auto log = EmbeddedLog::Open(options);
    ASSERT_TRUE(log.ok()) << log.status().message();
    log_ = *std::move(log);
  }

  deliver::SuppressionList& list() { return *log_->suppressions(); }

  static Suppression Entry(uint8_t first, SuppressionReason reason, int64_t since) {
    Suppression entry;
    entry.hash.fill(0xee);
    entry.hash[0] = first;
    entry.reason = reason;
    entry.since = Timestamp(since);
    return entry;
  }

  std::vector<int> FirstBytes(const AddressHash& from = {}) {
    std::vector<int> bytes;
    EXPECT_TRUE(list()
                    .ForEach(from,
                             [&](const Suppression& entry) {
                               bytes.push_back(entry.hash[0]);
                               return true;
                             })
                    .ok());
    return bytes;
  }

  store::TemporaryDirectory directory_;
  std::unique_ptr<EmbeddedLog> log_;
};

TEST_F(SuppressionsTest, KeepsWhatItIsGiven) {
  const std::vector entries = {Entry(200, SuppressionReason::kBounced, 5),
                               Entry(3, SuppressionReason::kComplained, -7),
                               Entry(200, SuppressionReason::kManual, 9)};
  EXPECT_EQ(*list().Add(entries), 2U);
  Open();
  EXPECT_EQ(FirstBytes(), (std::vector{3, 200}));
  const auto found = *list().Find(entries[0].hash);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->hash, entries[0].hash);
  EXPECT_EQ(found->reason, SuppressionReason::kBounced);
  EXPECT_EQ(found->since, Timestamp(5));
  EXPECT_EQ((*list().Find(entries[1].hash))->since, Timestamp(-7));
  // The first reason stays.
  EXPECT_EQ(*list().Add(entries), 0U);
  EXPECT_EQ((*list().Find(entries[0].hash))->reason, SuppressionReason::kBounced);
  EXPECT_FALSE(list().Find(AddressHash{})->has_value());
}

TEST_F(SuppressionsTest, RemovesForGood) {
  const std::vector entries = {Entry(1, SuppressionReason::kManual, 1),
                               Entry(2, SuppressionReason::kManual, 2)};
  ASSERT_TRUE(list().Add(entries).ok());
  EXPECT_TRUE(*list().Remove(entries[0].hash));
  EXPECT_FALSE(*list().Remove(entries[0].hash));
  Open();
  EXPECT_EQ(FirstBytes(), std::vector{2});
}

TEST_F(SuppressionsTest, WalksFromAPlaceAndStops) {
  std::vector<Suppression> entries;
  for (const uint8_t first : {9, 1, 255, 128}) {
    entries.push_back(Entry(first, SuppressionReason::kManual, first));
  }
  ASSERT_TRUE(list().Add(entries).ok());
  EXPECT_EQ(FirstBytes(), (std::vector{1, 9, 128, 255}));
  EXPECT_EQ(FirstBytes(entries[3].hash), (std::vector{128, 255}));
  int count = 0;
  ASSERT_TRUE(list().ForEach({}, [&](const Suppression&) { return ++count < 2; }).ok());
  EXPECT_EQ(count, 2);
}

// A worker's commit with one action.
runtime::CommitResult CommitWith(EmbeddedLog* log, const std::vector<Suppression>& entries) {
  auto ports = log->MakeWorkerPorts(0, 1);
  auto opened = ports.keeper->Open(Partition(0));
  if (!opened.ok()) return {runtime::CommitOutcome::kNotCommitted, opened.status()};
  const std::vector<model::Action> actions(1);
  const store::PartitionMeta meta = opened->store->meta();
  runtime::CommitBatch batch;
  batch.partition = Partition(0);
  batch.store = opened->store.get();
  batch.actions = actions;
  batch.meta = &meta;
  batch.suppressions = entries;
  return ports.committer->Commit({&batch, 1});
}

TEST_F(SuppressionsTest, ACommitAddsWhatIsNotThereYet) {
  const std::vector by_hand = {Entry(5, SuppressionReason::kManual, 1)};
  ASSERT_TRUE(list().Add(by_hand).ok());
  const std::vector found = {Entry(5, SuppressionReason::kBounced, 7),
                             Entry(6, SuppressionReason::kComplained, 8),
                             Entry(6, SuppressionReason::kBounced, 9)};
  const auto result = CommitWith(log_.get(), found);
  ASSERT_EQ(result.outcome, runtime::CommitOutcome::kCommitted) << result.status.message();
  Open();
  EXPECT_EQ(FirstBytes(), (std::vector{5, 6}));
  EXPECT_EQ((*list().Find(found[0].hash))->reason, SuppressionReason::kManual);
  EXPECT_EQ((*list().Find(found[1].hash))->reason, SuppressionReason::kComplained);
  EXPECT_EQ(log_->ActionEnds()[0], Offset(1));
}

// What became of a commit without an answer, its actions and its suppressions tell alike.
TEST_F(SuppressionsTest, ACommitIsWholeOrNothing) {
  std::unique_ptr<store::Database> below;
  store::FaultyDatabase* faulty = nullptr;
  EmbeddedOptions options;
  options.directory = directory_.path() + "/data";
  options.wrap_database = [&](std::unique_ptr<store::Database> database) {
    below = std::move(database);
    auto wrapped = std::make_unique<store::FaultyDatabase>(below.get());
    faulty = wrapped.get();
    return wrapped;
  };
  for (const store::Fault fault : {store::Fault::kWriteLost, store::Fault::kWriteApplied}) {
    log_.reset();
    below.reset();
    auto log = EmbeddedLog::Open(options);
    ASSERT_TRUE(log.ok()) << log.status().message();
    faulty->Break(fault, Internal("broken"));
    EXPECT_EQ(CommitWith(log->get(), {Entry(5, SuppressionReason::kBounced, 7)}).outcome,
              runtime::CommitOutcome::kUncertain);
    log->reset();
    below.reset();
    Open();
    const bool applied = fault == store::Fault::kWriteApplied;
    EXPECT_EQ(FirstBytes().size(), applied ? 1u : 0u);
    EXPECT_EQ(log_->ActionEnds()[0], Offset(applied ? 1 : 0));
  }
}

TEST(SuppressionRows, RefuseDamage) {
  Suppression entry;
  entry.hash.fill(7);
  const std::string key = SuppressionKey(entry.hash);
  const std::string row = EncodeSuppression(entry);
  EXPECT_TRUE(DecodeSuppression(key, row).ok());
  EXPECT_FALSE(DecodeSuppression(key.substr(1), row).ok());
  for (size_t size = 0; size < row.size(); ++size) {
    EXPECT_FALSE(DecodeSuppression(key, row.substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(DecodeSuppression(key, row + "x").ok());
  std::string newer = row;
  newer[0] = 2;
  EXPECT_FALSE(DecodeSuppression(key, newer).ok());
  std::string unknown = row;
  unknown[1] = 99;
  EXPECT_FALSE(DecodeSuppression(key, unknown).ok());
}

}  // namespace
}  // namespace sojourn::embedded
