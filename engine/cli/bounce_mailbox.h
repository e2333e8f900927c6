// Reads the mailbox that bounces go to, beside everything else.
//
// What a mail says is taken before the mailbox moves on; how far it is read is kept as a note of
// the log, so that after a crash a mail is read again, and none is lost.
//
// Threads: Start and Stop from one thread; reading is on a thread of its own, which calls `take`.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "connectors/feedback/fact.h"
#include "connectors/feedback/mailbox.h"
#include "engine/base/status.h"
#include "engine/cli/backend.h"
#include "engine/runtime/ports.h"

namespace sojourn::cli {

class BounceMailbox {
 public:
  // Durable when ok; else the same comes again.
  using Take = std::function<Status(const feedback::Feedback&)>;
  // All outlive it.
  BounceMailbox(std::string path, Backend* backend, const runtime::WallClock* clock, Take take);
  ~BounceMailbox();

  // Errors: the path can be no mailbox, or the note cannot be read.
  Status Start();
  void Stop();

 private:
  void ReadUntilStopped();
  // Ok: all there is now is taken.
  Status ReadOn();

  const std::string path_;
  Backend* const backend_;
  const runtime::WallClock* const clock_;
  const Take take_;
  std::unique_ptr<feedback::Mailbox> mailbox_;
  std::string kept_;  // the progress that the note has
  std::mutex mutex_;
  std::condition_variable stop_asked_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace sojourn::cli
