// How fast mails may leave: token buckets per sender and per receiving domain.
//
// Threads: one. Times are the caller's, so that tests run on a clock of their own.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "engine/base/time.h"
#include "engine/deliver/lane_gate.h"

namespace sojourn::deliver {

// Mails per span; per 0: without limit.
struct Rate {
  double mails = 0;
  Duration per;

  bool limited() const { return per > Duration(0); }
};

struct RateLimits {
  Rate per_sender;                      // of each address mails come from
  Rate per_domain;                      // of each receiving domain without a rate of its own
  std::map<std::string, Rate> domains;  // in lower case
};

// "10 per second", "600 per minute", "5000 per hour", "none".
bool ParseRate(std::string_view text, Rate* rate);

// The part behind the last @, in lower case.
std::string DomainOf(std::string_view address);

// A lane is sender and domain.
class RateLimiter final : public LaneGate {
 public:
  explicit RateLimiter(RateLimits limits) : limits_(std::move(limits)) {}

  Timestamp NextAllowed(const LaneKey& lane, Timestamp now) override;
  void Take(const LaneKey& lane, Timestamp now) override;
  void Return(const LaneKey& /*lane*/) override {}
  // Drops buckets that are full again.
  void Forget(Timestamp now) override;

 private:
  struct Bucket {
    Rate rate;
    double tokens = 0;
    Timestamp filled_at;

    void Fill(Timestamp now);
    Timestamp Next(Timestamp now) const;
  };
  using Buckets = std::map<std::string, Bucket, std::less<>>;

  static Bucket* Find(Buckets* buckets, const std::string& name, const Rate& rate, Timestamp now);
  const Rate& RateOf(const std::string& domain) const;

  const RateLimits limits_;
  Buckets senders_;
  Buckets domains_;
};

}  // namespace sojourn::deliver
