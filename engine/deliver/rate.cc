#include "engine/deliver/rate.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace sojourn::deliver {
namespace {

// Sums of fractions may stay a hair below one.
constexpr double kWholeToken = 1 - 1e-9;

// A bucket holds what one second lets through, and at least one mail.
double Capacity(const Rate& rate) {
  return std::max(1.0, rate.mails * 1000.0 / static_cast<double>(rate.per.milliseconds()));
}

double TokensPerMillisecond(const Rate& rate) {
  return rate.mails / static_cast<double>(rate.per.milliseconds());
}

}  // namespace

bool ParseRate(std::string_view text, Rate* rate) {
  if (text == "none") {
    *rate = Rate{};
    return true;
  }
  double mails = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mails);
  if (error != std::errc() || !std::isfinite(mails) || mails <= 0) return false;
  const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  if (unit == " per second") {
    *rate = {mails, Seconds(1)};
  } else if (unit == " per minute") {
    *rate = {mails, Minutes(1)};
  } else if (unit == " per hour") {
    *rate = {mails, Hours(1)};
  } else if (unit == " per day") {
    *rate = {mails, Days(1)};
  } else {
    return false;
  }
  return true;
}

std::string DomainOf(std::string_view address) {
  const size_t at = address.rfind('@');
  std::string domain(at == std::string_view::npos ? "" : address.substr(at + 1));
  std::transform(domain.begin(), domain.end(), domain.begin(), [](unsigned char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  });
  return domain;
}

void RateLimiter::Bucket::Fill(Timestamp now) {
  // A clock that was set back must not stop the filling until it has caught up.
  filled_at = std::min(filled_at, now);
  const auto passed = static_cast<double>((now - filled_at).milliseconds());
  tokens = std::min(Capacity(rate), tokens + passed * TokensPerMillisecond(rate));
  filled_at = now;
}

Timestamp RateLimiter::Bucket::Next(Timestamp now) const {
  if (tokens >= kWholeToken) return now;
  const double wait = (1 - tokens) / TokensPerMillisecond(rate);
  // A little less than computed, or rounding would add a millisecond to whole ones.
  return now + Milliseconds(static_cast<int64_t>(std::ceil(std::min(wait, 1e12) - 1e-6)));
}

RateLimiter::Bucket* RateLimiter::Find(Buckets* buckets, const std::string& name, const Rate& rate,
                                       Timestamp now) {
  if (!rate.limited()) return nullptr;
  const auto [found, added] = buckets->try_emplace(name);
  if (added) found->second = {rate, Capacity(rate), now};
  found->second.Fill(now);
  return &found->second;
}

const Rate& RateLimiter::RateOf(const std::string& domain) const {
  const auto own = limits_.domains.find(domain);
  return own == limits_.domains.end() ? limits_.per_domain : own->second;
}

Timestamp RateLimiter::NextAllowed(const LaneKey& lane, Timestamp now) {
  const auto& [sender, domain] = lane;
  Timestamp next = now;
  for (const Bucket* bucket : {Find(&senders_, sender, limits_.per_sender, now),
                               Find(&domains_, domain, RateOf(domain), now)}) {
    if (bucket != nullptr) next = std::max(next, bucket->Next(now));
  }
  return next;
}

void RateLimiter::Take(const LaneKey& lane, Timestamp now) {
  const auto& [sender, domain] = lane;
  for (Bucket* bucket : {Find(&senders_, sender, limits_.per_sender, now),
                         Find(&domains_, domain, RateOf(domain), now)}) {
    if (bucket != nullptr) bucket->tokens -= 1;
  }
}

void RateLimiter::Forget(Timestamp now) {
  for (Buckets* buckets : {&senders_, &domains_}) {
    for (auto bucket = buckets->begin(); bucket != buckets->end();) {
      bucket->second.Fill(now);
      const bool full = bucket->second.tokens >= Capacity(bucket->second.rate);
      bucket = full ? buckets->erase(bucket) : std::next(bucket);
    }
  }
}

}  // namespace sojourn::deliver
