// Kafka's remarks, in the process's log.
#pragma once

#include "connectors/kafka/observer.h"

namespace sojourn::cli {

// Threads: any. With `quiet`, only errors that a command's own message does not carry are dropped:
// commands that end at once say what went wrong themselves.
class LogObserver : public kafka::KafkaObserver {
 public:
  explicit LogObserver(bool quiet) : quiet_(quiet) {}

  void OnLog(kafka::LogLevel level, std::string_view client, std::string_view message) override;
  void OnClientRebuilt(std::string_view client, const Status& why) override;
  void OnOffsetsWentBack(std::string_view topic, Partition partition) override;
  void OnRecordsMissed(std::string_view topic, Partition partition, Offset expected,
                       Offset oldest) override;
  void OnChangelogCut(std::string_view topic, Partition partition, Offset oldest) override;
  void OnStoreWiped(Partition partition, std::string_view why) override;

 private:
  const bool quiet_;
};

}  // namespace sojourn::cli
