// The mails of a deliverer: rates by sender and domain, one relay for all, its retries.
//
// Threads: the deliverer's.
#pragma once

#include <string>

#include "engine/deliver/channel.h"
#include "engine/deliver/composer.h"
#include "engine/deliver/rate.h"
#include "engine/telemetry/telemetry.h"

namespace sojourn::deliver {

class MailChannel final : public Channel {
 public:
  // `resend_unknown`: an attempt whose answer was lost is repeated. Both pointers outlive it.
  MailChannel(RateLimits rates, bool resend_unknown, Composer* composer,
              telemetry::Telemetry* telemetry)
      : resend_unknown_(resend_unknown),
        composer_(composer),
        telemetry_(telemetry),
        limiter_(std::move(rates)) {}

  std::string_view name() const override { return ""; }
  bool Takes(model::ActionKind kind) const override {
    return kind == model::ActionKind::kSendEmail;
  }
  LaneGate* gate() override { return &limiter_; }
  LaneKey LaneOf(const model::Action& action) override {
    return {composer_->SenderOf(action), DomainOf(action.address)};
  }
  Timestamp UsefulUntil(const model::Action& action) const override { return action.useful_until; }
  DeliveryRecord Expire(const CommittedAction& committed, int attempts, Timestamp now) override;
  Timestamp RestsUntil(Timestamp now) override;
  Verdict Hear(const CommittedAction& committed, int attempts, const SendResult& result,
               Timestamp now) override;
  void PutOff(const model::Action& action, const std::string& reason, Timestamp now) override;
  std::string ReceiverOf(const model::Action& action) const override {
    return DomainOf(action.address);
  }
  void Count(const Attempt& attempt) override;
  void Record(const QueueGauges& gauges, Timestamp now) override;

 private:
  void RestAfter(const SendResult& result, Timestamp now);

  const bool resend_unknown_;
  Composer* const composer_;
  telemetry::Telemetry* const telemetry_;
  RateLimiter limiter_;
  Timestamp rests_until_;  // the relay cannot be reached
  int failures_in_a_row_ = 0;
  int64_t put_off_ = 0;  // mails that could not be made, since the last line about it
  Timestamp put_off_line_at_;
};

}  // namespace sojourn::deliver
