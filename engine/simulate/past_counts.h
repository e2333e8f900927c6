// What counters would be if they had counted since the log begins: a partition's log, read once,
// for the people it tells something of. engine/step/backfill.h tells what for.
//
// Memory: a short record for everybody whom something was counted for, and for those who did
// anything in the last 24 hours of the log; so one partition at a time.
//
// Threads: one owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/base/arena.h"
#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/language/bundle.h"
#include "engine/model/event_codec.h"
#include "engine/step/step.h"

namespace sojourn::simulate {

class PastCounts {
 public:
  using Counters = std::vector<const expr::CounterDefinition*>;

  // `counters` are those of `rules`. `begun` names the backfill: a person is counted for up to
  // their record that begins it, unless the caller divides in another way and shows none of them.
  PastCounts(std::shared_ptr<const language::RuleSet> rules, Counters counters, Timestamp begun);

  // The next record of the partition, in order from the beginning. What is no event is passed over.
  // Errors: the person cannot be kept.
  Status Add(std::string_view person, Timestamp log_time, std::string_view bytes);

  // What counts now, by counter.
  struct Tally {
    int64_t events = 0;
    int64_t people = 0;
  };
  std::vector<Tally> Count() const;

  size_t remembered() const { return people_.size(); }  // people
  // Who has something counted, sorted.
  std::vector<std::string> People() const;

  // The record that begins their backfill: of the counters that count for them now. Points into
  // `arena` and `person`.
  model::Event Begin(const std::string& person, uint32_t bundle, Arena* arena);
  // Forgets what was read, not whose backfill was begun: the log is read anew.
  void Rewind();
  // Whether everybody's record came along in the log.
  bool AllBegan() const;
  // What they were at that record, a record for each counter, appended to `records`; likewise.
  Status Finish(const std::string& person, Arena* arena, std::vector<model::Event>* records);

 private:
  struct Past {
    std::string record;            // engine/store; empty: nothing yet
    std::vector<int64_t> counted;  // by counter; empty: nothing
    std::vector<uint32_t> asked;   // counters that were begun
    bool began = false;
  };

  Status Load(const std::string& person, const Past& past);
  void Prune(Timestamp log_time);

  const std::shared_ptr<const language::RuleSet> rules_;
  const Counters counters_;
  const Timestamp begun_;
  const step::Secrets secrets_;
  step::PartitionState partition_;
  step::Environment environment_;
  std::unordered_map<std::string, Past> people_;
  size_t prune_at_;

  // Scratch.
  model::EventDecoder decoder_;
  Arena arena_;
  model::Person person_;
  step::StepOutput output_;
  std::vector<uint32_t> counted_;
};

}  // namespace sojourn::simulate
