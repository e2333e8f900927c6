#include "engine/runtime/input_merge.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/limits.h"

namespace sojourn::runtime {

InputMerge::InputMerge(InputLog* log, Decoder* decoder, Partition partition, size_t fetch_records)
    : log_(log),
      decoder_(decoder),
      partition_(partition),
      fetch_records_(fetch_records),
      queues_(log->inputs().size()) {}

void InputMerge::Reset(Positions next) {
  SOJOURN_CHECK(next.size() == queues_.size());
  next_ = std::move(next);
  for (size_t input = 0; input < queues_.size(); ++input) {
    queues_[input].records.clear();
    queues_[input].head = 0;
    queues_[input].behind = next_[input];
    queues_[input].at_end = false;
    queues_[input].waiting = {};
  }
}

Status InputMerge::Fetch(Timestamp wall, std::vector<const PendingRecord*>* arrived) {
  for (size_t input = 0; input < queues_.size(); ++input) {
    Queue& queue = queues_[input];
    if (!queue.empty()) continue;
    SOJOURN_RETURN_IF_ERROR(FetchInput(static_cast<uint16_t>(input), wall));
    if (arrived == nullptr) continue;
    for (const PendingRecord& record : queue.records) arrived->push_back(&record);
  }
  return Status::Ok();
}

Status InputMerge::FetchInput(uint16_t input, Timestamp wall) {
  Queue& queue = queues_[input];
  queue.records.clear();
  queue.head = 0;
  queue.arena.Reset();
  if (queue.waiting.empty()) SOJOURN_RETURN_IF_ERROR(AskLog(input, wall, &queue));
  queue.records.reserve(queue.waiting.size());
  while (!queue.waiting.empty() && Decode(queue.waiting.front(), wall, &queue)) {
    queue.waiting = queue.waiting.subspan(1);
  }
  const bool all_decoded = queue.waiting.empty();
  queue.behind = all_decoded ? queue.behind_waiting : queue.waiting.front().offset;
  queue.at_end = all_decoded && queue.at_end_behind_waiting;
  if (queue.empty()) next_[input] = queue.behind;
  return Status::Ok();
}

Status InputMerge::AskLog(uint16_t input, Timestamp wall, Queue* queue) {
  SOJOURN_ASSIGN_OR_RETURN(const FetchedRecords fetched,
                           log_->Fetch(partition_, input, fetch_records_));
  queue->waiting = fetched.records;
  queue->behind_waiting = fetched.next;
  queue->at_end_behind_waiting = fetched.at_end;
  queue->fetched_at = wall;
  queue->under_way_since = fetched.under_way_since.value_or(Timestamp::Max());
  return Status::Ok();
}

// False: not yet.
bool InputMerge::Decode(const InputRecord& record, Timestamp wall, Queue* queue) {
  Result<model::Event> event = decoder_->Decode(record, &queue->arena);
  if (event.status().code() == StatusCode::kUnavailable) return false;
  PendingRecord& pending = queue->records.emplace_back();
  pending.record = record;
  pending.log_time = std::min(record.log_time, wall + kMaxLogTimeAhead);
  if (!event.ok()) {
    pending.rejection = Rejection{DeadLetterReason::kUndecodable, event.status().message()};
    return true;
  }
  pending.event = *event;
  pending.rejection = CheckRecord(record.key, *event, log_->inputs()[record.input], partition_,
                                  log_->partition_count());
  pending.event.person = record.key;
  if (!log_->inputs()[record.input].internal) {  // only the product's own may say so
    pending.event.redirects = 0;
    pending.event.person_record = {};
  }
  return true;
}

bool InputMerge::Complete() const {
  return std::all_of(queues_.begin(), queues_.end(),
                     [](const Queue& queue) { return !queue.empty() || queue.at_end; });
}

Timestamp InputMerge::KnownUntil(Duration slack) const {
  Timestamp earliest = UnderWaySince();
  for (const Queue& queue : queues_) earliest = std::min(earliest, queue.fetched_at - slack);
  return earliest;
}

Timestamp InputMerge::UnderWaySince() const {
  Timestamp earliest = Timestamp::Max();
  for (const Queue& queue : queues_) earliest = std::min(earliest, queue.under_way_since);
  return earliest;
}

Timestamp InputMerge::CopiedUntil() const {
  Timestamp until = log_->CopiedUntil();
  if (until == Timestamp::Max()) return until;
  // Where records are at hand, the copies behind them come when these are popped.
  for (const Queue& queue : queues_) {
    if (queue.empty()) until = std::min(until, queue.under_way_since);
  }
  return until;
}

const PendingRecord* InputMerge::Head() const {
  const PendingRecord* first = nullptr;
  for (const Queue& queue : queues_) {
    if (queue.empty()) continue;
    const PendingRecord* candidate = &queue.records[queue.head];
    if (first == nullptr || candidate->log_time < first->log_time) first = candidate;
  }
  return first;
}

std::optional<Timestamp> InputMerge::Oldest() const {
  std::optional<Timestamp> oldest;
  for (const Queue& queue : queues_) {
    if (queue.empty() && queue.waiting.empty()) continue;
    const Timestamp first =
        queue.empty() ? queue.waiting.front().log_time : queue.records[queue.head].log_time;
    oldest = std::min(oldest.value_or(first), first);
  }
  return oldest;
}

void InputMerge::Pop() {
  const PendingRecord* head = Head();
  SOJOURN_CHECK(head != nullptr);
  const uint16_t input = head->record.input;
  Queue& queue = queues_[input];
  ++queue.head;
  next_[input] = queue.empty() ? queue.behind : queue.records[queue.head].record.offset;
}

}  // namespace sojourn::runtime
