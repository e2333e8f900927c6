// A deliverer's face of the embedded log: every partition is its own from the first Poll on.
//
// Threads: as DeliveryLog says. Dies before the log.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "connectors/embedded/shared.h"
#include "engine/deliver/delivery_log.h"

namespace sojourn::embedded {

// The records of the partition's actions from `from` on, in their order, until `visit` gives false.
Status VisitDeliveries(Shared* shared, Partition partition, Offset from,
                       const std::function<bool(deliver::DeliveryRecord)>& visit);

class EmbeddedDeliveries final : public deliver::DeliveryLog {
 public:
  // `reader` names the deliverer: its cursors and what it keeps. From now on retention leaves what
  // it has not finished. A new one begins with what there is, but at the present end where another
  // reader was there before it.
  static Result<std::unique_ptr<EmbeddedDeliveries>> Open(Shared* shared, std::string reader);

  Status Poll(Duration timeout, Listener* listener) override;
  Result<std::vector<deliver::CommittedAction>> Read(Partition partition, Offset from,
                                                     size_t max_count) override;
  Result<std::map<Offset, deliver::DeliveryRecord>> FindRecords(
      Partition partition, const std::set<Offset>& actions) override;
  Status Commit(const deliver::DeliveryBatch& batch) override;
  void Wake() override { shared_->committed.Raise(); }

 private:
  EmbeddedDeliveries(Shared* shared, std::string reader, Cursors cursors)
      : shared_(shared), reader_(std::move(reader)), cursors_(std::move(cursors)) {}
  Result<deliver::OpenedPartition> OpenPartition(Partition partition);

  Shared* const shared_;
  const std::string reader_;
  Cursors cursors_;
  bool opened_ = false;
  uint64_t seen_ = 0;  // of the signal
};

}  // namespace sojourn::embedded
