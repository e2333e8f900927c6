// A bell between threads: ringing before or during Wait ends it.
//
// Threads: any.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "engine/base/time.h"

namespace sojourn::kafka {

class Signal {
 public:
  void Ring() {
    {
      const std::lock_guard lock(mutex_);
      rung_ = true;
    }
    condition_.notify_all();
  }

  // Whether it was rung since the last Wait. Waits at most `timeout`.
  bool Wait(Duration timeout) {
    std::unique_lock lock(mutex_);
    condition_.wait_for(lock, std::chrono::milliseconds(timeout.milliseconds()),
                        [this] { return rung_; });
    const bool rung = rung_;
    rung_ = false;
    return rung;
  }

 private:
  std::mutex mutex_;
  std::condition_variable condition_;
  bool rung_ = false;  // guarded by mutex_
};

}  // namespace sojourn::kafka
