#include "engine/runtime/person_questions.h"

#include <atomic>
#include <thread>

#include "engine/runtime/test_support.h"
#include "engine/store/person_record.h"

namespace sojourn::runtime {
namespace {

using model::Value;

constexpr Duration kLong = Seconds(30);
constexpr Duration kShort = Milliseconds(20);

class PersonQuestionsTest : public ::testing::Test {
 protected:
  PersonQuestionsTest() {
    const Timestamp at = Start();
    world_.Append(0, "u1",
                  EventBytes("u1", "Identify", at, {{"email", Value::String("a@b.example")}}), at);
  }

  Process::Setup Setup(int workers) {
    Process::Setup setup{workers, EagerOptions(), {}};
    setup.worker.questions = &questions_;
    return setup;
  }
  Partition Home(std::string_view person) const { return Partition(PartitionOfKey(person, 2)); }
  StatusCode AskCode(std::string_view person, Duration timeout) {
    return questions_.Ask(Home(person), person, timeout).status().code();
  }

  ManualClock clock_{Start() + Hours(1)};
  Observer observer_;
  std::unique_ptr<RulesSource> rules_ = RulesSource::Fixed(LoadRules(ShopRules()));
  MemoryWorld world_{{.partition_count = 2, .keeping = StateKeeping::kChangelog}};
  PersonQuestions questions_;
};

TEST_F(PersonQuestionsTest, TheWorkersAnswerFromWhatIsCommitted) {
  Process process(&world_, &clock_, rules_.get(), &observer_, Setup(2));
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (size_t i = 0; i < process.size(); ++i) {
    threads.emplace_back([&, i] { EXPECT_TRUE(process.worker(i).Run().ok()); });
  }
  // The first may come before the commit; it waits for the partitions all the same.
  for (int left = 1000; left > 0; --left) {
    const auto answer = questions_.Ask(Home("u1"), "u1", kLong);
    ASSERT_TRUE(answer.ok()) << answer.status().message();
    if (!answer->has_value()) continue;
    model::Person person;
    person.id = "u1";
    ASSERT_TRUE(store::DecodePerson(**answer, &person).ok());
    EXPECT_EQ(person.FindTrait("email")->text(), "a@b.example");
    break;
  }
  for (const char* nobody : {"u2", "u3", "u4"}) {
    const auto answer = questions_.Ask(Home(nobody), nobody, kLong);
    ASSERT_TRUE(answer.ok()) << answer.status().message();
    EXPECT_FALSE(answer->has_value());
  }
  for (size_t i = 0; i < process.size(); ++i) process.worker(i).Stop();
  for (std::thread& thread : threads) thread.join();
  // Nobody answers any more; that is not "another process has it".
  EXPECT_EQ(AskCode("u1", kShort), StatusCode::kUnavailable);
}

TEST_F(PersonQuestionsTest, AnUncommittedIntervalIsNotSeen) {
  Process::Setup setup = Setup(1);
  setup.worker.commit_when_idle = false;
  setup.worker.commit_interval = Hours(1);
  Process process(&world_, &clock_, rules_.get(), &observer_, setup);
  for (int turn = 0; turn < 5; ++turn) ASSERT_TRUE(process.Turn().ok());
  std::atomic<bool> answered = false;
  std::thread asker([&] {
    const auto answer = questions_.Ask(Home("u1"), "u1", kLong);
    EXPECT_TRUE(answer.ok() && !answer->has_value()) << answer.status().message();
    answered = true;
  });
  while (!answered) ASSERT_TRUE(process.Turn().ok());
  asker.join();
  ASSERT_TRUE(process.worker().CommitAll().ok());
  answered = false;
  asker = std::thread([&] {
    const auto answer = questions_.Ask(Home("u1"), "u1", kLong);
    EXPECT_TRUE(answer.ok() && answer->has_value()) << answer.status().message();
    answered = true;
  });
  while (!answered) ASSERT_TRUE(process.Turn().ok());
  asker.join();
}

TEST_F(PersonQuestionsTest, WhoeverHasNoWorkersIsToldAtOnce) {
  EXPECT_EQ(AskCode("u1", kLong), StatusCode::kFailedPrecondition);
}

TEST_F(PersonQuestionsTest, OnlyASettledAssignmentSaysElsewhere) {
  auto ports = world_.MakeWorkerPorts(0, 1);
  InputLog* const worker = ports.input.get();
  questions_.SetPartitions(worker, std::nullopt);
  EXPECT_EQ(AskCode("u1", kShort), StatusCode::kUnavailable);
  const Partition other(1 - Home("u1").value());
  questions_.SetPartitions(worker, std::set{other});
  EXPECT_EQ(AskCode("u1", kLong), StatusCode::kFailedPrecondition);
  // Ours, but nobody comes to answer.
  questions_.SetPartitions(worker, std::set{Home("u1")});
  EXPECT_EQ(AskCode("u1", kShort), StatusCode::kUnavailable);
  // Given to somebody else while it is asked.
  std::thread giver([&] { questions_.SetPartitions(worker, std::set{other}); });
  EXPECT_EQ(AskCode("u1", kLong), StatusCode::kFailedPrecondition);
  giver.join();
}

}  // namespace
}  // namespace sojourn::runtime
