#include "engine/base/hash.h"
#include "engine/step/test_support.h"

namespace sojourn::step {
namespace {

using model::FactKind;
using model::Value;

const Value kAddress = Value::String("u1@shop.example");

std::string Journey(const std::string& steps, const std::string& more = "") {
  return "journey: j\ntrigger: {event: Go}\n" + more + "steps:\n" + steps;
}

// A person whose run rests in `old_files`, then judged by `new_files`.
struct Change {
  Change(const Files& old_files, const Files& new_files) : driver({Load(old_files, 1)}) {
    driver.Apply("Identify", Seconds(0), {{"email", kAddress}});
    driver.Apply("Go", Seconds(1));
    driver.Use({Load(new_files, 2), Load(old_files, 1)});
    driver.output.Clear();
    UpgradePerson(driver.environment, Start() + Hours(1), &driver.person, &driver.output);
  }
  Driver driver;
};

TEST(UpgradeTest, FinishStaysOnTheOldRevision) {
  Change change(With({{"j.yaml", Journey("  - wait: 1 day\n  - send_email: hello\n")}}),
                With({{"j.yaml", Journey("  - wait: 1 day\n")}}));
  EXPECT_EQ(change.driver.person.bundle, 2u);
  change.driver.Fire(Days(2));
  EXPECT_EQ(change.driver.output.actions.size(), 1u);
}

TEST(UpgradeTest, ARemovedFileLetsItsRunsFinishAndRetiredEndsThem) {
  const Files before = With({{"j.yaml", Journey("  - wait: 1 day\n  - send_email: hello\n")}});
  Change removed(before, BasicFiles());
  EXPECT_EQ(removed.driver.person.runs.size(), 1u);
  Files retired = BasicFiles();
  retired["company.yaml"] += "retired: [j]\n";
  Change ended(before, retired);
  EXPECT_EQ(ended.driver.person.runs.size(), 0u);
  EXPECT_EQ(ended.driver.Count(FactKind::kExited, "removed"), 1);
}

TEST(UpgradeTest, MoveGoesOnAtTheStepOfTheSameIdAndKeepsItsDeadline) {
  const std::string move = "on_change: move\n";
  Change change(With({{"j.yaml", Journey("  - {id: rest, wait: 1 day}\n", move)}}),
                With({{"j.yaml", Journey("  - {id: before, wait: 1 hour}\n"
                                         "  - {id: rest, wait: 9 days}\n"
                                         "  - {id: mail, send_email: hello}\n",
                                         move)}}));
  EXPECT_EQ(change.driver.person.runs[0].position, 1u);
  change.driver.Fire(Days(2));
  ASSERT_EQ(change.driver.output.actions.size(), 1u);
  EXPECT_EQ(change.driver.output.actions[0].time, Start() + Seconds(1) + Days(1));
}

TEST(UpgradeTest, MovedStepsRenameOrEnd) {
  const Files before =
      With({{"j.yaml", Journey("  - {id: rest, wait: 1 day}\n", "on_change: move\n")}});
  const auto after = [](const std::string& target) {
    return With({{"j.yaml", Journey("  - {id: new-rest, wait: 1 day}\n",
                                    "on_change: move\nmoved_steps: {rest: " + target + "}\n")}});
  };
  Change renamed(before, after("new-rest"));
  ASSERT_EQ(renamed.driver.person.runs.size(), 1u);
  EXPECT_EQ(renamed.driver.person.runs[0].revision,
            renamed.driver.rules->current().journeys[0]->revision);
  Change ended(before, after("exit"));
  EXPECT_EQ(ended.driver.person.runs.size(), 0u);
}

TEST(UpgradeTest, MembershipsAreSilentAndExistingMembersEnterOnlyWhereAsked) {
  for (const bool enter : {false, true}) {
    const std::string existing = enter ? ", existing: enter" : "";
    Change change(BasicFiles(),
                  With({{"s.yaml", "segment: s\nwhere: has(person.email)\n"},
                        {"k.yaml", "journey: k\ntrigger: {enters_segment: s" + existing +
                                       "}\nsteps: [{send_email: hello}]\n"}}));
    EXPECT_TRUE(change.driver.person.InSegment(StableHash64("s")));
    EXPECT_EQ(change.driver.Count(FactKind::kSegmentEntered), 0);
    EXPECT_EQ(change.driver.output.actions.size(), 0u);
    change.driver.Fire(Hours(2));
    ASSERT_EQ(change.driver.output.actions.size(), enter ? 1u : 0u);
    for (const model::Action& action : change.driver.output.actions) {
      EXPECT_EQ(action.why.input, "enters_segment");
    }
  }
}

TEST(UpgradeTest, AGeneralUnsubscriptionHoldsForTopicsThatComeLater) {
  Driver driver({Load(BasicFiles(), 1)});
  driver.Apply("Unsubscribed", Seconds(0));
  Files files = BasicFiles();
  files["company.yaml"] +=
      "topics:\n  marketing: {default: opted_in}\n  offers: {default: opted_in}\n"
      "  orders: {default: opted_in, kind: transactional}\n";
  driver.Use({Load(files, 2), Load(BasicFiles(), 1)});
  UpgradePerson(driver.environment, Start() + Hours(1), &driver.person, &driver.output);
  int refused = 0;
  for (const model::ConsentChoice& choice : driver.person.consent) {
    EXPECT_NE(choice.topic, "orders");
    if (!choice.topic.empty() && !choice.opted_in) ++refused;
  }
  EXPECT_EQ(refused, 2);
}

}  // namespace
}  // namespace sojourn::step
