// Circuits of endpoints: one that is dead or overloaded holds up nobody but itself.
//
// An endpoint is scheme, host and port. Few requests are under way to it at a time, and one alone
// after a failure. Several failures in a row open its circuit: nothing goes there for a while, then
// one request as a probe; each probe that fails doubles the rest. An endpoint that asks for time
// (Retry-After) rests as well.
//
// Threads: one. Times are the caller's.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <string_view>

#include "engine/base/time.h"
#include "engine/deliver/lane_gate.h"

namespace sojourn::deliver {

// "https://crm.example:8443" of a URL, in lower case; without what stands before an @.
std::string EndpointOf(std::string_view url);
// "crm.example" of a URL, in lower case.
std::string HostOf(std::string_view url);
// The URL without user, query and fragment: fit for people, logs and lists.
std::string PlainUrlOf(std::string_view url);

struct EndpointLimits {
  int under_way = 4;  // requests to one endpoint at the same time
  int failures = 5;   // in a row, until its circuit opens
  Duration first_rest = Seconds(30);
  Duration longest_rest = Minutes(10);
  Duration longest_asked = Hours(1);  // for which it may ask
};

// A lane's first part is the endpoint; the second is not looked at.
class Endpoints final : public LaneGate {
 public:
  explicit Endpoints(EndpointLimits limits) : limits_(limits) {}

  Timestamp NextAllowed(const LaneKey& lane, Timestamp now) override;
  bool IsShut(const LaneKey& lane) const override { return IsOpen(lane.first); }
  void Take(const LaneKey& lane, Timestamp now) override;
  void Return(const LaneKey& lane) override;
  void Forget(Timestamp now) override;

  // It has answered. Whether that has closed its circuit. What it asked for holds on.
  bool HearAnswer(const std::string& endpoint);
  // No answer, or one that says that it is in trouble. Whether that has opened its circuit.
  bool HearFailure(const std::string& endpoint, Timestamp now);
  // It asks for time.
  void HearRetryAfter(const std::string& endpoint, Duration time, Timestamp now);

  // In a row, until now.
  int failures(const std::string& endpoint) const;
  // Whose circuit is open, probes included.
  bool IsOpen(const std::string& endpoint) const;
  size_t open_count() const;

 private:
  struct Endpoint {
    int under_way = 0;
    int failures = 0;  // in a row
    int rests = 0;     // in a row
    bool open = false;
    Timestamp rests_until;  // because it failed
    Timestamp asked_until;  // because it asked

    Timestamp quiet_until() const { return std::max(rests_until, asked_until); }
  };

  const EndpointLimits limits_;
  std::map<std::string, Endpoint, std::less<>> endpoints_;  // those that are not as at first
};

}  // namespace sojourn::deliver
