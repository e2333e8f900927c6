#include "engine/cli/backfill.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "engine/base/rfc3339.h"
#include "engine/cli/partition_log.h"
#include "engine/runtime/rules_source.h"
#include "engine/simulate/late_counters.h"
#include "engine/simulate/past_counts.h"

namespace sojourn::cli {
namespace {

using simulate::DescribeCounter;
using simulate::FilledCounter;
using simulate::LateCounter;
using simulate::PastCounts;

constexpr char kFilledNote[] = "backfilled";

// ---- what is late ----------------------------------------------------------------------------

struct Late {
  std::vector<std::shared_ptr<const language::RuleSet>> history;
  std::vector<FilledCounter> filled;
  std::vector<LateCounter> counters;
  std::optional<Timestamp> log_begins;  // where it has lost its past

  const std::shared_ptr<const language::RuleSet>& rules() const { return history.back(); }
  uint32_t bundle() const { return history.back()->current().number; }
  PastCounts::Counters ToFill() const {
    PastCounts::Counters wanted;
    for (const LateCounter& late : counters) {
      if (late.refusal.empty()) wanted.push_back(late.counter);
    }
    return wanted;
  }
};

// The latest first event of those parts of the log that have lost their past. Where they have no
// event left at all, nothing can be made poorer: then it is where they stand that is told.
Result<std::optional<Timestamp>> FindLogBegin(Backend* backend) {
  std::optional<Timestamp> begins;
  std::optional<Timestamp> of_empty;
  SOJOURN_ASSIGN_OR_RETURN(const int32_t parts, backend->LogParts());
  for (int32_t part = 0; part < parts; ++part) {
    std::optional<Timestamp> first;
    const auto visit = [&](const LoggedEvent& event) {
      first = event.log_time;
      return false;
    };
    SOJOURN_ASSIGN_OR_RETURN(const LogScan scan, backend->ScanLog(part, Offset(0), "", visit));
    if (scan.first == Offset(0)) continue;
    if (first) {
      begins = std::max(begins.value_or(*first), *first);
      continue;
    }
    SOJOURN_ASSIGN_OR_RETURN(const auto progress, backend->ProgressOf(part));
    if (progress) of_empty = std::max(of_empty.value_or(progress->watermark), progress->watermark);
  }
  return begins ? begins : of_empty;
}

Result<Late> FindLate(Backend* backend) {
  Late late;
  SOJOURN_ASSIGN_OR_RETURN(const auto stored, backend->bundles()->ReadAll());
  if (stored.empty()) return FailedPrecondition("no rules were ever loaded: start sojourn run");
  late.history = runtime::RulesSource::History(stored, 0);
  if (late.history.empty() || late.bundle() != stored.back().number) {
    return FailedPrecondition("the rules in force do not check any more");
  }
  SOJOURN_ASSIGN_OR_RETURN(const std::string note, backend->ReadNewestNote(kFilledNote));
  late.filled = simulate::DecodeFilledCounters(note);
  SOJOURN_ASSIGN_OR_RETURN(late.log_begins, FindLogBegin(backend));
  const auto in_force_since = [backend](uint32_t number) {
    const auto since = backend->BundleStoredAt(number);
    return since.ok() ? *since : std::nullopt;
  };
  late.counters =
      simulate::FindLateCounters(late.history, late.filled, {late.log_begins, in_force_since});
  return late;
}

// ---- counting it -----------------------------------------------------------------------------

using Tallies = std::vector<PastCounts::Tally>;

Result<Tallies> CountAll(const Late& late, Backend* backend, const StopAsked& stop) {
  Tallies sums(late.ToFill().size());
  if (sums.empty()) return sums;
  for (int32_t p = 0; p < backend->partition_count(); ++p) {
    PastCounts past(late.rules(), late.ToFill(), Timestamp::Max());
    SOJOURN_ASSIGN_OR_RETURN(PartitionLog log, PartitionLog::Open(Partition(p), backend));
    SOJOURN_RETURN_IF_ERROR(log.ReadOn([&](size_t, const LoggedEvent& event) {
      if (stop()) return BackfillStopped();
      return past.Add(event.person, event.log_time, event.bytes);
    }));
    const Tallies tallies = past.Count();
    for (size_t i = 0; i < sums.size(); ++i) {
      sums[i].events += tallies[i].events;
      sums[i].people += tallies[i].people;
    }
  }
  return sums;
}

// ---- for people ------------------------------------------------------------------------------

std::string ReadersText(const LateCounter& late) {
  std::string text;
  for (const simulate::CounterReader& reader : late.readers) {
    text += fmt::format("    {}:{}: {}: {}\n", reader.position.file, reader.position.line,
                        reader.reader, reader.text);
  }
  return text;
}

std::string CountText(int64_t count, std::string_view one, std::string_view several) {
  return fmt::format("{} {}", count, count == 1 ? one : several);
}

std::string FillText(const Late& late, const Tallies& tallies) {
  std::string text;
  size_t next = 0;
  for (const LateCounter& one : late.counters) {
    if (!one.refusal.empty()) continue;
    const PastCounts::Tally& tally = tallies[next++];
    text += fmt::format("  {}: {} of {}\n", DescribeCounter(*one.counter),
                        CountText(tally.events, "event", "events"),
                        CountText(tally.people, "person", "people"));
    text += ReadersText(one);
  }
  if (text.empty()) return "no counter is to be filled: each has counted, or was filled\n";
  text = fmt::format("{} would be filled from the log:\n",
                     CountText(static_cast<int64_t>(next), "counter", "counters")) +
         text;
  text += late.log_begins
              ? fmt::format("the log begins only on {}: what happened before is not counted\n",
                            FormatRfc3339(*late.log_begins))
              : "the log is whole: everything that ever happened is counted\n";
  return text + "segments change silently: nobody enters or leaves anything by it\n";
}

std::string RefusedText(const Late& late) {
  std::string text;
  for (const LateCounter& one : late.counters) {
    if (one.refusal.empty()) continue;
    text += fmt::format("  {}: {}\n", DescribeCounter(*one.counter), one.refusal);
    text += ReadersText(one);
  }
  return text.empty() ? text : "cannot be filled, and counts since its rule was loaded:\n" + text;
}

// ---- filling ---------------------------------------------------------------------------------

Status NoteFilled(const Late& late, Backend* backend) {
  std::map<uint64_t, FilledCounter> filled;
  for (const FilledCounter& one : late.filled) filled[one.id] = one;
  for (const expr::CounterDefinition* counter : late.ToFill()) {
    filled[counter->id] = {counter->id, counter->needs, counter->window, counter->keep,
                           late.bundle()};
  }
  std::vector<FilledCounter> list;
  for (const auto& [id, one] : filled) list.push_back(one);
  return backend->WriteNote(kFilledNote, simulate::EncodeFilledCounters(list));
}

}  // namespace

Result<BackfillPlan> PlanBackfill(Backend* backend, const StopAsked& stop) {
  SOJOURN_ASSIGN_OR_RETURN(const Late late, FindLate(backend));
  SOJOURN_ASSIGN_OR_RETURN(const Tallies tallies, CountAll(late, backend, stop));
  BackfillPlan plan;
  plan.text = FillText(late, tallies) + RefusedText(late);
  plan.counters = static_cast<int64_t>(tallies.size());
  plan.refused = static_cast<int64_t>(late.counters.size()) - plan.counters;
  plan.bundle = late.bundle();
  return plan;
}

Result<BackfillDone> RunBackfill(const BackfillRun& run, Backend* backend, const StopAsked& stop) {
  SOJOURN_ASSIGN_OR_RETURN(const Late late, FindLate(backend));
  if (late.bundle() != run.bundle) {
    return FailedPrecondition("other rules were loaded meanwhile; run sojourn backfill again");
  }
  BackfillDone done;
  done.counters = static_cast<int64_t>(late.ToFill().size());
  if (done.counters == 0) return done;
  const Filling filling{.rules = late.rules(),
                        .counters = late.ToFill(),
                        .bundle = late.bundle(),
                        .begun = run.now,
                        .running = run.running,
                        .past_is_lost = late.log_begins.has_value(),
                        .backend = backend,
                        .stop = stop};
  for (int32_t p = 0; p < backend->partition_count(); ++p) {
    SOJOURN_ASSIGN_OR_RETURN(const int64_t people, FillPartition(Partition(p), filling));
    done.people += people;
  }
  SOJOURN_RETURN_IF_ERROR(NoteFilled(late, backend));
  return done;
}

}  // namespace sojourn::cli
