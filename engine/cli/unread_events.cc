#include "engine/cli/unread_events.h"

namespace sojourn::cli {
namespace {

constexpr size_t kRecordsAtOnce = 1000;

}  // namespace

Result<std::unique_ptr<UnreadEvents>> UnreadEvents::Open(embedded::EmbeddedLog* log,
                                                         const std::vector<Offset>& applied) {
  auto events = std::make_unique<UnreadEvents>();
  events->input_ = log->MakeWorkerPorts(0, 1).input;
  events->heads_.resize(applied.size());
  for (size_t p = 0; p < applied.size(); ++p) {
    const Partition partition(static_cast<int32_t>(p));
    const runtime::PartitionPositions position{partition, {applied[p]}};
    SOJOURN_RETURN_IF_ERROR(events->input_->SetPositions({&position, 1}));
    SOJOURN_RETURN_IF_ERROR(events->Fetch(partition));
  }
  return events;
}

Status UnreadEvents::Fetch(Partition partition) {
  SOJOURN_ASSIGN_OR_RETURN(const auto fetched, input_->Fetch(partition, 0, kRecordsAtOnce));
  heads_[static_cast<size_t>(partition.value())] = {fetched.records, 0};
  return Status::Ok();
}

Result<const runtime::InputRecord*> UnreadEvents::Next(Partition* partition) {
  if (used_up_) SOJOURN_RETURN_IF_ERROR(Fetch(*used_up_));
  used_up_.reset();
  const runtime::InputRecord* first = nullptr;
  for (size_t p = 0; p < heads_.size(); ++p) {
    const Head& head = heads_[p];
    if (head.next == head.records.size()) continue;
    const runtime::InputRecord& record = head.records[head.next];
    if (first != nullptr && first->log_time <= record.log_time) continue;
    first = &record;
    *partition = Partition(static_cast<int32_t>(p));
  }
  if (first == nullptr) return first;
  Head& head = heads_[static_cast<size_t>(partition->value())];
  if (++head.next == head.records.size()) used_up_ = *partition;
  return first;
}

}  // namespace sojourn::cli
