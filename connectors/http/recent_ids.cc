#include "connectors/http/recent_ids.h"

#include <random>
#include <string>

#include "engine/base/hash.h"

namespace sojourn::http {
namespace {

std::array<uint64_t, 2> NewKey() {
  std::random_device random;
  const auto word = [&] { return uint64_t{random()} << 32 | random(); };
  return {word(), word()};
}

}  // namespace

RecentIds::RecentIds(size_t max_count, Clock::duration age)
    : max_count_(max_count), age_(age), key_(NewKey()) {}

bool RecentIds::Contains(const model::Event& event, Clock::time_point now) {
  Forget(now);
  return !event.id.empty() && known_.count(HashOf(event)) > 0;
}

void RecentIds::Add(const model::Event& event, Clock::time_point now) {
  if (event.id.empty() || !known_.insert(HashOf(event)).second) return;
  added_.push_back({HashOf(event), now});
  Forget(now);
}

uint64_t RecentIds::HashOf(const model::Event& event) const {
  // The engine, too, knows ids of one person only.
  std::string both(event.person);
  both += '\0';
  both += event.id;
  return KeyedHash64(key_, both);
}

void RecentIds::Forget(Clock::time_point now) {
  while (!added_.empty() && (added_.size() > max_count_ || now - added_.front().when > age_)) {
    known_.erase(added_.front().hash);
    added_.pop_front();
  }
}

}  // namespace sojourn::http
