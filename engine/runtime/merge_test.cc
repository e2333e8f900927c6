// Many ids that become few people, across partitions, while processes die and commits fail: what is
// known of each in the end is what a plain count of the events says.
#include <map>
#include <random>
#include <set>

#include <nlohmann/json.hpp>

#include "engine/base/json_text.h"
#include "engine/runtime/test_support.h"
#include "engine/store/person_record.h"

namespace sojourn::runtime {
namespace {

using model::Value;

const Files& Rules() {
  static const Files files = {
      {"company.yaml", "company: Shop\ntimezone: UTC\ntopics:\n  news: {default: opted_in}\n"},
      {"journeys/audit.yaml",
       "journey: audit\ntrigger: {event: Audited}\nsteps:\n  - webhook:\n"
       "      url: https://shop.example/audit\n      data:\n"
       "        orders: count(\"Order Completed\")\n"
       "        spent: sum(\"Order Completed\", ever, event.total)\n"
       "        city: 'has(person.city) ? person.city : \"\"'\n"
       "        name: 'has(person.name) ? person.name : \"\"'\n"
       "  - send_email: news\n"},
      // One run for each order, and one only for each person.
      {"journeys/order.yaml",
       "journey: order\ntrigger: {event: Order Completed}\none_run_per: event.order\n"
       "steps:\n  - wait: 300 days\n  - webhook: {url: \"https://shop.example/order\"}\n"},
      {"journeys/first.yaml",
       "journey: first\ntrigger: {event: Order Completed}\nreentry: never\n"
       "steps:\n  - wait: 300 days\n  - webhook: {url: \"https://shop.example/first\"}\n"},
      {"templates/news.liquid", "---\ntemplate: news\nsubject: Hi\ntopic: news\n---\nHi\n"}};
  return files;
}

// What a known person is, with all their ids.
struct Plain {
  int64_t orders = 0;
  int64_t spent = 0;
  std::string city;  // known under the known id
  std::set<std::string> other_cities;
  bool refused = false;
};

constexpr int kPeople = 25;
constexpr int kIdsOfOne = 4;  // anonymous ones

std::string Known(int person) { return "p" + std::to_string(person); }
std::string Anonymous(int person, int id) {
  return "x" + std::to_string(person) + "-" + std::to_string(id);
}

// Weeks of a shop. Each anonymous id says at some moment whose it is; a second person who uses the
// same device later is not believed, and gets none of it.
class Weeks {
 public:
  Weeks(uint32_t seed, MemoryWorld* world) : random_(seed), world_(world) {}

  void Fill() {
    for (int i = 0; i < 1200; ++i) {
      now_ = now_ + Minutes(random_() % 20);
      const int person = static_cast<int>(random_() % kPeople);
      const int id = static_cast<int>(random_() % (kIdsOfOne + 1));
      const std::string key = id == kIdsOfOne ? Known(person) : "a:" + Anonymous(person, id);
      Happen(person, key, random_() % 8);
      if (random_() % 6 == 0) {
        Link(person, Anonymous(person, static_cast<int>(random_() % kIdsOfOne)));
      }
    }
    for (int person = 0; person < kPeople; ++person) {
      for (int id = 0; id < kIdsOfOne; ++id) Link(person, Anonymous(person, id));
    }
  }
  // After everything has settled: somebody else says so, too, and gets nothing.
  void Contradict() {
    now_ = now_ + Days(1);
    for (int person = 0; person < kPeople; ++person) {
      Link((person + 1) % kPeople, Anonymous(person, 0));
      Happen(person, "a:" + Anonymous(person, 1), 1);  // late, under the old id
    }
  }
  void Audit() {
    now_ = now_ + Days(1);
    for (int person = 0; person < kPeople; ++person) Append(Known(person), "Audited", {});
  }

  std::map<int, Plain> plain;
  Timestamp now_ = Start();

 private:
  void Happen(int person, const std::string& key, uint32_t what) {
    Plain& known = plain[person];
    const bool is_known = key == Known(person);
    if (what == 0) {
      const std::string city = "city" + std::to_string(random_() % 1000);
      if (is_known) known.city = city;
      if (!is_known) known.other_cities.insert(city);
      Append(key, "Identify", {{"city", Value::String(city)}});
    } else if (what == 7 && random_() % 8 == 0) {
      known.refused = true;
      Append(key, "Unsubscribed", {});
    } else {
      const int64_t total = static_cast<int64_t>(random_() % 100);
      ++known.orders;
      known.spent += total;
      const std::string order = "o" + std::to_string(++number_);
      Append(key, "Order Completed",
             {{"total", Value::Int(total)}, {"order", Value::String(order)}});
    }
  }

  void Link(int person, const std::string& anonymous) {
    model::Event event;
    event.type = model::EventType::kIdentify;
    const std::string known = Known(person);
    event.person = known;
    event.anonymous_id = anonymous;
    event.name = model::kIdentify;
    const std::string id = "link" + std::to_string(++number_);
    event.id = id;
    event.time = now_;
    const model::MapEntry address{Value::String("email"), Value::String("p@shop.example")};
    event.properties = Value::Map(&address, 1);
    world_->Append(static_cast<uint16_t>(random_() % 2), event.person, Encoded(event), now_);
  }

  void Append(const std::string& key, std::string_view name, const Properties& properties) {
    const std::string id = "e" + std::to_string(++number_);
    world_->Append(static_cast<uint16_t>(random_() % 2), key,
                   EventBytes(key, name, now_, properties, id), now_);
  }

  std::mt19937 random_;
  MemoryWorld* const world_;
  int number_ = 0;
};

MemoryWorldOptions ShopWorld(StateKeeping keeping) {
  MemoryWorldOptions options;
  options.inputs = {{"web", false}, {"purchase", false}, {"shop.events", true}};
  options.partition_count = 5;
  options.keeping = keeping;
  return options;
}

class MergedPeopleTest : public ::testing::TestWithParam<StateKeeping> {
 protected:
  MergedPeopleTest() {
    MemoryWorldOptions options = ShopWorld(GetParam());
    options.next_fault = [this] {
      return static_cast<CommitFault>(hostile_ && random_() % 10 < 3 ? random_() % 4 : 0);
    };
    options.fetch_stalls = [this] { return hostile_ && random_() % 3 == 0; };
    world_ = std::make_unique<MemoryWorld>(options);
  }

  // Some lives of processes, of which the last one finishes.
  void Live(Timestamp now) {
    clock_.Set(now);
    for (int life = 0; life < 8; ++life) {
      const bool last = life == 7;
      Process::Setup setup{static_cast<int>(1 + random_() % 3), EagerOptions(), {}};
      if (!last) setup.task.slice_inputs = 1 + random_() % 200;
      Process process(world_.get(), &clock_, rules_.get(), &observer_, setup);
      for (uint32_t turn = 0; turn < random_() % 40; ++turn) ASSERT_TRUE(process.Turn().ok());
      if (last) process.Settle();
    }
  }

  // How many ids belong to the person they should.
  int Redirects() {
    int count = 0;
    for (const auto& [place, record] : world_->Records()) {
      const std::string id = place.substr(place.find('/') + 1);
      model::Person person;
      EXPECT_TRUE(store::DecodePerson(record, &person).ok());
      if (!id.starts_with("a:")) continue;
      const std::string owner = "p" + id.substr(3, id.find('-') - 3);
      EXPECT_EQ(person.moved_to, owner) << id;
      count += person.moved_to == owner;
    }
    return count;
  }

  std::mt19937 random_{7};
  bool hostile_ = true;
  ManualClock clock_{Start()};
  Observer observer_;
  std::unique_ptr<RulesSource> rules_ = RulesSource::Fixed(LoadRules(Rules()));
  std::unique_ptr<MemoryWorld> world_;
};

void ExpectAudited(const Plain& plain, const nlohmann::json& data, const std::string& person) {
  EXPECT_EQ(data["orders"], plain.orders) << person;
  EXPECT_EQ(data["spent"], plain.spent) << person;
  const std::string city = data["city"];
  if (!plain.city.empty()) {
    EXPECT_EQ(city, plain.city) << person;
  } else if (!plain.other_cities.empty()) {
    EXPECT_TRUE(plain.other_cities.contains(city)) << person << " " << city;
  }
}

TEST_P(MergedPeopleTest, AreWhatAllTheirIdsWere) {
  Weeks weeks(11, world_.get());
  weeks.Fill();
  Live(weeks.now_ + Hours(1));
  weeks.Contradict();
  Live(weeks.now_ + Hours(1));
  weeks.Audit();
  Live(weeks.now_ + Hours(1));
  EXPECT_EQ(world_->DeadLetters().size(), 0u);
  EXPECT_EQ(Redirects(), kPeople * kIdsOfOne);

  std::map<std::string, std::vector<model::Action>> of_person;
  for (const model::Action& action : world_->Actions()) of_person[action.person].push_back(action);
  EXPECT_EQ(of_person.size(), static_cast<size_t>(kPeople));
  for (int person = 0; person < kPeople; ++person) {
    const Plain& plain = weeks.plain[person];
    const std::vector<model::Action>& actions = of_person[Known(person)];
    ASSERT_EQ(actions.size(), plain.refused ? 1u : 2u) << Known(person);
    ExpectAudited(plain, ParseJson(actions[0].values_json)["data"], Known(person));
  }

  // A year later every order has had its run once, and every person one of the other journey.
  Live(weeks.now_ + Days(365));
  std::map<std::string, int> orders;
  std::map<std::string, int> firsts;
  std::set<std::string> ids;
  for (const model::Action& action : world_->Actions()) {
    EXPECT_TRUE(ids.insert(action.id).second) << "one id twice: " << action.id;
    orders[action.person] += action.journey == "order";
    firsts[action.person] += action.journey == "first";
  }
  for (int person = 0; person < kPeople; ++person) {
    const Plain& plain = weeks.plain[person];
    EXPECT_EQ(orders[Known(person)], plain.orders) << Known(person);
    EXPECT_EQ(firsts[Known(person)], plain.orders > 0 ? 1 : 0) << Known(person);
  }
}

INSTANTIATE_TEST_SUITE_P(Keeping, MergedPeopleTest,
                         ::testing::Values(StateKeeping::kWithCommit, StateKeeping::kChangelog),
                         [](const auto& keeping) {
                           return keeping.param == StateKeeping::kChangelog ? "Changelog"
                                                                            : "WithCommit";
                         });

}  // namespace
}  // namespace sojourn::runtime
