#include "engine/deliver/webhook_channel.h"

#include <utility>

#include "engine/deliver/send_queue.h"
#include "engine/deliver/webhook_verdict.h"
#include "engine/telemetry/log.h"

namespace sojourn::deliver {
namespace {

using telemetry::Log;
using telemetry::LogLevel;

constexpr Duration kLineInterval = Minutes(1);
constexpr int kGone = 410;
constexpr int kTimeout = 408;
constexpr int kTooMany = 429;
constexpr int kServerErrors = 500;

// A request that the endpoint has understood and does not like says nothing about the endpoint.
bool IsTrouble(int code) {
  return code == 0 || code == kTimeout || code == kTooMany || code >= kServerErrors;
}

}  // namespace

// What waits for a dead endpoint must leave room for what goes elsewhere.
size_t WebhookChannel::max_shut_lane_bytes() const { return kMaxQueuedBytes / 8; }

Timestamp WebhookChannel::UsefulUntil(const model::Action& action) const {
  const bool webhook = action.kind == model::ActionKind::kWebhook;
  return webhook ? action.useful_until + kWebhookSpan : action.useful_until;
}

// A webhook says what has happened, so nobody decided that it should not be told.
DeliveryRecord WebhookChannel::Expire(const CommittedAction& committed, int attempts,
                                      Timestamp now) {
  DeliveryRecord record = Conclude(committed, DeliveryState::kExpired, attempts,
                                   "its latest useful time has passed", now);
  if (committed.action.kind != model::ActionKind::kWebhook || committed.action.late) return record;
  record.state = DeliveryState::kFailed;
  record.failure = kExhaustedFailure;
  record.detail = "its endpoint did not take it in time";
  return record;
}

Verdict WebhookChannel::Hear(const CommittedAction& committed, int attempts,
                             const SendResult& result, Timestamp now) {
  HearEndpoint(ReceiverOf(committed.action), result, now);
  if (result.code == kGone) {
    const std::string url = PlainUrlOf(gateways_.UrlOf(committed.action));
    if (disabled_->Disable(url, now)) {
      telemetry_->Record(telemetry::WebhookUrlDisabled{EndpointOf(url)});
    }
  }
  return {JudgeWebhook(committed, attempts, result, now), std::nullopt};
}

void WebhookChannel::HearEndpoint(const std::string& endpoint, const SendResult& result,
                                  Timestamp now) {
  // Refused before anything was asked of it.
  if (result.outcome == SendOutcome::kRefused && result.code == 0) return;
  if (result.outcome == SendOutcome::kDelivered || !IsTrouble(result.code)) {
    last_failures_.erase(endpoint);
    if (endpoints_.HearAnswer(endpoint)) {
      telemetry_->Record(telemetry::WebhookCircuitClosed{endpoint});
    }
    return;
  }
  last_failures_[endpoint] = result.detail;
  if (endpoints_.HearFailure(endpoint, now)) {
    telemetry_->Record(telemetry::WebhookCircuitOpened{endpoint, result.detail});
  }
  if (result.retry_after > Duration(0)) {
    endpoints_.HearRetryAfter(endpoint, result.retry_after, now);
  }
}

// There is no record of it, so it is counted and told here.
void WebhookChannel::PutOff(const model::Action& action, const std::string& reason, Timestamp now) {
  telemetry_->Record(
      telemetry::WebhookConcluded{DeliveryStateName(DeliveryState::kWaiting), ReceiverOf(action)});
  ++put_off_;
  if (now < put_off_line_at_) return;
  put_off_line_at_ = now + kLineInterval;
  Log(LogLevel::kWarning, "webhooks wait for what must be looked up before they are sent",
      {{"reason", reason}, {"times", std::exchange(put_off_, 0)}});
}

void WebhookChannel::Count(const Attempt& attempt) {
  telemetry_->Record(
      telemetry::WebhookConcluded{DeliveryStateName(attempt.state), attempt.receiver});
  if (attempt.repeated) telemetry_->Record(telemetry::WebhookRetried{attempt.receiver});
  if (attempt.state == DeliveryState::kFailed) {
    telemetry_->Record(telemetry::WebhookFailed{attempt.failure});
    ++failed_;
    last_failed_ = attempt;
  }
}

// One line for many: an endpoint that is gone fails thousands.
void WebhookChannel::TellFailed(Timestamp now) {
  if (failed_ == 0 || now < failed_line_at_) return;
  failed_line_at_ = now + kLineInterval;
  Log(LogLevel::kWarning, "webhooks became dead letters; see sojourn dead-letters --kind webhooks",
      {{"count", std::exchange(failed_, 0)},
       {"last_reason", last_failed_.failure},
       {"last_endpoint", last_failed_.receiver}});
}

void WebhookChannel::Record(const QueueGauges& gauges, Timestamp now) {
  TellFailed(now);
  telemetry_->Record(telemetry::WebhookQueue{gauges.waiting, gauges.held, gauges.oldest_age,
                                             static_cast<int64_t>(endpoints_.open_count()),
                                             static_cast<int64_t>(disabled_->urls().size())});
  std::vector<EndpointReport> report;
  for (const LaneGauge& lane : gauges.lanes) {
    const std::string& endpoint = lane.key.first;
    const auto failure = last_failures_.find(endpoint);
    report.push_back({endpoint, lane.waiting, lane.next_at, endpoints_.failures(endpoint),
                      endpoints_.IsOpen(endpoint),
                      failure == last_failures_.end() ? "" : failure->second});
  }
  const std::lock_guard lock(report_mutex_);
  report_ = std::move(report);
}

std::vector<EndpointReport> WebhookChannel::Report() const {
  const std::lock_guard lock(report_mutex_);
  return report_;
}

}  // namespace sojourn::deliver
