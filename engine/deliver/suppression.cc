#include "engine/deliver/suppression.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <utility>

#include "engine/base/rfc3339.h"

namespace sojourn::deliver {
namespace {

constexpr std::array<std::pair<SuppressionReason, std::string_view>, 6> kReasons = {
    {{SuppressionReason::kKey, "key"},
     {SuppressionReason::kBounced, "bounced"},
     {SuppressionReason::kComplained, "complained"},
     {SuppressionReason::kUnsubscribed, "unsubscribed"},
     {SuppressionReason::kManual, "manual"},
     {SuppressionReason::kImported, "imported"}}};

}  // namespace

std::string_view SuppressionReasonName(SuppressionReason reason) {
  for (const auto& [value, name] : kReasons) {
    if (value == reason) return name;
  }
  return "";
}

std::optional<SuppressionReason> ParseSuppressionReason(std::string_view name) {
  for (const auto& [value, known] : kReasons) {
    if (known == name) return value;
  }
  return std::nullopt;
}

std::string FormatSuppression(const Suppression& entry) {
  return fmt::format("{},{},{}", Hex(entry.hash.data(), entry.hash.size()),
                     SuppressionReasonName(entry.reason), FormatRfc3339(entry.since));
}

std::optional<AddressHash> ParseAddressHash(std::string_view hexadecimal) {
  AddressHash hash;
  if (hexadecimal.size() != 2 * hash.size()) return std::nullopt;
  for (size_t i = 0; i < hash.size(); ++i) {
    const char* const byte = hexadecimal.data() + 2 * i;
    const auto [end, error] = std::from_chars(byte, byte + 2, hash[i], 16);
    if (error != std::errc() || end != byte + 2) return std::nullopt;
  }
  return hash;
}

std::optional<Suppression> ParseSuppression(std::string_view hash, std::string_view reason,
                                            std::string_view since) {
  const auto parsed_hash = ParseAddressHash(hash);
  const auto parsed_reason = ParseSuppressionReason(reason);
  const auto parsed_since = ParseRfc3339(since);
  if (!parsed_hash || !parsed_reason || !parsed_since) return std::nullopt;
  return Suppression{*parsed_hash, *parsed_reason, *parsed_since};
}

Result<std::optional<Suppression>> MemorySuppressionList::Find(const AddressHash& hash) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(hash);
  return found == entries_.end() ? std::nullopt : std::optional(found->second);
}

Result<size_t> MemorySuppressionList::Add(std::span<const Suppression> entries) {
  const std::lock_guard lock(mutex_);
  size_t count = 0;
  for (const Suppression& entry : entries) count += entries_.emplace(entry.hash, entry).second;
  return count;
}

Result<bool> MemorySuppressionList::Remove(const AddressHash& hash) {
  const std::lock_guard lock(mutex_);
  return entries_.erase(hash) > 0;
}

Status MemorySuppressionList::ForEach(const AddressHash& from, const Visitor& visit) {
  const std::lock_guard lock(mutex_);
  for (auto at = entries_.lower_bound(from); at != entries_.end() && visit(at->second);) ++at;
  return Status::Ok();
}

Result<std::unique_ptr<Suppressions>> Suppressions::Open(std::string_view key,
                                                         SuppressionList* list) {
  std::unique_ptr<Suppressions> suppressions(new Suppressions(key, list));
  SOJOURN_ASSIGN_OR_RETURN(const auto mark, list->Find(suppressions->KeyMark().hash));
  suppressions->marked_ = mark.has_value();
  bool empty = true;
  SOJOURN_RETURN_IF_ERROR(list->ForEach({}, [&](const Suppression&) { return empty = false; }));
  if (mark || empty) return suppressions;
  return FailedPrecondition(
      "the suppression list was made with another address_key: without that key it protects "
      "nobody; set it in the configuration under secrets, or restore secrets.json");
}

Result<bool> Suppressions::IsSuppressed(std::string_view address) {
  SOJOURN_ASSIGN_OR_RETURN(const auto entry, Find(address));
  return entry.has_value();
}

Result<std::optional<Suppression>> Suppressions::Find(std::string_view address) {
  return list_->Find(HashOf(address));
}

Result<bool> Suppressions::Add(std::string_view address, SuppressionReason reason,
                               Timestamp since) {
  const Suppression entry{HashOf(address), reason, since};
  SOJOURN_ASSIGN_OR_RETURN(const size_t count, Add({&entry, 1}));
  return count > 0;
}

Result<size_t> Suppressions::Add(std::span<const Suppression> entries) {
  if (!marked_) {
    const Suppression mark = KeyMark();
    SOJOURN_RETURN_IF_ERROR(list_->Add({&mark, 1}).status());
    marked_ = true;
  }
  return list_->Add(entries);
}

Result<bool> Suppressions::Remove(std::string_view address) {
  return list_->Remove(HashOf(address));
}

Status Suppressions::ForEach(const SuppressionList::Visitor& visit) {
  return list_->ForEach({}, [&](const Suppression& entry) {
    return entry.reason == SuppressionReason::kKey || visit(entry);
  });
}

}  // namespace sojourn::deliver
