// Turns what the runtime reports into telemetry.
//
// What steps report is tallied per partition and counted when its commit is durable; a rollback
// forgets it, so nothing is counted twice.
//
// Threads: any. Ownership: the telemetry outlives the observer.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/runtime/observer.h"
#include "engine/telemetry/telemetry.h"

namespace sojourn::telemetry {

class RuntimeObserver : public runtime::Observer {
 public:
  explicit RuntimeObserver(Telemetry* telemetry) : telemetry_(telemetry) {}

  void OnStep(const runtime::StepReport& report) override;
  void OnCommitted(const runtime::CommitReport& report) override;
  void OnRolledBack(Partition partition, runtime::CommitOutcome outcome,
                    const Status& status) override;
  void OnAssigned(Partition partition) override;
  void OnRestored(Partition partition, Duration took) override;
  void OnReleased(Partition partition) override;
  void OnGauges(const runtime::PartitionGauges& gauges) override;
  void OnClamped(Partition partition, Timestamp log_time) override;
  void OnRulesSwitched(Partition partition, uint32_t bundle) override;

 private:
  enum class Subject : uint8_t {
    kEvent,    // `first` = source, `second` = type
    kFact,     // of `kind`
    kMail,     // a reaction to mails: `first` = name of the event, `second` = its label
    kConsent,  // a choice: `first` = name of the event, `second` = topic, `third` = way
    kCoupon,   // `first` = pool, `second` = journey, `third` = outcome
  };
  struct Tally {
    Subject subject = Subject::kFact;
    model::FactKind kind = model::FactKind::kEventApplied;
    std::string first;
    std::string second;
    std::string third;
    int64_t count = 0;
  };
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  // What a partition did since its last commit.
  struct Pending {
    std::mutex mutex;
    std::unordered_map<std::string, Tally, TextHash, std::equal_to<>> tallies;
    std::vector<Timestamp> causes;  // log times of events that caused actions at once
    bool importing = false;         // then log times say nothing about latency
    std::string key;                // scratch
  };

  Pending& Of(Partition partition);
  static void Add(Pending* pending, Subject subject, model::FactKind kind, std::string_view first,
                  std::string_view second, std::string_view third = {});
  static void AddFacts(const runtime::StepReport& report, Pending* pending);
  static void AddReaction(const runtime::StepReport& report, Pending* pending);
  static void AddConsent(const runtime::StepReport& report, Pending* pending);
  void Count(const Tally& tally);
  void CountFact(const Tally& tally);
  void CountReaction(const Tally& tally);

  Telemetry* const telemetry_;
  std::mutex mutex_;
  std::map<Partition, std::unique_ptr<Pending>> pending_;  // entries are never removed
};

}  // namespace sojourn::telemetry
