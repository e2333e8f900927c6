// What the tests of this folder share: a small shop's rules, events as bytes, and a world in memory
// with workers that can be killed.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "engine/base/rfc3339.h"
#include "engine/language/load.h"
#include "engine/model/action_codec.h"
#include "engine/model/event_codec.h"
#include "engine/runtime/event_decoder.h"
#include "engine/runtime/memory_ports.h"
#include "engine/runtime/worker.h"

namespace sojourn::runtime {

using Files = RulesSource::Files;
using Lines = std::vector<std::string>;
using Properties = std::vector<std::pair<std::string_view, model::Value>>;

inline Timestamp Start() { return *ParseRfc3339("2026-03-02T09:00:00Z"); }

inline std::string Template(const std::string& name) {
  return "---\ntemplate: " + name + "\nsubject: Hi\n---\nHi\n";
}

inline const Files& ShopRules() {
  static const Files files = {
      {"company.yaml", "company: Shop\ntimezone: UTC\n"},
      {"coupons/winback.yaml",
       "coupon_pool: winback\ncodes: [A1, A2, A3, A4, A5, A6, A7, A8, A9, B1, B2, B3]\n"},
      {"segments/lapsed.yaml",
       "segment: lapsed\nwhere: now - last(\"Order Completed\") > days(90)\n"},
      {"journeys/cart.yaml",
       "journey: cart\ntrigger: {event: Checkout Started}\nif_already_running: restart\n"
       "exit_on: [{event: Order Completed}]\n"
       "steps:\n  - wait: 2 hours\n  - send_email: cart-reminder\n  - wait: 1 day\n"
       "  - send_email: cart-last-call\n"},
      {"journeys/thanks.yaml",
       "journey: thanks\ntrigger: {event: Order Completed}\nsteps:\n  - send_email: thank-you\n"},
      {"journeys/win-back.yaml",
       "journey: win-back\ntrigger: {enters_segment: lapsed}\n"
       "steps:\n  - coupon: {pool: winback}\n  - send_email: come-back\n"},
      {"templates/a.liquid", Template("cart-reminder")},
      {"templates/b.liquid", Template("cart-last-call")},
      {"templates/c.liquid", Template("thank-you")},
      {"templates/d.liquid", Template("come-back")}};
  return files;
}

inline std::shared_ptr<const language::RuleSet> LoadRules(const Files& files) {
  const language::LoadResult loaded = language::LoadBundle(files);
  if (loaded.bundle == nullptr) {
    ADD_FAILURE() << language::FormatDiagnostics(loaded.diagnostics,
                                                 language::DiagnosticFormat::kText);
    return nullptr;
  }
  return std::make_shared<const language::RuleSet>(loaded.bundle);
}

inline std::string Encoded(const model::Event& event) {
  std::string bytes;
  model::EncodeEvent(event, nullptr, &bytes);
  return bytes;
}

// An event as it stands in a topic.
inline std::string EventBytes(std::string_view person, std::string_view name, Timestamp time,
                              const Properties& properties = {}, std::string_view id = "") {
  std::vector<model::MapEntry> entries;
  for (const auto& [key, value] : properties) {
    entries.push_back({model::Value::String(key), value});
  }
  model::Event event;
  event.type = name == model::kIdentify ? model::EventType::kIdentify : model::EventType::kTrack;
  event.person = person;
  event.name = name;
  event.id = id;
  event.time = time;
  event.properties = model::Value::Map(entries.data(), static_cast<uint32_t>(entries.size()));
  return Encoded(event);
}

inline std::string BracketBytes(model::EventType type) {
  model::Event event;
  event.type = type;
  return Encoded(event);
}

// Workers over a world, made and destroyed like processes.
class Process {
 public:
  struct Setup {
    int workers = 1;
    WorkerOptions worker;
    TaskOptions task;
    bool hold_coupon_lists = false;
  };

  Process(MemoryWorld* world, WallClock* clock, RulesSource* rules, Observer* observer,
          const Setup& setup) {
    secrets_.coupon_key = "key";
    for (int i = 0; i < setup.workers; ++i) {
      Slot& slot = slots_.emplace_back();
      slot.ports = world->MakeWorkerPorts(i, setup.workers);
      const size_t inputs = slot.ports.input->inputs().size();
      slot.decoder = std::make_unique<FormatDecoder>(
          std::vector<model::EventFormat>(inputs, model::EventFormat::kProtobuf));
      TaskEnvironment environment;
      environment.log = slot.ports.input.get();
      environment.decoder = slot.decoder.get();
      environment.clock = clock;
      environment.rules = rules;
      environment.secrets = &secrets_;
      environment.observer = observer;
      environment.address_key = "address key";
      environment.hold_coupon_lists = setup.hold_coupon_lists;
      environment.options = setup.task;
      slot.worker = std::make_unique<Worker>(setup.worker, environment, slot.ports.committer.get(),
                                             slot.ports.keeper.get());
    }
  }

  Worker& worker(size_t i = 0) { return *slots_[i].worker; }
  size_t size() const { return slots_.size(); }

  // Every worker, one turn.
  Status Turn() {
    for (Slot& slot : slots_) SOJOURN_RETURN_IF_ERROR(slot.worker->RunOnce(Duration()));
    return Status::Ok();
  }

  // Until there is nothing left to do.
  void Settle() {
    for (int calm = 0, turns = 0; calm < 3; ++turns) {
      ASSERT_LT(turns, 200'000);
      const Status status = Turn();
      ASSERT_TRUE(status.ok()) << status.message();
      const bool idle = std::all_of(slots_.begin(), slots_.end(), [](const Slot& slot) {
        return slot.worker->ready() && slot.worker->idle();
      });
      calm = idle ? calm + 1 : 0;
    }
  }

 private:
  struct Slot {
    MemoryWorld::WorkerPorts ports;
    std::unique_ptr<Decoder> decoder;
    std::unique_ptr<Worker> worker;
  };
  step::Secrets secrets_;
  std::vector<Slot> slots_;
};

// Commits whenever there is nothing more at hand, never sleeps, never waits after a failure.
inline WorkerOptions EagerOptions() {
  WorkerOptions options;
  options.commit_when_idle = true;
  options.retry_pause_min = Duration();
  options.retry_pause_max = Duration();
  return options;
}

// "2026-03-02T11:00:00Z u1 cart-reminder", one per action.
inline std::vector<std::string> Summary(const std::vector<model::Action>& actions) {
  std::vector<std::string> lines;
  for (const model::Action& action : actions) {
    const std::string& what =
        action.kind == model::ActionKind::kCoupon ? action.coupon.code : action.template_name;
    lines.push_back(FormatRfc3339(action.time) + " " + action.person + " " + what);
  }
  return lines;
}

inline std::vector<std::string> ActionBytes(const std::vector<model::Action>& actions) {
  std::vector<std::string> all;
  for (const model::Action& action : actions) {
    model::EncodeAction(action, &all.emplace_back());
  }
  return all;
}

}  // namespace sojourn::runtime
