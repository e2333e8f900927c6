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
  return !event.id.empty() && known_.count(HashOf(event.person, event.id)) > 0;
}

void RecentIds::Add(const model::Event& event, Clock::time_point now) {
  if (event.id.empty()) return;
  const uint64_t hash = HashOf(event.person, event.id);
  if (!known_.insert(hash).second) return;
  added_.push_back({hash, now});
  Forget(now);
}

bool RecentIds::AddOlder(std::string_view person, std::string_view id, Clock::time_point when,
                         Clock::time_point now) {
  if (added_.size() >= max_count_ || now - when > age_) return false;
  if (id.empty()) return true;
  const uint64_t hash = HashOf(person, id);
  if (known_.insert(hash).second) added_.push_front({hash, when});
  return true;
}

uint64_t RecentIds::HashOf(std::string_view person, std::string_view id) const {
  // The engine, too, knows ids of one person only.
  std::string both(person);
  both += '\0';
  both += id;
  return KeyedHash64(key_, both);
}

void RecentIds::Forget(Clock::time_point now) {
  while (!added_.empty() && (added_.size() > max_count_ || now - added_.front().when > age_)) {
    known_.erase(added_.front().hash);
    added_.pop_front();
  }
}

}  // namespace sojourn::http
