#include "engine/store/partition_store.h"

#include <algorithm>
#include <map>
#include <random>

#include <gtest/gtest.h>

#include "engine/base/hash.h"
#include "engine/model/person.h"
#include "engine/store/faulty_database.h"
#include "engine/store/keys.h"
#include "engine/store/memory_database.h"
#include "engine/store/person_record.h"
#include "engine/store/rocks_database.h"
#include "engine/store/temporary_directory.h"

namespace sojourn::store {
namespace {

constexpr Partition kPartition{1};
constexpr Timestamp kNever = Timestamp::Max();

std::string Record(std::string_view tier, Timestamp deadline = kNever) {
  model::Person person;
  person.known = true;
  person.clock = Timestamp(1000);
  person.next_deadline = deadline;
  person.SetTrait("tier", model::Value::String(tier));
  std::string bytes;
  EXPECT_TRUE(EncodePerson(person, &bytes).ok());
  return bytes;
}

std::string Tier(std::string_view record) {
  model::Person person;
  const Status status = DecodePerson(record, &person);
  return status.ok() ? std::string(person.FindTrait("tier")->text()) : status.message();
}

PartitionMeta MetaAt(int64_t offset) {
  PartitionMeta meta;
  meta.inputs = {{"web", kPartition, Offset(offset)}};
  return meta;
}

// As the first version wrote it, with three codes given of a pool "p".
std::string FirstVersionMeta() {
  PartitionMeta meta = MetaAt(7);
  meta.counted_coupons = {{"p", 3}};
  std::string bytes = EncodePartitionMeta(meta);
  EXPECT_EQ(bytes[0], 1);
  return bytes;
}

std::unique_ptr<PartitionStore> OpenOrDie(Database* database, PartitionStoreOptions options = {}) {
  auto opened = PartitionStore::Open(database, kPartition, options);
  if (!opened.ok()) ADD_FAILURE() << opened.status().message();
  SOJOURN_CHECK(opened.ok());
  return std::move(opened).value();
}

// The tier of each person, "-" for an unknown one.
std::string TiersOf(PartitionStore* store, std::vector<std::string_view> ids) {
  std::vector<std::optional<std::string_view>> records;
  const Status status = store->Load(ids, &records);
  if (!status.ok()) return status.message();
  std::string text;
  for (const auto& record : records) text += (record ? Tier(*record) : "-") + " ";
  return text;
}

std::vector<std::string> Due(PartitionStore* store, Timestamp limit) {
  std::vector<TimerRow> due;
  EXPECT_TRUE(store->timers().NextDue(limit, 1000, &due).ok());
  std::vector<std::string> persons;
  for (const TimerRow& row : due) persons.push_back(row.person);
  return persons;
}

// A commit in either mode: the records of all persons given, and their deadlines armed.
class Committer {
 public:
  Committer(Database* database, PartitionStore* store, bool embedded)
      : database_(database), store_(store), embedded_(embedded) {}

  void Commit(const std::vector<std::pair<std::string, std::string>>& persons, int64_t offset) {
    std::vector<PersonChange> changes;
    for (const auto& [id, record] : persons) {
      changes.push_back({id, record});
      if (!record.empty()) store_->timers().Arm(id, kNever, RecordNextDeadline(record));
    }
    if (!embedded_) {
      store_->ApplyCommitted(changes, MetaAt(offset));
      return;
    }
    WriteBatch batch;
    store_->AppendTo(&batch, changes, MetaAt(offset));
    ASSERT_TRUE(database_->Write(batch, Sync::kYes).ok());
    store_->ApplyWritten(changes, MetaAt(offset));
  }

 private:
  Database* const database_;
  PartitionStore* const store_;
  const bool embedded_;
};

// ---- both modes, over memory and RocksDB ----

class PartitionStoreTest : public testing::TestWithParam<std::tuple<bool, bool>> {
 protected:
  PartitionStoreTest() {
    OpenDatabase();
    Reopen();
  }
  bool rocks() const { return std::get<0>(GetParam()); }
  bool embedded() const { return std::get<1>(GetParam()); }

  void OpenDatabase() {
    if (!rocks()) {
      database_ = std::make_unique<MemoryDatabase>();
      return;
    }
    database_.reset();
    auto opened = OpenRocksDatabase({.directory = directory_.path()});
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    database_ = std::move(opened).value();
  }

  // Drops everything in memory, as the end of the process does.
  void Reopen(PartitionStoreOptions options = {}) {
    store_.reset();
    if (rocks()) OpenDatabase();
    store_ = OpenOrDie(database_.get(), options);
  }

  void Commit(const std::vector<std::pair<std::string, std::string>>& persons, int64_t offset) {
    Committer(database_.get(), store_.get(), embedded()).Commit(persons, offset);
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<PartitionStore> store_;
};

INSTANTIATE_TEST_SUITE_P(All, PartitionStoreTest,
                         testing::Combine(testing::Bool(), testing::Bool()), [](const auto& info) {
                           return std::string(std::get<0>(info.param) ? "Rocks" : "Memory") +
                                  (std::get<1>(info.param) ? "Embedded" : "Kafka");
                         });

TEST_P(PartitionStoreTest, NewPartitionIsEmpty) {
  EXPECT_FALSE(store_->ever_committed());
  EXPECT_EQ(store_->meta(), PartitionMeta());
  EXPECT_EQ(TiersOf(store_.get(), {"a"}), "- ");
  EXPECT_TRUE(Due(store_.get(), kNever).empty());
  EXPECT_TRUE(store_->Flush(Sync::kYes).ok());
  Reopen();
  EXPECT_FALSE(store_->ever_committed());
}

// The codes of pool "p" from `from` up to `to`, as a commit that gives them writes them.
PartitionMeta MetaWithCodes(size_t from, size_t to) {
  std::vector<uint64_t> codes(to);
  for (size_t i = 0; i < to; ++i) codes[i] = 1000 + i;
  PartitionMeta meta = MetaAt(static_cast<int64_t>(to));
  meta.coupons = {{"p", to, {}}};
  meta.code_chunks = ChunksOf("p", codes, from);
  return meta;
}

TEST_P(PartitionStoreTest, GivenCodesComeBackInTheirOrder) {
  const auto commit = [&](size_t from, size_t to) {
    const PartitionMeta meta = MetaWithCodes(from, to);
    if (!embedded()) return store_->ApplyCommitted({}, meta);
    WriteBatch batch;
    store_->AppendTo(&batch, {}, meta);
    ASSERT_TRUE(database_->Write(batch, Sync::kYes).ok());
    store_->ApplyWritten({}, meta);
  };
  EXPECT_TRUE(store_->ReadTakenCodes()->empty());
  for (const size_t count : {3, 600, 1024, 1030}) {
    const auto before = store_->ReadTakenCodes();
    commit(before->contains("p") ? before->at("p").size() : 0, count);
    EXPECT_TRUE(store_->meta().code_chunks.empty());
    const auto taken = store_->ReadTakenCodes();
    ASSERT_TRUE(taken.ok()) << taken.status().message();
    ASSERT_EQ(taken->at("p").size(), count);
    EXPECT_EQ(taken->at("p").back(), 1000 + count - 1);
    if (count == 600) {
      ASSERT_TRUE(store_->Flush(Sync::kYes).ok());
    }
  }
  ASSERT_TRUE(store_->Flush(Sync::kYes).ok());
  Reopen();
  const auto taken = store_->ReadTakenCodes();
  ASSERT_TRUE(taken.ok()) << taken.status().message();
  for (size_t i = 0; i < 1030; ++i) EXPECT_EQ(taken->at("p")[i], 1000 + i);
}

TEST_P(PartitionStoreTest, AMissingRowOfCodesIsNoticed) {
  store_->ApplyCommitted({}, MetaWithCodes(600, 1100));  // the first row was never written
  EXPECT_EQ(store_->ReadTakenCodes().status().code(), StatusCode::kDataLoss);
}

TEST_P(PartitionStoreTest, CommittedIsSeenAtOnceAndAfterReopening) {
  Commit({{"a", Record("gold", Timestamp(50))}, {"b", Record("silver")}}, 7);
  EXPECT_EQ(TiersOf(store_.get(), {"b", "x", "a", "b"}), "silver - gold silver ");
  EXPECT_EQ(store_->meta().inputs[0].next_offset, Offset(7));
  Commit({{"a", Record("iron", Timestamp(40))}}, 8);
  EXPECT_EQ(TiersOf(store_.get(), {"a"}), "iron ");
  ASSERT_TRUE(store_->Flush(Sync::kNo).ok());
  EXPECT_EQ(store_->unflushed_count(), 0u);
  EXPECT_EQ(store_->unflushed_bytes(), 0u);
  EXPECT_EQ(TiersOf(store_.get(), {"a", "b"}), "iron silver ");
  Reopen();
  EXPECT_TRUE(store_->ever_committed());
  EXPECT_EQ(store_->meta().inputs[0].next_offset, Offset(8));
  EXPECT_EQ(TiersOf(store_.get(), {"a", "b"}), "iron silver ");
  EXPECT_EQ(Due(store_.get(), kNever), (std::vector<std::string>{"a", "a"}));
}

TEST_P(PartitionStoreTest, ForgottenPersonsStayForgotten) {
  Commit({{"a", Record("gold")}, {"b", Record("silver")}}, 1);
  ASSERT_TRUE(store_->Flush(Sync::kYes).ok());
  Commit({{"a", ""}, {"never known", ""}}, 2);
  EXPECT_EQ(TiersOf(store_.get(), {"a", "b"}), "- silver ");
  std::vector<ScannedPerson> persons;
  ASSERT_TRUE(store_->Scan("", 10, &persons).ok());
  EXPECT_EQ(persons.size(), 1u);
  ASSERT_TRUE(store_->Flush(Sync::kYes).ok());
  EXPECT_EQ(TiersOf(store_.get(), {"a", "b"}), "- silver ");
  Reopen();
  EXPECT_EQ(TiersOf(store_.get(), {"a", "b", "never known"}), "- silver - ");
  Commit({{"a", Record("again")}}, 3);
  EXPECT_EQ(TiersOf(store_.get(), {"a"}), "again ");
}

TEST_P(PartitionStoreTest, CacheIsBounded) {
  Reopen({.cache_bytes = 10'000, .timers = {}});
  std::vector<std::string> ids;
  for (int i = 0; i < 300; ++i) ids.push_back("p" + std::to_string(i));
  for (const std::string& id : ids) Commit({{id, Record(id)}}, 1);
  ASSERT_TRUE(store_->Flush(Sync::kNo).ok());
  EXPECT_LE(store_->cached_bytes(), 10'000u);
  const std::vector<std::string_view> views(ids.begin(), ids.end());
  std::vector<std::optional<std::string_view>> records;
  ASSERT_TRUE(store_->Load(views, &records).ok());  // far more than fits: all views live
  for (size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(Tier(*records[i]), ids[i]);
  ASSERT_TRUE(store_->Load({}, &records).ok());
  EXPECT_LE(store_->cached_bytes(), 10'000u);
  EXPECT_GT(store_->cached_bytes(), 5'000u);
}

TEST_P(PartitionStoreTest, ScanSeesEveryoneOnceInKeyOrder) {
  std::vector<std::string> ids;
  for (int i = 0; i < 300; ++i) ids.push_back("p" + std::to_string(i));
  const auto commit_third = [&](int third) {
    for (int i = third * 100; i < third * 100 + 100; ++i) Commit({{ids[i], Record(ids[i])}}, 1);
  };
  commit_third(0);
  ASSERT_TRUE(store_->Flush(Sync::kNo).ok());
  commit_third(1);
  commit_third(2);
  Commit({{"p5", Record("changed")}, {"p7", ""}, {"p205", ""}}, 2);
  std::vector<std::string> expected = ids;
  std::erase(expected, "p7");
  std::erase(expected, "p205");
  std::sort(expected.begin(), expected.end(), [](const auto& a, const auto& b) {
    return StateKey(kPartition, a) < StateKey(kPartition, b);
  });
  for (const size_t slice : {size_t{1}, size_t{7}, size_t{1000}}) {
    std::vector<std::string> seen;
    std::vector<ScannedPerson> persons;
    std::string cursor;
    do {
      ASSERT_TRUE(store_->Scan(cursor, slice, &persons).ok());
      for (const ScannedPerson& person : persons) {
        seen.push_back(person.id);
        EXPECT_EQ(Tier(person.record), person.id == "p5" ? "changed" : person.id);
      }
      if (!persons.empty()) cursor = persons.back().id;
    } while (persons.size() == slice);
    EXPECT_EQ(seen, expected) << "slices of " << slice;
  }
}

TEST_P(PartitionStoreTest, AbortUndoesTimersOnly) {
  Commit({{"a", Record("gold", Timestamp(50))}}, 1);
  std::vector<TimerRow> due;
  ASSERT_TRUE(store_->timers().NextDue(kNever, 1, &due).ok());
  store_->timers().Pass(due[0], kNever);
  store_->timers().Arm("b", kNever, Timestamp(60));
  store_->Abort();
  EXPECT_EQ(Due(store_.get(), kNever), std::vector<std::string>{"a"});
  EXPECT_EQ(TiersOf(store_.get(), {"a"}), "gold ");
  EXPECT_EQ(store_->meta().timer_cursor, TimerRow());
}

TEST_P(PartitionStoreTest, TimerCursorIsCommitted) {
  Commit({{"a", Record("gold", Timestamp(50))}, {"b", Record("gold", Timestamp(60))}}, 1);
  std::vector<TimerRow> due;
  ASSERT_TRUE(store_->timers().NextDue(kNever, 1, &due).ok());
  store_->timers().Pass(due[0], kNever);
  Commit({{"a", Record("fired")}}, 2);
  EXPECT_EQ(store_->meta().timer_cursor, (TimerRow{Timestamp(50), "a"}));
  ASSERT_TRUE(store_->Flush(Sync::kYes).ok());
  Reopen();
  EXPECT_EQ(store_->meta().timer_cursor, (TimerRow{Timestamp(50), "a"}));
  EXPECT_EQ(Due(store_.get(), kNever), std::vector<std::string>{"b"});
}

TEST_P(PartitionStoreTest, RebuildsTimers) {
  for (int i = 0; i < 21'000; ++i) {
    const std::string id = "p" + std::to_string(i);
    store_->timers().Arm(id, kNever, Timestamp(i));
  }
  std::vector<std::pair<std::string, std::string>> persons;
  for (int i = 0; i < 21'000; ++i) {
    persons.push_back({"p" + std::to_string(i), Record("x", i % 2 == 0 ? Timestamp(i) : kNever)});
  }
  Commit(persons, 1);
  std::vector<TimerRow> due;
  ASSERT_TRUE(store_->timers().NextDue(kNever, 1, &due).ok());
  store_->timers().Pass(due[0], Timestamp(0));
  Commit({}, 2);
  ASSERT_TRUE(store_->RebuildTimers().ok());
  const auto all = [&] {
    std::vector<TimerRow> rows;
    EXPECT_TRUE(store_->timers().NextDue(kNever, 100'000, &rows).ok());
    EXPECT_EQ(rows.size(), 10'500u);
    EXPECT_EQ(rows[1].person, "p2");
  };
  all();
  Reopen();
  all();
  EXPECT_EQ(store_->meta().inputs[0].next_offset, Offset(2));
}

TEST_P(PartitionStoreTest, PartitionsShareADatabase) {
  auto other = PartitionStore::Open(database_.get(), Partition(2));
  ASSERT_TRUE(other.ok());
  Committer(database_.get(), other->get(), embedded()).Commit({{"a", Record("other")}}, 5);
  Commit({{"a", Record("mine")}}, 1);
  ASSERT_TRUE(store_->Flush(Sync::kNo).ok());
  ASSERT_TRUE((*other)->Flush(Sync::kNo).ok());
  EXPECT_EQ(TiersOf(store_.get(), {"a"}), "mine ");
  EXPECT_EQ(TiersOf(other->get(), {"a"}), "other ");
  std::vector<ScannedPerson> persons;
  ASSERT_TRUE((*other)->Scan("", 10, &persons).ok());
  ASSERT_EQ(persons.size(), 1u);
  EXPECT_EQ(Tier(persons[0].record), "other");
  other->reset();
}

// ---- one mode only ----

TEST(PartitionStoreKafkaTest, WhatWasNotFlushedIsLostAsAWhole) {
  MemoryDatabase database;
  auto store = OpenOrDie(&database);
  Committer kafka(&database, store.get(), false);
  kafka.Commit({{"a", Record("one", Timestamp(10))}}, 1);
  ASSERT_TRUE(store->Flush(Sync::kNo).ok());
  kafka.Commit({{"a", Record("two", Timestamp(5))}, {"b", Record("two", Timestamp(6))}}, 2);
  store = OpenOrDie(&database);
  EXPECT_EQ(TiersOf(store.get(), {"a", "b"}), "one - ");
  EXPECT_EQ(store->meta().inputs[0].next_offset, Offset(1));
  EXPECT_EQ(Due(store.get(), kNever), std::vector<std::string>{"a"});
}

TEST(PartitionStoreKafkaTest, FailedFlushKeepsEverything) {
  MemoryDatabase memory;
  FaultyDatabase database(&memory);
  auto store = OpenOrDie(&database);
  Committer kafka(&database, store.get(), false);
  kafka.Commit({{"a", Record("gold", Timestamp(10))}}, 1);
  const size_t bytes = store->unflushed_bytes();
  database.Break(Fault::kWriteLost, ResourceExhausted("full"));
  EXPECT_EQ(store->Flush(Sync::kNo).code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(store->unflushed_bytes(), bytes);
  EXPECT_EQ(TiersOf(store.get(), {"a"}), "gold ");
  database.Break(Fault::kWriteApplied, Internal("who knows"));
  EXPECT_EQ(store->Flush(Sync::kNo).code(), StatusCode::kInternal);
  database.Heal();
  ASSERT_TRUE(store->Flush(Sync::kNo).ok());
  store = OpenOrDie(&database);
  EXPECT_EQ(TiersOf(store.get(), {"a"}), "gold ");
  EXPECT_EQ(Due(store.get(), kNever), std::vector<std::string>{"a"});
}

TEST(PartitionStoreKafkaTest, FlushDuringAnIntervalLeavesTheIntervalOpen) {
  MemoryDatabase database;
  auto store = OpenOrDie(&database);
  Committer kafka(&database, store.get(), false);
  kafka.Commit({{"a", Record("gold", Timestamp(10))}}, 1);
  std::vector<TimerRow> due;
  ASSERT_TRUE(store->timers().NextDue(kNever, 1, &due).ok());
  store->timers().Pass(due[0], kNever);
  store->timers().Arm("b", kNever, Timestamp(20));
  ASSERT_TRUE(store->Flush(Sync::kYes).ok());
  EXPECT_EQ(Due(store.get(), kNever), std::vector<std::string>{"b"});
  store->Abort();
  EXPECT_EQ(Due(store.get(), kNever), std::vector<std::string>{"a"});
}

// The writer passed a stale row and armed it anew: that is in no changelog record. The restored
// store must find it by its own cursor.
TEST(PartitionStoreKafkaTest, RestoringKeepsTheCursorOfItsOwnRows) {
  MemoryDatabase database;
  auto store = OpenOrDie(&database);
  Committer kafka(&database, store.get(), false);
  kafka.Commit({{"stale", Record("x", Timestamp(100))}, {"fires", Record("x", Timestamp(20))}}, 1);
  store->timers().Arm("stale", Timestamp(100), Timestamp(10));  // an old, earlier row
  kafka.Commit({}, 1);
  ASSERT_TRUE(store->Flush(Sync::kYes).ok());

  store = OpenOrDie(&database);  // a later process restores from the changelog
  PartitionMeta meta = MetaAt(9);
  meta.timer_cursor = {Timestamp(50), "z"};
  const std::string fired = Record("fired", Timestamp(70));
  const std::vector<PersonChange> replayed = {{"fires", fired}};
  ASSERT_TRUE(store->ApplyRestored(replayed, meta).ok());
  EXPECT_EQ(store->meta().timer_cursor, TimerRow());
  EXPECT_EQ(store->meta().inputs[0].next_offset, Offset(9));
  EXPECT_EQ(Due(store.get(), kNever),
            (std::vector<std::string>{"stale", "fires", "fires", "stale"}));
  EXPECT_TRUE(store->timers().idle());
}

TEST(PartitionStoreKafkaTest, RestoringRefusesDamageBeforeApplyingAnything) {
  MemoryDatabase database;
  auto store = OpenOrDie(&database);
  const std::string good = Record("x", Timestamp(1));
  const std::vector<PersonChange> replayed = {{"a", good}, {"b", "junk"}};
  const Status status = store->ApplyRestored(replayed, MetaAt(1));
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);  // 'j' is a version far ahead
  EXPECT_NE(status.message().find("\"b\""), std::string::npos);
  EXPECT_EQ(TiersOf(store.get(), {"a"}), "- ");
  EXPECT_FALSE(store->ever_committed());
}

TEST(PartitionStoreErrorsTest, DamagedRowsAreNamed) {
  MemoryDatabase database;
  WriteBatch batch;
  batch.Put(kStateFamily, StateKey(kPartition, "bob"), std::string("\x01", 1));
  ASSERT_TRUE(database.Write(batch, Sync::kNo).ok());
  auto store = OpenOrDie(&database);
  EXPECT_EQ(TiersOf(store.get(), {"bob"}), "person \"bob\": a person's record is cut short");
  std::vector<ScannedPerson> persons;
  EXPECT_EQ(store->Scan("", 10, &persons).code(), StatusCode::kDataLoss);
  batch.Clear();
  batch.Put(kMetaFamily, PartitionMetaKey(kPartition), "\x63");
  ASSERT_TRUE(database.Write(batch, Sync::kNo).ok());
  const Status status = PartitionStore::Open(&database, kPartition).status();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message().rfind("partition 1: ", 0), 0u);
}

TEST(PartitionStoreErrorsTest, ReadErrorsSurface) {
  MemoryDatabase memory;
  FaultyDatabase database(&memory);
  auto store = OpenOrDie(&database);
  database.Break(Fault::kRead, DataLoss("torn"));
  EXPECT_EQ(TiersOf(store.get(), {"a"}), "torn");
  std::vector<ScannedPerson> persons;
  EXPECT_EQ(store->Scan("", 10, &persons).code(), StatusCode::kDataLoss);
  EXPECT_EQ(PartitionStore::Open(&database, kPartition).status().code(), StatusCode::kDataLoss);
}

TEST(PartitionStoreErrorsTest, InterruptedRebuildIsFinishedAtOpen) {
  for (int writes = 0; writes < 4; ++writes) {
    MemoryDatabase memory;
    FaultyDatabase database(&memory);
    auto store = OpenOrDie(&database);
    Committer kafka(&database, store.get(), false);
    kafka.Commit({{"a", Record("x", Timestamp(10))}, {"b", Record("x", Timestamp(20))}}, 1);
    database.Break(Fault::kWriteLost, Internal("died"), writes);
    EXPECT_EQ(store->RebuildTimers().code(), StatusCode::kInternal);
    database.Heal();
    store = OpenOrDie(&database);
    const std::vector<std::string> expected =
        writes == 0 ? std::vector<std::string>() : std::vector<std::string>{"a", "b"};
    EXPECT_EQ(Due(store.get(), kNever), expected) << "died at write " << writes;
    EXPECT_FALSE(store->meta().timers_incomplete);
  }
}

// Random work in Kafka mode with restarts, against plain maps.
TEST(PartitionStorePropertyTest, AgreesWithPlainMaps) {
  std::mt19937_64 random(11);
  MemoryDatabase database;
  const PartitionStoreOptions options = {.cache_bytes = 5'000, .timers = {}};
  auto store = OpenOrDie(&database, options);
  std::map<std::string, std::string> committed;
  std::map<std::string, std::string> flushed;
  int64_t committed_offset = 0;
  int64_t flushed_offset = 0;
  for (int round = 1; round < 3000; ++round) {
    std::map<std::string, std::string> changes;
    for (uint64_t i = random() % 5; i > 0; --i) {
      const std::string id = "p" + std::to_string(random() % 60);
      changes[id] = random() % 4 == 0 ? "" : Record(std::to_string(round));
    }
    Committer(&database, store.get(), false).Commit({changes.begin(), changes.end()}, round);
    for (const auto& [id, record] : changes) {
      if (record.empty()) {
        committed.erase(id);
      } else {
        committed[id] = record;
      }
    }
    committed_offset = round;
    if (random() % 7 == 0) {
      ASSERT_TRUE(store->Flush(Sync::kNo).ok());
      flushed = committed;
      flushed_offset = committed_offset;
    }
    if (random() % 23 == 0) {
      store = OpenOrDie(&database, options);
      committed = flushed;
      committed_offset = flushed_offset;
    }
    for (int i = 0; i < 3; ++i) {
      const std::string id = "p" + std::to_string(random() % 60);
      const auto found = committed.find(id);
      ASSERT_EQ(TiersOf(store.get(), {id}),
                (found == committed.end() ? "-" : Tier(found->second)) + " ");
    }
    if (random() % 11 == 0) {
      std::vector<ScannedPerson> persons;
      ASSERT_TRUE(store->Scan("", 1000, &persons).ok());
      std::map<std::string, std::string> seen;
      for (const ScannedPerson& person : persons) seen[person.id] = person.record;
      ASSERT_EQ(seen, committed);
      ASSERT_EQ(persons.size(), committed.size());
    }
  }
}

// Stopped before its first commit, a partition of the first version stays as it was.
TEST(PartitionStoreTest, CountedCouponsOutliveAStopWithoutACommit) {
  MemoryDatabase database;
  WriteBatch batch;
  batch.Put(kMetaFamily, PartitionMetaKey(kPartition), FirstVersionMeta());
  ASSERT_TRUE(database.Write(batch, Sync::kYes).ok());
  for (const bool rebuild : {false, true}) {
    const auto store = OpenOrDie(&database);
    if (rebuild) {
      ASSERT_TRUE(store->RebuildTimers().ok());
    }
    ASSERT_TRUE(store->Flush(Sync::kYes).ok());
  }
  EXPECT_EQ(*database.Get(kMetaFamily, PartitionMetaKey(kPartition)).value(), FirstVersionMeta());
  EXPECT_EQ(OpenOrDie(&database)->meta().counted_coupons, (std::vector<CountedPoolUse>{{"p", 3}}));
}

}  // namespace
}  // namespace sojourn::store
