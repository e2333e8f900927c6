#include "connectors/embedded/bundle_rows.h"

#include <optional>
#include <utility>

#include "connectors/embedded/rows.h"
#include "engine/base/rfc3339.h"

namespace sojourn::embedded {

Result<std::vector<runtime::StoredBundle>> EmbeddedBundles::ReadAll() {
  std::vector<runtime::StoredBundle> bundles;
  const auto rows = database_->NewIterator(kControlFamily, BundleRange());
  for (rows->SeekToFirst(); rows->Valid(); rows->Next()) {
    const std::optional<uint32_t> number = NumberOfBundleKey(rows->key());
    if (!number.has_value()) return DataLoss("a key of the stored rules bundles is damaged");
    SOJOURN_ASSIGN_OR_RETURN(auto files, DecodeBundle(rows->value()));
    bundles.push_back({*number, std::move(files)});
  }
  SOJOURN_RETURN_IF_ERROR(rows->status());
  return bundles;
}

Result<uint32_t> EmbeddedBundles::Append(const std::map<std::string, std::string>& files) {
  SOJOURN_ASSIGN_OR_RETURN(const std::vector<runtime::StoredBundle> bundles, ReadAll());
  if (!bundles.empty() && bundles.back().files == files) return bundles.back().number;
  const uint32_t number = bundles.empty() ? 1 : bundles.back().number + 1;
  store::WriteBatch batch;
  batch.Put(kControlFamily, BundleKey(number), EncodeBundle(files));
  batch.Put(kControlFamily, NoteKey(BundleTimeNote(number)), FormatRfc3339(clock_.Now()));
  SOJOURN_RETURN_IF_ERROR(database_->Write(batch, store::Sync::kYes));
  return number;
}

}  // namespace sojourn::embedded
