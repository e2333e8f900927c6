// Rules bundles kept in the embedded log's database.
#pragma once

#include <map>
#include <string>
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
  store::Database* const database_;
  const runtime::SystemClock clock_;
};

}  // namespace sojourn::embedded
