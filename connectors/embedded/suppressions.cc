#include "connectors/embedded/suppressions.h"

#include <set>
#include <string>
#include <vector>

#include "connectors/embedded/rows.h"

namespace sojourn::embedded {

using deliver::AddressHash;
using deliver::Suppression;

Result<std::optional<Suppression>> EmbeddedSuppressions::Find(const AddressHash& hash) {
  SOJOURN_ASSIGN_OR_RETURN(const auto row,
                           shared_->database->Get(kSuppressionsFamily, SuppressionKey(hash)));
  if (!row.has_value()) return std::optional<Suppression>();
  SOJOURN_ASSIGN_OR_RETURN(const Suppression entry, DecodeSuppression(SuppressionKey(hash), *row));
  return std::optional(entry);
}

Result<size_t> AddSuppressions(Shared* shared, std::span<const Suppression> entries,
                               store::WriteBatch* write) {
  std::vector<std::string> keys;
  for (const Suppression& entry : entries) keys.push_back(SuppressionKey(entry.hash));
  std::vector<std::optional<std::string>> there;
  SOJOURN_RETURN_IF_ERROR(shared->database->MultiGet(kSuppressionsFamily, keys, &there));
  std::set<AddressHash> added;
  for (size_t i = 0; i < entries.size(); ++i) {
    if (there[i].has_value() || !added.insert(entries[i].hash).second) continue;
    write->Put(kSuppressionsFamily, keys[i], EncodeSuppression(entries[i]));
  }
  return added.size();
}

Result<size_t> EmbeddedSuppressions::Add(std::span<const Suppression> entries) {
  SOJOURN_RETURN_IF_ERROR(shared_->CheckRoom());
  const std::lock_guard lock(shared_->suppressing);
  store::WriteBatch rows;
  SOJOURN_ASSIGN_OR_RETURN(const size_t added, AddSuppressions(shared_, entries, &rows));
  if (added > 0) SOJOURN_RETURN_IF_ERROR(shared_->database->Write(rows, store::Sync::kYes));
  return added;
}

Result<bool> EmbeddedSuppressions::Remove(const AddressHash& hash) {
  const std::string key = SuppressionKey(hash);
  const std::lock_guard lock(shared_->suppressing);
  SOJOURN_ASSIGN_OR_RETURN(const auto row, shared_->database->Get(kSuppressionsFamily, key));
  if (!row.has_value()) return false;
  store::WriteBatch batch;
  batch.Delete(kSuppressionsFamily, key);
  SOJOURN_RETURN_IF_ERROR(shared_->database->Write(batch, store::Sync::kYes));
  return true;
}

Status EmbeddedSuppressions::ForEach(const AddressHash& from, const Visitor& visit) {
  const auto rows = shared_->database->NewIterator(kSuppressionsFamily, {SuppressionKey(from), ""});
  for (rows->SeekToFirst(); rows->Valid(); rows->Next()) {
    SOJOURN_ASSIGN_OR_RETURN(const Suppression entry,
                             DecodeSuppression(rows->key(), rows->value()));
    if (!visit(entry)) return Status::Ok();
  }
  return rows->status();
}

}  // namespace sojourn::embedded
