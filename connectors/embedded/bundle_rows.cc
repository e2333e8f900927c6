#include "connectors/embedded/bundle_rows.h"

#include <optional>
#include <utility>

#include "connectors/embedded/rows.h"
#include "engine/base/rfc3339.h"
#include "engine/store/bundle_pieces.h"

namespace sojourn::embedded {

Result<std::optional<std::string>> EmbeddedBundles::FindPiece(std::string_view hash) {
  return database_->Get(kControlFamily, PieceKey(hash));
}

Result<runtime::StoredBundle> EmbeddedBundles::Decode(std::string_view key,
                                                      std::string_view value) {
  const std::optional<uint32_t> number = NumberOfBundleKey(key);
  if (!number.has_value()) return DataLoss("a key of the stored rules bundles is damaged");
  SOJOURN_ASSIGN_OR_RETURN(const auto cut, DecodeBundle(value));
  SOJOURN_ASSIGN_OR_RETURN(
      auto files, store::JoinFiles(cut, [this](std::string_view hash) { return FindPiece(hash); }));
  return runtime::StoredBundle{*number, std::move(files)};
}

Result<std::vector<runtime::StoredBundle>> EmbeddedBundles::ReadAll() {
  std::vector<runtime::StoredBundle> bundles;
  const auto rows = database_->NewIterator(kControlFamily, BundleRange());
  for (rows->SeekToFirst(); rows->Valid(); rows->Next()) {
    SOJOURN_ASSIGN_OR_RETURN(runtime::StoredBundle bundle, Decode(rows->key(), rows->value()));
    bundles.push_back(std::move(bundle));
  }
  SOJOURN_RETURN_IF_ERROR(rows->status());
  return bundles;
}

Result<uint32_t> EmbeddedBundles::Append(const std::map<std::string, std::string>& files) {
  const store::CutFiles cut = store::CutLargeFiles(files);
  const std::string value = EncodeBundle(cut.files);
  uint32_t number = 1;
  const auto rows = database_->NewIterator(kControlFamily, BundleRange());
  rows->SeekToLast();
  SOJOURN_RETURN_IF_ERROR(rows->status());
  if (rows->Valid()) {
    const std::optional<uint32_t> newest = NumberOfBundleKey(rows->key());
    if (!newest.has_value()) return DataLoss("a key of the stored rules bundles is damaged");
    SOJOURN_ASSIGN_OR_RETURN(const runtime::StoredBundle bundle,
                             Decode(rows->key(), rows->value()));
    if (bundle.files == files) return *newest;
    number = *newest + 1;
  }
  store::WriteBatch batch;
  for (const auto& [hash, piece] : cut.pieces) {
    SOJOURN_ASSIGN_OR_RETURN(const std::optional<std::string> known, FindPiece(hash));
    if (!known) batch.Put(kControlFamily, PieceKey(hash), piece);
  }
  batch.Put(kControlFamily, BundleKey(number), value);
  batch.Put(kControlFamily, NoteKey(BundleTimeNote(number)), FormatRfc3339(clock_.Now()));
  SOJOURN_RETURN_IF_ERROR(database_->Write(batch, store::Sync::kYes));
  return number;
}

}  // namespace sojourn::embedded
