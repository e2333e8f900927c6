#include "connectors/kafka/state_databases.h"

#include <fmt/format.h>

#include <utility>

#include "engine/base/check.h"

namespace sojourn::kafka {

StateDatabases::StateDatabases(Opener open, Destroyer destroy)
    : open_(std::move(open)), destroy_(std::move(destroy)) {}

Result<store::Database*> StateDatabases::Acquire(Partition partition, const void* borrower) {
  const std::lock_guard lock(mutex_);
  const auto found = loans_.find(partition);
  if (found == loans_.end()) return OpenLocked(partition, borrower);
  if (found->second.borrower == borrower) return found->second.database.get();
  return Unavailable(fmt::format("the state of partition {} is still open", partition.value()));
}

Result<store::Database*> StateDatabases::OpenLocked(Partition partition, const void* borrower) {
  SOJOURN_ASSIGN_OR_RETURN(std::unique_ptr<store::Database> database, open_(partition));
  store::Database* const raw = database.get();
  loans_[partition] = Loan{borrower, std::move(database)};
  return raw;
}

Result<store::Database*> StateDatabases::Wipe(Partition partition, const void* borrower) {
  const std::lock_guard lock(mutex_);
  const auto found = loans_.find(partition);
  if (found != loans_.end()) {
    SOJOURN_CHECK(found->second.borrower == borrower);
    loans_.erase(found);
  }
  SOJOURN_RETURN_IF_ERROR(destroy_(partition));
  return OpenLocked(partition, borrower);
}

void StateDatabases::Release(Partition partition, const void* borrower) {
  const std::lock_guard lock(mutex_);
  const auto found = loans_.find(partition);
  if (found != loans_.end() && found->second.borrower == borrower) loans_.erase(found);
}

}  // namespace sojourn::kafka
