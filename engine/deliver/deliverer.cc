#include "engine/deliver/deliverer.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "engine/telemetry/log.h"

namespace sojourn::deliver {
namespace {

using telemetry::Log;
using telemetry::LogLevel;

constexpr size_t kActionsPerRead = 256;
constexpr Duration kLongestPoll = Seconds(1);
constexpr Duration kCommitRetryDelay = Milliseconds(200);

}  // namespace

Deliverer::Deliverer(DelivererOptions options, DelivererEnvironment environment)
    : options_(std::move(options)),
      environment_(std::move(environment)),
      queue_(environment_.channel->gate()),
      senders_(std::make_unique<SenderPool>(options_.connections, environment_.make_carrier,
                                            [log = environment_.log] { log->Wake(); })) {}

// The threads of the pool must not wait for marks when they are joined.
Deliverer::~Deliverer() { RefuseMarks(); }

void Deliverer::RefuseMarks() {
  for (const auto& mark : pending_.marks) mark->answer.set_value(Unavailable("stopping"));
  pending_.marks.clear();
  // A mail without its mark is not sent, so nothing may say that it perhaps was.
  std::erase_if(pending_.records, [](const DeliveryRecord& record) {
    return record.state == DeliveryState::kStarted;
  });
}

Status Deliverer::Run() {
  while (!stopping_) {
    SOJOURN_RETURN_IF_ERROR(environment_.log->Poll(UntilNextMoment(), this));
    SOJOURN_RETURN_IF_ERROR(TakeRequests());
    SOJOURN_RETURN_IF_ERROR(ReadMore());
    HearSenders();
    RefuseBacklog();
    FillSenders();
    SOJOURN_RETURN_IF_ERROR(Commit());
    RecordGauges();
  }
  // What is under way comes to its end and is written; what asks for its mark is refused.
  RefuseMarks();
  senders_->Finish();
  HearSenders();
  return Commit();
}

void Deliverer::Stop() {
  stopping_ = true;
  environment_.log->Wake();
}

void Deliverer::SetPaused(PausedJourneys paused) {
  {
    const std::lock_guard lock(requests_mutex_);
    paused_request_ = std::move(paused);
  }
  environment_.log->Wake();
}

void Deliverer::OnOpened(OpenedPartition partition) {
  queue_.Open(partition.partition, partition.cursor);
  for (auto& [offset, record] : partition.records) known_[record.place] = std::move(record);
}

void Deliverer::OnClosed(Partition partition) {
  queue_.Close(partition);
  std::erase_if(known_, [&](const auto& entry) { return entry.first.partition == partition; });
}

Status Deliverer::TakeRequests() {
  std::optional<PausedJourneys> paused;
  std::vector<std::shared_ptr<ReopenRequest>> reopen;
  {
    const std::lock_guard lock(requests_mutex_);
    paused.swap(paused_request_);
    reopen.swap(reopen_requests_);
  }
  if (paused) {
    paused_ = *std::move(paused);
    queue_.LookAtHeld(paused_, environment_.now());
  }
  for (const auto& request : reopen) SOJOURN_RETURN_IF_ERROR(TakeReopening(request));
  return Status::Ok();
}

Status Deliverer::ReadMore() {
  more_to_read_ = false;
  for (const Partition partition : queue_.partitions()) {
    while (queue_.WantsMore()) {
      auto actions =
          environment_.log->Read(partition, queue_.NextToRead(partition), kActionsPerRead);
      if (actions.status().code() == StatusCode::kUnavailable) break;
      if (!actions.ok()) return actions.status();
      if (actions->empty()) break;
      const Offset next(actions->back().place.offset.value() + 1);
      for (CommittedAction& committed : *actions) Admit(std::move(committed));
      queue_.SetRead(partition, next);
      RefuseBacklog();
      more_to_read_ = pending_.records.size() >= kActionsPerRead;
      if (more_to_read_) return Status::Ok();
    }
  }
  return Status::Ok();
}

QueuedAction Deliverer::Queued(CommittedAction committed) const {
  QueuedAction queued{std::move(committed)};
  queued.lane = environment_.channel->LaneOf(queued.committed.action);
  queued.useful_until = environment_.channel->UsefulUntil(queued.committed.action);
  return queued;
}

void Deliverer::Admit(CommittedAction committed) {
  const auto known = known_.find(committed.place);
  if (known != known_.end()) {
    const DeliveryRecord record = std::move(known->second);
    known_.erase(known);
    // Another deliverer's, where it is not taken here.
    if (environment_.channel->Takes(committed.action.kind)) {
      AdmitKnown(std::move(committed), record);
    }
    return;
  }
  if (!environment_.channel->Takes(committed.action.kind) || queue_.Has(committed.place)) return;
  if (committed.action.late) {
    return FinishAs(committed, DeliveryState::kExpired, 0, "late when it was decided");
  }
  if (committed.action.time < options_.held_before) return HoldBack(committed, 0);
  queue_.Add(Queued(std::move(committed)), environment_.now());
}

void Deliverer::AdmitKnown(CommittedAction committed, const DeliveryRecord& known) {
  if (IsFinal(known.state) || queue_.Has(committed.place)) return;
  if (std::max(committed.action.time, known.at) < options_.held_before) {
    return HoldBack(committed, known.attempts);
  }
  if (known.state == DeliveryState::kStarted && !options_.resend_unknown) {
    return FinishAs(committed, DeliveryState::kUnknown, known.attempts,
                    "the process ended while the relay had the mail before it");
  }
  QueuedAction queued = Queued(std::move(committed));
  queued.attempts = known.attempts;
  queued.reopened = known.reopened;
  queue_.Add(std::move(queued), std::max(known.next_attempt, environment_.now()));
}

void Deliverer::HoldBack(const CommittedAction& committed, int attempts) {
  DeliveryRecord record = Conclude(committed, DeliveryState::kFailed, attempts,
                                   "decided before the log was restored from a backup: it may "
                                   "have left",
                                   environment_.now());
  record.failure = kHeldFailure;
  record.template_name = committed.action.template_name;
  Finish(std::move(record), committed);
}

// What goes elsewhere needs the room that a dead end takes. One that is merely slow makes reading
// wait instead.
void Deliverer::RefuseBacklog() {
  const size_t most = environment_.channel->max_shut_lane_bytes();
  if (most == 0) return;
  while (const QueuedAction* queued = queue_.LastOfShutLane(most)) {
    if (pending_.records.size() >= kActionsPerRead) return;  // the rest after the commit
    const CommittedAction& committed = queued->committed;
    DeliveryRecord record =
        Conclude(committed, DeliveryState::kFailed, queued->attempts,
                 "its endpoint does not answer, and too much waits for it", environment_.now());
    record.failure = kBacklogFailure;
    record.template_name = committed.action.template_name;
    Finish(std::move(record), committed);
  }
}

void Deliverer::HearSenders() {
  SenderPool::News news = senders_->TakeNews();
  for (auto& mark : news.marks) {
    if (!queue_.IsOpen(mark->committed.place.partition, mark->opening) || stopping_) {
      mark->answer.set_value(Unavailable("the partition is somebody else's now"));
      continue;
    }
    Keep(
        Conclude(mark->committed, DeliveryState::kStarted, mark->attempts, "", environment_.now()));
    pending_.marks.push_back(std::move(mark));
  }
  for (SendReport& report : news.reports) HearReport(std::move(report));
}

void Deliverer::HearReport(SendReport report) {
  const Timestamp now = environment_.now();
  const CommittedAction& committed = report.committed;
  if (!queue_.IsOpen(committed.place.partition, report.opening)) return;
  switch (report.composition.outcome) {
    case Composition::Outcome::kReady:
      break;
    case Composition::Outcome::kSkip:
      return FinishAs(committed, DeliveryState::kSkipped, report.attempts,
                      report.composition.reason);
    case Composition::Outcome::kFail:
      return FinishFailed(report);
    case Composition::Outcome::kTryLater:
      queue_.Retry(committed.place, report.attempts, now + kFirstRetryDelay);
      return environment_.channel->PutOff(committed.action, report.composition.reason, now);
  }
  Verdict verdict = environment_.channel->Hear(committed, report.attempts, report.result, now);
  NoteAttempt(verdict.record, committed, report.attempts > 1);
  const DeliveryState state = verdict.record.state;
  const Timestamp next_attempt = verdict.record.next_attempt;
  Keep(std::move(verdict.record));
  if (state == DeliveryState::kWaiting) {
    queue_.Retry(committed.place, report.attempts, next_attempt);
  } else {
    queue_.Finish(committed.place);
  }
  if (verdict.event) pending_.events.push_back(*std::move(verdict.event));
}

void Deliverer::FillSenders() {
  const Timestamp now = environment_.now();
  if (stopping_) return;
  while (senders_->idle() > 0 && now >= environment_.channel->RestsUntil(now)) {
    const auto next = queue_.Take(paused_, now);
    if (!next) return;
    const QueuedAction& queued = *next->queued;
    if (next->expired) {
      Finish(environment_.channel->Expire(queued.committed, queued.attempts, now),
             queued.committed);
      continue;
    }
    senders_->Send({queued.committed, queued.attempts, queued.reopened, queued.opening});
  }
}

void Deliverer::FinishAs(const CommittedAction& committed, DeliveryState state, int attempts,
                         std::string detail) {
  Finish(Conclude(committed, state, attempts, std::move(detail), environment_.now()), committed);
}

void Deliverer::FinishFailed(const SendReport& report) {
  const Composition& composition = report.composition;
  DeliveryRecord record = Conclude(report.committed, DeliveryState::kFailed, report.attempts,
                                   composition.reason, environment_.now());
  record.failure = composition.failure;
  record.template_name = report.committed.action.template_name;
  Finish(std::move(record), report.committed);
}

void Deliverer::Finish(DeliveryRecord record, const CommittedAction& committed) {
  NoteAttempt(record, committed, /*repeated=*/false);
  Keep(std::move(record));
  queue_.Finish(committed.place);
}

// Every record of a mail that was reopened says so: the next life goes on with its template.
void Deliverer::Keep(DeliveryRecord record) {
  record.channel = environment_.channel->name();
  record.reopened = queue_.IsReopened(record.place);
  pending_.records.push_back(std::move(record));
}

void Deliverer::NoteAttempt(const DeliveryRecord& record, const CommittedAction& committed,
                            bool repeated) {
  pending_.attempts.push_back({record.place.partition, record.state,
                               environment_.channel->ReceiverOf(committed.action), record.failure,
                               record.template_name, repeated});
}

Status Deliverer::Commit() {
  while (true) {
    const std::vector<ActionPlace> cursors = queue_.MovedCursors();
    if (pending_.empty() && cursors.empty()) return Status::Ok();
    const Status status = environment_.log->Commit({pending_.records, pending_.events, cursors});
    if (status.ok()) {
      CommitDone(cursors);
      return status;
    }
    if (status.code() == StatusCode::kAborted) {
      SOJOURN_RETURN_IF_ERROR(environment_.log->Poll(Duration(0), this));
      DropClosed();
    } else if (status.code() != StatusCode::kUnavailable &&
               status.code() != StatusCode::kResourceExhausted) {
      return status;
    }
    if (stopping_) return GiveUpCommit(status);
    std::this_thread::sleep_for(std::chrono::milliseconds(kCommitRetryDelay.milliseconds()));
  }
}

// The log cannot take it now, and the next life finds out: what was sent is kUnknown then.
Status Deliverer::GiveUpCommit(const Status& status) {
  Log(LogLevel::kWarning, "what became of the last sends could not be written",
      {{"reason", status.message()}, {"records", pending_.records.size()}});
  return Status::Ok();
}

void Deliverer::DropClosed() {
  std::erase_if(pending_.records, [this](const DeliveryRecord& record) {
    return !queue_.IsOpen(record.place.partition);
  });
  std::erase_if(pending_.events,
                [this](const DeliveryEvent& event) { return !queue_.IsOpen(event.partition); });
  std::erase_if(pending_.attempts,
                [this](const Attempt& attempt) { return !queue_.IsOpen(attempt.partition); });
  for (const auto& mark : pending_.marks) {
    if (queue_.IsOpen(mark->committed.place.partition, mark->opening)) continue;
    mark->answer.set_value(Unavailable("the partition is somebody else's now"));
  }
  std::erase_if(pending_.marks, [this](const std::unique_ptr<MarkRequest>& mark) {
    return !queue_.IsOpen(mark->committed.place.partition, mark->opening);
  });
}

void Deliverer::CommitDone(const std::vector<ActionPlace>& cursors) {
  queue_.CursorsWritten(cursors);
  for (const auto& mark : pending_.marks) mark->answer.set_value(Status::Ok());
  CountAttempts();
  for (const auto& request : reopening_) {
    for (const DeliveryRecord& record : pending_.records) request->Hear(record);
  }
  // Also where nobody waits any more.
  std::erase_if(reopening_,
                [](const auto& request) { return request.use_count() == 1 || request->IsOver(); });
  pending_ = {};
}

void Deliverer::CountAttempts() {
  for (const Attempt& attempt : pending_.attempts) environment_.channel->Count(attempt);
}

Duration Deliverer::UntilNextMoment() {
  const Timestamp now = environment_.now();
  if (more_to_read_ || !queue_.MovedCursors().empty()) return Duration(0);
  if (senders_->idle() == 0) return kLongestPoll;
  const Timestamp next = std::max(queue_.NextMoment(), environment_.channel->RestsUntil(now));
  return std::clamp(next - now, Duration(0), kLongestPoll);
}

void Deliverer::RecordGauges() {
  const Timestamp now = environment_.now();
  if (now < gauges_at_) return;
  gauges_at_ = now + Seconds(1);
  QueueGauges gauges;
  gauges.waiting = static_cast<int64_t>(queue_.size() - queue_.held());
  gauges.held = static_cast<int64_t>(queue_.held());
  const auto oldest = queue_.OldestTime();
  gauges.oldest_age = oldest ? std::max(now - *oldest, Duration(0)) : Duration(0);
  if (environment_.channel->asks_for_lanes()) gauges.lanes = queue_.Lanes();
  environment_.channel->Record(gauges, now);
}

}  // namespace sojourn::deliver
