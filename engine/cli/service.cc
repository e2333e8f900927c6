#include "engine/cli/service.h"
#include "engine/base/rfc3339.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "connectors/http/instance_file.h"
#include "engine/base/json_text.h"
#include "engine/base/rfc3339.h"
#include "engine/cli/backfill.h"
#include "engine/cli/backup.h"
#include "engine/cli/count_people.h"
#include "engine/cli/coupons.h"
#include "engine/cli/enroll.h"
#include "engine/cli/explain_person.h"
#include "engine/cli/loaded_rules.h"
#include "engine/cli/mail_letters.h"
#include "engine/cli/persons.h"
#include "engine/cli/remote.h"
#include "engine/cli/remote_log.h"
#include "engine/cli/secrets.h"
#include "engine/cli/suppressions.h"
#include "engine/cli/version.h"
#include "engine/language/load.h"
#include "engine/telemetry/log.h"

namespace sojourn::cli {
namespace {

using telemetry::Log;
using telemetry::LogLevel;

constexpr int kUpkeepMilliseconds = 1000;
constexpr Duration kRetentionInterval = Minutes(10);
constexpr Duration kStopGrace = Seconds(5);

// Ok: the rules check. kFailedPrecondition: they have errors, all of which it names, as people read
// them. Else: there are no rules to be read.
Status CheckRules(const std::string& directory) {
  SOJOURN_ASSIGN_OR_RETURN(LoadedRules rules, LoadRules(directory));
  const int errors = rules.Count(language::Severity::kError);
  if (errors == 0 && rules.bundle != nullptr) return Status::Ok();
  return FailedPrecondition(rules.ErrorText() +
                            fmt::format("the rules in {} do not check: {} error{}", directory,
                                        errors, errors == 1 ? "" : "s"));
}

int64_t QueryNumber(const http::Request& request, std::string_view name) {
  const std::string_view text = request.Query(name).value_or("");
  int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// Connections, the store's files and Kafka's share this limit, which is low by habit only.
void RaiseFileLimit() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

void WarnOfWeakKeys(const ListenerConfig& listeners) {
  for (const auto& [name, key] : listeners.write_keys) {
    if (!key.is_weak) continue;
    Log(LogLevel::kWarning,
        "a write key is an example's or shorter than 16 characters, so strangers can find it and "
        "send events; sojourn key makes one",
        {{"write_key", name}});
  }
}

std::string RolesForPeople(const Config& config, bool routes) {
  std::string text;
  const auto add = [&](bool has, std::string_view name) {
    if (has) text += (text.empty() ? "" : ",") + std::string(name);
  };
  add(routes, "router");
  add(config.roles.engine, "engine");
  const bool sends = config.mail.send != MailTransportKind::kNone || config.webhooks.send;
  add(config.roles.deliver && sends, "deliver");
  return text;
}

}  // namespace

// The HTTP intake's way into the log.
class Service::Sink final : public http::EventSink {
 public:
  Sink(Backend* backend, const runtime::WallClock* clock) : backend_(backend), clock_(clock) {}

  Status Append(std::span<const model::Event> events,
                std::span<const http::RejectedCall> rejected) override {
    std::vector<runtime::DeadLetter> letters;
    for (const http::RejectedCall& call : rejected) {
      runtime::DeadLetter letter;
      letter.reason = runtime::DeadLetterReason::kUndecodable;
      letter.message = call.reason;
      letter.topic = "http";
      letter.log_time = clock_->Now();
      letter.key = call.path;
      letter.value = call.json;
      letters.push_back(std::move(letter));
    }
    const Status appended = backend_->AppendBoth(events, letters);
    // While an import replays, clients are to come back later.
    if (appended.code() == StatusCode::kFailedPrecondition) return Unavailable(appended.message());
    return appended;
  }

  Status VisitNewestIds(const IdVisitor& visit) override { return backend_->VisitNewestIds(visit); }

 private:
  Backend* const backend_;
  const runtime::WallClock* const clock_;
};

Service::Service(Config config)
    : config_(std::move(config)), telemetry_(kVersion), observer_(&telemetry_) {}

Service::~Service() { Stop(); }

Status Service::Start() {
  // Signals are read in Serve; every thread started from here on leaves them alone.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  RaiseFileLimit();
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error of its write

  SOJOURN_RETURN_IF_ERROR(ValidateConfig(config_));
  SOJOURN_ASSIGN_OR_RETURN(listeners_, ReadListenerConfig(config_.file));
  WarnOfWeakKeys(listeners_);
  SOJOURN_RETURN_IF_ERROR(Listen());
  SOJOURN_RETURN_IF_ERROR(OpenLog());
  sink_ = std::make_unique<Sink>(backend_.get(), &clock_);
  if (config_.roles.needs_rules()) SOJOURN_RETURN_IF_ERROR(LoadWhatRulesNeed());
  if (config_.roles.engine) SOJOURN_RETURN_IF_ERROR(MakeWorkers());
  SOJOURN_RETURN_IF_ERROR(MakeRouter());
  if (feedback_ != nullptr) SOJOURN_RETURN_IF_ERROR(feedback_->Start());
  SOJOURN_ASSIGN_OR_RETURN(token_, http::NewToken());
  std::vector<http::Route> routes = MakeRoutes();
  SOJOURN_RETURN_IF_ERROR(Announce());
  RunParts();
  server_->Serve(std::move(routes));
  Log(LogLevel::kInfo, "running",
      {{"listen", fmt::format("{}:{}", listen_.host, server_->port())},
       {"rules", config_.rules},
       {"data", config_.data},
       {"log", config_.log == LogKind::kKafka ? "kafka" : "embedded"},
       {"roles", RolesForPeople(config_, router_ != nullptr)},
       {"bundle", rules_ == nullptr ? 0 : rules_->current()->current().number}});
  return Status::Ok();
}

Status Service::LoadWhatRulesNeed() {
  SOJOURN_ASSIGN_OR_RETURN(secrets_, LoadSecrets(config_));
  SOJOURN_RETURN_IF_ERROR(OpenSuppressions());
  SOJOURN_RETURN_IF_ERROR(LoadFirstRules());
  SOJOURN_RETURN_IF_ERROR(OpenFeedback());
  SOJOURN_RETURN_IF_ERROR(OpenMail());
  SOJOURN_RETURN_IF_ERROR(OpenWebhooks());
  return WarnOfOpenReplay();
}

// Bounces and complaints are kept under the list's key, and under no other. Commands that ask this
// process find the key made.
Status Service::OpenSuppressions() {
  const bool may_lack_key =
      config_.log == LogKind::kKafka && config_.mail.send == MailTransportKind::kNone;
  if (may_lack_key && config_.address_key.empty()) {
    Log(LogLevel::kWarning,
        "bounces and complaints do not outlive the erasure of a person: to keep them, log: kafka "
        "needs secrets: {address_key}, the same for every instance");
    return Status::Ok();
  }
  SOJOURN_ASSIGN_OR_RETURN(address_key_, LoadAddressKey(config_));
  SOJOURN_ASSIGN_OR_RETURN(deliver::SuppressionList* const list, backend_->suppressions());
  return deliver::Suppressions::Open(address_key_, list).status();
}

Status Service::OpenFeedback() {
  FeedbackEnvironment environment;
  environment.backend = backend_.get();
  environment.sink = sink_.get();
  environment.telemetry = &telemetry_;
  environment.clock = &clock_;
  SOJOURN_ASSIGN_OR_RETURN(feedback_, FeedbackService::Open(config_, environment));
  return Status::Ok();
}

// Takes the public port, too, where there is one.
Status Service::OpenMail() {
  MailEnvironment environment;
  environment.backend = backend_.get();
  environment.rules = rules_.get();
  environment.sink = sink_.get();
  environment.telemetry = &telemetry_;
  environment.clock = &clock_;
  if (feedback_ != nullptr) environment.public_routes = feedback_->Routes();
  environment.listeners = &listeners_;
  const std::string address = fmt::format("{}:{}", listen_.host, server_->port());
  SOJOURN_ASSIGN_OR_RETURN(mail_, MailService::Open(config_, environment, address));
  return Status::Ok();
}

Status Service::OpenWebhooks() {
  if (!config_.roles.deliver || !config_.webhooks.send) return Status::Ok();
  const WebhookEnvironment environment{backend_.get(), rules_.get(), &telemetry_, &clock_};
  SOJOURN_ASSIGN_OR_RETURN(webhooks_, WebhookService::Open(config_, environment));
  return Status::Ok();
}

// Whoever cannot have the port leaves everything as it is. Answers come when all is ready.
Status Service::Listen() {
  SOJOURN_ASSIGN_OR_RETURN(listen_, ParseAddress(config_.listen));
  http::ServerOptions options;
  options.address = listen_.host;
  options.port = listen_.port;
  options.tls = listeners_.tls;
  options.max_connections = listeners_.max_connections;
  options.max_client_connections = listeners_.max_client_connections;
  if (!listeners_.tls && !IsLoopback(config_.listen)) {
    Log(LogLevel::kWarning,
        "keys and events travel in the clear: give listen a certificate with tls, or put a proxy "
        "with one in front of it",
        {{"listen", config_.listen}});
  }
  SOJOURN_ASSIGN_OR_RETURN(server_, http::HttpServer::Listen(options, &telemetry_));
  return Status::Ok();
}

// Rules with errors begin nothing, but where rules are in force those go on.
Status Service::OpenLog() {
  if (!config_.roles.needs_rules()) {
    SOJOURN_ASSIGN_OR_RETURN(backend_,
                             OpenBackend(config_, /*need_existing=*/false, &kafka_observer_));
    return Status::Ok();
  }
  const Status rules = CheckRules(config_.rules);
  const bool have_errors = rules.code() == StatusCode::kFailedPrecondition;
  if (!rules.ok() && !have_errors) return rules;
  auto backend = OpenBackend(config_, /*need_existing=*/have_errors, &kafka_observer_);
  if (have_errors && backend.status().code() == StatusCode::kNotFound) return rules;
  SOJOURN_ASSIGN_OR_RETURN(backend_, std::move(backend));
  SOJOURN_ASSIGN_OR_RETURN(rules_, runtime::RulesSource::Open(backend_->bundles()));
  return rules_->current() == nullptr ? rules : Status::Ok();
}

Status Service::LoadFirstRules() {
  std::vector<language::Diagnostic> diagnostics;
  SOJOURN_RETURN_IF_ERROR(LoadRules(&diagnostics, /*reload=*/false));
  if (rules_->current() != nullptr) return Status::Ok();
  return FailedPrecondition(
      fmt::format("the rules in {} changed while they were read; start again", config_.rules));
}

Status Service::LoadRules(std::vector<language::Diagnostic>* diagnostics, bool reload) {
  const std::lock_guard lock(reloading_);
  files_seen_ = LookAtFiles(config_.rules);
  auto read = language::ReadRulesDirectory(config_.rules, diagnostics);
  if (!read.ok()) {
    telemetry_.Record(telemetry::RulesRefused{1, read.status().message()});
    return read.status();
  }
  const auto files = *std::move(read);
  if (!diagnostics->empty()) {
    RefuseRules(*diagnostics);
    return Status::Ok();
  }
  auto offered = rules_->Offer(files, reload);
  // Where the log cannot be written now, the next look at the files tries again.
  if (offered.status().code() == StatusCode::kUnavailable) files_seen_.clear();
  SOJOURN_ASSIGN_OR_RETURN(auto offer, std::move(offered));
  *diagnostics = std::move(offer.diagnostics);
  using Outcome = runtime::RulesSource::OfferOutcome;
  if (offer.outcome == Outcome::kRefused) {
    RefuseRules(*diagnostics);
    return Status::Ok();
  }
  diagnostics->clear();  // warnings are for `check`
  if (offer.outcome == Outcome::kOlder) {
    Log(LogLevel::kWarning, "the rules directory is older than the rules in force, which go on",
        {{"rules", config_.rules}, {"in_force", offer.number}});
  }
  const auto current = rules_->current();
  telemetry_.Record(telemetry::RulesLoaded{current->current().revision, clock_.Now()});
  return Status::Ok();
}

void Service::RefuseRules(const std::vector<language::Diagnostic>& diagnostics) {
  std::string first;
  int64_t errors = 0;
  for (const language::Diagnostic& diagnostic : diagnostics) {
    if (diagnostic.severity != language::Severity::kError) continue;
    if (errors++ == 0) {
      first = fmt::format("{}:{}: {}", diagnostic.file, diagnostic.line, diagnostic.message);
    }
  }
  telemetry_.Record(telemetry::RulesRefused{errors, first});
}

Status Service::MakeWorkers() {
  const int count = config_.log == LogKind::kEmbedded
                        ? std::min(config_.threads, static_cast<int>(backend_->partition_count()))
                        : config_.threads;
  SOJOURN_ASSIGN_OR_RETURN(const bool lists_held, AreListsHeld(backend_.get()));
  if (lists_held) {
    Log(LogLevel::kWarning,
        "lists of coupon codes give none since the restore of a backup: take the codes given since "
        "out of them, then sojourn coupons resume");
  }
  for (int i = 0; i < count; ++i) {
    auto running = std::make_unique<RunningWorker>();
    SOJOURN_ASSIGN_OR_RETURN(running->ports, backend_->MakeWorker(i, count));
    runtime::TaskEnvironment environment;
    environment.log = running->ports.input;
    environment.decoder = running->ports.decoder.get();
    environment.clock = &clock_;
    environment.rules = rules_.get();
    environment.secrets = &secrets_;
    environment.observer = &observer_;
    environment.hold_coupon_lists = lists_held;
    environment.address_key = address_key_;
    environment.options.accept_changed_keys = config_.accept_changed_keys;
    runtime::WorkerOptions options;
    options.commit_interval = config_.commit_interval;
    options.commit_when_idle = config_.log == LogKind::kEmbedded;
    options.questions = running->ports.questions;
    running->worker = std::make_unique<runtime::Worker>(
        options, environment, running->ports.committer, running->ports.keeper);
    workers_.push_back(std::move(running));
  }
  return Status::Ok();
}

Status Service::MakeRouter() {
  if (!config_.roles.router || config_.kafka.routes.empty()) return Status::Ok();
  SOJOURN_ASSIGN_OR_RETURN(router_, backend_->MakeRouter());
  return Status::Ok();
}

void Service::RunParts() {
  HaltWorkers(backend_->Health().code() == StatusCode::kResourceExhausted);
  for (const auto& running : workers_) {
    running->thread = std::thread([this, worker = running.get()] { Fail(worker->worker->Run()); });
  }
  if (router_ != nullptr) {
    router_thread_ = std::thread([this] { Fail(router_->Run()); });
  }
  if (mail_ != nullptr) {
    mail_->Send([this](const Status& status) { Fail(status); });
  }
  if (webhooks_ != nullptr) {
    webhooks_->Send([this](const Status& status) { Fail(status); });
  }
}

std::vector<http::Route> Service::MakeRoutes() {
  http::IntakeOptions intake_options;
  intake_options.write_keys = listeners_.write_keys;
  intake_options.limits = config_.intake;
  intake_options.secure = listeners_.tls.has_value();
  intake_options.open_to_everyone =
      intake_options.write_keys.empty();  // loopback only: ValidateConfig
  intake_ = std::make_unique<http::Intake>(intake_options, sink_.get(), &telemetry_);
  std::vector<http::Route> routes = intake_->Routes();
  for (http::Route& route : http::AdminRoutes({token_, listeners_.admin_tokens}, Handlers())) {
    routes.push_back(std::move(route));
  }
  if (feedback_ != nullptr) {
    for (http::Route& route : feedback_->Routes()) routes.push_back(std::move(route));
  }
  if (mail_ == nullptr) return routes;
  for (http::Route& route : mail_->RoutesOfMainListener()) routes.push_back(std::move(route));
  return routes;
}

// Timers stand still until it is ended. (Over Kafka only reading the whole topic would tell;
// sojourn_partition_importing does, too.)
Status Service::WarnOfOpenReplay() {
  if (config_.log == LogKind::kKafka) return Status::Ok();
  SOJOURN_ASSIGN_OR_RETURN(const auto open, backend_->FindOpenReplay());
  if (!open) return Status::Ok();
  Log(LogLevel::kWarning,
      "an import is unfinished: no events are taken and timers stand still until its file is "
      "imported again, or sojourn import --abandon ends it",
      {{"import", ImportForPeople(open->identity)}, {"position", open->progress.position}});
  return Status::Ok();
}

// From now on commands find this process.
Status Service::Announce() {
  const bool everywhere = listen_.host == "0.0.0.0" || listen_.host == "::";
  http::Instance instance;
  instance.place = {everywhere ? "127.0.0.1" : listen_.host, server_->port(),
                    server_->certificate_fingerprint()};
  instance.token = token_;
  instance.process_id = getpid();
  SOJOURN_RETURN_IF_ERROR(http::WriteInstanceFile(config_.data, instance));
  announced_ = true;
  return Status::Ok();
}

http::AdminHandlers Service::Handlers() {
  http::AdminHandlers handlers = rules_ == nullptr ? http::AdminHandlers() : HandlersOfRules();
  handlers.ready = [this] { return Ready(); };
  handlers.metrics = [this] {
    for (const auto& [part, bytes] : backend_->Sizes()) {
      telemetry_.Record(telemetry::StoreSize{part, bytes});
    }
    std::error_code error;
    const auto space = std::filesystem::space(config_.data, error);
    if (!error) telemetry_.Record(telemetry::DiskFree{static_cast<int64_t>(space.available)});
    RecordCertificates();
    telemetry_.Record(telemetry::ReadyStands{Ready().ok()});
    return telemetry_.Exposition();
  };
  return handlers;
}

// What asks for rules, people or mails: not where a process only routes.
http::AdminHandlers Service::HandlersOfRules() {
  http::AdminHandlers handlers;
  handlers.reload = [this](const http::Request&) { return Reload(); };
  handlers.actions = [this](const http::Request& request) {
    return HandleActions(backend_.get(), request, stopping_);
  };
  handlers.person = [this](const http::Request& request) {
    return HandlePerson(backend_.get(), request);
  };
  handlers.log = [this](const http::Request& request) {
    return HandleLog(backend_.get(), request);
  };
  handlers.explain = [this](const http::Request& request) { return HandleExplain(request); };
  handlers.plan = [this](const http::Request& request) { return HandlePlan(request); };
  handlers.import = [this](const http::Request& request) {
    return HandleImport(backend_.get(), request);
  };
  handlers.dead_letters = [this](const http::Request& request) {
    return HandleDeadLetters(backend_.get(), request);
  };
  handlers.keep_dead_letters = [this](const http::Request& request) {
    return HandleKeepDeadLetters(backend_.get(), request);
  };
  handlers.suppressions = [this](const http::Request& request) {
    const auto list = backend_->suppressions();
    return list.ok() ? HandleSuppressions(*list, request) : http::ToResponse(list.status());
  };
  handlers.coupons = [this](const http::Request& request) {
    return HandleCoupons(rules_->current()->current(), backend_.get(), request);
  };
  handlers.mails = [this](const http::Request& request) {
    return HandleMailLetters(backend_.get(), request);
  };
  handlers.retry_mails = [this](const http::Request& request) { return HandleRetry(request); };
  handlers.webhooks = [this](const http::Request& request) { return HandleWebhooks(request); };
  handlers.enroll = [this](const http::Request& request) { return HandleEnroll(request); };
  handlers.backup = [this](const http::Request& request) { return HandleBackup(request); };
  handlers.backfill = [this](const http::Request& request) { return HandleBackfill(request); };
  handlers.pause = [this](const http::Request& request) { return HandlePause(request); };
  return handlers;
}

Status Service::Ready() const {
  SOJOURN_RETURN_IF_ERROR(failure());
  if (stopping_) return Unavailable("stopping");
  SOJOURN_RETURN_IF_ERROR(backend_->Health());
  for (const auto& running : workers_) {
    if (!running->worker->ready()) return Unavailable("restoring");
  }
  if (router_ != nullptr && !router_->ready()) return Unavailable("the router waits for its group");
  return Status::Ok();
}

// What listens goes on with the old certificate where the new one cannot be used. Commands trust
// the certificate that the instance file names.
Status Service::ReloadCertificates() {
  const std::lock_guard lock(reloading_);
  const std::string before = server_->certificate_fingerprint();
  Status reloaded = server_->ReloadTls();
  if (reloaded.ok() && mail_ != nullptr) reloaded = mail_->ReloadTls();
  if (!reloaded.ok()) Log(LogLevel::kError, reloaded.message());
  if (server_->certificate_fingerprint() == before) return reloaded;
  Log(LogLevel::kInfo, "there is a new certificate");
  const Status announced = Announce();
  return reloaded.ok() ? announced : reloaded;
}

void Service::RecordCertificates() {
  if (const auto expires_at = server_->certificate_expires_at()) {
    telemetry_.Record(telemetry::CertificateStands{"main", *expires_at});
  }
  const auto of_mail = mail_ != nullptr ? mail_->certificate_expires_at() : std::nullopt;
  if (of_mail) telemetry_.Record(telemetry::CertificateStands{"mail", *of_mail});
}

http::Response Service::Reload() {
  std::vector<language::Diagnostic> diagnostics;
  const Status loaded = LoadRules(&diagnostics, /*reload=*/true);
  const Status certificates = ReloadCertificates();
  if (!loaded.ok()) return http::ToResponse(loaded);
  if (!certificates.ok()) return http::ToResponse(certificates);
  const nlohmann::json json = {
      {"success", diagnostics.empty()},
      {"bundle", rules_->current()->current().number},
      {"error", FormatDiagnostics(diagnostics, language::DiagnosticFormat::kText)}};
  return {.status = diagnostics.empty() ? 200 : 400, .body = DumpJson(json) + "\n"};
}

http::Response Service::HandleEnroll(const http::Request& request) {
  EnrollRequest enroll;
  enroll.journey = request.Query("journey").value_or("");
  enroll.segment = request.Query("segment").value_or("");
  enroll.spread = Milliseconds(std::max<int64_t>(0, QueryNumber(request, "spread_ms")));
  const auto people = FindCandidates(enroll, rules_->current()->current(), backend_.get());
  if (!people.ok()) return http::ToResponse(people.status());
  if (request.Query("dry_run") != "1") {
    const Status enrolled = Enroll(enroll, *people, clock_.Now(), backend_.get());
    if (!enrolled.ok()) return http::ToResponse(enrolled);
  }
  return {.body = DumpJson(nlohmann::json{{"people", people->size()}}) + "\n"};
}

http::Response Service::HandleBackup(const http::Request& request) {
  const std::unique_lock lock(backing_up_, std::try_to_lock);
  if (!lock) return http::ToResponse(Unavailable("another backup is under way"));
  const std::filesystem::path directory = request.Query("directory").value_or("");
  if (!directory.is_absolute()) {
    return http::ToResponse(InvalidArgument("directory must be an absolute path"));
  }
  return http::ToResponse(MakeBackup(directory, config_, clock_.Now(), backend_.get()));
}

http::Response Service::HandleBackfill(const http::Request& request) {
  const std::unique_lock lock(backfilling_, std::try_to_lock);
  if (!lock) return http::ToResponse(Unavailable("another backfill is under way"));
  const auto stop = [this] { return stopping_.load(); };
  if (request.Query("dry_run") == "1") {
    const auto plan = PlanBackfill(backend_.get(), stop);
    if (!plan.ok()) return http::ToResponse(plan.status());
    return {.body = DumpJson(nlohmann::json{{"text", plan->text},
                                            {"counters", plan->counters},
                                            {"refused", plan->refused},
                                            {"bundle", plan->bundle}}) +
                    "\n"};
  }
  BackfillRun run;
  run.bundle = static_cast<uint32_t>(QueryNumber(request, "bundle"));
  run.now = clock_.Now();
  run.running = true;
  const auto done = RunBackfill(run, backend_.get(), stop);
  if (!done.ok()) return http::ToResponse(done.status());
  return {.body = DumpJson(nlohmann::json{{"people", done->people}, {"counters", done->counters}}) +
                  "\n"};
}

http::Response Service::HandleExplain(const http::Request& request) {
  ExplainRequest explain;
  explain.person = request.Query("person").value_or("");
  explain.filter.journey = request.Query("journey").value_or("");
  explain.filter.template_name = request.Query("template").value_or("");
  explain.json = request.Query("format") == "json";
  auto text = ExplainFromLog(explain, secrets_, backend_.get());
  if (!text.ok()) return http::ToResponse(text.status());
  return {.body = *std::move(text),
          .content_type = explain.json ? "application/json" : "text/plain; charset=utf-8"};
}

http::Response Service::HandlePlan(const http::Request& request) {
  const auto files = DecodeFiles(request.body);
  if (!files.ok()) return http::ToResponse(files.status());
  const auto counted = CountPeople(*files, backend_.get());
  if (!counted.ok()) return http::ToResponse(counted.status());
  return {.body = EncodeCounted(*counted)};
}

http::Response Service::HandlePause(const http::Request& request) {
  const std::string journey(request.Query("journey").value_or(""));
  const bool known =
      journey.empty() || rules_->current()->current().FindJourney(journey) != nullptr;
  const bool pause = request.Query("resume") != "1";
  if (!known && pause) return http::ToResponse(NotFound("there is no journey " + journey));
  const Status changed = mail_->SetPaused(journey, pause);
  if (!changed.ok()) return http::ToResponse(changed);
  return {.body = DumpJson(nlohmann::json{{"paused", mail_->paused()}}) + "\n"};
}

http::Response Service::HandleRetry(const http::Request& request) {
  const bool webhooks = request.Query("channel") == "webhooks";
  const auto reopen = [this, webhooks](auto reopening) {
    if (!webhooks) return mail_->Reopen(std::move(reopening));
    if (webhooks_ == nullptr) {
      return FailedPrecondition(
          "the running process calls no webhooks (webhooks: {send: false}, or roles without "
          "deliver); retry where they are called");
    }
    webhooks_->Reopen(std::move(reopening));
    return Status::Ok();
  };
  return HandleRetryMails(reopen, request, stopping_);
}

http::Response Service::HandleWebhooks(const http::Request& request) {
  if (webhooks_ == nullptr) {
    return http::ToResponse(FailedPrecondition("the running process calls no webhooks"));
  }
  if (const auto url = request.Query("enable")) {
    if (request.method != "POST") return http::ErrorResponse(400, "POST enables a URL");
    return http::ToResponse(webhooks_->Enable(std::string(*url)));
  }
  nlohmann::json disabled = nlohmann::json::object();
  for (const auto& [url, since] : webhooks_->disabled()) disabled[url] = FormatRfc3339(since);
  auto endpoints = nlohmann::json::array();
  for (const deliver::EndpointReport& it : webhooks_->waiting()) {
    endpoints.push_back({{"endpoint", it.endpoint},
                         {"waiting", it.waiting},
                         {"failures", it.failures},
                         {"circuit", it.open ? "open" : "closed"},
                         {"last_failure", it.last_failure}});
    // Never: until one that is under way has come back.
    if (it.next_at != Timestamp::Max()) {
      endpoints.back()["next_attempt"] = FormatRfc3339(it.next_at);
    }
  }
  const nlohmann::json answer = {{"disabled", disabled}, {"endpoints", endpoints}};
  // What an endpoint said need not be UTF-8.
  return {.body = DumpJson(answer) + "\n"};
}

void Service::ReloadWhenFilesChanged() {
  if (rules_ == nullptr) return;
  {
    const std::lock_guard lock(reloading_);
    if (LookAtFiles(config_.rules) == files_seen_) return;
  }
  // An editor may be in the middle of writing: look again when it has had a moment.
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  std::vector<language::Diagnostic> diagnostics;
  const Status loaded = LoadRules(&diagnostics, /*reload=*/true);
  if (!loaded.ok()) Log(LogLevel::kError, loaded.message(), {{"rules", config_.rules}});
}

void Service::Fail(const Status& status) {
  if (status.ok()) return;
  const std::lock_guard lock(failing_);
  if (failure_.ok()) failure_ = status;
}

Status Service::failure() const {
  const std::lock_guard lock(failing_);
  return failure_;
}

void Service::CareForMail() {
  if (mail_ == nullptr) return;
  const Status followed = mail_->FollowPauses();
  if (!followed.ok() && followed.message() != mail_trouble_) {
    Log(LogLevel::kError, followed.message());
  }
  mail_trouble_ = followed.message();
  if (webhooks_ == nullptr) return;
  const Status noted = webhooks_->FollowNotes();
  if (!noted.ok() && noted.message() != webhook_trouble_) Log(LogLevel::kError, noted.message());
  webhook_trouble_ = noted.message();
}

// Over Kafka it is the workers that take events in; on the embedded log they work on what was.
void Service::HaltWorkers(bool intake_stopped) {
  if (config_.log != LogKind::kKafka) return;
  for (const auto& running : workers_) running->worker->Halt(intake_stopped);
}

void Service::CareForLog() {
  const Status health = backend_->Health();
  const bool intake_stopped = health.code() == StatusCode::kResourceExhausted;
  if (intake_stopped != std::exchange(intake_stopped_, intake_stopped)) {
    Log(LogLevel::kWarning, intake_stopped ? health.message() : "events are taken again");
  }
  if (!health.ok() && !intake_stopped) return Fail(health);
  HaltWorkers(intake_stopped);
  if (clock_.Now() < next_retention_) return;
  next_retention_ = clock_.Now() + kRetentionInterval;
  const Status applied = backend_->ApplyRetention();
  if (!applied.ok()) Log(LogLevel::kError, applied.message());
}

Status Service::Serve() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, number);
  const timespec wait = {kUpkeepMilliseconds / 1000, 0};
  while (failure().ok()) {
    CareForLog();
    CareForMail();
    const int number = sigtimedwait(&signals, nullptr, &wait);
    if (number == SIGTERM || number == SIGINT) break;
    if (number == SIGHUP) (void)ReloadCertificates();  // it has logged what is wrong
    if (number == SIGHUP && rules_ != nullptr) {
      std::vector<language::Diagnostic> diagnostics;
      const Status loaded = LoadRules(&diagnostics, /*reload=*/true);
      if (!loaded.ok()) Log(LogLevel::kError, loaded.message(), {{"rules", config_.rules}});
    } else {
      ReloadWhenFilesChanged();
    }
  }
  Log(LogLevel::kInfo, "stopping");
  Stop();
  return failure();
}

void Service::Stop() {
  if (stopping_.exchange(true)) return;
  if (server_ != nullptr) server_->Stop(kStopGrace);
  if (feedback_ != nullptr) feedback_->Stop();
  intake_.reset();  // appends what is waiting
  if (mail_ != nullptr) mail_->Stop();
  if (webhooks_ != nullptr) webhooks_->Stop();
  if (router_ != nullptr) router_->Stop();
  if (router_thread_.joinable()) router_thread_.join();
  for (const auto& running : workers_) {
    if (running->worker != nullptr) running->worker->Stop();
  }
  for (const auto& running : workers_) {
    if (running->thread.joinable()) running->thread.join();
    running->worker.reset();
  }
  if (announced_) http::RemoveInstanceFile(config_.data);
}

}  // namespace sojourn::cli
