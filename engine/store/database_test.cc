#include "engine/store/database.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <rocksdb/status.h>

#include "engine/store/faulty_database.h"
#include "engine/store/memory_database.h"
#include "engine/store/rocks_database.h"
#include "engine/store/rocks_status.h"
#include "engine/store/temporary_directory.h"

namespace sojourn::store {
namespace {

constexpr Family kLog = ExtraFamily(0);

RocksOptions At(const std::string& directory) {
  RocksOptions options;
  options.directory = directory;
  options.extra_families = {{"log", false}, {"actions", true}};
  return options;
}

std::unique_ptr<Database> OpenOrDie(const RocksOptions& options) {
  auto opened = OpenRocksDatabase(options);
  if (!opened.ok()) ADD_FAILURE() << opened.status().message();
  SOJOURN_CHECK(opened.ok());
  return std::move(opened).value();
}

std::string Dump(Iterator* rows) {
  std::string text;
  for (; rows->Valid(); rows->Next()) {
    text += std::string(rows->key()) + "=" + std::string(rows->value()) + " ";
  }
  EXPECT_TRUE(rows->status().ok());
  return text;
}

std::string Dump(Database* database, Family family, KeyRange range = {}) {
  const auto rows = database->NewIterator(family, std::move(range));
  rows->SeekToFirst();
  return Dump(rows.get());
}

// What every implementation must do.
class DatabaseTest : public testing::TestWithParam<bool> {
 protected:
  DatabaseTest() {
    if (GetParam()) {
      database_ = OpenOrDie(At(directory_.path()));
    } else {
      database_ = std::make_unique<MemoryDatabase>();
    }
  }

  void Put(Family family, std::vector<std::string> keys) {
    WriteBatch batch;
    for (const std::string& key : keys) batch.Put(family, key, key + key);
    ASSERT_TRUE(database_->Write(batch, Sync::kNo).ok());
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Database> database_;
};

INSTANTIATE_TEST_SUITE_P(All, DatabaseTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "Rocks" : "Memory"; });

TEST_P(DatabaseTest, BatchAppliesInOrder) {
  WriteBatch batch;
  batch.Put(kStateFamily, "a", "1");
  batch.Put(kStateFamily, "b", "2");
  batch.Put(kStateFamily, "c", "3");
  batch.DeleteRange(kStateFamily, "a", "c");
  batch.Put(kStateFamily, "b", "4");
  WriteBatch more;
  more.Delete(kStateFamily, "c");
  more.Put(kLog, std::string("\0\xff", 2), "");
  batch.Append(more);
  EXPECT_EQ(batch.count(), 7u);
  ASSERT_TRUE(database_->Write(batch, Sync::kYes).ok());
  EXPECT_EQ(Dump(database_.get(), kStateFamily), "b=4 ");
  EXPECT_EQ(Dump(database_.get(), kLog), std::string("\0\xff= ", 4));
  batch.Clear();
  EXPECT_TRUE(batch.empty());
}

TEST_P(DatabaseTest, GetAndMultiGet) {
  Put(kStateFamily, {"a", "b"});
  EXPECT_EQ(*database_->Get(kStateFamily, "a"), "aa");
  EXPECT_EQ(*database_->Get(kStateFamily, "z"), std::nullopt);
  EXPECT_EQ(*database_->Get(kTimersFamily, "a"), std::nullopt);
  std::vector<std::optional<std::string>> values;
  const std::vector<std::string> keys = {"b", "z", "a", "b"};
  ASSERT_TRUE(database_->MultiGet(kStateFamily, keys, &values).ok());
  EXPECT_EQ(values, (std::vector<std::optional<std::string>>{"bb", std::nullopt, "aa", "bb"}));
  ASSERT_TRUE(database_->MultiGet(kStateFamily, {}, &values).ok());
  EXPECT_TRUE(values.empty());
}

TEST_P(DatabaseTest, IteratorsKeepTheirBounds) {
  Put(kStateFamily, {"a", "b", "c", "d"});
  EXPECT_EQ(Dump(database_.get(), kStateFamily, {"b", "d"}), "b=bb c=cc ");
  EXPECT_EQ(Dump(database_.get(), kStateFamily, {"bb", ""}), "c=cc d=dd ");
  const auto rows = database_->NewIterator(kStateFamily, {"b", "d"});
  rows->SeekToLast();
  ASSERT_TRUE(rows->Valid());
  EXPECT_EQ(rows->key(), "c");
  rows->Prev();
  EXPECT_EQ(rows->key(), "b");
  rows->Prev();
  EXPECT_FALSE(rows->Valid());
  rows->Seek("a");
  EXPECT_EQ(rows->key(), "b");
  rows->Seek("bz");
  EXPECT_EQ(rows->key(), "c");
  rows->Seek("d");
  EXPECT_FALSE(rows->Valid());
  const auto empty = database_->NewIterator(kStateFamily, {"x", ""});
  empty->SeekToLast();
  EXPECT_FALSE(empty->Valid());
}

TEST_P(DatabaseTest, KeysAreUnsignedBytes) {
  Put(kTimersFamily, {"\x7f", "\x80", "\xff", "a"});
  EXPECT_EQ(Dump(database_.get(), kTimersFamily, {"\x7f", ""}),
            "\x7f=\x7f\x7f \x80=\x80\x80 \xff=\xff\xff ");
}

TEST_P(DatabaseTest, EstimatesCounts) {
  WriteBatch batch;
  for (int i = 0; i < 10000; ++i) batch.Put(kTimersFamily, std::to_string(100000 + i), "");
  ASSERT_TRUE(database_->Write(batch, Sync::kNo).ok());
  ASSERT_TRUE(database_->Flush().ok());
  EXPECT_NEAR(static_cast<double>(database_->EstimateCount(kTimersFamily, {})), 10000, 2000);
  EXPECT_NEAR(static_cast<double>(database_->EstimateCount(kTimersFamily, {"105000", ""})), 5000,
              2000);
  EXPECT_EQ(database_->EstimateCount(kStateFamily, {}), 0u);
}

TEST(MemoryDatabaseTest, DropsAtOnce) {
  MemoryDatabase database;
  WriteBatch batch;
  for (const char* key : {"a", "b", "c"}) batch.Put(kTimersFamily, key, "");
  ASSERT_TRUE(database.Write(batch, Sync::kNo).ok());
  database.AllowDropping(kTimersFamily, "a", "c");
  EXPECT_EQ(Dump(&database, kTimersFamily), "c= ");
}

TEST(RocksDatabaseTest, SurvivesReopening) {
  TemporaryDirectory directory;
  {
    const auto database = OpenOrDie(At(directory.path() + "/new/deep"));
    WriteBatch batch;
    batch.Put(kStateFamily, "a", "1");
    batch.Put(ExtraFamily(1), "b", "2");
    ASSERT_TRUE(database->Write(batch, Sync::kNo).ok());
  }
  // Also when families are not named, or in another order.
  RocksOptions options = At(directory.path() + "/new/deep");
  options.extra_families.clear();
  EXPECT_EQ(*OpenOrDie(options)->Get(kStateFamily, "a"), "1");
  options.extra_families = {{"actions", true}};
  EXPECT_EQ(*OpenOrDie(options)->Get(ExtraFamily(0), "b"), "2");
}

// Writes in a child process that dies without closing anything.
TEST(RocksDatabaseTest, SurvivesTheDeathOfItsProcess) {
  TemporaryDirectory directory;
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto database = OpenRocksDatabase(At(directory.path()));
    for (int i = 0; i < 100; ++i) {
      WriteBatch batch;
      batch.Put(kStateFamily, "count", std::to_string(i));
      batch.Put(kMetaFamily, "count", std::to_string(i));
      if (!(*database)->Write(batch, i % 2 == 0 ? Sync::kYes : Sync::kNo).ok()) _exit(1);
    }
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  const auto database = OpenOrDie(At(directory.path()));
  EXPECT_EQ(*database->Get(kStateFamily, "count"), "99");
  EXPECT_EQ(*database->Get(kMetaFamily, "count"), "99");
}

TEST(RocksDatabaseTest, DropsWhatNobodyReads) {
  TemporaryDirectory directory;
  const auto database = OpenOrDie(At(directory.path()));
  const auto dropped = [&] {
    const auto rows = database->NewIterator(kTimersFamily, {});
    rows->SeekToFirst();
    return rows->Valid() && rows->key() == "10500";
  };
  database->AllowDropping(kTimersFamily, "1", "10500");
  database->AllowDropping(kTimersFamily, "10900", "10950");
  // Overlapping files make RocksDB compact, when it sees fit and with the files it chooses.
  for (int round = 0; round < 200 && !(round > 0 && dropped()); ++round) {
    WriteBatch batch;
    for (int i = 0; i < 1000; ++i) batch.Put(kTimersFamily, std::to_string(10000 + i), "");
    ASSERT_TRUE(database->Write(batch, Sync::kNo).ok());
    ASSERT_TRUE(database->Flush().ok());
    for (int i = 0; i < 10 && !dropped(); ++i) usleep(10'000);
  }
  EXPECT_TRUE(dropped());
  const auto rows = database->NewIterator(kTimersFamily, {});
  int left = 0;
  for (rows->SeekToFirst(); rows->Valid(); rows->Next()) ++left;
  EXPECT_EQ(left, 450);
}

TEST(RocksDatabaseTest, CheckpointIsADatabase) {
  TemporaryDirectory directory;
  const auto database = OpenOrDie(At(directory.path() + "/one"));
  WriteBatch batch;
  batch.Put(kStateFamily, "a", "1");
  ASSERT_TRUE(database->Write(batch, Sync::kNo).ok());
  const std::string copy = directory.path() + "/copy";
  ASSERT_TRUE(database->Checkpoint(copy).ok());
  EXPECT_EQ(*OpenOrDie(At(copy))->Get(kStateFamily, "a"), "1");
  EXPECT_FALSE(database->Checkpoint(copy).ok());
}

TEST(RocksDatabaseTest, Destroys) {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/one";
  EXPECT_TRUE(DestroyRocksDatabase(path).ok());
  OpenOrDie(At(path));
  ASSERT_TRUE(DestroyRocksDatabase(path).ok());
  RocksOptions options = At(path);
  options.create_if_missing = false;
  EXPECT_EQ(OpenRocksDatabase(options).status().code(), StatusCode::kNotFound);
}

TEST(RocksDatabaseTest, SizesGrow) {
  TemporaryDirectory directory;
  const auto database = OpenOrDie(At(directory.path()));
  const uint64_t before = database->Sizes().write_buffer_bytes;
  WriteBatch batch;
  for (int i = 0; i < 10000; ++i) batch.Put(kStateFamily, std::to_string(i), std::string(100, 'x'));
  ASSERT_TRUE(database->Write(batch, Sync::kNo).ok());
  EXPECT_GT(database->Sizes().write_buffer_bytes, before + 1'000'000);
  ASSERT_TRUE(database->Flush().ok());
  EXPECT_GT(database->Sizes().disk_bytes, 10'000u);
}

// ---- errors, each one line that names the directory ----

void ExpectError(const Status& status, StatusCode code, const std::string& directory) {
  EXPECT_EQ(status.code(), code) << status.message();
  EXPECT_EQ(status.message().rfind(directory, 0), 0u) << status.message();
  EXPECT_EQ(status.message().find('\n'), std::string::npos);
}

TEST(RocksErrorsTest, InUse) {
  TemporaryDirectory directory;
  const auto database = OpenOrDie(At(directory.path()));
  const Status status = OpenRocksDatabase(At(directory.path())).status();
  ExpectError(status, StatusCode::kFailedPrecondition, directory.path());
  EXPECT_NE(status.message().find("in use"), std::string::npos) << status.message();
}

TEST(RocksErrorsTest, InUseByAnotherProcess) {
  TemporaryDirectory directory;
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto database = OpenRocksDatabase(At(directory.path()));
    (void)!write(ready[1], "x", 1);
    pause();
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  const Status status = OpenRocksDatabase(At(directory.path())).status();
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  ExpectError(status, StatusCode::kFailedPrecondition, directory.path());
  EXPECT_NE(status.message().find("in use"), std::string::npos) << status.message();
}

TEST(RocksErrorsTest, NotADirectory) {
  TemporaryDirectory directory;
  const std::string file = directory.path() + "/file";
  std::ofstream(file) << "x";
  ExpectError(OpenRocksDatabase(At(file)).status(), StatusCode::kInvalidArgument, file);
  ExpectError(OpenRocksDatabase(At(file + "/below")).status(), StatusCode::kInvalidArgument, file);
}

TEST(RocksErrorsTest, NoPermission) {
  TemporaryDirectory directory;
  ASSERT_EQ(chmod(directory.path().c_str(), 0555), 0);
  const bool root = geteuid() == 0;  // whom no permission stops
  if (root) {
    ASSERT_EQ(seteuid(65534), 0);
  }
  const Status inside = OpenRocksDatabase(At(directory.path())).status();
  const Status below = OpenRocksDatabase(At(directory.path() + "/below")).status();
  if (root) {
    ASSERT_EQ(seteuid(0), 0);
  }
  ExpectError(inside, StatusCode::kInvalidArgument, directory.path());
  ExpectError(below, StatusCode::kInvalidArgument, directory.path());
}

TEST(RocksErrorsTest, Damaged) {
  TemporaryDirectory directory;
  OpenOrDie(At(directory.path()));
  std::ofstream(directory.path() + "/CURRENT") << "no manifest";
  ExpectError(OpenRocksDatabase(At(directory.path())).status(), StatusCode::kDataLoss,
              directory.path());
}

// A database whose rows all stand in its write-ahead log, and the name of that log.
std::string MakeLoggedDatabase(const std::string& path) {
  const pid_t child = fork();
  if (child == 0) {
    const auto database = OpenRocksDatabase(At(path));
    for (int i = 0; i < 1000; ++i) {
      WriteBatch batch;
      batch.Put(kStateFamily, std::to_string(i), std::string(200, 'x'));
      if (!(*database)->Write(batch, Sync::kNo).ok()) _exit(1);
    }
    _exit(0);
  }
  int status = 1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    if (entry.path().extension() == ".log" && entry.file_size() > 200'000) return entry.path();
  }
  ADD_FAILURE() << "no log";
  return "";
}

TEST(RocksErrorsTest, ADamagedLogIsNotReadUpToTheDamage) {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/one";
  const std::string log = MakeLoggedDatabase(path);
  std::fstream file(log, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(std::filesystem::file_size(log) * 6 / 10));
  file.put('!');
  file.close();
  for (int attempt = 0; attempt < 2; ++attempt) {  // the first one has changed nothing
    ExpectError(OpenRocksDatabase(At(path)).status(), StatusCode::kDataLoss, path);
  }
}

TEST(RocksErrorsTest, ALogThatPowerLossCutIsReadToTheCut) {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/one";
  const std::string log = MakeLoggedDatabase(path);
  std::filesystem::resize_file(log, std::filesystem::file_size(log) - 100);
  const auto database = OpenOrDie(At(path));
  EXPECT_NE(*database->Get(kStateFamily, "998"), std::nullopt);
  EXPECT_EQ(*database->Get(kStateFamily, "999"), std::nullopt);
}

TEST(RocksErrorsTest, AMissingLogIsNoticed) {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/one";
  std::filesystem::remove(MakeLoggedDatabase(path));
  ExpectError(OpenRocksDatabase(At(path)).status(), StatusCode::kDataLoss, path);
}

TEST(RocksErrorsTest, NothingIsMadeOverTheRemainsOfADatabase) {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/one";
  MakeLoggedDatabase(path);
  std::filesystem::rename(path + "/CURRENT", directory.path() + "/CURRENT");
  for (const bool create : {true, true, false}) {
    RocksOptions options = At(path);
    options.create_if_missing = create;
    ExpectError(OpenRocksDatabase(options).status(), StatusCode::kDataLoss, path);
  }
  std::filesystem::rename(directory.path() + "/CURRENT", path + "/CURRENT");
  EXPECT_NE(*OpenOrDie(At(path))->Get(kStateFamily, "999"), std::nullopt);
  // Such remains can be wiped, for what can be rebuilt.
  std::filesystem::remove(path + "/CURRENT");
  ASSERT_TRUE(DestroyRocksDatabase(path).ok());
  EXPECT_EQ(*OpenOrDie(At(path))->Get(kStateFamily, "999"), std::nullopt);
}

TEST(RocksErrorsTest, DiskFull) {
  const Status status = FromRocks(rocksdb::Status::NoSpace("write", "disk"), "/data");
  ExpectError(status, StatusCode::kResourceExhausted, "/data");
}

void SetFormat(Database* database, std::string_view version) {
  WriteBatch batch;
  batch.Put(kMetaFamily, "format", version);
  ASSERT_TRUE(database->Write(batch, Sync::kYes).ok());
}

TEST(RocksErrorsTest, NewerFormat) {
  TemporaryDirectory directory;
  SetFormat(OpenOrDie(At(directory.path())).get(), "2");
  const Status status = OpenRocksDatabase(At(directory.path())).status();
  ExpectError(status, StatusCode::kFailedPrecondition, directory.path());
  EXPECT_NE(status.message().find("newer sojourn"), std::string::npos);
}

TEST(FormatVersionTest, OnlyOurs) {
  MemoryDatabase database;
  ASSERT_TRUE(CheckFormatVersion(&database, "x").ok());
  EXPECT_EQ(*database.Get(kMetaFamily, "format"), "1");
  ASSERT_TRUE(CheckFormatVersion(&database, "x").ok());
  for (const char* damaged : {"", "one", "1x", "0", "-1", "99999999999"}) {
    SetFormat(&database, damaged);
    EXPECT_EQ(CheckFormatVersion(&database, "x").code(), StatusCode::kDataLoss) << damaged;
  }
  MemoryDatabase foreign;
  WriteBatch batch;
  batch.Put(kMetaFamily, "something", "else");
  ASSERT_TRUE(foreign.Write(batch, Sync::kNo).ok());
  EXPECT_EQ(CheckFormatVersion(&foreign, "x").code(), StatusCode::kFailedPrecondition);
}

TEST(FaultyDatabaseTest, FailsOnDemand) {
  MemoryDatabase memory;
  FaultyDatabase database(&memory);
  WriteBatch batch;
  batch.Put(kStateFamily, "a", "1");
  database.Break(Fault::kWriteLost, ResourceExhausted("full"), 1);
  EXPECT_TRUE(database.Write(WriteBatch(), Sync::kNo).ok());
  EXPECT_EQ(database.Write(batch, Sync::kNo).code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(database.Write(batch, Sync::kNo).code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(*database.Get(kStateFamily, "a"), std::nullopt);
  database.Break(Fault::kWriteApplied, Internal("who knows"));
  EXPECT_EQ(database.Write(batch, Sync::kNo).code(), StatusCode::kInternal);
  EXPECT_EQ(*database.Get(kStateFamily, "a"), "1");
  database.Break(Fault::kRead, DataLoss("torn"));
  EXPECT_EQ(database.Get(kStateFamily, "a").status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(database.NewIterator(kStateFamily, {})->status().code(), StatusCode::kDataLoss);
  EXPECT_TRUE(database.Write(batch, Sync::kNo).ok());
  database.Heal();
  EXPECT_EQ(*database.Get(kStateFamily, "a"), "1");
}

}  // namespace
}  // namespace sojourn::store
