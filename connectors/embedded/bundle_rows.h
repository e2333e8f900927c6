// Rules bundles kept in the embedded log's database; large files in pieces that they share
// (engine/store/bundle_pieces.h).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/runtime/ports.h"
#include "engine/store/database.h"

namespace sojourn::embedded {

class EmbeddedBundles final : public runtime::BundleStore {
 public:
  explicit EmbeddedBundles(store::Database* database) : database_(database) {}
  Result<std::vector<runtime::StoredBundle>> ReadAll() override;
  Result<uint32_t> Append(const std::map<std::string, std::string>& files) override;

 private:
  Result<std::optional<std::string>> FindPiece(std::string_view hash);
  Result<runtime::StoredBundle> Decode(std::string_view key, std::string_view value);

  store::Database* const database_;
  const runtime::SystemClock clock_;
};

}  // namespace sojourn::embedded
