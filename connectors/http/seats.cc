#include "connectors/http/seats.h"

namespace sojourn::http {

Seats::Admission Seats::Enter(uint64_t id, const std::string& client) {
  Admission admission;
  const auto of_client = by_client_.find(client);
  const bool client_full =
      of_client != by_client_.end() && of_client->second >= max_count_per_client_;
  if (client_full || seats_.size() >= max_count_) {
    admission.leaver = LongestIdle(client_full ? &client : nullptr);
    admission.admitted = admission.leaver.has_value();
    if (!admission.admitted) return admission;
    Leave(*admission.leaver);
  }
  seats_[id].client = client;
  ++by_client_[client];
  return admission;
}

void Seats::Idle(uint64_t id) {
  const auto seat = seats_.find(id);
  if (seat == seats_.end() || seat->second.idle_since != 0) return;
  seat->second.idle_since = next_turn_++;
  idle_[seat->second.idle_since] = id;
}

void Seats::Busy(uint64_t id) {
  const auto seat = seats_.find(id);
  if (seat == seats_.end()) return;
  idle_.erase(seat->second.idle_since);
  seat->second.idle_since = 0;
}

void Seats::Leave(uint64_t id) {
  const auto seat = seats_.find(id);
  if (seat == seats_.end()) return;
  idle_.erase(seat->second.idle_since);
  const auto of_client = by_client_.find(seat->second.client);
  if (--of_client->second == 0) by_client_.erase(of_client);
  seats_.erase(seat);
}

std::optional<uint64_t> Seats::LongestIdle(const std::string* client) const {
  for (const auto& [turn, id] : idle_) {
    if (client == nullptr || seats_.at(id).client == *client) return id;
  }
  return std::nullopt;
}

}  // namespace sojourn::http
