// The webhooks of a deliverer, and the messages that go out through gateways: a circuit for each
// endpoint, the retry schedule of Standard Webhooks, URLs that disable themselves.
//
// The order of what is sent about one person is not kept.
//
// Threads: the deliverer's, but for Report.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "engine/deliver/call_composer.h"
#include "engine/deliver/channel.h"
#include "engine/deliver/disabled_endpoints.h"
#include "engine/deliver/endpoints.h"
#include "engine/telemetry/telemetry.h"

namespace sojourn::deliver {

// An endpoint for which webhooks wait.
struct EndpointReport {
  std::string endpoint;
  int64_t waiting = 0;
  Timestamp next_at;         // when one of them may leave, at the earliest
  int failures = 0;          // in a row, until now
  bool open = false;         // its circuit
  std::string last_failure;  // one line; empty: none in a row
};

class WebhookChannel final : public Channel {
 public:
  // Both pointers outlive it.
  WebhookChannel(Gateways gateways, EndpointLimits limits, DisabledEndpoints* disabled,
                 telemetry::Telemetry* telemetry)
      : gateways_(std::move(gateways)),
        disabled_(disabled),
        telemetry_(telemetry),
        endpoints_(limits) {}

  std::string_view name() const override { return "webhooks"; }
  bool Takes(model::ActionKind kind) const override { return gateways_.Takes(kind); }
  LaneGate* gate() override { return &endpoints_; }
  LaneKey LaneOf(const model::Action& action) override { return {ReceiverOf(action), ""}; }
  size_t max_shut_lane_bytes() const override;
  // A webhook is worth its whole schedule; a message, what the rules say of sends.
  Timestamp UsefulUntil(const model::Action& action) const override;
  DeliveryRecord Expire(const CommittedAction& committed, int attempts, Timestamp now) override;
  Timestamp RestsUntil(Timestamp /*now*/) override { return Timestamp::Min(); }
  Verdict Hear(const CommittedAction& committed, int attempts, const SendResult& result,
               Timestamp now) override;
  void PutOff(const model::Action& action, const std::string& reason, Timestamp now) override;
  // The endpoint. Every one stands in the rules or the configuration, so they are few.
  std::string ReceiverOf(const model::Action& action) const override {
    return EndpointOf(gateways_.UrlOf(action));
  }
  void Count(const Attempt& attempt) override;
  void Record(const QueueGauges& gauges, Timestamp now) override;
  bool asks_for_lanes() const override { return true; }

  // By name; a second old at most. From any thread.
  std::vector<EndpointReport> Report() const;

 private:
  void TellFailed(Timestamp now);
  void HearEndpoint(const std::string& endpoint, const SendResult& result, Timestamp now);

  const Gateways gateways_;
  DisabledEndpoints* const disabled_;
  telemetry::Telemetry* const telemetry_;
  Endpoints endpoints_;
  int64_t put_off_ = 0;  // since the last line about it
  Timestamp put_off_line_at_;
  int64_t failed_ = 0;  // likewise
  Attempt last_failed_;
  Timestamp failed_line_at_;
  std::map<std::string, std::string> last_failures_;  // of endpoints that fail in a row
  mutable std::mutex report_mutex_;
  std::vector<EndpointReport> report_;  // guarded by report_mutex_
};

}  // namespace sojourn::deliver
