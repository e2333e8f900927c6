// The suppression list in the embedded log's database: rows that no retention and no erasure takes.
//
// Threads and errors: as SuppressionList says. Dies before the log.
#pragma once

#include <span>

#include "connectors/embedded/shared.h"
#include "engine/deliver/suppression.h"
#include "engine/store/database.h"

namespace sojourn::embedded {

// Puts those that the list has not yet into `write`, each once; gives how many. The caller holds
// shared->suppressing until that is written.
Result<size_t> AddSuppressions(Shared* shared, std::span<const deliver::Suppression> entries,
                               store::WriteBatch* write);

class EmbeddedSuppressions final : public deliver::SuppressionList {
 public:
  explicit EmbeddedSuppressions(Shared* shared) : shared_(shared) {}

  Result<std::optional<deliver::Suppression>> Find(const deliver::AddressHash& hash) override;
  Result<size_t> Add(std::span<const deliver::Suppression> entries) override;
  Result<bool> Remove(const deliver::AddressHash& hash) override;
  Status ForEach(const deliver::AddressHash& from, const Visitor& visit) override;

 private:
  Shared* const shared_;
};

}  // namespace sojourn::embedded
