// A shop whose rules are edited by chance, and people whose events come by chance: what the tests
// of backtests and plans compare over. Tests only.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/rfc3339.h"
#include "engine/language/load.h"
#include "engine/model/event_codec.h"
#include "engine/simulate/backtest.h"
#include "engine/step/step.h"

namespace sojourn::simulate {

using RuleFiles = std::map<std::string, std::string>;

inline std::shared_ptr<const language::Bundle> Compiled(const RuleFiles& files,
                                                        uint32_t number = 0) {
  const language::LoadResult loaded = language::LoadBundle(files);
  if (loaded.bundle == nullptr) {
    ADD_FAILURE() << language::FormatDiagnostics(loaded.diagnostics,
                                                 language::DiagnosticFormat::kText);
    return nullptr;
  }
  std::const_pointer_cast<language::Bundle>(loaded.bundle)->number = number;
  return loaded.bundle;
}

inline RuleFiles ShopFiles() {
  RuleFiles files = {
      {"company.yaml",
       "company: Shop\ntimezone: Europe/Berlin\n"
       "quiet_hours: {from: \"21:00\", to: \"08:00\", then: send_later}\n"
       "frequency_caps: [{max: 4, per: 7 days}]\n"},
      {"coupons/p.yaml", "coupon_pool: p\ncodes: [A1, A2, A3, A4, A5, A6, A7, A8]\n"},
      {"segments/lapsed.yaml",
       "segment: lapsed\nwhere: now - last(\"Order Completed\") > days(30)\n"},
      {"segments/buyers.yaml", "segment: buyers\nwhere: count(\"Order Completed\", ever) >= 2\n"},
      {"journeys/cart.yaml",
       "journey: cart\ntrigger: {event: Checkout Started, where: event.value >= 20}\n"
       "if_already_running: restart\nexit_on: [{event: Order Completed}]\nsteps:\n"
       "  - {id: pause, wait: 2 hours}\n  - {id: remind, send_email: cart-reminder}\n"
       "  - {id: day, wait: 1 day}\n  - {id: again, send_email: cart-again}\n"},
      {"journeys/welcome.yaml",
       "journey: welcome\ntrigger: {event: Signed Up}\nreentry: never\n"
       "goal: {event: Order Completed, within: 20 days}\nsteps:\n"
       "  - {id: hello, send_email: hello}\n"
       "  - id: buys\n    wait_until: {event: Order Completed, up_to: 10 days}\n"
       "    then: [{id: thanks, send_email: thanks}]\n"
       "    else: [{id: nudge, send_email: nudge}]\n  - {id: rest, wait: 5 days}\n"},
      {"journeys/win-back.yaml",
       "journey: win-back\ntrigger: {enters_segment: lapsed}\nreentry: after 60 days\n"
       "exit_on: [{leaves_segment: lapsed}]\nsteps:\n"
       "  - id: offer\n    ab_test: offer\n    paths:\n"
       "      - {name: none, percent: 20}\n"
       "      - {name: coupon, percent: 80, steps: [{id: code, coupon: {pool: p}}]}\n"
       "  - {id: mail, send_email: come-back}\n  - {id: later, wait: 7 days}\n"
       "  - {id: last, send_email: last-call}\n"}};
  for (const char* name : {"cart-reminder", "cart-again", "hello", "thanks", "nudge", "come-back",
                           "last-call", "bought", "for-buyers"}) {
    files["templates/" + std::string(name) + ".liquid"] =
        "---\ntemplate: " + std::string(name) + "\nsubject: Hi\n---\nHi\n";
  }
  return files;
}

inline void Replace(std::string* text, const std::string& from, const std::string& to) {
  const size_t at = text->find(from);
  ASSERT_NE(at, std::string::npos) << from;
  text->replace(at, from.size(), to);
}

// One change that a marketer may make. Each number up to kEdits is a kind of its own.
inline constexpr int kEdits = 12;
inline void Edit(int kind, std::mt19937* random, RuleFiles* files) {
  const auto number = [random](int low, int high) {
    return std::to_string(std::uniform_int_distribution<int>(low, high)(*random));
  };
  const auto file = [files](const char* path) { return &files->at(path); };
  const char* const cart = "journeys/cart.yaml";
  const char* const welcome = "journeys/welcome.yaml";
  const char* const company = "company.yaml";
  switch (kind) {
    case 0:
      return Replace(file(cart), "wait: 2 hours", "wait: " + number(3, 40) + " hours");
    case 1:
      files->erase("journeys/win-back.yaml");
      return;
    case 2:
      (*files)["journeys/bought.yaml"] =
          "journey: bought\ntrigger: {event: Order Completed, where: event.total > " +
          number(10, 80) + "}\nsteps: [{send_email: bought}]\n";
      return;
    case 3:
      return Replace(file("segments/lapsed.yaml"), "days(30)", "days(" + number(10, 50) + ")");
    case 4:
      *file(cart) += "on_change: move\n";
      return Replace(file(cart), "wait: 1 day", "wait: " + number(2, 5) + " days");
    case 5:
      *file(welcome) += "on_change: move\nmoved_steps: {rest: " +
                        std::string(number(0, 1) == "0" ? "exit" : "nap") + "}\n";
      return Replace(file(welcome), "{id: rest, wait: 5 days}", "{id: nap, wait: 6 days}");
    case 6:
      return Replace(file(welcome), "reentry: never",
                     "reentry: never\nonly_if: person.vip == " + number(0, 1));
    case 7:
      *file(company) += "retired: [welcome]\n";
      return;
    case 8:
      return Replace(file("journeys/win-back.yaml"),
                     "percent: 20}\n      - {name: coupon, percent: 80",
                     "percent: 60}\n      - {name: coupon, percent: 40");
    case 9:
      return Replace(file(company), "max: 4", "max: " + number(1, 2));
    case 10:
      (*files)["journeys/for-buyers.yaml"] =
          "journey: for-buyers\ntrigger: {enters_segment: buyers" +
          std::string(number(0, 1) == "0" ? "" : ", existing: enter") +
          "}\nsteps: [{send_email: for-buyers}]\n";
      return;
    default:
      return Replace(file(company), "company: Shop\n",
                     "company: Shop\nholdout: " + number(10, 60) + "\n");
  }
}

// The rules of one seed: two edits, of kinds that go together.
inline RuleFiles EditedFiles(uint32_t seed) {
  RuleFiles files = ShopFiles();
  std::mt19937 random(seed);
  const int first = static_cast<int>(seed) % kEdits;
  Edit(first, &random, &files);
  // Removing a journey goes alone with what does not change it.
  const int second = (first + 2 + static_cast<int>(random() % 3)) % kEdits;
  if (second != 1 && !(first == 1 && second == 8) && second != first) {
    Edit(second, &random, &files);
  }
  return files;
}

inline Timestamp ShopOpens() { return *ParseRfc3339("2026-03-02T09:00:00Z"); }

// Events of `people` over `days`, sorted by time; each has an id.
inline std::vector<RecordedEvent> ShopEvents(uint32_t seed, int people, int days) {
  std::mt19937_64 random(seed);
  const auto below = [&](int64_t end) {
    return static_cast<int64_t>(random() % static_cast<uint64_t>(end));
  };
  std::vector<RecordedEvent> events;
  const auto add = [&](const std::string& person, const char* name, Timestamp time,
                       std::vector<model::MapEntry> properties) {
    const std::string id = "e" + std::to_string(events.size());
    model::Event event;
    event.type = std::string_view(name) == model::kIdentify ? model::EventType::kIdentify
                                                            : model::EventType::kTrack;
    event.id = id;
    event.person = person;
    event.name = name;
    event.time = time;
    event.properties =
        model::Value::Map(properties.data(), static_cast<uint32_t>(properties.size()));
    RecordedEvent& recorded = events.emplace_back();
    recorded.log_time = time;
    recorded.person = person;
    model::EncodeEvent(event, nullptr, &recorded.bytes);
  };
  for (int p = 0; p < people; ++p) {
    const std::string person = "p" + std::to_string(p);
    const std::string address = person + "@shop.example";
    const auto moment = [&] {
      return ShopOpens() + Milliseconds(below(Days(days).milliseconds()));
    };
    add(person, "Identify", ShopOpens() + Milliseconds(below(1000)),
        {{model::Value::String("email"), model::Value::String(address)},
         {model::Value::String("vip"), model::Value::Int(below(2))}});
    if (below(2) == 0) add(person, "Signed Up", moment(), {});
    for (int64_t n = below(4); n > 0; --n) {
      add(person, "Checkout Started", moment(),
          {{model::Value::String("value"), model::Value::Int(below(60))}});
    }
    for (int64_t n = below(4); n > 0; --n) {
      add(person, "Order Completed", moment(),
          {{model::Value::String("total"), model::Value::Int(below(100))}});
    }
    if (below(8) == 0) add(person, "Unsubscribed", moment(), {});
  }
  std::stable_sort(events.begin(), events.end(),
                   [](const auto& a, const auto& b) { return a.log_time < b.log_time; });
  return events;
}

// The pure step for each person, driven by hand in one order of time, with no runtime beneath.
class PeopleByHand {
 public:
  explicit PeopleByHand(std::shared_ptr<const language::Bundle> bundle)
      : rules_(std::move(bundle)) {
    environment_ = {&rules_, &secrets_, &partition_, nullptr, false};
  }

  void Run(const std::vector<RecordedEvent>& events, Timestamp until) {
    for (const RecordedEvent& event : events) {
      FireUntil(event.log_time - Milliseconds(1));
      Apply(event);
    }
    FireUntil(until);
  }

  const std::vector<model::Action>& actions() const { return actions_; }
  std::map<std::string, std::unique_ptr<model::Person>>& people() { return people_; }

 private:
  // Everybody's timers in order of time, ties by id: people share the coupons.
  void FireUntil(Timestamp until) {
    while (true) {
      model::Person* next = nullptr;
      for (auto& [id, person] : people_) {
        if (person->next_deadline > until) continue;
        if (next == nullptr || person->next_deadline < next->next_deadline) next = person.get();
      }
      if (next == nullptr) return;
      step::FireNextTimer(environment_, until, next, &output_);
      Take();
    }
  }

  void Apply(const RecordedEvent& recorded) {
    Arena arena;
    model::EventDecoder decoder;
    const auto event =
        decoder.Decode(model::EventFormat::kProtobuf, recorded.bytes, recorded.log_time, &arena);
    ASSERT_TRUE(event.ok());
    auto& person = people_[recorded.person];
    if (person == nullptr) {
      person = std::make_unique<model::Person>();
      person->id = recorded.person;
    }
    const step::EventInput input{&*event, {"events", Partition(0), Offset(0)}, recorded.log_time};
    step::ApplyEvent(environment_, input, person.get(), &output_);
    person->bundle = rules_.current().number;
    Take();
  }

  void Take() {
    std::move(output_.actions.begin(), output_.actions.end(), std::back_inserter(actions_));
    output_.Clear();
  }

  const language::RuleSet rules_;
  step::Secrets secrets_;
  step::PartitionState partition_;
  step::Environment environment_;
  step::StepOutput output_;
  std::map<std::string, std::unique_ptr<model::Person>> people_;
  std::vector<model::Action> actions_;
};

}  // namespace sojourn::simulate
