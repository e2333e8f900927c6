// How long a reader of Kafka waits for a broker that is away, or for a transaction that is open,
// while others wait for the reader.
//
// Threads: one owner.
#pragma once

#include <chrono>

#include "connectors/kafka/reader.h"
#include "engine/base/status.h"
#include "engine/base/time.h"

namespace sojourn::cli {

class Patience {
 public:
  explicit Patience(Duration patience) : patience_(patience.milliseconds()) { Renew(); }

  // Something has come.
  void Renew() { end_ = std::chrono::steady_clock::now() + patience_; }

  // For PartitionReader; this outlives it.
  kafka::PartitionReader::KeepGoing KeepGoing() const {
    return [this] { return std::chrono::steady_clock::now() < end_; };
  }

  // What ended the reading, for people.
  static Status Explain(const Status& status) {
    return status.code() == StatusCode::kAborted
               ? Unavailable(status.message() + ", because nothing came; is the broker there?")
               : status;
  }

 private:
  const std::chrono::milliseconds patience_;
  std::chrono::steady_clock::time_point end_;
};

inline constexpr Duration kScanPatience = Seconds(20);  // for who reads whole topics

}  // namespace sojourn::cli
