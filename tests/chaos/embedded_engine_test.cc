// The engine over the embedded log: what is committed, what retention leaves, and that a kill at
// any moment neither loses nor doubles anything.
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <random>
#include <thread>

#include "connectors/embedded/embedded_log.h"
#include "engine/runtime/test_support.h"
#include "engine/store/faulty_database.h"
#include "engine/store/temporary_directory.h"

namespace sojourn::embedded {
namespace {

using runtime::Lines;
using runtime::ManualClock;
using runtime::Start;

model::Event Event(std::string_view person, std::string_view name) {
  model::Event event;
  event.person = person;
  event.name = name;
  event.time = Start();
  return event;
}

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

class EmbeddedEngineTest : public ::testing::Test {
 protected:
  EmbeddedEngineTest() { options_.directory = directory_.path() + "/data"; }

  void Open() {
    log_.reset();
    database_.reset();
    Result<std::unique_ptr<EmbeddedLog>> log = EmbeddedLog::Open(options_);
    ASSERT_TRUE(log.ok()) << log.status().message();
    log_ = *std::move(log);
  }

  Result<std::vector<AppendedPlace>> Append(std::string_view person, std::string_view name) {
    const model::Event event = Event(person, name);
    return log_->Append({&event, 1});
  }

  // How many records of the one partition there are.
  size_t CountRecords() {
    auto ports = log_->MakeWorkerPorts(0, 1);
    const runtime::PartitionPositions from{Partition(0), {Offset(0)}};
    EXPECT_TRUE(ports.input->SetPositions({&from, 1}).ok());
    const auto fetched = ports.input->Fetch(Partition(0), 0, 1000);
    return fetched.ok() ? fetched->records.size() : 0;
  }

  // From the next Open on the log's database can be made to fail, through faulty_.
  void PutFaultsBelow() {
    options_.wrap_database = [this](std::unique_ptr<store::Database> database) {
      database_ = std::move(database);
      auto faulty = std::make_unique<store::FaultyDatabase>(database_.get());
      faulty_ = faulty.get();
      return faulty;
    };
  }

  store::TemporaryDirectory directory_;
  ManualClock clock_{Start()};
  EmbeddedOptions options_{.partition_count = 1, .min_free_bytes = 0, .clock = &clock_};
  std::unique_ptr<store::Database> database_;  // below faulty_, where there are faults
  store::FaultyDatabase* faulty_ = nullptr;
  std::unique_ptr<EmbeddedLog> log_;
};

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

// Stands first, because a process that has started threads must not fork under the thread
// sanitizer.
TEST_F(EmbeddedEngineTest, KilledAtAnyMomentNothingIsLostOrDoubled) {
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

// ---- disks that fail or are slow -------------------------------------------------------------

Status RunUntilItEnds(runtime::Worker* worker) {
  for (int turn = 0; turn < 1000; ++turn) {
    Status status = worker->RunOnce(Duration());
    if (!status.ok()) return status;
  }
  return Status::Ok();
}

TEST_F(EmbeddedEngineTest, AfterAFailedCommitNothingIsWrittenUntilTheDirectoryIsOpenedAnew) {
  PutFaultsBelow();
  size_t orders = 0;
  for (const store::Fault fault : {store::Fault::kWriteLost, store::Fault::kWriteApplied}) {
    for (const Status& error : {Internal("/data: broken"), ResourceExhausted("/data: full")}) {
      Open();
      std::vector<model::MapEntry> properties;
      const std::vector<model::Event> events = {Identify("u1", &properties),
                                                Event("u1", "Order Completed")};
      ASSERT_TRUE(log_->Append(events).ok());
      ++orders;
      {
        Engine engine(log_.get(), &clock_);
        faulty_->Break(fault, error);
        const Status ended = RunUntilItEnds(&engine.worker());
        EXPECT_EQ(ended.code(), StatusCode::kInternal);
        EXPECT_EQ(ended.message(), error.message());
        EXPECT_FALSE(engine.worker().ready());
        faulty_->Heal();
      }
      EXPECT_FALSE(RunUntilItEnds(&Engine(log_.get(), &clock_).worker()).ok());
      EXPECT_EQ(log_->Health().code(), StatusCode::kInternal);
      EXPECT_FALSE(Append("u1", "Order Completed").ok());
      EXPECT_FALSE(log_->WriteCursors("mailer", {Offset(1)}).ok());
      EXPECT_EQ(ReadAllActions(log_.get()).size(), orders - 1);  // what is uncertain is not shown
      Open();
      EXPECT_TRUE(log_->Health().ok());
      Engine engine(log_.get(), &clock_);
      engine.Settle();
      EXPECT_EQ(ReadAllActions(log_.get()).size(), orders);
    }
  }
}

TEST_F(EmbeddedEngineTest, AFailedAppendStopsTheLogToo) {
  PutFaultsBelow();
  Open();
  faulty_->Break(store::Fault::kWriteApplied, Internal("/data: broken"));
  EXPECT_FALSE(Append("u1", "A").ok());
  faulty_->Heal();
  EXPECT_FALSE(Append("u1", "B").ok());
  EXPECT_FALSE(log_->Health().ok());
  EXPECT_EQ(CountRecords(), 0u);
  Open();
  EXPECT_EQ(CountRecords(), 1u);  // it was never acknowledged, but it is there
  EXPECT_EQ(Append("u1", "C")->front().offset, Offset(1));
}

TEST_F(EmbeddedEngineTest, NoTimerOvertakesARecordWhoseWriteIsSlow) {
  PutFaultsBelow();
  Open();
  std::vector<model::MapEntry> properties;
  const std::vector<model::Event> events = {Identify("u1", &properties),
                                            Event("u1", "Checkout Started")};
  ASSERT_TRUE(log_->Append(events).ok());
  Engine engine(log_.get(), &clock_);
  engine.Settle();

  clock_.Set(Start() + Hours(2) - Seconds(1));  // the reminder is due a second later
  faulty_->HoldNextWrite();
  std::thread shopper([&] { EXPECT_TRUE(Append("u1", "Order Completed").ok()); });
  while (!faulty_->holding()) std::this_thread::yield();
  clock_.Set(Start() + Hours(3));
  Duration longest_sleep;
  for (int turn = 0; turn < 10; ++turn) {
    const auto began = std::chrono::steady_clock::now();
    ASSERT_TRUE(engine.worker().RunOnce(Milliseconds(50)).ok());
    const auto took = std::chrono::steady_clock::now() - began;
    longest_sleep =
        std::max(longest_sleep,
                 Milliseconds(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
  }
  EXPECT_EQ(ReadAllActions(log_.get()), Lines());
  EXPECT_GE(longest_sleep, Milliseconds(40)) << "it spins until the record is there";
  faulty_->Release();
  shopper.join();
  engine.Settle();
  const Lines actions = ReadAllActions(log_.get());
  ASSERT_EQ(actions.size(), 1u);
  EXPECT_TRUE(actions[0].ends_with("thank-you")) << actions[0];
}

// ---- what is committed, and what may go ------------------------------------------------------

TEST_F(EmbeddedEngineTest, ActionsAreReadableOnceCommittedAndCursorsSurvive) {
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

TEST_F(EmbeddedEngineTest, RetentionLeavesWhatIsStillToBeRead) {
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
  EXPECT_EQ(CountRecords(), 21u);  // nothing is applied yet
  {
    Engine engine(log_.get(), &clock_);
    engine.Settle();
  }
  ASSERT_TRUE(log_->WriteCursors("mailer", {Offset(5)}).ok());
  clock_.Advance(Hours(1));
  ASSERT_TRUE(log_->ApplyRetention().ok());
  EXPECT_EQ(CountRecords(), 10u);
  EXPECT_EQ(log_->ReadActions(Partition(0), Offset(0), 100)->size(), 20u);  // committed just now
  clock_.Advance(Days(30));
  ASSERT_TRUE(log_->ApplyRetention().ok());
  EXPECT_EQ(log_->ReadActions(Partition(0), Offset(0), 100)->front().offset, Offset(5));
  Open();
  const auto places = Append("u1", "A");
  ASSERT_TRUE(places.ok());
  EXPECT_EQ((*places)[0].offset, Offset(21));
}

TEST_F(EmbeddedEngineTest, RetentionGivesTheDisksSpaceBack) {
  constexpr int kDays = 40;
  options_.retention = Days(2);
  options_.write_buffer_bytes = 1 << 20;
  Open();
  Engine engine(log_.get(), &clock_);
  std::mt19937 random(1);
  uint64_t largest = 0;
  for (int day = 0; day < kDays; ++day) {
    for (int i = 0; i < 8; ++i) {
      std::string noise(100'000, '\0');  // does not compress
      for (char& byte : noise) byte = static_cast<char>('!' + random() % 90);
      model::MapEntry entry{model::Value::String("noise"), model::Value::String(noise)};
      model::Event event = Event("u1", "Seen");
      event.properties = model::Value::Map(&entry, 1);
      ASSERT_TRUE(log_->Append({&event, 1}).ok());
    }
    engine.Settle();
    clock_.Advance(Days(1));
    ASSERT_TRUE(log_->ApplyRetention().ok());
    largest = std::max(largest, log_->Sizes().disk_bytes);
  }
  EXPECT_EQ(CountRecords(), 16u);
  EXPECT_LT(largest, uint64_t{kDays} * 800'000 / 2);
}

}  // namespace
}  // namespace sojourn::embedded
