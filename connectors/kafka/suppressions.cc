#include "connectors/kafka/suppressions.h"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "connectors/kafka/suppression_record.h"

namespace sojourn::kafka {

using deliver::AddressHash;
using deliver::Suppression;

Result<std::unique_ptr<KafkaSuppressions>> KafkaSuppressions::Open(const KafkaConfig& config,
                                                                   EventProducer* producer,
                                                                   KafkaObserver* observer) {
  std::unique_ptr<KafkaSuppressions> list(new KafkaSuppressions(observer));
  SOJOURN_ASSIGN_OR_RETURN(
      list->follower_,
      TopicFollower::Open(config, SuppressionsTopic(config), producer, observer,
                          [raw = list.get()](const StoredRecord& record) { raw->Take(record); }));
  return list;
}

void KafkaSuppressions::Take(const StoredRecord& record) {
  const auto hash = deliver::ParseAddressHash(record.key);
  const auto entry = DecodeSuppression(record.key, record.value.value_or(""));
  if (!hash || (record.value && !entry)) {
    observer_->OnLog(LogLevel::kError, "suppressions",
                     fmt::format("the record at offset {} is no entry of the list; passed over",
                                 record.offset.value()));
    return;
  }
  const std::lock_guard lock(mutex_);
  if (entry) {
    entries_[*hash] = {entry->since, entry->reason};
  } else {
    entries_.erase(*hash);
  }
}

Result<std::optional<Suppression>> KafkaSuppressions::Find(const AddressHash& hash) {
  SOJOURN_RETURN_IF_ERROR(follower_->failure());
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(hash);
  if (found == entries_.end()) return std::optional<Suppression>();
  return std::optional(Suppression{hash, found->second.reason, found->second.since});
}

bool KafkaSuppressions::Knows(const AddressHash& hash) {
  const std::lock_guard lock(mutex_);
  return entries_.contains(hash);
}

Result<size_t> KafkaSuppressions::Add(std::span<const Suppression> entries) {
  const std::lock_guard lock(changing_);
  SOJOURN_RETURN_IF_ERROR(follower_->CatchUp());
  std::map<AddressHash, Suppression> fresh;
  for (const Suppression& entry : entries) {
    if (!Knows(entry.hash)) fresh.emplace(entry.hash, entry);
  }
  if (fresh.empty()) return size_t{0};
  std::vector<std::pair<std::string, std::string>> records;
  for (const auto& [hash, entry] : fresh) {
    records.emplace_back(SuppressionKey(hash), EncodeSuppression(entry));
  }
  std::vector<TopicFollower::Change> changes;
  for (const auto& [key, value] : records) changes.push_back({key, value});
  SOJOURN_RETURN_IF_ERROR(follower_->Write(changes));
  return fresh.size();
}

Result<bool> KafkaSuppressions::Remove(const AddressHash& hash) {
  const std::lock_guard lock(changing_);
  SOJOURN_RETURN_IF_ERROR(follower_->CatchUp());
  if (!Knows(hash)) return false;
  const std::string key = SuppressionKey(hash);
  const TopicFollower::Change change{key, std::nullopt};
  SOJOURN_RETURN_IF_ERROR(follower_->Write({&change, 1}));
  return true;
}

Status KafkaSuppressions::ForEach(const AddressHash& from, const Visitor& visit) {
  constexpr size_t kPage = 1000;
  SOJOURN_RETURN_IF_ERROR(follower_->CatchUp());
  std::vector<Suppression> page;
  do {
    const bool first = page.empty();
    const AddressHash last = first ? from : page.back().hash;
    page.clear();
    {
      const std::lock_guard lock(mutex_);
      auto at = first ? entries_.lower_bound(last) : entries_.upper_bound(last);
      for (; at != entries_.end() && page.size() < kPage; ++at) {
        page.push_back({at->first, at->second.reason, at->second.since});
      }
    }
    for (const Suppression& entry : page) {
      if (!visit(entry)) return Status::Ok();
    }
  } while (page.size() == kPage);
  return Status::Ok();
}

}  // namespace sojourn::kafka
