// The webhooks of `sojourn run`, and SMS and push messages through gateways: a deliverer of its own
// with a reader of its own, so that nothing of it delays a mail.
//
// Threads: Open, Send and Stop from one thread; the rest from any. Errors: one line each.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "engine/base/status.h"
#include "engine/cli/backend.h"
#include "engine/cli/config.h"
#include "engine/deliver/deliverer.h"
#include "engine/deliver/disabled_endpoints.h"
#include "engine/deliver/suppression.h"
#include "engine/deliver/webhook_channel.h"
#include "engine/runtime/rules_source.h"
#include "engine/telemetry/telemetry.h"

namespace sojourn::cli {

// What outlives the service.
struct WebhookEnvironment {
  Backend* backend = nullptr;
  runtime::RulesSource* rules = nullptr;
  telemetry::Telemetry* telemetry = nullptr;
  const runtime::WallClock* clock = nullptr;
};

class WebhookService {
 public:
  // Nothing is sent yet.
  static Result<std::unique_ptr<WebhookService>> Open(const Config& config,
                                                      const WebhookEnvironment& environment);
  ~WebhookService();

  // `failed` is told once why the deliverer ended by itself.
  void Send(std::function<void(const Status&)> failed);
  // What is under way comes to its end, or is called again in the next life.
  void Stop();

  // To be called every second: takes over which journeys are paused and which URLs are disabled,
  // and writes down those that were disabled here. kDataLoss: a note is damaged; of pauses, then
  // everything is held.
  Status FollowNotes();
  deliver::DisabledEndpoints::Urls disabled() const { return disabled_.urls(); }
  std::vector<deliver::EndpointReport> waiting() const { return channel_->Report(); }
  // Durable. kNotFound: it is not disabled.
  Status Enable(const std::string& url);
  void Reopen(std::shared_ptr<deliver::ReopenRequest> request);

 private:
  explicit WebhookService(const WebhookEnvironment& environment) : environment_(environment) {}
  Status OpenDeliverer(const Config& config);
  Result<deliver::SenderPool::MakeCarrier> OpenCarriers();
  Status FollowPauses();
  Status FollowDisabled();

  const WebhookEnvironment environment_;
  WebhookConfig config_;
  bool has_state_ = true;                                // this process has workers, or a directory
  std::unique_ptr<deliver::Suppressions> suppressions_;  // null: messages have no gateway
  deliver::DisabledEndpoints disabled_;
  std::unique_ptr<deliver::CallComposer> composer_;
  std::unique_ptr<deliver::WebhookChannel> channel_;
  std::unique_ptr<deliver::DeliveryLog> log_;
  std::unique_ptr<deliver::Deliverer> deliverer_;
  std::thread thread_;
  std::mutex following_;
  std::set<std::string> paused_;  // guarded by following_
};

}  // namespace sojourn::cli
