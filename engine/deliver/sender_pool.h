// The threads that compose and send: blocking work, done beside the deliverer's own thread.
//
// Each thread has a transport of its own. It takes a job, composes the mail, asks for the mark that
// the mail is about to be sent, sends it and reports.
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
  uint64_t opening = 0;  // QueuedMail::opening
};

// A mail that stands before the relay's door and needs its record written first.
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

class SenderPool {
 public:
  using MakeTransport = std::function<std::unique_ptr<MailTransport>()>;

  // `composer` outlives the pool.
  SenderPool(int threads, Composer* composer, const MakeTransport& make_transport,
             std::function<void()> wake);
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
  void Serve(MailTransport* transport);
  std::optional<SendJob> NextJob();
  Status AskForMark(const SendJob& job);
  SendReport Perform(const SendJob& job, MailTransport* transport);

  Composer* const composer_;
  const std::function<void()> wake_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<SendJob> jobs_;  // guarded by mutex_, as all below
  News news_;
  int idle_ = 0;
  bool stopping_ = false;
  std::vector<std::unique_ptr<MailTransport>> transports_;
  std::vector<std::thread> threads_;
};

}  // namespace sojourn::deliver
