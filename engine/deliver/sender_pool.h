// The threads that compose and send: blocking work, done beside the deliverer's own thread.
//
// Each thread has a carrier of its own. It takes a job, has it carried and reports. The carrier of
// mails composes, asks for the mark that the mail is about to be sent, and sends it.
//
// Threads: members are called by the deliverer's thread; `wake` is called by the pool's.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/deliver/composer.h"
#include "engine/deliver/delivery_log.h"
#include "engine/deliver/transport.h"

namespace sojourn::deliver {

struct SendJob {
  CommittedAction committed;
  int attempts = 0;  // before this one
  bool reopened = false;
  uint64_t opening = 0;  // QueuedAction::opening
};

// What stands before the door and needs its record written first.
struct MarkRequest {
  CommittedAction committed;
  int attempts = 0;  // this one included
  uint64_t opening = 0;
  std::promise<Status> answer;
};

struct SendReport {
  CommittedAction committed;
  int attempts = 0;
  uint64_t opening = 0;
  Composition composition;  // its mail is spent
  SendResult result;        // where the composition is ready
};

// How one action goes out, from its text to the answer. One thread at a time each.
class Carrier {
 public:
  virtual ~Carrier() = default;
  struct Carried {
    Composition composition;
    SendResult result;  // where the composition is ready
  };
  // `before_data`: of MailTransport; who would rather send twice than never need not call it.
  virtual Carried Carry(const model::Action& action, bool reopened,
                        const MailTransport::BeforeData& before_data) = 0;
  // As that of MailTransport.
  virtual void GiveUp() {}
};

class SenderPool {
 public:
  using MakeTransport = std::function<std::unique_ptr<MailTransport>()>;
  using MakeCarrier = std::function<std::unique_ptr<Carrier>()>;

  SenderPool(int threads, const MakeCarrier& make_carrier, std::function<void()> wake);
  ~SenderPool();

  // Marks that wait or come are refused; what is being sent comes to its end, or is given up soon.
  // The last news can be taken afterwards.
  void Finish();

  // Threads without a job.
  int idle() const;
  // Requires idle() > 0.
  void Send(SendJob job);

  // What has come in since the last call.
  struct News {
    std::vector<std::unique_ptr<MarkRequest>> marks;
    std::vector<SendReport> reports;
  };
  News TakeNews();

 private:
  void Serve(Carrier* carrier);
  std::optional<SendJob> NextJob();
  Status AskForMark(const SendJob& job);
  SendReport Perform(const SendJob& job, Carrier* carrier);

  const std::function<void()> wake_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<SendJob> jobs_;  // guarded by mutex_, as all below
  News news_;
  int idle_ = 0;
  bool stopping_ = false;
  std::vector<std::unique_ptr<Carrier>> carriers_;
  std::vector<std::thread> threads_;
};

// Of mails. `composer` outlives what it makes.
SenderPool::MakeCarrier MailCarriers(Composer* composer, SenderPool::MakeTransport make_transport);

}  // namespace sojourn::deliver
