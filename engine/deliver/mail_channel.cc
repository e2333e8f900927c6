#include "engine/deliver/mail_channel.h"

#include <algorithm>
#include <utility>

#include "engine/telemetry/log.h"

namespace sojourn::deliver {
namespace {

using telemetry::Log;
using telemetry::LogLevel;

// While the relay cannot be reached nothing is tried for so long, doubled with each failure.
constexpr Duration kFirstRest = Seconds(1);
constexpr Duration kLongestRest = Minutes(1);
constexpr Duration kPutOffLineInterval = Minutes(1);

}  // namespace

DeliveryRecord MailChannel::Expire(const CommittedAction& committed, int attempts, Timestamp now) {
  return Conclude(committed, DeliveryState::kExpired, attempts, "its latest useful time has passed",
                  now);
}

// A clock that was set back must not prolong the rest.
Timestamp MailChannel::RestsUntil(Timestamp now) {
  rests_until_ = std::min(rests_until_, now + kLongestRest);
  return rests_until_;
}

Verdict MailChannel::Hear(const CommittedAction& committed, int attempts, const SendResult& result,
                          Timestamp now) {
  RestAfter(result, now);
  const bool unreachable = result.outcome == SendOutcome::kTryLater && result.code == 0;
  SendResult judged = result;
  // With the delays of a retry: what is not known each time must not go out time after time.
  const bool again = resend_unknown_ && result.outcome == SendOutcome::kUnknown;
  if (again) judged.outcome = SendOutcome::kTryLater;
  Verdict verdict = Judge(committed, attempts, judged, now);
  if (unreachable) verdict.record.next_attempt = std::max(rests_until_, now + kFirstRest);
  return verdict;
}

// No answer at all says something about the relay, not about the mail.
void MailChannel::RestAfter(const SendResult& result, Timestamp now) {
  if (result.outcome != SendOutcome::kTryLater || result.code != 0) {
    failures_in_a_row_ = 0;
    rests_until_ = Timestamp();
    return;
  }
  // Mails that were under way together fail together: that is one failure.
  if (rests_until_ > now && rests_until_ <= now + kLongestRest) return;
  const int doublings = std::min(failures_in_a_row_++, 10);
  const Duration rest =
      std::min(Milliseconds(kFirstRest.milliseconds() << doublings), kLongestRest);
  rests_until_ = now + rest;
  Log(LogLevel::kWarning, "no mail could be sent, the next attempt follows",
      {{"reason", result.detail}, {"in_seconds", rest.milliseconds() / 1000}});
}

// There is no record of it, so it is counted and told here.
void MailChannel::PutOff(const model::Action& action, const std::string& reason, Timestamp now) {
  telemetry_->Record(telemetry::MailConcluded{DeliveryStateName(DeliveryState::kWaiting),
                                              DomainOf(action.address)});
  ++put_off_;
  if (now < put_off_line_at_) return;
  put_off_line_at_ = now + kPutOffLineInterval;
  Log(LogLevel::kWarning, "mails wait for what must be looked up before they are made",
      {{"reason", reason}, {"times", std::exchange(put_off_, 0)}});
}

void MailChannel::Count(const Attempt& attempt) {
  telemetry_->Record(telemetry::MailConcluded{DeliveryStateName(attempt.state), attempt.receiver});
  if (attempt.repeated) telemetry_->Record(telemetry::MailRetried{});
  if (attempt.state == DeliveryState::kFailed) {
    telemetry_->Record(telemetry::MailNotComposed{attempt.template_name, attempt.failure});
  }
}

void MailChannel::Record(const QueueGauges& gauges, Timestamp /*now*/) {
  telemetry_->Record(telemetry::MailQueue{gauges.waiting, gauges.held, gauges.oldest_age});
}

}  // namespace sojourn::deliver
