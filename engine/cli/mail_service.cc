#include "engine/cli/mail_service.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "connectors/feedback/mark.h"
#include "engine/base/json_text.h"
#include "engine/cli/backup.h"
#include "engine/cli/mail_parts.h"
#include "engine/cli/paused_note.h"
#include "engine/cli/recipients.h"
#include "engine/cli/secrets.h"
#include "engine/telemetry/log.h"

namespace sojourn::cli {
namespace {

// What the person said is not known then, and the page does without: everybody may ask for one, and
// few threads answer.
constexpr Duration kPagePatience = Milliseconds(200);

}  // namespace

Result<std::unique_ptr<MailService>> MailService::Open(const Config& config,
                                                       const MailEnvironment& environment,
                                                       const std::string& main_address) {
  std::unique_ptr<MailService> service(new MailService(environment));
  service->config_ = config.mail;
  SOJOURN_RETURN_IF_ERROR(service->OpenPages(config, main_address));
  service->has_state_ = config.roles.engine;
  if (config.roles.deliver && config.mail.send != MailTransportKind::kNone) {
    SOJOURN_RETURN_IF_ERROR(service->OpenDeliverer(config));
  }
  if (!config.mail.listen.empty()) SOJOURN_RETURN_IF_ERROR(service->Listen());
  return service;
}

MailService::~MailService() { Stop(); }

Status MailService::OpenPages(const Config& config, const std::string& main_address) {
  // Without a deliverer there are no links, and Kafka may have no keys for them.
  if (config.mail.send == MailTransportKind::kNone && config.log == LogKind::kKafka) {
    return Status::Ok();
  }
  SOJOURN_ASSIGN_OR_RETURN(const auto keys, LoadLinkKeys(config));
  SOJOURN_ASSIGN_OR_RETURN(deliver::PageTexts texts, deliver::PageTexts::Read(config.mail.texts));
  http::MailPagesPorts ports;
  ports.sink = environment_.sink;
  ports.consent = [this](const std::string& person) {
    if (stopping_) return std::optional<std::map<std::string, bool>>();
    const auto recipient = FindRecipient(person, kPagePatience);
    const bool known =
        recipient.ok() && recipient->knowledge == deliver::Recipient::Knowledge::kKnown;
    return known ? std::optional(recipient->consent) : std::nullopt;
  };
  ports.topics = [this] { return Topics(); };
  pages_ = std::make_unique<http::MailPages>(http::MailPagesOptions{}, deliver::LinkSigner(keys),
                                             texts, ports);
  deliver::MailComposerPorts composer_ports;
  composer_ports.rules = [rules = environment_.rules] { return rules->current(); };
  composer_ports.recipient = [this](const std::string& person) {
    auto recipient = FindRecipient(person, kPersonPatience);
    const bool elsewhere =
        recipient.ok() && recipient->knowledge == deliver::Recipient::Knowledge::kElsewhere;
    if (elsewhere) WarnOfStateElsewhere();
    return recipient;
  };
  composer_ports.suppressed = [this](const std::string& address) {
    return suppressions_->IsSuppressed(address);
  };
  composer_ports.now = [clock = environment_.clock] { return clock->Now(); };
  deliver::MailComposerOptions options = ComposerOptionsOf(config.mail, main_address);
  if (config.feedback.any()) {
    options.mark_headers = [providers = config.feedback.marked()](const std::string& token) {
      return feedback::MarkHeaders(providers, token);
    };
  }
  composer_ = std::make_unique<deliver::MailComposer>(std::move(options), composer_ports,
                                                      deliver::LinkSigner(keys), std::move(texts));
  return Status::Ok();
}

Status MailService::OpenDeliverer(const Config& config) {
  SOJOURN_ASSIGN_OR_RETURN(const std::string address_key, LoadAddressKey(config));
  SOJOURN_ASSIGN_OR_RETURN(deliver::SuppressionList* const list,
                           environment_.backend->suppressions());
  SOJOURN_ASSIGN_OR_RETURN(suppressions_, deliver::Suppressions::Open(address_key, list));
  SOJOURN_ASSIGN_OR_RETURN(make_transport_, OpenTransports(config));
  SOJOURN_ASSIGN_OR_RETURN(log_, environment_.backend->MakeDeliveryLog("mail"));
  deliver::DelivererEnvironment environment;
  environment.log = log_.get();
  channel_ =
      std::make_unique<deliver::MailChannel>(config.mail.rates, config.mail.delivery.resend_unknown,
                                             composer_.get(), environment_.telemetry);
  environment.channel = channel_.get();
  environment.make_carrier = deliver::MailCarriers(composer_.get(), make_transport_);
  environment.now = [clock = environment_.clock] { return clock->Now(); };
  deliver::DelivererOptions options = config.mail.delivery;
  SOJOURN_ASSIGN_OR_RETURN(const auto restored_at, RestoredAt(environment_.backend));
  options.held_before = restored_at.value_or(Timestamp::Min());
  deliverer_ = std::make_unique<deliver::Deliverer>(options, environment);
  SOJOURN_ASSIGN_OR_RETURN(const std::string note, environment_.backend->ReadNote(kPausedNote));
  // A damaged one holds all mails; resuming needs the process, which says so every second.
  const std::lock_guard lock(pausing_);
  static_cast<void>(TakePaused(note));
  return Status::Ok();
}

Result<deliver::Recipient> MailService::FindRecipient(const std::string& id,
                                                      Duration patience) const {
  if (!has_state_) return deliver::Recipient();
  return cli::FindRecipient(environment_.backend, id, patience);
}

void MailService::WarnOfStateElsewhere() {
  if (warned_.exchange(true)) return;
  if (!has_state_) {
    return telemetry::Log(
        telemetry::LogLevel::kInfo,
        "this process sends mails without the persons' state: their consent as it "
        "was when the rules decided counts, and the suppression list");
  }
  telemetry::Log(
      telemetry::LogLevel::kWarning,
      "mails leave for persons whose state another process has: their consent as it was "
      "when the rules decided counts; give every process as many threads, and the topics "
      "a multiple of all threads as partitions");
}

std::vector<http::ConsentTopic> MailService::Topics() const {
  std::vector<http::ConsentTopic> topics;
  const auto rules = environment_.rules->current();
  for (const language::ConsentTopic& topic : rules->current().company.topics) {
    topics.push_back({topic.name, topic.transactional, topic.opted_in});
  }
  return topics;
}

std::vector<http::Route> MailService::RoutesOfMainListener() {
  if (pages_ == nullptr || !config_.listen.empty()) return {};
  return pages_->Routes();
}

Status MailService::Listen() {
  if (pages_ == nullptr) return Status::Ok();
  SOJOURN_ASSIGN_OR_RETURN(const Address address, ParseAddress(config_.listen));
  http::ServerOptions options;
  options.address = address.host;
  options.port = address.port;
  std::vector<http::Route> routes = pages_->Routes();
  for (const http::Route& route : environment_.public_routes) routes.push_back(route);
  options.tls = environment_.listeners->mail_tls;
  options.max_connections = environment_.listeners->max_connections;
  options.max_client_connections = environment_.listeners->max_client_connections;
  SOJOURN_ASSIGN_OR_RETURN(
      server_, http::HttpServer::Start(options, std::move(routes), environment_.telemetry));
  return Status::Ok();
}

Status MailService::ReloadTls() { return server_ == nullptr ? Status::Ok() : server_->ReloadTls(); }

std::optional<Timestamp> MailService::certificate_expires_at() const {
  return server_ == nullptr ? std::nullopt : server_->certificate_expires_at();
}

void MailService::Send(std::function<void(const Status&)> failed) {
  if (deliverer_ == nullptr) return;
  thread_ = std::thread([this, failed = std::move(failed)] {
    const Status ended = deliverer_->Run();
    if (!ended.ok()) failed(ended);
  });
}

void MailService::Stop() {
  stopping_ = true;
  if (server_ != nullptr) server_->Stop(Seconds(5));
  server_.reset();
  if (deliverer_ != nullptr) deliverer_->Stop();
  if (thread_.joinable()) thread_.join();
}

// ---- pauses ----------------------------------------------------------------------------------

Status MailService::FollowPauses() {
  if (deliverer_ == nullptr) return Status::Ok();
  // Who changes them may have to wait for the brokers; the caller has other things to do.
  const std::unique_lock lock(pausing_, std::try_to_lock);
  if (!lock.owns_lock()) return Status::Ok();
  SOJOURN_ASSIGN_OR_RETURN(const std::string note, environment_.backend->ReadNote(kPausedNote));
  return TakePaused(note);
}

// Where nobody can tell what is paused, everything is.
Status MailService::TakePaused(const std::string& note) {
  const auto parsed = ParsePausedNote(note);
  const std::set<std::string> noted = parsed.value_or(std::set<std::string>{""});
  if (noted != paused_) {
    paused_ = noted;
    TellPaused();
  }
  if (parsed) return Status::Ok();
  return DataLoss(
      "the note of what is paused is damaged, so all mails are held; sojourn resume without a "
      "journey writes it anew and lets them go");
}

Status MailService::SetPaused(const std::string& journey, bool paused) {
  const std::lock_guard lock(pausing_);
  // Another process may have changed it a moment ago.
  SOJOURN_ASSIGN_OR_RETURN(const std::string note,
                           environment_.backend->ReadNewestNote(kPausedNote));
  const Status taken = TakePaused(note);
  const bool anew = !paused && journey.empty();
  if (!taken.ok() && !anew) return taken;
  std::set<std::string> next = paused_;
  if (paused) {
    next.insert(journey);
  } else if (anew) {
    next.clear();
  } else if (next.erase(journey) == 0) {
    return NotFound(next.count("") != 0
                        ? "everything is paused; sojourn resume without a journey resumes it"
                        : fmt::format("the journey {} is not paused", journey));
  }
  SOJOURN_RETURN_IF_ERROR(
      environment_.backend->WriteNote(kPausedNote, DumpJson(nlohmann::json(next))));
  paused_ = std::move(next);
  TellPaused();
  return Status::Ok();
}

std::set<std::string> MailService::paused() const {
  const std::lock_guard lock(pausing_);
  return paused_;
}

void MailService::TellPaused() {
  if (deliverer_ == nullptr) return;
  deliver::PausedJourneys paused;
  for (const std::string& journey : paused_) {
    if (journey.empty()) paused.all = true;
    paused.names.insert(journey);
  }
  deliverer_->SetPaused(std::move(paused));
}

Status MailService::Reopen(std::shared_ptr<deliver::ReopenRequest> request) {
  if (deliverer_ == nullptr) {
    return FailedPrecondition(
        "the running process sends no mails (mail: {send: none}, or roles without deliver); retry "
        "where they are sent");
  }
  deliverer_->Reopen(std::move(request));
  return Status::Ok();
}

}  // namespace sojourn::cli
