#include "engine/runtime/size_guard.h"

#include "engine/base/limits.h"
#include "engine/store/person_record.h"

namespace sojourn::runtime {
namespace {

// Of the arena; as a rule an encoded person is smaller than the arena of the decoded one.
constexpr size_t kSuspectBytes = kMaxPersonRecordBytes / 2;

Status Restore(const std::string& record, model::Person* person) {
  if (!record.empty()) return store::DecodePerson(record, person);
  // An unknown person has no record; what decodes to one is a fresh object's encoding.
  model::Person unknown;
  std::string empty_record;
  SOJOURN_RETURN_IF_ERROR(store::EncodePerson(unknown, &empty_record));
  SOJOURN_RETURN_IF_ERROR(store::DecodePerson(empty_record, person));
  person->known = false;
  return Status::Ok();
}

}  // namespace

Status SizeGuard::Before(model::Person* person) {
  has_backup_ = careful_ || person->arena.reserved_bytes() > kSuspectBytes;
  if (!has_backup_) return Status::Ok();
  backup_.clear();
  if (!person->known) return Status::Ok();
  SOJOURN_RETURN_IF_ERROR(store::EncodePerson(*person, &backup_));
  // Much of the arena may be what earlier steps left behind: decode anew to be rid of it.
  if (backup_.size() < kSuspectBytes / 4 && person->arena.reserved_bytes() > kSuspectBytes) {
    return store::DecodePerson(backup_, person);
  }
  return Status::Ok();
}

Result<SizeGuard::Verdict> SizeGuard::After(model::Person* person) {
  if (!careful_ && person->arena.reserved_bytes() <= kMaxPersonRecordBytes) return Verdict::kFits;
  const Status encoded = store::EncodePerson(*person, &scratch_);
  if (encoded.ok() && scratch_.size() <= kMaxPersonRecordBytes) return Verdict::kFits;
  if (!has_backup_) return Verdict::kRedo;
  SOJOURN_RETURN_IF_ERROR(Restore(backup_, person));
  return Verdict::kRefused;
}

}  // namespace sojourn::runtime
