#include "engine/cli/log_observer.h"

#include "engine/telemetry/log.h"

namespace sojourn::cli {

using telemetry::Log;

void LogObserver::OnLog(kafka::LogLevel level, std::string_view client, std::string_view message) {
  if (quiet_ || level == kafka::LogLevel::kDebug) return;
  const auto as = level == kafka::LogLevel::kError     ? telemetry::LogLevel::kError
                  : level == kafka::LogLevel::kWarning ? telemetry::LogLevel::kWarning
                                                       : telemetry::LogLevel::kInfo;
  Log(as, message, {{"client", client}});
}

void LogObserver::OnClientRebuilt(std::string_view client, const Status& why) {
  Log(telemetry::LogLevel::kWarning, "a Kafka client is made anew",
      {{"client", client}, {"why", why.message()}});
}

void LogObserver::OnOffsetsWentBack(std::string_view topic, Partition partition) {
  Log(telemetry::LogLevel::kWarning, "records came with offsets that were already delivered",
      {{"topic", topic}, {"partition", partition.value()}});
}

void LogObserver::OnRecordsMissed(std::string_view topic, Partition partition, Offset expected,
                                  Offset oldest) {
  Log(telemetry::LogLevel::kError, "the broker deleted records before they were read",
      {{"topic", topic},
       {"partition", partition.value()},
       {"expected", expected.value()},
       {"oldest", oldest.value()}});
}

void LogObserver::OnChangelogCut(std::string_view topic, Partition partition, Offset oldest) {
  Log(telemetry::LogLevel::kError,
      "the beginning of the changelog was deleted: the data directory has the only copy of the "
      "people of this partition",
      {{"topic", topic}, {"partition", partition.value()}, {"oldest", oldest.value()}});
}

void LogObserver::OnStoreWiped(Partition partition, std::string_view why) {
  Log(telemetry::LogLevel::kInfo, "local state is made anew from the changelog",
      {{"partition", partition.value()}, {"why", why}});
}

}  // namespace sojourn::cli
