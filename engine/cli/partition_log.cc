#include "engine/cli/partition_log.h"

#include <utility>

namespace sojourn::cli {
namespace {

constexpr size_t kRecordsAhead = 4096;

}  // namespace

Result<PartitionLog> PartitionLog::Open(Partition partition, Backend* backend) {
  PartitionLog log(partition, backend);
  SOJOURN_ASSIGN_OR_RETURN(const int32_t parts, backend->LogParts());
  for (int32_t part = partition.value(); part < parts; part += backend->partition_count()) {
    log.inputs_.push_back({.part = part, .topic = {}, .next = Offset(0), .ahead = {}});
  }
  return log;
}

Status PartitionLog::ReadOn(const Visitor& visit) {
  for (Input& input : inputs_) input.ended = false;
  while (true) {
    SOJOURN_RETURN_IF_ERROR(FillUp());
    Input* const input = Earliest();
    if (input == nullptr) return Status::Ok();
    const Record& record = input->ahead.front();
    const LoggedEvent event{input->topic,    partition_,    record.offset,
                            record.log_time, record.person, record.bytes};
    SOJOURN_RETURN_IF_ERROR(visit(static_cast<size_t>(input - inputs_.data()), event));
    input->ahead.pop_front();
  }
}

Status PartitionLog::FillUp() {
  for (Input& input : inputs_) {
    if (input.ahead.empty() && !input.ended) SOJOURN_RETURN_IF_ERROR(ReadAhead(&input));
  }
  return Status::Ok();
}

Status PartitionLog::ReadAhead(Input* input) {
  const auto visit = [&](const LoggedEvent& event) {
    if (input->topic.empty()) input->topic = event.topic;
    input->ahead.push_back(
        {event.offset, event.log_time, std::string(event.person), std::string(event.bytes)});
    return input->ahead.size() < kRecordsAhead;
  };
  const bool begins = input->next == Offset(0);
  SOJOURN_ASSIGN_OR_RETURN(const LogScan scan,
                           backend_->ScanLog(input->part, input->next, "", visit));
  if (begins && scan.first > Offset(0)) lost_its_past_ = true;
  input->next = scan.next;
  input->ended = scan.ended;
  return Status::Ok();
}

// Null: nothing is left.
PartitionLog::Input* PartitionLog::Earliest() {
  Input* earliest = nullptr;
  for (Input& input : inputs_) {
    if (input.ahead.empty()) continue;
    if (earliest == nullptr || input.ahead.front().log_time < earliest->ahead.front().log_time) {
      earliest = &input;
    }
  }
  return earliest;
}

}  // namespace sojourn::cli
