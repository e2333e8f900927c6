// Rules over recorded events, without sending anything: a partition's production task on virtual
// time.
//
// All people are in one partition, so that they share listed coupon pools as they do in a running
// system with one. Nothing leaves the backtest but its tally.
//
// Threads: one owner. Memory: people's state is in the database; about kMaxHeldEvents events and
// the persons whom they touch are held. Errors: the database's.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/language/bundle.h"
#include "engine/runtime/event_decoder.h"
#include "engine/runtime/memory_ports.h"
#include "engine/runtime/task.h"
#include "engine/simulate/tally.h"
#include "engine/step/step.h"
#include "engine/store/database.h"

namespace sojourn::simulate {

inline constexpr size_t kMaxHeldEvents = 20'000;

struct RecordedEvent {
  Timestamp log_time;
  std::string person;
  std::string bytes;  // protobuf sojourn.v1.Event
};

class Backtest {
 public:
  // `database` is empty; it and `people` outlive the backtest.
  static Result<std::unique_ptr<Backtest>> Open(std::shared_ptr<const language::Bundle> bundle,
                                                Window window, store::Database* database,
                                                People* people);
  ~Backtest();
  Backtest(const Backtest&) = delete;
  Backtest& operator=(const Backtest&) = delete;

  // The next event; log times never fall.
  Status Add(const RecordedEvent& event);
  // No event will follow: fires what is due until then, included, and completes the tally. Not
  // before the last event's time.
  Status Finish(Timestamp until);

  const Tally& tally() const { return observer_.tally(); }

  // Before the first event: keeps the codes that this person gets, whatever the others take.
  void WatchCodes(std::string person) { observer_.WatchCodes(std::move(person)); }
  const step::GivenCodes& codes() const { return observer_.codes(); }

 private:
  class Queue;

  Backtest(std::shared_ptr<const language::Bundle> bundle, Window window, store::Database* database,
           People* people);
  Status Start();
  Status Work();
  Status Commit();

  store::Database* const database_;
  TallyObserver observer_;
  runtime::ManualClock clock_;
  step::Secrets secrets_;
  std::unique_ptr<runtime::RulesSource> rules_;
  std::unique_ptr<Queue> queue_;
  runtime::FormatDecoder decoder_;
  store::PartitionStore* store_ = nullptr;  // the task's
  std::unique_ptr<runtime::Task> task_;
};

}  // namespace sojourn::simulate
