// deliver::SuppressionList over `<app>.suppressions` (suppression_record.h): every process has the
// whole list in memory, about 96 bytes an address, and follows it.
//
// What the workers' transactions add is seen by every process some milliseconds after the commit.
// Of an address that is added twice the later reason and time stand; only Add leaves what it knows.
//
// Threads and errors: as SuppressionList says. kUnavailable where the topic cannot be read any
// more: then nobody says "not suppressed". What this is made with outlives it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

#include "connectors/kafka/topic_follower.h"
#include "engine/deliver/suppression.h"

namespace sojourn::kafka {

class KafkaSuppressions final : public deliver::SuppressionList {
 public:
  // Returns when the whole list is known.
  static Result<std::unique_ptr<KafkaSuppressions>> Open(const KafkaConfig& config,
                                                         EventProducer* producer,
                                                         KafkaObserver* observer);

  // From memory.
  Result<std::optional<deliver::Suppression>> Find(const deliver::AddressHash& hash) override;
  Result<size_t> Add(std::span<const deliver::Suppression> entries) override;
  Result<bool> Remove(const deliver::AddressHash& hash) override;
  // Does not hold the list meanwhile: what comes behind the place it is at is visited, too.
  Status ForEach(const deliver::AddressHash& from, const Visitor& visit) override;

 private:
  struct Entry {
    Timestamp since;
    deliver::SuppressionReason reason = deliver::SuppressionReason::kManual;
  };

  explicit KafkaSuppressions(KafkaObserver* observer) : observer_(observer) {}
  void Take(const StoredRecord& record);
  bool Knows(const deliver::AddressHash& hash);

  KafkaObserver* const observer_;
  std::mutex changing_;  // one of Add and Remove at a time
  std::mutex mutex_;
  std::map<deliver::AddressHash, Entry> entries_;  // guarded by mutex_
  std::unique_ptr<TopicFollower> follower_;        // last: its thread writes the above
};

}  // namespace sojourn::kafka
