#include <gtest/gtest.h>

#include "engine/base/hash.h"
#include "engine/language/load.h"

namespace sojourn::language {
namespace {

using Files = std::map<std::string, std::string>;

std::shared_ptr<const Bundle> Load(const Files& files) {
  LoadResult result = LoadBundle(files);
  EXPECT_NE(result.bundle, nullptr)
      << FormatDiagnostics(result.diagnostics, DiagnosticFormat::kText);
  return result.bundle;
}

Files Shop() {
  return {{"a.yaml",
           "journey: a\ntrigger: {event: Bought, where: 'event.kind == \"shoes\"'}\n"
           "steps: [{wait: 1 day}]\n"},
          {"b.yaml", "journey: b\ntrigger: {event: Bought}\nsteps: [{wait: 1 day}]\n"},
          {"c.yaml",
           "journey: c\ntrigger: {event: Bought, where: 'event.kind == \"hats\" && "
           "event.price > 3'}\nsteps: [{wait: 1 day}]\n"},
          {"d.yaml",
           "journey: d\ntrigger: {any_of: [{enters_segment: s}, {event: Bought, where: "
           "event.price == 3}]}\nsteps: [{wait: 1 day}]\n"},
          {"s.yaml", "segment: s\nwhere: count(\"Bought\", days(3)) > 2\n"}};
}

std::vector<std::pair<uint32_t, uint32_t>> Candidates(const RuleSet& rules,
                                                      const model::Value& properties) {
  std::vector<TriggerReference> found;
  rules.CandidateTriggers(*rules.ForEvent("Bought"), properties, &found);
  std::vector<std::pair<uint32_t, uint32_t>> pairs;
  for (const TriggerReference& one : found) pairs.emplace_back(one.journey, one.trigger);
  return pairs;
}

using Pairs = std::vector<std::pair<uint32_t, uint32_t>>;

TEST(RuleSet, FindsTriggersByTheirEquality) {
  const RuleSet rules(Load(Shop()));
  const model::MapEntry shoes = {model::Value::String("kind"), model::Value::String("shoes")};
  EXPECT_EQ(Candidates(rules, model::Value::Map(&shoes, 1)), (Pairs{{0, 0}, {1, 0}, {3, 1}}));
  EXPECT_EQ(Candidates(rules, model::Value::Map(nullptr, 0)), (Pairs{{1, 0}, {3, 1}}));
  const model::MapEntry number = {model::Value::String("kind"), model::Value::Int(3)};
  EXPECT_EQ(Candidates(rules, model::Value::Map(&number, 1)), (Pairs{{1, 0}, {3, 1}}));
  EXPECT_EQ(rules.ForEvent("Other"), nullptr);
}

TEST(RuleSet, KnowsSegmentTriggersAndCounters) {
  const RuleSet rules(Load(Shop()));
  ASSERT_EQ(rules.SegmentTriggers(StableHash64("s")).size(), 1u);
  EXPECT_EQ(rules.SegmentTriggers(StableHash64("s"))[0].journey, 3u);
  EXPECT_TRUE(rules.SegmentTriggers(1).empty());
  ASSERT_EQ(rules.counters().size(), 1u);
  EXPECT_EQ(rules.FindCounter(rules.counters()[0].id), &rules.counters()[0]);
  ASSERT_NE(rules.ForEvent("Bought"), nullptr);
  EXPECT_EQ(rules.ForEvent("Bought")->counters.size(), 1u);
}

TEST(RuleSet, KeepsOlderRevisionsAndTheirCounters) {
  Files changed = Shop();
  changed["a.yaml"] = "journey: a # new\ntrigger: {event: Sold}\nsteps: [{wait: 2 days}]\n";
  changed["s.yaml"] = "segment: s\nwhere: count(\"Bought\", days(9)) > 5\n";
  changed.erase("b.yaml");
  const auto older = Load(Shop());
  const RuleSet rules(Load(changed), {older});
  const Journey* old_a = older->FindJourney("a");
  EXPECT_EQ(rules.Find(old_a->id, old_a->revision).journey, old_a);
  EXPECT_EQ(rules.Find(old_a->id, old_a->revision).bundle, older.get());
  EXPECT_NE(rules.FindCurrent(old_a->id), old_a);
  EXPECT_EQ(rules.FindCurrent(older->FindJourney("b")->id), nullptr);
  EXPECT_EQ(rules.Find(old_a->id, 1).journey, nullptr);
  ASSERT_EQ(rules.counters().size(), 1u);  // of the same event: one counter, widened
  EXPECT_EQ(rules.counters()[0].window, Days(9));
}

TEST(Revision, FollowsContentOnly) {
  Files commented = Shop();
  commented["a.yaml"] = "# a remark\n" + commented["a.yaml"];
  Files changed = Shop();
  changed["a.yaml"] = "journey: a\ntrigger: {event: Bought}\nsteps: [{wait: 2 days}]\n";
  const auto revision = [](const Files& files) { return Load(files)->FindJourney("a")->revision; };
  EXPECT_EQ(revision(Shop()), revision(commented));
  EXPECT_NE(revision(Shop()), revision(changed));
  EXPECT_NE(Load(Shop())->revision, Load(commented)->revision);
}

}  // namespace
}  // namespace sojourn::language
