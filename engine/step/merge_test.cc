#include <algorithm>
#include <deque>
#include <set>

#include "engine/base/limits.h"
#include "engine/step/test_support.h"

namespace sojourn::step {
namespace {

using model::EventType;
using model::FactKind;
using model::Value;

const Value kAddress = Value::String("ana@shop.example");

// Everybody of a shop, with the events that one leads to for another on their way.
class People {
 public:
  explicit People(const Files& files) : driver_(files) {}

  // What has happened to `id` since the start; a record of its own, with the timers before it.
  void Apply(const std::string& id, std::string_view name, Duration after,
             const Driver::Properties& properties = {}, std::string_view event_id = "",
             std::string_view anonymous = "") {
    model::Event event = driver_.Make(name, after, properties, event_id);
    event.anonymous_id = anonymous;
    Apply(id, event, Start() + after);
  }
  void Identify(const std::string& id, Duration after, std::string_view anonymous,
                const Driver::Properties& traits = {}) {
    Apply(id, "Identify", after, traits, "", anonymous);
  }

  void IdentifyOfThePast(const std::string& id, Duration after, std::string_view anonymous) {
    model::Event event = driver_.Make("Identify", after, {}, "");
    event.anonymous_id = anonymous;
    event.historical = true;
    Apply(id, event, Start() + after);
  }

  // The oldest event that is on its way arrives, so long after the start; false: there is none.
  bool Arrive(Duration after) {
    if (under_way_.empty()) return false;
    OwnEvent own = std::move(under_way_.front());
    under_way_.pop_front();
    if (own.state != nullptr) own.state->id = own.event.properties.Find("from")->text();
    merged_ = std::move(own.state);
    Apply(std::string(own.event.person), own.event, Start() + after);
    return true;
  }
  void ArriveAll(Duration after) {
    for (int i = 0; Arrive(after); ++i) ASSERT_LT(i, 1000);
  }

  void Fire(const std::string& id, Duration until) {
    model::Person& person = Of(id);
    StepOutput output;
    while (FireNextTimer(driver_.environment, Start() + until, &person, &output)) Keep(&output);
  }

  model::Person& Of(const std::string& id) {
    auto& person = people_[id];
    if (person == nullptr) {
      person = std::make_unique<model::Person>();
      person->id = id;
    }
    return *person;
  }
  // "ana: hello", "facts" as "reason".
  const std::vector<std::string>& mails() const { return mails_; }
  int Facts(FactKind kind, const std::string& reason = "") const {
    return static_cast<int>(std::count_if(facts_.begin(), facts_.end(), [&](const auto& fact) {
      return fact.first == kind && (reason.empty() || fact.second == reason);
    }));
  }
  std::set<std::string> action_ids() const { return action_ids_; }
  std::string Trait(const std::string& id, std::string_view name) {
    const Value* value = Of(id).FindTrait(name);
    return value == nullptr ? "" : std::string(value->text());
  }

 private:
  void Apply(const std::string& id, const model::Event& event, Timestamp at) {
    Fire(id, (at - Milliseconds(1)) - Start());
    StepOutput output;
    EventInput input{&event, {"web", Partition(2), Offset(++offset_)}, at};
    input.merged = merged_.get();
    ApplyEvent(driver_.environment, input, &Of(id), &output);
    Keep(&output);
    merged_.reset();
  }

  void Keep(StepOutput* output) {
    for (const model::Action& action : output->actions) {
      mails_.push_back(action.person + ": " + action.template_name);
      action_ids_.insert(action.id);
    }
    for (const model::Fact& fact : output->facts) facts_.emplace_back(fact.kind, fact.reason);
    for (OwnEvent& own : output->events) {
      const bool sent_on = own.event.type == EventType::kMergedState && own.state == nullptr;
      if (sent_on) own.state = std::move(merged_);  // instead of its bytes
      under_way_.push_back(std::move(own));
    }
    arenas_.push_back(std::move(output->arena));  // what is on its way points into it
    output->Clear();
  }

  Driver driver_;
  std::map<std::string, std::unique_ptr<model::Person>> people_;
  std::deque<OwnEvent> under_way_;
  std::deque<Arena> arenas_;
  std::unique_ptr<model::Person> merged_;
  std::vector<std::string> mails_;
  std::set<std::string> action_ids_;
  std::vector<std::pair<FactKind, std::string>> facts_;
  int64_t offset_ = 0;
};

const Files& Shop() {
  static const Files files =
      With({{"company.yaml",
             "company: Shop\ntimezone: UTC\ntopics:\n  news: {default: opted_in}\n"
             "  offers: {default: opted_in}\n"},
            {"templates/hello.liquid", "---\ntemplate: hello\nsubject: Hi\ntopic: news\n---\nHi\n"},
            {"segments/buyers.yaml", "segment: buyers\nwhere: count(\"Order Completed\") >= 2\n"},
            {"segments/lookers.yaml", "segment: lookers\nwhere: count(\"Viewed\") >= 1\n"},
            {"journeys/cart.yaml",
             "journey: cart\ntrigger: {event: Checkout Started}\n"
             "steps:\n  - wait: 2 hours\n  - send_email: hello\n"},
            {"journeys/orders.yaml",
             "journey: orders\ntrigger: {event: Order Completed}\none_run_per: event.order\n"
             "steps:\n  - wait: 1 day\n  - send_email: hello\n"},
            {"journeys/buyers.yaml",
             "journey: buyers\ntrigger: {enters_segment: buyers}\n"
             "steps:\n  - send_email: hello\n"},
            {"journeys/lookers.yaml",
             "journey: lookers\ntrigger: {enters_segment: lookers}\n"
             "steps:\n  - webhook: {url: \"https://shop.example/look\"}\n"},
            {"journeys/once.yaml",
             "journey: once\ntrigger: {event: Viewed}\nreentry: never\n"
             "steps:\n  - wait: 3 days\n  - send_email: hello\n"}});
  return files;
}

TEST(MergeTest, AnIdentifyWithBothIdsMakesOnePersonOfThem) {
  People people(Shop());
  people.Apply("a:x", "Order Completed", Hours(1), {{"order", Value::String("1")}});
  people.Apply("a:x", "Identify", Hours(1),
               {{"plan", Value::String("basic")}, {"city", Value::String("Bern")}});
  people.Identify("ana", Hours(2), "x", {{"email", kAddress}, {"plan", Value::String("pro")}});
  people.Apply("ana", "Order Completed", Hours(2), {{"order", Value::String("2")}});
  EXPECT_EQ(people.mails(), std::vector<std::string>());
  people.ArriveAll(Hours(3));
  // Two orders together: in the segment from now on. What the known one says holds.
  EXPECT_EQ(people.mails(), (std::vector<std::string>{"ana: hello"}));
  EXPECT_EQ(people.Trait("ana", "plan"), "pro");
  EXPECT_EQ(people.Trait("ana", "city"), "Bern");
  EXPECT_EQ(people.Of("ana").first_seen_at, Start() + Hours(1));
  EXPECT_EQ(people.Of("ana").last_seen_at, Start() + Hours(2));
  // Both orders' runs go on, each once.
  EXPECT_EQ(people.Of("ana").runs.size(), 2u);
  people.Fire("ana", Days(3));
  people.Fire("a:x", Days(3));
  EXPECT_EQ(people.mails().size(), 3u);
  EXPECT_EQ(people.action_ids().size(), 3u);
  // The old id is a redirect, and nothing more.
  EXPECT_EQ(people.Of("a:x").moved_to, "ana");
  EXPECT_EQ(people.Of("a:x").traits.size(), 0u);
  EXPECT_EQ(people.Facts(FactKind::kMerged), 1);
}

TEST(MergeTest, ItIsAskedForOnceHoweverOftenItIsSaid) {
  People people(Shop());
  people.Apply("a:x", "Viewed", Hours(1));
  for (int i = 0; i < 3; ++i) people.Identify("ana", Hours(2 + i), "x");
  people.ArriveAll(Hours(9));
  people.Identify("ana", Hours(10), "x");
  EXPECT_FALSE(people.Arrive(Hours(11)));
  EXPECT_EQ(people.Facts(FactKind::kMerged), 1);
}

TEST(MergeTest, AnAliasNamesAnAnonymousIdAndNeverAKnownOne) {
  People people(Shop());
  people.Apply("a:x", "Viewed", Hours(1));
  people.Apply("x", "Viewed", Hours(1));
  people.Apply("ana", "Alias", Hours(2), {{"previous_id", Value::String("x")}});
  people.ArriveAll(Hours(3));
  EXPECT_EQ(people.Of("a:x").moved_to, "ana");
  EXPECT_EQ(people.Of("x").moved_to, "");
}

TEST(MergeTest, AnEventThatNamesItMergesAnyTwo) {
  People people(Shop());
  people.Apply("old", "Viewed", Hours(1));
  people.Apply("ana", "Person Merged", Hours(2), {{"from", Value::String("old")}});
  people.ArriveAll(Hours(3));
  EXPECT_EQ(people.Of("old").moved_to, "ana");
  EXPECT_EQ(people.Of("ana").runs.size(), 1u);
  // But not a known one into an anonymous one, none into itself, and nobody without a name.
  people.Apply("a:y", "Person Merged", Hours(4), {{"from", Value::String("ana")}});
  people.Apply("ana", "Person Merged", Hours(4), {{"from", Value::String("ana")}});
  people.Apply("ana", "Person Merged", Hours(4));
  EXPECT_FALSE(people.Arrive(Hours(5)));
  EXPECT_EQ(people.Facts(FactKind::kMergeRefused), 3);
}

TEST(MergeTest, LateEventsFollowTheRedirectAndRepetitionsAreFound) {
  People people(Shop());
  people.Apply("a:x", "Order Completed", Hours(1), {{"order", Value::String("1")}}, "first");
  people.Identify("ana", Hours(2), "x", {{"email", kAddress}});
  people.ArriveAll(Hours(3));
  people.Apply("a:x", "Order Completed", Hours(4), {{"order", Value::String("1")}}, "first");
  people.Apply("a:x", "Identify", Hours(4), {{"city", Value::String("Bern")}}, "second");
  people.ArriveAll(Hours(5));
  EXPECT_EQ(people.Trait("ana", "city"), "Bern");
  EXPECT_EQ(people.mails(), std::vector<std::string>()) << "one order, counted twice?";
  people.Apply("a:x", "Order Completed", Hours(6), {{"order", Value::String("2")}}, "third");
  people.ArriveAll(Hours(7));
  EXPECT_EQ(people.mails(), (std::vector<std::string>{"ana: hello"}));
  EXPECT_EQ(people.Facts(FactKind::kSentOn), 3);
}

TEST(MergeTest, WhoHasMergedStaysWhereTheyAre) {
  People people(Shop());
  people.Apply("a:x", "Identify", Hours(1), {{"city", Value::String("Bern")}});
  people.Identify("ana", Hours(2), "x");
  people.ArriveAll(Hours(2));
  people.Identify("bob", Hours(3), "x");
  people.ArriveAll(Hours(3));
  EXPECT_EQ(people.Of("a:x").moved_to, "ana");
  EXPECT_EQ(people.Trait("bob", "city"), "");
  EXPECT_EQ(people.Facts(FactKind::kMergeRefused, "merged_elsewhere"), 1);
}

TEST(MergeTest, TheRunsOfThePersonWhoStaysWin) {
  People people(Shop());
  people.Identify("ana", Hours(0), "", {{"email", kAddress}});
  people.Apply("ana", "Checkout Started", Hours(1));
  people.Apply("ana", "Order Completed", Hours(1), {{"order", Value::String("1")}});
  people.Apply("a:x", "Checkout Started", Hours(2));
  people.Apply("a:x", "Order Completed", Hours(2), {{"order", Value::String("1")}});
  people.Apply("a:x", "Order Completed", Hours(2), {{"order", Value::String("2")}});
  people.Identify("ana", Milliseconds(2 * 3'600'000 + 1), "x");
  people.ArriveAll(Hours(2) + Minutes(1));
  EXPECT_EQ(people.Facts(FactKind::kExited, "merged"), 2);
  EXPECT_EQ(people.Of("ana").runs.size(), 3u);
  people.Fire("ana", Days(3));
  // A cart and two orders. The segment a:x had entered by itself: that counts for both.
  EXPECT_EQ(people.mails().size(), 3u);
  EXPECT_EQ(people.action_ids().size(), 3u);
}

TEST(MergeTest, ReentryHoldsForBothIdsTogether) {
  People people(Shop());
  people.Identify("ana", Hours(0), "", {{"email", kAddress}});
  people.Apply("ana", "Viewed", Hours(1));
  people.Fire("ana", Days(4));
  EXPECT_EQ(people.mails().size(), 2u);  // once, and the webhook
  people.Apply("a:x", "Viewed", Days(5));
  people.Identify("ana", Days(6), "x");
  people.ArriveAll(Days(6));
  EXPECT_EQ(people.Facts(FactKind::kExited, "merged"), 1);
  people.Apply("ana", "Viewed", Days(7));
  people.Fire("ana", Days(30));
  EXPECT_EQ(std::count(people.mails().begin(), people.mails().end(), "ana: hello"), 1);
}

TEST(MergeTest, WhatTheOtherIdHasBeenThroughIsNotEnteredAgain) {
  People people(Shop());
  people.Apply("a:x", "Viewed", Hours(1));
  people.Fire("a:x", Days(4));
  people.Identify("ana", Days(5), "x", {{"email", kAddress}});
  people.ArriveAll(Days(5));
  people.Apply("ana", "Viewed", Days(6));
  people.Fire("ana", Days(30));
  EXPECT_EQ(people.Facts(FactKind::kEntryRefused, "reentry"), 1);
}

TEST(MergeTest, ASegmentThatOneIdWasInStartsNothingAgain) {
  People people(Shop());
  people.Apply("a:x", "Viewed", Hours(1));
  people.Identify("ana", Hours(2), "x", {{"email", kAddress}});
  people.ArriveAll(Hours(3));
  const auto mails = people.mails();
  EXPECT_EQ(mails.size(), 1u) << "the webhook of a:x alone";
  EXPECT_EQ(people.Facts(FactKind::kSegmentEntered), 2);
}

TEST(MergeTest, WhatWasRefusedUnderEitherIdStaysRefused) {
  People people(Shop());
  people.Identify("ana", Hours(0), "", {{"email", kAddress}});
  people.Apply("ana", "Subscribed", Hours(1), {{"topic", Value::String("news")}});
  people.Apply("ana", "Unsubscribed", Hours(1), {{"topic", Value::String("offers")}});
  people.Apply("a:x", "Unsubscribed", Hours(1), {{"topic", Value::String("news")}});
  people.Apply("a:x", "Subscribed", Hours(1), {{"topic", Value::String("offers")}});
  people.Identify("ana", Hours(2), "x");
  people.ArriveAll(Hours(3));
  for (const model::ConsentChoice& choice : people.Of("ana").consent) {
    EXPECT_FALSE(choice.opted_in) << choice.topic;
  }
  EXPECT_EQ(people.Of("ana").consent.size(), 2u);
}

TEST(MergeTest, ARunThatWaitsForASegmentGoesOnWhenTheMergeHasBroughtIt) {
  Files files = Shop();
  files["journeys/wait.yaml"] =
      "journey: wait\ntrigger: {event: Go}\n"
      "steps:\n  - wait_until: {in_segment: lookers, up_to: 9 days}\n    then:\n"
      "      - send_email: hello\n";
  People people(files);
  people.Identify("ana", Hours(0), "", {{"email", kAddress}});
  people.Apply("ana", "Go", Hours(1));
  people.Apply("a:x", "Viewed", Hours(1));
  people.Identify("ana", Hours(2), "x");
  people.ArriveAll(Hours(2));
  EXPECT_EQ(std::count(people.mails().begin(), people.mails().end(), "ana: hello"), 1);
}

TEST(MergeTest, ARunTakenOverExitsBySegmentsThatThePersonIsInAlready) {
  Files files = Shop();
  files["journeys/nurture.yaml"] =
      "journey: nurture\ntrigger: {event: Go}\nexit_on: [{enters_segment: lookers}]\n"
      "steps:\n  - wait: 9 days\n  - send_email: hello\n";
  People people(files);
  people.Identify("ana", Hours(0), "", {{"email", kAddress}});
  people.Apply("ana", "Viewed", Hours(1));
  people.Apply("a:x", "Go", Hours(1));
  people.Identify("ana", Hours(2), "x");
  people.ArriveAll(Hours(2));
  EXPECT_EQ(people.Facts(FactKind::kExited, "enters_segment"), 1);
}

TEST(MergeTest, WhatAnImportSaysOfThePastMergesSilently) {
  People people(Shop());
  people.Apply("a:x", "Order Completed", Hours(1), {{"order", Value::String("1")}});
  people.Apply("ana", "Order Completed", Hours(1), {{"order", Value::String("2")}});
  people.IdentifyOfThePast("ana", Hours(2), "x");
  people.ArriveAll(Hours(2));
  EXPECT_EQ(people.Facts(FactKind::kMerged), 1);
  EXPECT_EQ(people.Facts(FactKind::kSegmentEntered), 0);
  EXPECT_EQ(people.Of("ana").runs.size(), 2u);
}

TEST(MergeTest, WhoWasRefusedMayAskAgainWhenTheIdIsFree) {
  People people(Shop());
  people.Apply("a:x", "Viewed", Hours(1));
  people.Identify("ana", Hours(2), "x");
  people.ArriveAll(Hours(2));
  people.Identify("bob", Hours(3), "x");
  people.ArriveAll(Hours(3));
  EXPECT_EQ(people.Of("bob").merged_ids.size(), 0u);
  people.Apply("ana", "Person Erased", Hours(4));
  people.ArriveAll(Hours(4));
  people.Identify("bob", Hours(5), "x");
  people.ArriveAll(Hours(5));
  EXPECT_EQ(people.Of("a:x").moved_to, "bob");
}

TEST(MergeTest, WhoIsErasedBeforeTheyAreGivenAnybodyLeavesNoRedirect) {
  People people(Shop());
  people.Apply("a:x", "Viewed", Hours(1));
  people.Identify("ana", Hours(2), "x");
  people.ArriveAll(Hours(2));
  people.Apply("anna", "Person Merged", Hours(3), {{"from", Value::String("ana")}});
  people.Arrive(Hours(3));  // ana has handed over; x is told to follow
  people.Apply("anna", "Person Erased", Hours(3));
  people.ArriveAll(Hours(4));
  for (const char* id : {"anna", "ana", "a:x"}) EXPECT_FALSE(people.Of(id).known) << id;
}

TEST(MergeTest, ARedirectStillKnowsWhatWasRefusedUnderIt) {
  People people(Shop());
  people.Apply("a:x", "Unsubscribed", Hours(1), {{"topic", Value::String("news")}});
  people.Identify("ana", Hours(2), "x");
  people.ArriveAll(Hours(2));
  ASSERT_EQ(people.Of("a:x").consent.size(), 1u);
  EXPECT_FALSE(people.Of("a:x").consent[0].opted_in);
}

TEST(MergeTest, ErasureTakesTheRedirectsAlongAndNobodyComesBack) {
  People people(Shop());
  people.Apply("a:x", "Identify", Hours(1), {{"city", Value::String("Bern")}});
  people.Apply("a:y", "Identify", Hours(1), {{"city", Value::String("Chur")}});
  people.Identify("ana", Hours(2), "x");
  people.ArriveAll(Hours(2));
  people.Identify("ana", Hours(3), "y");  // on its way while they are erased
  people.Apply("ana", "Person Erased", Hours(3));
  people.ArriveAll(Hours(4));
  for (const char* id : {"ana", "a:x", "a:y"}) {
    EXPECT_FALSE(people.Of(id).known) << id;
    EXPECT_EQ(people.Of(id).moved_to, "") << id;
  }
  EXPECT_EQ(people.Facts(FactKind::kMergeRefused, "erased"), 1);
  // The old id is a new anonymous person.
  people.Apply("a:x", "Viewed", Hours(5));
  EXPECT_TRUE(people.Of("a:x").known);
  EXPECT_FALSE(people.Arrive(Hours(6)));
}

TEST(MergeTest, TheIdsOfWhoMergesFollow) {
  People people(Shop());
  people.Apply("a:x", "Viewed", Hours(1));
  people.Identify("ana", Hours(2), "x");
  people.ArriveAll(Hours(2));
  people.Apply("anna", "Person Merged", Hours(3), {{"from", Value::String("ana")}});
  people.ArriveAll(Hours(3));
  EXPECT_EQ(people.Of("a:x").moved_to, "anna");
  EXPECT_EQ(people.Of("anna").merged_ids.size(), 2u);
  people.Apply("anna", "Person Erased", Hours(4));
  people.ArriveAll(Hours(4));
  EXPECT_FALSE(people.Of("a:x").known);
  EXPECT_FALSE(people.Of("ana").known);
}

TEST(MergeTest, RequestsThatContradictEachOtherLoseNobody) {
  People people(Shop());
  people.Identify("ana", Hours(1), "", {{"city", Value::String("Bern")}});
  people.Identify("bob", Hours(1), "", {{"plan", Value::String("pro")}});
  people.Apply("ana", "Person Merged", Hours(2), {{"from", Value::String("bob")}});
  people.Apply("bob", "Person Merged", Hours(2), {{"from", Value::String("ana")}});
  people.ArriveAll(Hours(3));
  EXPECT_EQ(people.Of("ana").moved_to, "");
  EXPECT_EQ(people.Trait("ana", "city"), "Bern");
  // Both are themselves again, or one has become part of the other.
  const bool merged = people.Of("bob").moved_to == "ana";
  EXPECT_EQ(people.Trait(merged ? "ana" : "bob", "plan"), "pro");
}

TEST(MergeTest, OnePersonAsksForSoManyIds) {
  People people(Shop());
  for (size_t i = 0; i <= kMaxMergedIds; ++i) {
    people.Identify("ana", Hours(1), std::to_string(i));
  }
  EXPECT_EQ(people.Of("ana").merged_ids.size(), kMaxMergedIds);
  EXPECT_EQ(people.Facts(FactKind::kMergeRefused, "limit"), 1);
}

TEST(MergeTest, WhomNobodyKnewIsARedirectForWhatComesLate) {
  People people(Shop());
  people.Identify("ana", Hours(1), "x", {{"email", kAddress}});
  people.ArriveAll(Hours(1));
  EXPECT_EQ(people.Facts(FactKind::kMerged), 0);
  people.Apply("a:x", "Checkout Started", Hours(2));
  people.ArriveAll(Hours(2));
  people.Fire("ana", Days(1));
  EXPECT_EQ(people.mails(), (std::vector<std::string>{"ana: hello"}));
}

}  // namespace
}  // namespace sojourn::step
