#include "engine/deliver/endpoints.h"

#include <algorithm>
#include <cctype>

namespace sojourn::deliver {
namespace {

struct UrlParts {
  std::string origin;
  std::string_view path;
};

UrlParts Split(std::string_view url) {
  const size_t scheme = url.find("://");
  const size_t host = scheme == std::string_view::npos ? 0 : scheme + 3;
  const size_t end = std::min(url.find_first_of("/?#\\", host), url.size());
  const size_t at = url.substr(0, end).rfind('@');
  const size_t begin = at == std::string_view::npos || at < host ? host : at + 1;
  UrlParts parts;
  parts.origin = std::string(url.substr(0, host)) + std::string(url.substr(begin, end - begin));
  for (char& c : parts.origin) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  parts.path = url.substr(end);
  return parts;
}

}  // namespace

std::string EndpointOf(std::string_view url) { return Split(url).origin; }

std::string HostOf(std::string_view url) {
  const std::string origin = EndpointOf(url);
  const size_t scheme = origin.find("://");
  const size_t begin = scheme == std::string::npos ? 0 : scheme + 3;
  const size_t bracket = origin.find(']', begin);  // of an IPv6 address
  const size_t end = origin.find(':', bracket == std::string::npos ? begin : bracket);
  return origin.substr(begin, end == std::string::npos ? end : end - begin);
}

std::string PlainUrlOf(std::string_view url) {
  const UrlParts parts = Split(url);
  return parts.origin + std::string(parts.path.substr(0, parts.path.find_first_of("?#")));
}

Timestamp Endpoints::NextAllowed(const LaneKey& lane, Timestamp now) {
  const auto found = endpoints_.find(lane.first);
  if (found == endpoints_.end()) return now;
  Endpoint& endpoint = found->second;
  // A clock that was set back must not prolong the rest.
  endpoint.rests_until = std::min(endpoint.rests_until, now + limits_.longest_rest);
  endpoint.asked_until = std::min(endpoint.asked_until, now + limits_.longest_asked);
  if (endpoint.quiet_until() > now) return endpoint.quiet_until();
  const int most = endpoint.failures > 0 ? 1 : limits_.under_way;
  return endpoint.under_way < most ? now : Timestamp::Max();
}

void Endpoints::Take(const LaneKey& lane, Timestamp /*now*/) { ++endpoints_[lane.first].under_way; }

void Endpoints::Return(const LaneKey& lane) {
  const auto found = endpoints_.find(lane.first);
  if (found != endpoints_.end() && found->second.under_way > 0) --found->second.under_way;
}

void Endpoints::Forget(Timestamp now) {
  std::erase_if(endpoints_, [now](const auto& entry) {
    const Endpoint& it = entry.second;
    return it.under_way == 0 && it.failures == 0 && !it.open && it.quiet_until() <= now;
  });
}

bool Endpoints::HearAnswer(const std::string& endpoint) {
  const auto found = endpoints_.find(endpoint);
  if (found == endpoints_.end()) return false;
  Endpoint& it = found->second;
  const bool closes = it.open;
  it = {.under_way = it.under_way, .asked_until = it.asked_until};
  return closes;
}

bool Endpoints::HearFailure(const std::string& endpoint, Timestamp now) {
  Endpoint& it = endpoints_[endpoint];
  ++it.failures;
  if (!it.open && it.failures < limits_.failures) return false;
  // What was under way together fails together: that is one failure.
  if (it.open && it.rests_until > now) return false;
  const bool opens = !it.open;
  it.open = true;
  const int doublings = std::min(it.rests++, 20);
  const int64_t rest =
      std::min(limits_.first_rest.milliseconds() << doublings, limits_.longest_rest.milliseconds());
  it.rests_until = std::max(it.rests_until, now + Milliseconds(rest));
  return opens;
}

void Endpoints::HearRetryAfter(const std::string& endpoint, Duration time, Timestamp now) {
  Endpoint& it = endpoints_[endpoint];
  it.asked_until = std::max(it.asked_until, now + std::min(time, limits_.longest_asked));
}

int Endpoints::failures(const std::string& endpoint) const {
  const auto found = endpoints_.find(endpoint);
  return found == endpoints_.end() ? 0 : found->second.failures;
}

bool Endpoints::IsOpen(const std::string& endpoint) const {
  const auto found = endpoints_.find(endpoint);
  return found != endpoints_.end() && found->second.open;
}

size_t Endpoints::open_count() const {
  return static_cast<size_t>(
      std::ranges::count_if(endpoints_, [](const auto& entry) { return entry.second.open; }));
}

}  // namespace sojourn::deliver
