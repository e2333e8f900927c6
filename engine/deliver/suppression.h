// Addresses that get no mail, whoever they belong to: bounced, complained, or put here by hand.
//
// An address is kept as a keyed hash, with a reason and a time. So the list names nobody and may
// outlive the erasure of a person, and who has the key can still ask about an address.
//
// Threads: every member from any thread. Errors: a Status of the storage beneath; none of them
// means "not suppressed".
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/model/suppression.h"

namespace sojourn::deliver {

using model::AddressHash;
using model::NormalizeAddress;
using model::Suppression;
using model::SuppressionReason;

// "bounced", ...; "" for a number that is none.
std::string_view SuppressionReasonName(SuppressionReason reason);
std::optional<SuppressionReason> ParseSuppressionReason(std::string_view name);

// As a line of CSV without its end: hash in hexadecimal, reason, RFC 3339; and back from its
// fields.
std::string FormatSuppression(const Suppression& entry);
std::optional<Suppression> ParseSuppression(std::string_view hash, std::string_view reason,
                                            std::string_view since);
std::optional<AddressHash> ParseAddressHash(std::string_view hexadecimal);

// Where the list is kept.
class SuppressionList {
 public:
  virtual ~SuppressionList() = default;

  virtual Result<std::optional<Suppression>> Find(const AddressHash& hash) = 0;
  // Durable when ok; after an error, perhaps some, and adding them again does no harm. What stands
  // there already stays as it is. Gives how many are new.
  virtual Result<size_t> Add(std::span<const Suppression> entries) = 0;
  // Durable. False: it was not there.
  virtual Result<bool> Remove(const AddressHash& hash) = 0;
  // In the order of the hashes, `from` on; `visit` says whether to go on.
  using Visitor = std::function<bool(const Suppression&)>;
  virtual Status ForEach(const AddressHash& from, const Visitor& visit) = 0;
};

class MemorySuppressionList final : public SuppressionList {
 public:
  Result<std::optional<Suppression>> Find(const AddressHash& hash) override;
  Result<size_t> Add(std::span<const Suppression> entries) override;
  Result<bool> Remove(const AddressHash& hash) override;
  Status ForEach(const AddressHash& from, const Visitor& visit) override;

 private:
  std::mutex mutex_;
  std::map<AddressHash, Suppression> entries_;  // guarded by mutex_
};

// A list with the key to it.
class Suppressions {
 public:
  // `list` outlives it. kFailedPrecondition where the list was made with another key: every answer
  // would be wrong.
  static Result<std::unique_ptr<Suppressions>> Open(std::string_view key, SuppressionList* list);

  AddressHash HashOf(std::string_view address) const { return model::HashAddress(key_, address); }
  Result<bool> IsSuppressed(std::string_view address);
  Result<std::optional<Suppression>> Find(std::string_view address);
  // True: it is new. Else it stays with its reason and time.
  Result<bool> Add(std::string_view address, SuppressionReason reason, Timestamp since);
  // How many are new.
  Result<size_t> Add(std::span<const Suppression> entries);
  Result<bool> Remove(std::string_view address);
  // Every address.
  Status ForEach(const SuppressionList::Visitor& visit);

  Suppression KeyMark() const { return model::KeyMark(key_); }

 private:
  Suppressions(std::string_view key, SuppressionList* list) : key_(key), list_(list) {}

  const std::string key_;
  SuppressionList* const list_;
  std::atomic<bool> marked_ = false;
};

}  // namespace sojourn::deliver
