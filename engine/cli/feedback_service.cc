#include "engine/cli/feedback_service.h"

#include <fmt/format.h>

#include <utility>

#include "connectors/feedback/feedback_event.h"
#include "connectors/feedback/mailgun.h"
#include "connectors/feedback/postmark.h"
#include "connectors/feedback/sendgrid.h"
#include "connectors/feedback/ses.h"
#include "engine/cli/https_fetch.h"
#include "engine/cli/secrets.h"
#include "engine/telemetry/log.h"

namespace sojourn::cli {
namespace {

using deliver::LinkClaims;
using deliver::LinkKind;
using feedback::FactKind;
using feedback::Feedback;
using feedback::FeedbackFact;

constexpr std::string_view kMailbox = "mailbox";

std::string PathOf(std::string_view provider) { return fmt::format("/feedback/{}", provider); }

deliver::SuppressionReason ReasonOf(FactKind kind) {
  return kind == FactKind::kComplained ? deliver::SuppressionReason::kComplained
                                       : deliver::SuppressionReason::kBounced;
}

}  // namespace

Result<std::unique_ptr<FeedbackService>> FeedbackService::Open(
    const Config& config, const FeedbackEnvironment& environment) {
  if (!config.feedback.any()) return std::unique_ptr<FeedbackService>();
  SOJOURN_ASSIGN_OR_RETURN(auto link_keys, LoadLinkKeys(config));
  SOJOURN_ASSIGN_OR_RETURN(const std::string address_key, LoadAddressKey(config));
  SOJOURN_ASSIGN_OR_RETURN(deliver::SuppressionList* const list,
                           environment.backend->suppressions());
  std::unique_ptr<FeedbackService> service(
      new FeedbackService(environment, deliver::LinkSigner(std::move(link_keys))));
  SOJOURN_ASSIGN_OR_RETURN(service->suppressions_, deliver::Suppressions::Open(address_key, list));
  service->AddProviders(config.feedback);
  if (!config.feedback.mailbox.empty()) {
    const auto take = [service = service.get()](const Feedback& feedback) {
      return service->Take(kMailbox, feedback);
    };
    service->mailbox_ = std::make_unique<BounceMailbox>(
        config.feedback.mailbox, environment.backend, environment.clock, take);
  }
  return service;
}

FeedbackService::~FeedbackService() = default;

Status FeedbackService::Start() { return mailbox_ == nullptr ? Status::Ok() : mailbox_->Start(); }

void FeedbackService::Stop() {
  if (mailbox_ != nullptr) mailbox_->Stop();
}

void FeedbackService::AddProviders(const FeedbackConfig& config) {
  if (config.ses) {
    ca_file_ = config.ses->ca_file;
    hooks_.push_back({"ses", std::make_unique<feedback::SesProvider>(
                                 *config.ses, [ca_file = ca_file_](const std::string& url) {
                                   return FetchHttps(url, ca_file);
                                 })});
  }
  if (!config.sendgrid_keys.empty()) {
    std::vector<feedback::PublicKey> keys;
    for (const std::string& key : config.sendgrid_keys) {
      keys.push_back(*feedback::PublicKey::ReadP256(key));
    }
    hooks_.push_back({"sendgrid", std::make_unique<feedback::SendGridProvider>(std::move(keys))});
  }
  if (config.postmark) {
    hooks_.push_back({"postmark", std::make_unique<feedback::PostmarkProvider>(*config.postmark)});
  }
  if (!config.mailgun_keys.empty()) {
    hooks_.push_back({"mailgun", std::make_unique<feedback::MailgunProvider>(config.mailgun_keys)});
  }
}

std::vector<http::Route> FeedbackService::Routes() {
  std::vector<http::Route> routes;
  for (const Hook& hook : hooks_) {
    http::Route route{"POST", PathOf(hook.name),
                      [this, &hook](const http::Request& request, const http::Respond& respond) {
                        respond(Handle(hook, request));
                      }};
    route.may_wait = true;
    route.max_body_bytes = feedback::kMaxRequestBytes;
    routes.push_back(std::move(route));
  }
  return routes;
}

http::Response FeedbackService::Handle(const Hook& hook, const http::Request& request) {
  const feedback::FeedbackRequest view{
      request.body, [&request](std::string_view name) { return request.Header(name); }};
  const Timestamp now = environment_.clock->Now();
  if (const auto refusal = hook.provider->Verify(view, now)) return Refuse(hook, *refusal);
  const Result<Feedback> read = hook.provider->Read(view, now);
  Feedback said = read.ok() ? *read : Feedback();
  // Whoever is answered otherwise sends the same again, for hours.
  if (!read.ok()) said.unreadable.push_back({read.status().message(), request.body});
  Status taken = Take(hook.name, said);
  if (taken.ok() && !said.confirm_url.empty()) taken = Confirm(hook.name, said.confirm_url);
  if (!taken.ok()) return http::ErrorResponse(503, taken.message());
  return {.body = "{\"success\":true}\n"};
}

http::Response FeedbackService::Refuse(const Hook& hook, const feedback::Refusal& refusal) {
  environment_.telemetry->Record(
      telemetry::FeedbackRefused{hook.name, refusal.reason, refusal.message});
  const int status = refusal.try_later                 ? 503
                     : refusal.reason == "malformed"   ? 400
                     : refusal.reason == "credentials" ? 401
                                                       : 403;
  return http::ErrorResponse(status, refusal.message);
}

FeedbackService::Outcome FeedbackService::Judge(std::string_view provider, const Feedback& feedback,
                                                Arena* arena) const {
  const Timestamp now = environment_.clock->Now();
  Outcome outcome;
  for (const FeedbackFact& fact : feedback.facts) {
    const Result<LinkClaims> claims = signer_.Verify(LinkKind::kFeedback, fact.mark);
    const auto event = claims.ok() ? feedback::ToEvent(provider, fact, *claims, now, arena)
                                   : Result<model::Event>(claims.status());
    outcome.marked.push_back(event.ok());
    if (event.ok()) {
      outcome.events.push_back(*event);
    } else if (feedback::Suppresses(fact.kind) && provider != kMailbox) {
      outcome.suppressions.push_back(
          {suppressions_->HashOf(fact.address), ReasonOf(fact.kind), fact.time});
    }
  }
  return outcome;
}

Status FeedbackService::Take(std::string_view provider, const Feedback& feedback) {
  Arena arena;
  const Outcome outcome = Judge(provider, feedback, &arena);
  if (!outcome.suppressions.empty()) {
    SOJOURN_RETURN_IF_ERROR(suppressions_->Add(outcome.suppressions).status());
  }
  std::vector<http::RejectedCall> rejected;
  for (const auto& [reason, text] : feedback.unreadable) {
    rejected.push_back({reason, text, PathOf(provider)});
  }
  if (!outcome.events.empty() || !rejected.empty()) {
    SOJOURN_RETURN_IF_ERROR(environment_.sink->Append(outcome.events, rejected));
  }
  Count(provider, feedback, outcome.marked);
  return Status::Ok();
}

void FeedbackService::Count(std::string_view provider, const Feedback& feedback,
                            const std::vector<bool>& marked) const {
  telemetry::Telemetry* const telemetry = environment_.telemetry;
  for (size_t i = 0; i < feedback.facts.size(); ++i) {
    const std::string_view kind = feedback::FactKindName(feedback.facts[i].kind);
    if (marked[i] || provider != kMailbox) {
      telemetry->Record(telemetry::FeedbackTaken{provider, kind, marked[i]});
    } else {
      telemetry->Record(telemetry::FeedbackRefused{
          provider, "no_mark", "a report that quotes no mark of a mail of ours"});
    }
  }
  for (int64_t i = 0; i < feedback.others; ++i) {
    telemetry->Record(telemetry::FeedbackTaken{provider, "other"});
  }
  for (const auto& item : feedback.unreadable) {
    telemetry->Record(telemetry::FeedbackRefused{provider, "unreadable", item.reason});
  }
}

Status FeedbackService::Confirm(std::string_view provider, const std::string& url) {
  const auto answer = FetchHttps(url, ca_file_);
  if (!answer.ok()) {
    environment_.telemetry->Record(
        telemetry::FeedbackRefused{provider, "not_confirmed", answer.status().message()});
    return Unavailable("the subscription cannot be confirmed: " + answer.status().message());
  }
  telemetry::Log(telemetry::LogLevel::kInfo, "the subscription to a topic of SNS is confirmed");
  return Status::Ok();
}

}  // namespace sojourn::cli
