// Runs whole rules directories with their tests.
#include "engine/simulate/report_text.h"
#include "engine/simulate/test_support.h"
#include "engine/simulate/test_world.h"
#include "engine/simulate/virtual_person.h"

namespace sojourn::simulate {
namespace {

// Worlds in memory whose every second commit goes wrong, so that everything is done twice.
TestOptions WithFault(runtime::CommitFault fault, runtime::StateKeeping keeping) {
  TestOptions options;
  options.make_world = [=](const runtime::WallClock* clock) {
    runtime::MemoryWorldOptions world;
    world.keeping = keeping;
    world.flush_every_commits = 2;
    world.next_fault = [fault, count = 0]() mutable {
      return ++count % 2 == 1 ? fault : runtime::CommitFault::kNone;
    };
    return std::make_unique<MemoryTestWorld>(clock, std::move(world));
  };
  return options;
}

TEST(ScenariosTest, OwnScenarios) { RunAllBelow(SourceDirectory() / "tests" / "scenarios"); }

TEST(ScenariosTest, SampleScenarios) {
  const auto samples = SourceDirectory() / ".." / "shared" / "scenarios";
  if (!std::filesystem::is_directory(samples))
    GTEST_SKIP() << "no sample scenarios beside the source tree";
  RunAllBelow(samples);
}

TEST(ScenariosTest, WithoutTraces) {
  TestOptions options;
  options.tracing = false;
  RunOwnAndSamples(options);
}

// The same tests in a hostile world.

TEST(ScenariosTest, RestartAfterEveryInput) {
  TestOptions options;
  options.restart_after_every_input = true;
  RunOwnAndSamples(options);
}

TEST(ScenariosTest, RestartAfterEveryInputFromAChangelog) {
  TestOptions options = WithFault(runtime::CommitFault::kNone, runtime::StateKeeping::kChangelog);
  options.restart_after_every_input = true;
  RunOwnAndSamples(options);
}

TEST(ScenariosTest, EveryBatchIsDeliveredTwice) {
  RunOwnAndSamples(
      WithFault(runtime::CommitFault::kRolledBack, runtime::StateKeeping::kWithCommit));
}

TEST(ScenariosTest, EveryCommitIsUncertainOnce) {
  RunOwnAndSamples(
      WithFault(runtime::CommitFault::kUncertainLost, runtime::StateKeeping::kChangelog));
}

// What happened, but for the steps' traces: those depend on nothing else.
std::vector<std::string> Texts(const TestCase& test, const VirtualPerson& person) {
  std::vector<std::string> texts;
  for (const Happening& happening : person.happenings()) {
    texts.push_back(HappeningText(test, happening));
    if (happening.action) texts.push_back(happening.action->id + happening.action->values_json);
  }
  return texts;
}

// Whether a test's events come one at a time or in one batch must make no difference.
void CompareAtOnce(const std::filesystem::path& directory, int* compared) {
  const auto bundle = LoadRules(directory);
  ASSERT_NE(bundle, nullptr);
  const auto rules = std::make_shared<const language::RuleSet>(bundle);
  for (const auto& [path, text] : TestFilesOf(directory)) {
    std::vector<language::Diagnostic> diagnostics;
    const auto file = ParseTestFile(path, text, *bundle, &diagnostics);
    ASSERT_NE(file, nullptr);
    for (const TestCase& test : file->tests) {
      SCOPED_TRACE(path + ": " + test.name);
      if (test.events.empty()) continue;
      VirtualPerson one_by_one(rules, test, {});
      for (const TestEvent& event : test.events) one_by_one.Apply(event);
      VirtualPerson at_once(rules, test, {});
      at_once.ApplyAtOnce(test.events);
      EXPECT_EQ(Texts(test, one_by_one), Texts(test, at_once));
      ++*compared;
    }
  }
}

TEST(ScenariosTest, OneBatchGivesTheSameAsOneEventAtATime) {
  int compared = 0;
  for (const char* parent : {"tests/scenarios", "../shared/scenarios"}) {
    for (const auto& directory : RulesDirectories(SourceDirectory() / parent)) {
      CompareAtOnce(directory, &compared);
    }
  }
  EXPECT_GT(compared, 40);
}

}  // namespace
}  // namespace sojourn::simulate
