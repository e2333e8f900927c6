#include "connectors/embedded/embedded_log.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "engine/base/hash.h"
#include "engine/runtime/test_support.h"
#include "engine/store/temporary_directory.h"

namespace sojourn::embedded {
namespace {

using runtime::Lines;
using runtime::ManualClock;
using runtime::Start;

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
  ManualClock clock_{Start()};
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
  EXPECT_EQ(Append("u2", "A").status().code(), StatusCode::kResourceExhausted);
  options_.min_free_bytes = 0;
  Open();
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

// ---- the engine over it ----------------------------------------------------------------------

// One worker over the open log.
class Engine {
 public:
  Engine(EmbeddedLog* log, const runtime::WallClock* clock, int index = 0, int count = 1)
      : rules_(runtime::RulesSource::Fixed(runtime::LoadRules(runtime::ShopRules()))),
        ports_(log->MakeWorkerPorts(index, count)),
        decoder_(log->MakeDecoder()) {
    secrets_.coupon_key = "key";
    runtime::TaskEnvironment environment;
    environment.log = ports_.input.get();
    environment.decoder = decoder_.get();
    environment.clock = clock;
    environment.rules = rules_.get();
    environment.secrets = &secrets_;
    environment.observer = &observer_;
    worker_ = std::make_unique<runtime::Worker>(runtime::EagerOptions(), environment,
                                                ports_.committer.get(), ports_.keeper.get());
  }

  runtime::Worker& worker() { return *worker_; }
  void Settle() {
    for (int calm = 0; calm < 3;) {
      const Status status = worker_->RunOnce(Duration());
      ASSERT_TRUE(status.ok()) << status.message();
      calm = worker_->ready() && worker_->idle() ? calm + 1 : 0;
    }
  }

 private:
  std::unique_ptr<runtime::RulesSource> rules_;
  step::Secrets secrets_;
  runtime::Observer observer_;
  EmbeddedLog::WorkerPorts ports_;
  std::unique_ptr<runtime::Decoder> decoder_;
  std::unique_ptr<runtime::Worker> worker_;
};

Lines ReadAllActions(EmbeddedLog* log) {
  Lines lines;
  for (int32_t p = 0; p < log->partition_count(); ++p) {
    for (Offset next(0);;) {
      const auto actions = log->ReadActions(Partition(p), next, 7);
      if (!actions.ok()) return {actions.status().message()};
      if (actions->empty()) break;
      for (const StoredAction& stored : *actions) {
        EXPECT_EQ(stored.offset, next);
        next = Offset(stored.offset.value() + 1);
        const auto action = model::DecodeAction(stored.bytes);
        if (!action.ok()) return {action.status().message()};
        lines.push_back(action->id + " " + action->person + " " + action->template_name);
      }
    }
  }
  return lines;
}

model::Event Identify(std::string_view person, std::vector<model::MapEntry>* properties) {
  *properties = {{model::Value::String("email"), model::Value::String("a@shop.example")}};
  model::Event event;
  event.type = model::EventType::kIdentify;
  event.person = person;
  event.name = model::kIdentify;
  event.properties = model::Value::Map(properties->data(), 1);
  return event;
}

TEST_F(EmbeddedLogTest, ActionsAreReadableOnceCommittedAndCursorsSurvive) {
  Open();
  std::vector<model::MapEntry> properties;
  const std::vector<model::Event> events = {Identify("u1", &properties),
                                            Event("u1", "Order Completed")};
  ASSERT_TRUE(log_->Append(events).ok());
  EXPECT_FALSE(log_->WaitForActions({Offset(0)}, Duration()));
  {
    Engine engine(log_.get(), &clock_);
    engine.Settle();
    EXPECT_TRUE(log_->WaitForActions({Offset(0)}, Seconds(1)));
    EXPECT_EQ(ReadAllActions(log_.get()).size(), 1u);
  }
  ASSERT_TRUE(log_->WriteCursors("mailer", {Offset(1)}).ok());
  Open();
  EXPECT_EQ(ReadAllActions(log_.get()).size(), 1u);
  EXPECT_EQ(log_->ReadCursors("mailer").value(), (Cursors{Offset(1)}));
  EXPECT_EQ(log_->ReadCursors("another").value(), (Cursors{Offset(0)}));
  EXPECT_TRUE(log_->ReadPerson("u1")->has_value());
  EXPECT_FALSE(log_->ReadPerson("u2")->has_value());
  EXPECT_TRUE(log_->ReadMeta(Partition(0))->has_value());
}

TEST_F(EmbeddedLogTest, RetentionLeavesWhatIsStillToBeRead) {
  options_.retention = Days(10);
  Open();
  std::vector<model::MapEntry> properties;
  const model::Event identify = Identify("u1", &properties);
  ASSERT_TRUE(log_->Append({&identify, 1}).ok());
  for (int i = 0; i < 20; ++i) {
    clock_.Advance(Days(1));
    ASSERT_TRUE(Append("u1", "Order Completed").ok());
  }
  ASSERT_TRUE(log_->ApplyRetention().ok());
  EXPECT_EQ(Records(Partition(0)).size(), 21u);  // nothing is applied yet
  {
    Engine engine(log_.get(), &clock_);
    engine.Settle();
  }
  ASSERT_TRUE(log_->WriteCursors("mailer", {Offset(5)}).ok());
  clock_.Advance(Hours(1));
  ASSERT_TRUE(log_->ApplyRetention().ok());
  EXPECT_EQ(Records(Partition(0)).size(), 10u);
  EXPECT_EQ(log_->ReadActions(Partition(0), Offset(0), 100)->size(), 20u);  // committed just now
  clock_.Advance(Days(30));
  ASSERT_TRUE(log_->ApplyRetention().ok());
  EXPECT_EQ(log_->ReadActions(Partition(0), Offset(0), 100)->front().offset, Offset(5));
  Open();
  const auto places = Append("u1", "A");
  ASSERT_TRUE(places.ok());
  EXPECT_EQ((*places)[0].offset, Offset(21));
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

// ---- kill -9 ---------------------------------------------------------------------------------

// A process that imports a file and works on it until it is killed or done.
void LiveUntilKilled(const EmbeddedOptions& options, const std::vector<ImportRecord>& records) {
  Result<std::unique_ptr<EmbeddedLog>> log = EmbeddedLog::Open(options);
  if (!log.ok()) _exit(3);
  Engine first((*log).get(), options.clock, 0, 2);
  Engine second((*log).get(), options.clock, 1, 2);
  std::thread thread([&] {
    while (first.worker().RunOnce(Milliseconds(1)).ok()) continue;
  });
  std::thread other([&] {
    while (second.worker().RunOnce(Milliseconds(1)).ok()) continue;
  });
  constexpr size_t kChunk = 5;
  const auto found = (*log)->FindImport("file");
  if (!found.ok()) _exit(4);
  bool begun = found->has_value();
  size_t position = begun ? (*found)->position : 0;
  bool finished = begun && (*found)->finished;
  while (!finished) {
    const size_t end = std::min(position + kChunk, records.size());
    finished = end == records.size();
    const Status appended =
        (*log)->AppendImport({"file",
                              begun ? std::optional<uint64_t>(position) : std::nullopt,
                              {end, true, finished},
                              std::span(records).subspan(position, end - position)});
    if (!appended.ok()) _exit(5);
    begun = true;
    position = end;
  }
  thread.join();  // never: the parent kills
  other.join();
}

TEST_F(EmbeddedLogTest, KilledAtAnyMomentNothingIsLostOrDoubled) {
  options_.partition_count = 4;
  clock_.Set(Start() + Days(400));
  std::vector<ImportRecord> records;
  std::mt19937 random(7);
  std::vector<std::string> ids(20);
  std::vector<std::vector<model::MapEntry>> properties(20);
  for (size_t i = 0; i < ids.size(); ++i) {
    ids[i] = "u" + std::to_string(i);
    records.push_back({Identify(ids[i], &properties[i]), Start()});
  }
  Timestamp time = Start();
  for (int i = 0; i < 600; ++i) {
    time = time + Minutes(random() % 200);
    const char* name = random() % 8 == 0 ? "Order Completed" : "Checkout Started";
    records.push_back({Event(ids[random() % ids.size()], name), time});
  }

  for (int life = 0; life < 8; ++life) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      LiveUntilKilled(options_, records);
      _exit(6);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(30 + random() % 400));
    ASSERT_EQ(kill(child, SIGKILL), 0);
    int ended = 0;
    ASSERT_EQ(waitpid(child, &ended, 0), child);
    ASSERT_TRUE(WIFSIGNALED(ended)) << "the process ended by itself: " << WEXITSTATUS(ended);
  }
  Open();
  const auto state = log_->FindImport("file");
  ASSERT_TRUE(state.ok());
  const uint64_t position = state->has_value() ? (*state)->position : 0;
  if (!state->has_value() || !(*state)->finished) {
    ASSERT_TRUE(
        log_->AppendImport({"file",
                            state->has_value() ? std::optional<uint64_t>(position) : std::nullopt,
                            {records.size(), true, true},
                            std::span(records).subspan(position)})
            .ok());
  }
  Engine engine(log_.get(), &clock_);
  engine.Settle();

  EmbeddedOptions quiet = options_;
  quiet.directory = directory_.path() + "/quiet";
  Lines expected;
  {
    const auto log = EmbeddedLog::Open(quiet);
    ASSERT_TRUE(log.ok());
    ASSERT_TRUE((*log)->AppendImport({"file", {}, {records.size(), true, true}, records}).ok());
    Engine engine((*log).get(), &clock_);
    engine.Settle();
    expected = ReadAllActions((*log).get());
  }
  ASSERT_GT(expected.size(), 100u);
  EXPECT_EQ(ReadAllActions(log_.get()), expected);
}

}  // namespace
}  // namespace sojourn::embedded
