#include "engine/cli/webhook_service.h"

#include <fmt/format.h>

#include <utility>

#include "connectors/webhook/webhook_carrier.h"
#include "engine/base/limits.h"
#include "engine/cli/backup.h"
#include "engine/cli/paused_note.h"
#include "engine/cli/recipients.h"
#include "engine/cli/secrets.h"
#include "engine/deliver/endpoints.h"

namespace sojourn::cli {
namespace {

constexpr char kDisabledNote[] = "webhooks_disabled";

}  // namespace

Result<std::unique_ptr<WebhookService>> WebhookService::Open(
    const Config& config, const WebhookEnvironment& environment) {
  std::unique_ptr<WebhookService> service(new WebhookService(environment));
  service->config_ = config.webhooks;
  service->has_state_ = config.roles.engine;
  if (service->config_.keys.empty()) {
    SOJOURN_ASSIGN_OR_RETURN(service->config_.keys, LoadWebhookKeys(config));
  }
  SOJOURN_RETURN_IF_ERROR(service->OpenDeliverer(config));
  // A damaged note holds everything, and is said every second.
  static_cast<void>(service->FollowNotes());
  return service;
}

WebhookService::~WebhookService() { Stop(); }

Status WebhookService::OpenDeliverer(const Config& config) {
  deliver::CallComposerPorts ports;
  ports.rules = [rules = environment_.rules] { return rules->current(); };
  ports.recipient = [this](const std::string& person) {
    if (!has_state_) return Result<deliver::Recipient>(deliver::Recipient());
    return FindRecipient(environment_.backend, person, kPersonPatience);
  };
  ports.suppressed = [this](const std::string& address) {
    return suppressions_ == nullptr ? Result<bool>(false) : suppressions_->IsSuppressed(address);
  };
  const deliver::Gateways& gateways = config_.gateways;
  if (!gateways.sms_url.empty() || !gateways.push_url.empty()) {
    SOJOURN_ASSIGN_OR_RETURN(const std::string address_key, LoadAddressKey(config));
    SOJOURN_ASSIGN_OR_RETURN(deliver::SuppressionList* const list,
                             environment_.backend->suppressions());
    SOJOURN_ASSIGN_OR_RETURN(suppressions_, deliver::Suppressions::Open(address_key, list));
  }
  composer_ = std::make_unique<deliver::CallComposer>(gateways, std::move(ports));
  channel_ = std::make_unique<deliver::WebhookChannel>(gateways, deliver::EndpointLimits{},
                                                       &disabled_, environment_.telemetry);
  SOJOURN_ASSIGN_OR_RETURN(log_, environment_.backend->MakeDeliveryLog("webhooks"));
  deliver::DelivererEnvironment environment;
  environment.log = log_.get();
  environment.channel = channel_.get();
  SOJOURN_ASSIGN_OR_RETURN(environment.make_carrier, OpenCarriers());
  environment.now = [clock = environment_.clock] { return clock->Now(); };
  deliver::DelivererOptions options;
  options.connections = config_.connections;
  SOJOURN_ASSIGN_OR_RETURN(const auto restored_at, RestoredAt(environment_.backend));
  options.held_before = restored_at.value_or(Timestamp::Min());
  deliverer_ = std::make_unique<deliver::Deliverer>(options, environment);
  return Status::Ok();
}

Result<deliver::SenderPool::MakeCarrier> WebhookService::OpenCarriers() {
  webhook::CallerOptions options;
  SOJOURN_ASSIGN_OR_RETURN(options.rules, webhook::AddressRules::Make(config_.allow_private));
  options.ca_file = config_.ca_file;
  options.connect_timeout = config_.connect_timeout;
  options.timeout = config_.timeout;
  // Options that cannot be used are told now, not with the first webhook.
  SOJOURN_RETURN_IF_ERROR(webhook::HttpCaller::Open(options).status());
  webhook::CarrierPorts ports;
  ports.composer = composer_.get();
  ports.disabled = &disabled_;
  ports.keys = [this](const std::string& url) { return config_.KeysFor(url); };
  ports.now = [clock = environment_.clock] { return clock->Now(); };
  return deliver::SenderPool::MakeCarrier([options, ports] {
    return webhook::MakeWebhookCarrier(*webhook::HttpCaller::Open(options), ports);
  });
}

void WebhookService::Send(std::function<void(const Status&)> failed) {
  thread_ = std::thread([this, failed = std::move(failed)] {
    const Status ended = deliverer_->Run();
    if (!ended.ok()) failed(ended);
  });
}

void WebhookService::Stop() {
  if (deliverer_ != nullptr) deliverer_->Stop();
  if (thread_.joinable()) thread_.join();
}

Status WebhookService::FollowNotes() {
  const std::unique_lock lock(following_, std::try_to_lock);
  if (!lock.owns_lock()) return Status::Ok();
  SOJOURN_RETURN_IF_ERROR(FollowPauses());
  return FollowDisabled();
}

// Where nobody can tell what is paused, everything is; MailService says so.
Status WebhookService::FollowPauses() {
  SOJOURN_ASSIGN_OR_RETURN(const std::string note, environment_.backend->ReadNote(kPausedNote));
  auto journeys = ParsePausedNote(note).value_or(std::set<std::string>{""});
  if (journeys == paused_) return Status::Ok();
  paused_ = std::move(journeys);
  deliver::PausedJourneys paused;
  paused.all = paused_.contains("");
  paused.names.insert(paused_.begin(), paused_.end());
  deliverer_->SetPaused(std::move(paused));
  return Status::Ok();
}

Status WebhookService::FollowDisabled() {
  SOJOURN_ASSIGN_OR_RETURN(std::string note, environment_.backend->ReadNote(kDisabledNote));
  auto urls = deliver::DecodeDisabled(note);
  if (!urls.ok()) return urls.status();
  disabled_.Take(*urls);
  const deliver::DisabledEndpoints::Urls unwritten = disabled_.unwritten();
  if (unwritten.empty()) return Status::Ok();
  // Another process may have changed it a moment ago.
  SOJOURN_ASSIGN_OR_RETURN(note, environment_.backend->ReadNewestNote(kDisabledNote));
  SOJOURN_ASSIGN_OR_RETURN(deliver::DisabledEndpoints::Urls all, deliver::DecodeDisabled(note));
  all.insert(unwritten.begin(), unwritten.end());
  SOJOURN_RETURN_IF_ERROR(
      environment_.backend->WriteNote(kDisabledNote, deliver::EncodeDisabled(all)));
  disabled_.Take(std::move(all));
  return Status::Ok();
}

Status WebhookService::Enable(const std::string& url) {
  const std::lock_guard lock(following_);
  SOJOURN_RETURN_IF_ERROR(FollowDisabled());
  SOJOURN_ASSIGN_OR_RETURN(const std::string note,
                           environment_.backend->ReadNewestNote(kDisabledNote));
  SOJOURN_ASSIGN_OR_RETURN(deliver::DisabledEndpoints::Urls urls, deliver::DecodeDisabled(note));
  if (urls.erase(deliver::PlainUrlOf(url)) == 0) {
    return NotFound(fmt::format("{} is not disabled", deliver::PlainUrlOf(url)));
  }
  SOJOURN_RETURN_IF_ERROR(
      environment_.backend->WriteNote(kDisabledNote, deliver::EncodeDisabled(urls)));
  disabled_.Take(std::move(urls));
  return Status::Ok();
}

void WebhookService::Reopen(std::shared_ptr<deliver::ReopenRequest> request) {
  deliverer_->Reopen(std::move(request));
}

}  // namespace sojourn::cli
