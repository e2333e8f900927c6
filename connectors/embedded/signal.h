// Tells sleeping threads that something is new, without losing what happens just before they sleep.
//
// Threads: any.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "engine/base/time.h"

namespace sojourn::embedded {

class Signal {
 public:
  void Raise() {
    {
      std::lock_guard lock(mutex_);
      ++count_;
    }
    raised_.notify_all();
  }

  // How often it was raised. Ask before looking for what is new; then WaitBeyond the answer.
  uint64_t count() {
    std::lock_guard lock(mutex_);
    return count_;
  }

  // Until it was raised more than `seen` times, or `timeout`. The count then.
  uint64_t WaitBeyond(uint64_t seen, Duration timeout) {
    std::unique_lock lock(mutex_);
    raised_.wait_for(lock, std::chrono::milliseconds(timeout.milliseconds()),
                     [&] { return count_ > seen; });
    return count_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable raised_;
  uint64_t count_ = 0;
};

}  // namespace sojourn::embedded
