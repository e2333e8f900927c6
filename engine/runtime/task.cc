#include "engine/runtime/task.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "engine/base/check.h"
#include "engine/base/mutant.h"
#include "engine/runtime/pool_uses.h"
#include "engine/store/person_record.h"

namespace sojourn::runtime {
namespace {

constexpr Duration kTick = Milliseconds(1);

}  // namespace

// ---- one event's way: bytes, decode, order, load, step ---------------------------------------

Result<bool> Task::RunSlice() {
  SOJOURN_RETURN_IF_ERROR(Fetch());
  for (size_t handled = 0; handled < environment_.options.slice_inputs; ++handled) {
    SOJOURN_ASSIGN_OR_RETURN(const NextInput next, InOrder());
    if (next.timer.has_value()) {
      SOJOURN_RETURN_IF_ERROR(ApplyTimer(*next.timer));
    } else if (next.record != nullptr) {
      SOJOURN_ASSIGN_OR_RETURN(const bool awaits_rules, AwaitsRules(*next.record));
      if (awaits_rules) return true;
      SOJOURN_RETURN_IF_ERROR(ApplyRecord(*next.record));
    } else {
      SOJOURN_RETURN_IF_ERROR(RunUpgradePass());
      return UpgradePass() != nullptr;
    }
    if (interval_.to_be_redone) {
      SOJOURN_RETURN_IF_ERROR(RollBack());
      size_guard_.SetCareful(true);
      return true;
    }
  }
  SOJOURN_RETURN_IF_ERROR(RunUpgradePass());
  return true;
}

// Bytes and decode: records of every input that has none at hand become events or dead letters to
// be; their persons are read at once.
Status Task::Fetch() {
  std::vector<const PendingRecord*> arrived;
  SOJOURN_RETURN_IF_ERROR(inputs_.Fetch(environment_.clock->Now(), &arrived));
  for (const PendingRecord* record : arrived) {
    if (record->log_time != record->record.log_time) {
      environment_.observer->OnClamped(partition_, record->record.log_time);
    }
  }
  return LoadRecords(arrived);
}

// Order: the due timer or the record that comes next in log time; of many timers of others that are
// due, only so many come before a record. Nothing while some input is neither at hand nor at its
// end, or when there is nothing to do. What is copied from other topics may come late: timers wait
// for it, and records that are much later than what is there.
Result<Task::NextInput> Task::InOrder() {
  if (!inputs_.Complete()) SOJOURN_RETURN_IF_ERROR(Fetch());
  if (!inputs_.Complete()) return NextInput{};
  NextInput next;
  const PendingRecord* record = inputs_.Head();
  const Timestamp copied_until = inputs_.CopiedUntil();
  const Timestamp watermark = record != nullptr ? record->log_time : WatermarkAtEnd();
  meta_.watermark = std::max(meta_.watermark, std::min(watermark, copied_until));

  const Timestamp due_by = meta_.watermark - kTick;
  SOJOURN_RETURN_IF_ERROR(LoadTimers(due_by));
  std::vector<store::TimerRow> due;
  SOJOURN_RETURN_IF_ERROR(store_->timers().NextDue(due_by, 1, &due));
  if (record != nullptr &&
      record->log_time > copied_until + environment_.options.most_ahead_of_copies) {
    record = nullptr;
  }
  if (due.empty()) {
    next.record = record;
    timers_in_turn_ = records_in_turn_ = 0;
  } else if (record != nullptr && IsRecordsTurn()) {
    next.record = record;
  } else {
    next.timer = std::move(due.front());
    ++timers_in_turn_;
  }
  return next;
}

// Whether a record need not wait for the timers of others that are due before it. Its own person's
// fire before it in any case. A replay goes strictly by time.
bool Task::IsRecordsTurn() {
  const size_t turn = environment_.options.turn_inputs;
  if (timers_in_turn_ < turn || meta_.import_open) return false;
  if (++records_in_turn_ >= turn) timers_in_turn_ = records_in_turn_ = 0;
  return true;
}

Timestamp Task::WatermarkAtEnd() const {
  if (meta_.import_open) return meta_.watermark;
  // Not the clock's present: since the ends were seen, records may have arrived.
  return inputs_.KnownUntil(environment_.options.watermark_slack);
}

// Load: one batched read for the persons who are not in memory. It only warms the store's cache;
// who is decoded is decided by Touch.
Status Task::LoadRecords(const std::vector<const PendingRecord*>& arrived) {
  std::vector<std::string_view> ids;
  for (const PendingRecord* record : arrived) {
    if (!record->rejection.has_value() && persons_.Find(record->event.person) == nullptr) {
      ids.push_back(record->event.person);
    }
  }
  if (ids.empty()) return Status::Ok();
  std::vector<std::optional<std::string_view>> records;
  return store_->Load(ids, &records);
}

// The same for the next persons whose timers are due, every so many timers.
Status Task::LoadTimers(Timestamp limit) {
  if (timers_to_load_ > 0) return Status::Ok();
  timers_to_load_ = environment_.options.load_ahead_timers;
  std::vector<store::TimerRow> due;
  SOJOURN_RETURN_IF_ERROR(store_->timers().NextDue(limit, timers_to_load_, &due));
  std::vector<std::string_view> ids;
  for (const store::TimerRow& row : due) {
    if (persons_.Find(row.person) == nullptr) ids.push_back(row.person);
  }
  if (ids.size() < 2) return Status::Ok();
  std::vector<std::optional<std::string_view>> records;
  return store_->Load(ids, &records);
}

Result<model::Person*> Task::Touch(std::string_view id) {
  SOJOURN_ASSIGN_OR_RETURN(model::Person * person, persons_.Touch(id));
  if (person->known && person->bundle != bundle()) SOJOURN_RETURN_IF_ERROR(Upgrade(person));
  return person;
}

// Step, of a record.
Status Task::ApplyRecord(const PendingRecord& record) {
  if (record.rejection.has_value()) {
    Reject(record, *record.rejection);
  } else if (IsImportBracket(record.event.type)) {
    Bracket(record.event.type);
  } else {
    SOJOURN_RETURN_IF_ERROR(ApplyToPerson(record));
  }
  ++interval_.records;
  interval_.oldest_log_time = std::min(interval_.oldest_log_time, record.log_time);
  interval_.newest_log_time = std::max(interval_.newest_log_time, record.log_time);
  inputs_.Pop();
  return Status::Ok();
}

Status Task::ApplyToPerson(const PendingRecord& record) {
  SOJOURN_ASSIGN_OR_RETURN(model::Person * person, Touch(record.event.person));
  const Timestamp deadline_before = person->next_deadline;
  step::EventInput input = InputOf(record);
  SOJOURN_ASSIGN_OR_RETURN(const bool readable, TakeMerged(record, &input));
  if (!readable) return Status::Ok();
  const Timestamp logical_time = std::max(input.log_time, person->clock);

  SOJOURN_RETURN_IF_ERROR(FireUntil(logical_time - kTick, person));
  if (interval_.to_be_redone) return Status::Ok();
  SOJOURN_RETURN_IF_ERROR(BeforeStep(person));
  output_.Clear();
  step::ApplyEvent(StepEnvironment(), input, person, &output_);
  person->bundle = bundle();
  SOJOURN_ASSIGN_OR_RETURN(const SizeGuard::Verdict verdict, AfterStep(person));
  if (verdict == SizeGuard::Verdict::kFits) {
    Accept({.person = person->id,
            .event = &record.event,
            .topic = input.origin.topic,
            .log_time = input.log_time,
            .logical_time = logical_time});
  } else if (verdict == SizeGuard::Verdict::kRefused) {
    Reject(record,
           {DeadLetterReason::kPersonTooLarge,
            fmt::format("the person's record would exceed {} bytes", kMaxPersonRecordBytes)});
  } else {
    interval_.to_be_redone = true;
  }
  store_->timers().Arm(person->id, deadline_before, person->next_deadline);
  return Status::Ok();
}

// A step may be refused for the size of the person. Then neither they nor the partition keep
// anything of it: no code is taken that nobody was given.
Status Task::BeforeStep(model::Person* person) {
  SOJOURN_RETURN_IF_ERROR(size_guard_.Before(person));
  if (size_guard_.has_backup()) pools_before_ = PoolUsesOf(partition_state_);
  return Status::Ok();
}

Result<SizeGuard::Verdict> Task::AfterStep(model::Person* person) {
  SOJOURN_ASSIGN_OR_RETURN(const SizeGuard::Verdict verdict, size_guard_.After(person));
  if (verdict == SizeGuard::Verdict::kRefused) RestorePools(pools_before_, &partition_state_);
  return verdict;
}

// The record and where it stands, or stood before the product copied it.
step::EventInput Task::InputOf(const PendingRecord& record) const {
  const InputDescription& described = environment_.log->inputs()[record.record.input];
  step::EventInput input{&record.event,
                         {described.topic, partition_, record.record.offset},
                         record.log_time,
                         inputs_.next()};
  if (const OriginalPlace* original = record.record.original) {
    input.origin = {original->topic, original->partition, original->offset};
    input.log_time = std::min(original->log_time, record.log_time);
  } else if (described.internal && record.event.original != nullptr) {
    input.origin = record.event.original->place;
    input.log_time = std::min(record.event.original->log_time, record.log_time);
  }
  return input;
}

// Step, of a row of the timer index: live only if the person is really due.
Status Task::ApplyTimer(const store::TimerRow& row) {
  if (timers_to_load_ > 0) --timers_to_load_;
  interval_.meta_changed = true;  // the cursor
  if (persons_.Find(row.person) == nullptr) {
    const std::string_view id = row.person;
    std::vector<std::optional<std::string_view>> records;
    SOJOURN_RETURN_IF_ERROR(store_->Load({&id, 1}, &records));
    const bool known = records[0].has_value();
    // What an upgrade arms may come before this row: then it must be asked for again.
    if (known && store::RecordBundle(*records[0]) != bundle()) return Touch(row.person).status();
    const Timestamp deadline = known ? store::RecordNextDeadline(*records[0]) : Timestamp::Max();
    if (deadline > row.time) {
      store_->timers().Pass(row, deadline);
      return Status::Ok();
    }
  }
  SOJOURN_ASSIGN_OR_RETURN(model::Person * person, Touch(row.person));
  SOJOURN_RETURN_IF_ERROR(FireUntil(row.time, person));
  store_->timers().Pass(row, person->next_deadline);
  return Status::Ok();
}

// Fires the person's timers that are due at or before `until`, each at its own time.
Status Task::FireUntil(Timestamp until, model::Person* person) {
  while (person->next_deadline <= until && !interval_.to_be_redone) {
    const Timestamp due = person->next_deadline;
    SOJOURN_RETURN_IF_ERROR(BeforeStep(person));
    output_.Clear();
    if (!step::FireNextTimer(StepEnvironment(), until, person, &output_)) {
      step::RecomputeDeadline(person);
      break;
    }
    SOJOURN_ASSIGN_OR_RETURN(const SizeGuard::Verdict verdict, AfterStep(person));
    if (verdict == SizeGuard::Verdict::kFits) {
      ++interval_.timers_fired;
      Accept({.person = person->id, .log_time = due, .logical_time = due});
    } else if (verdict == SizeGuard::Verdict::kRefused) {
      GiveUpTimers(until, person);
    } else {
      interval_.to_be_redone = true;
    }
  }
  return Status::Ok();
}

// ---- what a step leads to --------------------------------------------------------------------

void Task::Accept(StepReport report) {
  report.partition = partition_;
  report.facts = output_.facts;
  report.actions = output_.actions;
  meta_.clock = report.logical_time;
  if (IsMutant(Mutant::kIdsFromAClock)) {
    for (model::Action& action : output_.actions) {
      action.id += fmt::format("_{}", environment_.clock->Now().milliseconds());
    }
  }
  environment_.observer->OnStep(report);
  std::move(output_.actions.begin(), output_.actions.end(), std::back_inserter(interval_.actions));
  KeepSuppressed();
  KeepOwnEvents(report.logical_time);
}

void Task::KeepSuppressed() {
  const std::string& key = environment_.address_key;
  if (key.empty()) return;
  for (const step::SuppressedAddress& suppressed : output_.suppressed) {
    interval_.suppressions.push_back(
        {model::HashAddress(key, suppressed.address), suppressed.reason, suppressed.since});
  }
}

void Task::Reject(const PendingRecord& record, Rejection rejection) {
  DeadLetter& letter = interval_.dead_letters.emplace_back();
  letter.reason = rejection.reason;
  letter.message = std::move(rejection.message);
  letter.topic = environment_.log->inputs()[record.record.input].topic;
  letter.partition = partition_;
  letter.offset = record.record.offset;
  letter.log_time = record.record.log_time;
  letter.key = record.record.key;
  letter.value = record.record.value;
}

// Between the brackets the wall clock is not followed. The partition never lived before, so no
// timer has fired yet and the watermark may begin anew.
void Task::Bracket(model::EventType type) {
  meta_.import_open = type == model::EventType::kImportBegin;
  if (meta_.import_open) meta_.watermark = Timestamp::Min();
}

// A person whose due timers would make them too large loses what is due, instead of being due for
// ever.
void Task::GiveUpTimers(Timestamp until, model::Person* person) {
  output_.Clear();
  for (uint32_t i = person->runs.size(); i-- > 0;) {
    const model::Run& run = person->runs[i];
    const Timestamp due = std::min(run.deadline, run.flip_at);
    if (due > until) continue;
    if (const language::Journey* journey = rules_->FindCurrent(run.journey)) {
      output_.facts.push_back({.kind = model::FactKind::kExited,
                               .time = due,
                               .journey = journey->name,
                               .reason = "limit"});
    }
    person->runs.Erase(i);
  }
  for (model::Membership& membership : person->memberships) {
    if (membership.flip_at <= until) membership.flip_at = Timestamp::Max();
  }
  for (uint32_t i = person->planned_entries.size(); i-- > 0;) {
    if (person->planned_entries[i].at <= until) person->planned_entries.Erase(i);
  }
  for (model::PlannedDate& date : person->planned_dates) {
    if (date.at <= until) date.at = Timestamp::Max();
  }
  person->clock = std::max(person->clock, person->next_deadline);
  step::RecomputeDeadline(person);
  Accept({.person = person->id, .log_time = person->clock, .logical_time = person->clock});
}

Result<std::optional<std::string>> Task::FindCommitted(std::string_view person) {
  std::vector<std::optional<std::string_view>> records;
  SOJOURN_RETURN_IF_ERROR(store_->Load({&person, 1}, &records));
  std::optional<std::string> record;
  if (records[0]) record = *records[0];
  return record;
}

// ---- where the task stands -------------------------------------------------------------------

step::Environment Task::StepEnvironment() {
  step::Environment environment;
  environment.rules = rules_.get();
  environment.secrets = environment_.secrets;
  environment.partition = &partition_state_;
  environment.overrides = environment_.overrides;
  environment.tracing = environment_.tracing;
  return environment;
}

bool Task::AtEnd() const { return inputs_.Complete() && inputs_.Head() == nullptr; }

Result<Timestamp> Task::NextWakeUp() {
  // Where an input is neither at hand nor at its end, only the log can tell more.
  if (meta_.import_open || !inputs_.Complete()) return Timestamp::Max();
  SOJOURN_ASSIGN_OR_RETURN(const std::optional<Timestamp> oldest, store_->timers().OldestPending());
  if (!oldest.has_value()) return Timestamp::Max();
  // A record that is under way may come before the timer; the log wakes us when it is there.
  const Timestamp under_way = std::min(inputs_.UnderWaySince(), inputs_.CopiedUntil());
  if (under_way <= *oldest) return Timestamp::Max();
  return *oldest + environment_.options.watermark_slack + kTick;
}

std::optional<int64_t> Task::LagRecords() {
  int64_t sum = 0;
  for (size_t input = 0; input < inputs_.next().size(); ++input) {
    const std::optional<int64_t> lag =
        environment_.log->Lag(partition_, static_cast<uint16_t>(input), inputs_.next()[input]);
    if (!lag.has_value()) return std::nullopt;
    sum += *lag;
  }
  return sum;
}

Result<PartitionGauges> Task::Gauges() {
  const Timestamp now = environment_.clock->Now();
  PartitionGauges gauges;
  gauges.partition = partition_;
  gauges.lag_records = LagRecords();
  if (const std::optional<Timestamp> oldest = inputs_.Oldest()) {
    gauges.lag = std::max(Duration(), now - *oldest);
  } else if (inputs_.Complete()) {
    gauges.lag = Duration();
  }
  gauges.watermark = meta_.watermark;
  gauges.persons = static_cast<int64_t>(store_->meta().persons);
  gauges.timers_pending = static_cast<int64_t>(store_->timers().EstimatePending());
  SOJOURN_ASSIGN_OR_RETURN(const std::optional<Timestamp> due, store_->timers().OldestPending());
  if (due.has_value()) gauges.oldest_overdue = std::max(Duration(), now - *due);
  gauges.importing = meta_.import_open;
  gauges.bundle = bundle();
  gauges.upgrading = UpgradePass() != nullptr;
  gauges.partition_count = partition_state_.partition_count;
  for (const auto& pool : rules_->current().pools) {
    if (pool->kind != language::PoolKind::kCodes) continue;
    const step::PoolShare share = step::ShareOf(*pool, &partition_state_);
    gauges.pools.push_back({pool->name, static_cast<int64_t>(share.left),
                            static_cast<int64_t>(share.codes),
                            static_cast<int64_t>(pool->codes.size()), pool->low_at});
  }
  return gauges;
}

}  // namespace sojourn::runtime
