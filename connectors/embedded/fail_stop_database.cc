#include "connectors/embedded/fail_stop_database.h"

namespace sojourn::embedded {

Status FailStopDatabase::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

Status FailStopDatabase::Write(const store::WriteBatch& batch, store::Sync sync) {
  SOJOURN_RETURN_IF_ERROR(failure());
  return Keep(inner_->Write(batch, sync));
}

Status FailStopDatabase::Flush() {
  SOJOURN_RETURN_IF_ERROR(failure());
  return Keep(inner_->Flush());
}

Status FailStopDatabase::Keep(Status written) {
  if (written.ok()) return written;
  const std::lock_guard lock(mutex_);
  if (!failure_.ok()) return failure_;
  const bool full = written.code() == StatusCode::kResourceExhausted;
  failure_ = full ? Internal(written.message()) : std::move(written);
  return failure_;
}

}  // namespace sojourn::embedded
