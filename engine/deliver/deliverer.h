// Sends what committed actions say: each gets exactly one final state. No mail is sent twice; a
// webhook may be, with the same id.
//
// One thread decides and writes, others compose and send:
//
//   read         committed actions into the queue; what is not its channel's is passed over
//   take         the next that may leave: not paused, within its rates, in time
//   carry        on a thread of the pool; just before the relay can take a mail over it asks for
//                its mark, and goes on when the mark is durable
//   commit       marks, final states, events for the journeys and cursors, as one
//
// A crash between mark and final state leaves kStarted: the mail was perhaps sent. It becomes
// kUnknown, or is sent again where the options say so. So does a mail whose answer was lost;
// nothing else is ever sent twice.
//
// Threads: Run on one thread; the rest from any. Errors: Run returns the Status that ended it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/status.h"
#include "engine/deliver/channel.h"
#include "engine/deliver/delivery_log.h"
#include "engine/deliver/reopen.h"
#include "engine/deliver/send_queue.h"
#include "engine/deliver/sender_pool.h"
#include "engine/deliver/verdict.h"

namespace sojourn::deliver {

struct DelivererOptions {
  int connections = 4;          // actions under way at the same time
  bool resend_unknown = false;  // kStarted after a crash, kUnknown: send again
  // Actions decided before this may have left in a life of the log that is forgotten: they fail,
  // until an operator sends them again.
  Timestamp held_before = Timestamp::Min();
};

// What outlives the deliverer.
struct DelivererEnvironment {
  DeliveryLog* log = nullptr;
  Channel* channel = nullptr;
  SenderPool::MakeCarrier make_carrier;
  std::function<Timestamp()> now;
};

class Deliverer final : private DeliveryLog::Listener {
 public:
  Deliverer(DelivererOptions options, DelivererEnvironment environment);
  ~Deliverer() override;

  Status Run();
  void Stop();

  void SetPaused(PausedJourneys paused);
  // Sends again what has failed, with the templates as they are now; within its latest useful time,
  // as every mail. The request is answered when the reopening is durable, and told what comes of
  // it.
  void Reopen(std::shared_ptr<ReopenRequest> request);

 private:
  struct Pending {
    std::vector<DeliveryRecord> records;
    std::vector<DeliveryEvent> events;
    std::vector<std::unique_ptr<MarkRequest>> marks;
    std::vector<Attempt> attempts;  // counted when their records are committed

    bool empty() const { return records.empty() && events.empty() && marks.empty(); }
  };
  using Known = std::map<ActionPlace, DeliveryRecord>;

  void OnOpened(OpenedPartition partition) override;
  void OnClosed(Partition partition) override;
  Status TakeRequests();
  Status TakeReopening(const std::shared_ptr<ReopenRequest>& request);
  Status ReopenIn(Partition partition, const std::vector<ReopenTarget>& targets,
                  ReopenRequest* request);
  Result<ReopenAnswer> ReopenOne(const ReopenTarget& target,
                                 const std::optional<DeliveryRecord>& record);
  Status ReadMore();
  void Admit(CommittedAction committed);
  void AdmitKnown(CommittedAction committed, const DeliveryRecord& known);
  QueuedAction Queued(CommittedAction committed) const;
  void RefuseBacklog();
  void HoldBack(const CommittedAction& committed, int attempts);
  void HearSenders();
  void HearReport(SendReport report);
  void FillSenders();
  Status Commit();
  Status GiveUpCommit(const Status& status);
  void DropClosed();
  void RefuseMarks();
  void CommitDone(const std::vector<ActionPlace>& cursors);
  void FinishAs(const CommittedAction& committed, DeliveryState state, int attempts,
                std::string detail);
  void FinishFailed(const SendReport& report);
  void Finish(DeliveryRecord record, const CommittedAction& committed);
  void Keep(DeliveryRecord record);
  void NoteAttempt(const DeliveryRecord& record, const CommittedAction& committed, bool repeated);
  void CountAttempts();
  Duration UntilNextMoment();
  void RecordGauges();

  const DelivererOptions options_;
  const DelivererEnvironment environment_;
  SendQueue queue_;
  Known known_;  // records of actions that were not read again yet
  Pending pending_;
  bool more_to_read_ = false;  // what was read last filled a commit
  PausedJourneys paused_;
  Timestamp gauges_at_;
  std::atomic<bool> stopping_ = false;
  std::mutex requests_mutex_;
  std::optional<PausedJourneys> paused_request_;                 // guarded by requests_mutex_
  std::vector<std::shared_ptr<ReopenRequest>> reopen_requests_;  // likewise
  std::vector<std::shared_ptr<ReopenRequest>> reopening_;        // to be told what comes of it
  std::unique_ptr<SenderPool> senders_;  // last: its threads use what stands above
};

}  // namespace sojourn::deliver
