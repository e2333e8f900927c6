#include "connectors/embedded/embedded_log.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "connectors/embedded/rows.h"
#include "engine/base/hash.h"
#include "engine/store/temporary_directory.h"

namespace sojourn::embedded {
namespace {

using Lines = std::vector<std::string>;

Timestamp Start() { return Timestamp(1'772'442'000'000); }

class TestClock final : public runtime::WallClock {
 public:
  Timestamp Now() const override { return now_; }
  void Set(Timestamp now) { now_ = now; }
  void Advance(Duration by) { now_ = now_.load() + by; }

 private:
  std::atomic<Timestamp> now_{Start()};
};

class EmbeddedLogTest : public ::testing::Test {
 protected:
  EmbeddedLogTest() { options_.directory = directory_.path() + "/data"; }

  void Open() {
    log_.reset();
    Result<std::unique_ptr<EmbeddedLog>> log = EmbeddedLog::Open(options_);
    ASSERT_TRUE(log.ok()) << log.status().message();
    log_ = *std::move(log);
  }

  static model::Event Event(std::string_view person, std::string_view name) {
    model::Event event;
    event.person = person;
    event.name = name;
    event.time = Start();
    return event;
  }

  Result<std::vector<AppendedPlace>> Append(std::string_view person, std::string_view name) {
    const model::Event event = Event(person, name);
    return log_->Append({&event, 1});
  }

  // All records of a partition as "offset log_time key".
  Lines Records(Partition partition) {
    auto ports = log_->MakeWorkerPorts(0, 1);
    const runtime::PartitionPositions from{partition, {Offset(0)}};
    EXPECT_TRUE(ports.input->SetPositions({&from, 1}).ok());
    Lines lines;
    for (bool at_end = false; !at_end;) {
      const Result<runtime::FetchedRecords> fetched = ports.input->Fetch(partition, 0, 3);
      if (!fetched.ok()) return {fetched.status().message()};
      for (const runtime::InputRecord& record : fetched->records) {
        lines.push_back(fmt::format("{} {} {}", record.offset.value(),
                                    (record.log_time - Start()).milliseconds(), record.key));
      }
      at_end = fetched->at_end;
    }
    return lines;
  }

  store::TemporaryDirectory directory_;
  TestClock clock_;
  EmbeddedOptions options_{.partition_count = 1, .min_free_bytes = 0, .clock = &clock_};
  std::unique_ptr<EmbeddedLog> log_;
};

TEST_F(EmbeddedLogTest, AppendsStandInOrderAndSurvive) {
  Open();
  EXPECT_TRUE(log_->empty());
  ASSERT_TRUE(Append("u1", "A").ok());
  clock_.Advance(Seconds(1));
  ASSERT_TRUE(Append("u2", "B").ok());
  clock_.Set(Start());  // a clock that goes back does not take the log with it
  ASSERT_TRUE(Append("u3", "C").ok());
  Open();
  EXPECT_FALSE(log_->empty());
  clock_.Set(Start() + Seconds(2));
  const auto places = Append("u4", "D");
  ASSERT_TRUE(places.ok());
  EXPECT_EQ((*places)[0].offset, Offset(3));
  EXPECT_EQ(Records(Partition(0)), (Lines{"0 0 u1", "1 1000 u2", "2 1000 u3", "3 2000 u4"}));
}

// Timers may have fired up to the moment that a reader was told.
TEST_F(EmbeddedLogTest, AClockThatGoesBackGivesNoRecordATimeBeforeAReadersEnd) {
  Open();
  clock_.Advance(Seconds(10));
  EXPECT_EQ(Records(Partition(0)), Lines());
  clock_.Set(Start());
  ASSERT_TRUE(Append("u1", "A").ok());
  EXPECT_EQ(Records(Partition(0)), (Lines{"0 10000 u1"}));
}

TEST_F(EmbeddedLogTest, TheNewestOfAllPartitionsComeFirst) {
  options_.partition_count = 4;
  Open();
  const auto visit = [this](size_t most) {
    Lines lines;
    const Status visited = log_->VisitNewest([&](const StoredRecord& record) {
      EXPECT_FALSE(record.event.empty());
      lines.push_back(fmt::format("{} {}", (record.log_time - Start()).milliseconds(), record.key));
      return lines.size() < most;
    });
    EXPECT_TRUE(visited.ok()) << visited.message();
    return lines;
  };
  EXPECT_EQ(visit(9), Lines());
  Lines expected;
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(Append(fmt::format("u{}", i), "A").ok());
    expected.insert(expected.begin(), fmt::format("{} u{}", i, i));
    clock_.Advance(Milliseconds(1));
  }
  EXPECT_EQ(visit(100), expected);
  Open();
  EXPECT_EQ(visit(7), Lines(expected.begin(), expected.begin() + 7));
}

TEST_F(EmbeddedLogTest, APersonsRecordsShareAPartition) {
  options_.partition_count = 4;
  Open();
  for (int i = 0; i < 40; ++i) {
    const std::string person = "u" + std::to_string(i % 10);
    const auto places = Append(person, "A");
    ASSERT_TRUE(places.ok());
    EXPECT_EQ((*places)[0].partition, Partition(PartitionOfKey(person, 4)));
  }
}

TEST_F(EmbeddedLogTest, ManyAppendersLeaveNoHolesAndLoseNothing) {
  Open();
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        ASSERT_TRUE(Append(fmt::format("u{}-{}", t, i), "A").ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> persons;
  int64_t offset = 0;
  for (const std::string& line : Records(Partition(0))) {
    EXPECT_EQ(line.substr(0, line.find(' ')), std::to_string(offset++));
    persons.insert(line.substr(line.rfind(' ')));
  }
  EXPECT_EQ(offset, 400);
  EXPECT_EQ(persons.size(), 400u);
}

TEST_F(EmbeddedLogTest, IntakeStopsWhileTheDiskIsNearlyFull) {
  Open();
  ASSERT_TRUE(Append("u1", "A").ok());
  options_.min_free_bytes = UINT64_MAX;
  Open();
  const Status refused = Append("u2", "A").status();
  EXPECT_EQ(refused.code(), StatusCode::kResourceExhausted);
  EXPECT_NE(refused.message().find(options_.directory), std::string::npos) << refused.message();
  // But for how much room there is, which others change meanwhile.
  EXPECT_EQ(log_->Health().code(), refused.code());
  const size_t same = refused.message().find("it has");
  EXPECT_EQ(log_->Health().message().substr(0, same), refused.message().substr(0, same));
  const runtime::DeadLetter letter{.message = "no event"};
  EXPECT_EQ(log_->AppendDeadLetters({&letter, 1}).code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE(log_->WriteCursors("mailer", {Offset(0)}).ok());  // only intake has to stop
  options_.min_free_bytes = 0;
  Open();
  EXPECT_TRUE(log_->Health().ok());
  ASSERT_TRUE(Append("u3", "A").ok());
  EXPECT_EQ(Records(Partition(0)), (Lines{"0 0 u1", "1 0 u3"}));
}

TEST_F(EmbeddedLogTest, RefusesWhatIsNotItsOwn) {
  Open();
  EXPECT_EQ(EmbeddedLog::Open(options_).status().code(), StatusCode::kFailedPrecondition);
  log_.reset();
  EmbeddedOptions other = options_;
  other.app = "another";
  EXPECT_EQ(EmbeddedLog::Open(other).status().code(), StatusCode::kFailedPrecondition);
  other = options_;
  other.partition_count = 9;
  {
    const auto log = EmbeddedLog::Open(other);
    ASSERT_TRUE(log.ok());
    EXPECT_EQ((*log)->partition_count(), 1);
  }
  const std::string identity = options_.directory + "/sojourn.json";
  std::ofstream(identity) << "{\"format\": 2, \"app\": \"sojourn\", \"partitions\": 1}";
  EXPECT_EQ(EmbeddedLog::Open(options_).status().code(), StatusCode::kFailedPrecondition);
  std::ofstream(identity) << "{\"format\": 1,";
  EXPECT_EQ(EmbeddedLog::Open(options_).status().code(), StatusCode::kDataLoss);
  std::filesystem::remove(identity);
  EXPECT_EQ(EmbeddedLog::Open(options_).status().code(), StatusCode::kDataLoss);
  other = options_;
  other.directory = directory_.path() + "/nothing";
  other.create_if_missing = false;
  EXPECT_EQ(EmbeddedLog::Open(other).status().code(), StatusCode::kNotFound);
  other.directory = identity + ".file";
  std::ofstream(other.directory) << "x";
  EXPECT_EQ(EmbeddedLog::Open(other).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(EmbeddedLogTest, LeavesDirectoriesOfOthersAlone) {
  namespace fs = std::filesystem;
  fs::create_directories(options_.directory);
  std::ofstream(options_.directory + "/PG_VERSION") << "15";
  const Status status = EmbeddedLog::Open(options_).status();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_NE(status.message().find(options_.directory + " is not empty"), std::string::npos);
  EXPECT_FALSE(fs::exists(options_.directory + "/lock"));
  fs::remove(options_.directory + "/PG_VERSION");
  std::ofstream(options_.directory + "/secrets.json") << "{}";
  fs::create_directory(options_.directory + "/mail");
  Open();
}

TEST_F(EmbeddedLogTest, ACrashWhileTheDirectoryIsMadeLeavesItUsable) {
  namespace fs = std::filesystem;
  fs::create_directories(options_.directory + "/database.new");
  std::ofstream(options_.directory + "/database.new/LOCK") << "";
  std::ofstream(options_.directory + "/lock") << "";
  std::ofstream(options_.directory + "/sojourn.json.new") << "{";
  Open();
  ASSERT_TRUE(Append("u1", "A").ok());
  log_.reset();
  // Before the last step.
  fs::rename(options_.directory + "/database", options_.directory + "/database.new");
  Open();
  EXPECT_EQ(Records(Partition(0)), (Lines{"0 0 u1"}));
}

TEST_F(EmbeddedLogTest, NeverMakesASecondDatabase) {
  namespace fs = std::filesystem;
  Open();
  ASSERT_TRUE(Append("u1", "A").ok());
  log_.reset();
  const std::string database = options_.directory + "/database";
  fs::rename(database + "/CURRENT", directory_.path() + "/CURRENT");
  for (int attempt = 0; attempt < 2; ++attempt) {
    EXPECT_EQ(EmbeddedLog::Open(options_).status().code(), StatusCode::kDataLoss);
  }
  fs::rename(directory_.path() + "/CURRENT", database + "/CURRENT");
  Open();
  EXPECT_EQ(Records(Partition(0)), (Lines{"0 0 u1"}));
  log_.reset();
  fs::remove_all(database);
  EXPECT_EQ(EmbeddedLog::Open(options_).status().code(), StatusCode::kDataLoss);
  fs::create_directory(database);
  EXPECT_EQ(EmbeddedLog::Open(options_).status().code(), StatusCode::kDataLoss);
}

// ---- imports ---------------------------------------------------------------------------------

TEST_F(EmbeddedLogTest, AnImportIsResumableAndIdempotent) {
  options_.partition_count = 2;
  Open();
  clock_.Set(Start() + Days(100));
  const std::vector<ImportRecord> first = {{Event("u1", "A"), Start()},
                                           {Event("u1", "B"), Start() + Hours(1)}};
  const std::vector<ImportRecord> last = {{Event("u1", "C"), Start() + Minutes(1)},
                                          {Event("u1", "D"), Start() + Days(200)}};
  ASSERT_TRUE(log_->AppendImport({"file", {}, {10, true, false}, first}).ok());
  EXPECT_EQ(Append("u2", "live").status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(log_->AppendImport({"other", {}, {10, false, false}, first}).code(),
            StatusCode::kFailedPrecondition);
  Open();
  const auto state = log_->FindImport("file");
  ASSERT_TRUE(state.ok() && state->has_value());
  EXPECT_EQ((*state)->position, 10u);
  EXPECT_TRUE((*state)->replay);
  // The same chunk once more, as after an answer that got lost.
  EXPECT_EQ(log_->AppendImport({"file", {}, {10, true, false}, first}).code(),
            StatusCode::kFailedPrecondition);
  ASSERT_TRUE(log_->AppendImport({"file", 10, {20, true, true}, last}).ok());
  EXPECT_EQ(log_->AppendImport({"file", 20, {30, true, true}, last}).code(),
            StatusCode::kFailedPrecondition);
  EXPECT_EQ(log_->AppendImport({"new", {}, {1, true, false}, first}).code(),
            StatusCode::kFailedPrecondition);
  ASSERT_TRUE(Append("u2", "live").ok());

  const int64_t hour = Hours(1).milliseconds();
  const int64_t now = Days(100).milliseconds();
  Lines expected = {fmt::format("0 0 "),          "1 0 u1",
                    fmt::format("2 {} u1", hour), fmt::format("3 {} u1", hour),
                    fmt::format("4 {} u1", now),  fmt::format("5 {} ", now)};
  const Partition home(PartitionOfKey("u1", 2));
  Lines lines = Records(home);
  if (PartitionOfKey("u2", 2) == home.value()) lines.pop_back();
  EXPECT_EQ(lines, expected);
  EXPECT_GE(Records(Partition(1 - home.value())).size(), 2u);
}

TEST_F(EmbeddedLogTest, AnImportIntoALivingLogHasThePresentLogTime) {
  Open();
  ASSERT_TRUE(Append("u1", "live").ok());
  clock_.Advance(Hours(1));
  const std::vector<ImportRecord> records = {{Event("u1", "A"), Start() - Days(9)}};
  ASSERT_TRUE(log_->AppendImport({"file", {}, {10, false, true}, records}).ok());
  EXPECT_EQ(Records(Partition(0)),
            (Lines{"0 0 u1", fmt::format("1 {} u1", Hours(1).milliseconds())}));
}

TEST_F(EmbeddedLogTest, AnOpenReplayIsNamedAndCanBeAbandoned) {
  options_.partition_count = 2;
  Open();
  clock_.Set(Start() + Days(100));
  EXPECT_FALSE(log_->FindOpenReplay()->has_value());
  EXPECT_EQ(log_->AbandonImport("file").code(), StatusCode::kFailedPrecondition);
  const std::vector<ImportRecord> first = {{Event("u1", "A"), Start()}};
  ImportState state{1, true, false};
  state.begun_at = Start() + Days(99);
  state.name = "old.ndjson";
  ASSERT_TRUE(log_->AppendImport({"file", {}, state, first}).ok());
  Open();
  const auto open = log_->FindOpenReplay();
  ASSERT_TRUE(open.ok() && open->has_value());
  EXPECT_EQ((*open)->fingerprint, "file");
  EXPECT_EQ((*open)->state.name, "old.ndjson");
  EXPECT_EQ((*open)->state.begun_at, Start() + Days(99));
  const std::string refusals[] = {
      Append("u2", "live").status().message(),
      log_->AppendImport({"other", {}, {1, false, false}, first}).message()};
  for (const std::string& refusal : refusals) {
    EXPECT_NE(refusal.find("old.ndjson"), std::string::npos) << refusal;
    EXPECT_NE(refusal.find("event 1"), std::string::npos) << refusal;
    EXPECT_NE(refusal.find("--abandon"), std::string::npos) << refusal;
  }
  ASSERT_TRUE(log_->AbandonImport("file").ok());
  EXPECT_EQ(log_->AbandonImport("file").code(), StatusCode::kFailedPrecondition);
  Open();
  EXPECT_FALSE(log_->FindOpenReplay()->has_value());
  const auto ended = log_->FindImport("file");
  EXPECT_TRUE((*ended)->finished && (*ended)->abandoned);
  EXPECT_EQ((*ended)->position, 1u);
  ASSERT_TRUE(Append("u2", "live").ok());
  // Both partitions' brackets are closed.
  const Partition home(PartitionOfKey("u1", 2));
  const bool shared = PartitionOfKey("u2", 2) == home.value();
  EXPECT_EQ(Records(home).size(), shared ? 4u : 3u);
  EXPECT_EQ(Records(Partition(1 - home.value())).size(), shared ? 2u : 3u);
}

TEST_F(EmbeddedLogTest, EventsAndLettersAreAppendedTogetherOrNotAtAll) {
  Open();
  runtime::DeadLetter letter;
  letter.message = "no event";
  const std::vector<runtime::DeadLetter> letters = {letter};
  const model::Event event = Event("u1", "E");
  const Partition intake(log_->partition_count());
  const auto kept = [&] { return log_->ReadDeadLetters(intake, Offset(0), 10)->size(); };
  // While an import replays no events are taken.
  const std::vector<ImportRecord> first = {{Event("u0", "A"), Start()}};
  ASSERT_TRUE(log_->AppendImport({"file", {}, {1, true, false}, first, {}}).ok());
  EXPECT_EQ(log_->AppendWithLetters({&event, 1}, letters).code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(kept(), 0u);
  EXPECT_TRUE(log_->AppendWithLetters({}, letters).ok());
  EXPECT_EQ(kept(), 1u);
  ASSERT_TRUE(log_->AppendImport({"file", 1, {1, true, true}, {}, {}}).ok());
  const Partition home(PartitionOfKey("u1", log_->partition_count()));
  const size_t before = Records(home).size();
  EXPECT_TRUE(log_->AppendWithLetters({&event, 1}, letters).ok());
  EXPECT_TRUE(log_->AppendWithLetters({&event, 1}, {}).ok());
  EXPECT_EQ(kept(), 2u);
  EXPECT_EQ(Records(home).size(), before + 2);
  Open();
  EXPECT_EQ(kept(), 2u);
}

TEST_F(EmbeddedLogTest, AnImportsDeadLettersAreKeptOnce) {
  Open();
  runtime::DeadLetter letter;
  letter.message = "1: no event";
  const std::vector<runtime::DeadLetter> one = {letter};
  ASSERT_TRUE(log_->AppendDeadLetters(one).ok());
  const ImportState after{0, false, false, false, 1};
  ASSERT_TRUE(log_->AppendImport({"file", {}, after, {}, one}).ok());
  // Once more, as after an answer that got lost.
  EXPECT_EQ(log_->AppendImport({"file", 0, after, {}, one}).code(),
            StatusCode::kFailedPrecondition);
  const ImportState end{0, false, true, false, 2};
  ASSERT_TRUE(log_->AppendImport({"file", 0, end, {}, one}).ok());
  ASSERT_TRUE(log_->AppendDeadLetters(one).ok());
  Open();
  EXPECT_EQ((*log_->FindImport("file"))->dead_letters, 2u);
  EXPECT_EQ(log_->ReadDeadLetters(Partition(log_->partition_count()), Offset(0), 10)->size(), 4u);
}

// What directories hold that were made before imports had a name.
TEST(EmbeddedRows, AnImportsPlaceOfTheFirstVersionIsRead) {
  const auto state = DecodeImport(std::string("\x01\x85\x02\x01\x00", 5));
  ASSERT_TRUE(state.ok());
  EXPECT_EQ(state->position, 261u);
  EXPECT_TRUE(state->replay && !state->finished && !state->abandoned);
  EXPECT_EQ(state->name, "");
  EXPECT_FALSE(DecodeImport(std::string("\x03\x85\x02\x01\x00", 5)).ok());
}

TEST_F(EmbeddedLogTest, RulesBundlesAreKeptAndNumbered) {
  Open();
  runtime::BundleStore* bundles = log_->bundles();
  EXPECT_TRUE(bundles->ReadAll()->empty());
  EXPECT_EQ(bundles->Append({{"a.yaml", "1"}}).value(), 1u);
  EXPECT_EQ(bundles->Append({{"a.yaml", "1"}}).value(), 1u);
  EXPECT_EQ(bundles->Append({{"a.yaml", "2"}, {"b.yaml", ""}}).value(), 2u);
  EXPECT_EQ(bundles->Append({{"a.yaml", "1"}}).value(), 3u);
  Open();
  const auto all = log_->bundles()->ReadAll();
  ASSERT_TRUE(all.ok());
  ASSERT_EQ(all->size(), 3u);
  EXPECT_EQ((*all)[1].number, 2u);
  EXPECT_EQ((*all)[1].files, (std::map<std::string, std::string>{{"a.yaml", "2"}, {"b.yaml", ""}}));
}

TEST_F(EmbeddedLogTest, ACheckpointOpensAsADirectoryOfItsOwn) {
  Open();
  ASSERT_TRUE(Append("u1", "A").ok());
  const std::string copy = directory_.path() + "/copy";
  ASSERT_TRUE(log_->Checkpoint(copy).ok());
  EXPECT_EQ(log_->Checkpoint(copy).code(), StatusCode::kFailedPrecondition);
  ASSERT_TRUE(Append("u2", "A").ok());
  options_.directory = copy;
  Open();
  EXPECT_EQ(Records(Partition(0)), (Lines{"0 0 u1"}));
}

}  // namespace
}  // namespace sojourn::embedded
