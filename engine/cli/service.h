// The process behind `sojourn run`: the log, the rules, the workers and the HTTP server, put
// together, started, reloaded and stopped.
//
// Threads: Start, Serve and the destructor from one thread. Errors: one line each; after a failed
// Start nothing runs.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "connectors/http/admin.h"
#include "connectors/http/http_server.h"
#include "connectors/http/intake.h"
#include "engine/base/status.h"
#include "engine/cli/backend.h"
#include "engine/cli/config.h"
#include "engine/cli/feedback_service.h"
#include "engine/cli/listener_config.h"
#include "engine/cli/mail_service.h"
#include "engine/cli/service_observer.h"
#include "engine/cli/webhook_service.h"
#include "engine/runtime/rules_source.h"
#include "engine/runtime/worker.h"
#include "engine/step/step.h"
#include "engine/telemetry/runtime_observer.h"
#include "engine/telemetry/telemetry.h"

namespace sojourn::cli {

class Service {
 public:
  explicit Service(Config config);
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // Everything runs when it returns; the workers may still be restoring. An error comes before
  // anything has worked.
  Status Start();
  // Until SIGTERM, SIGINT or an error of a worker or of the log that the process cannot heal, which
  // it gives back. SIGHUP reloads rules and certificates, changed rules files are noticed.
  Status Serve();

  uint16_t port() const { return server_->port(); }

 private:
  class Sink;
  struct RunningWorker {
    BackendWorker ports;
    std::unique_ptr<runtime::Worker> worker;
    std::thread thread;
  };

  Status Listen();
  Status OpenLog();
  Status LoadFirstRules();
  Status OpenSuppressions();
  Status OpenFeedback();
  Status OpenMail();
  Status OpenWebhooks();
  http::Response HandleWebhooks(const http::Request& request);
  http::Response HandleRetry(const http::Request& request);
  Status MakeWorkers();
  Status MakeRouter();
  Status LoadWhatRulesNeed();
  std::vector<http::Route> MakeRoutes();
  Status Announce();
  void RunParts();
  http::AdminHandlers HandlersOfRules();
  http::Response HandleExplain(const http::Request& request);
  http::Response HandlePlan(const http::Request& request);
  http::Response HandlePause(const http::Request& request);
  Status WarnOfOpenReplay();
  http::AdminHandlers Handlers();
  http::Response Reload();
  Status ReloadCertificates();
  void RecordCertificates();
  http::Response HandleEnroll(const http::Request& request);
  http::Response HandleBackup(const http::Request& request);
  http::Response HandleBackfill(const http::Request& request);
  Status LoadRules(std::vector<language::Diagnostic>* diagnostics, bool reload);
  void RefuseRules(const std::vector<language::Diagnostic>& diagnostics);
  void ReloadWhenFilesChanged();
  void HaltWorkers(bool intake_stopped);
  void CareForLog();
  void CareForMail();
  void Fail(const Status& status);
  Status failure() const;
  Status Ready() const;
  void Stop();

  const Config config_;
  ListenerConfig listeners_;
  Address listen_;
  telemetry::Telemetry telemetry_;
  telemetry::RuntimeObserver observer_;
  ServiceObserver kafka_observer_{&telemetry_};
  const runtime::SystemClock clock_;
  step::Secrets secrets_;
  std::string address_key_;  // of the suppression list; empty: nothing is added to it
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<runtime::RulesSource> rules_;  // null: no role of this process needs any
  // Names, sizes and times of the rules files looked at last; empty: to be looked at again.
  std::string files_seen_;
  std::vector<std::unique_ptr<RunningWorker>> workers_;
  std::unique_ptr<kafka::Router> router_;  // null: this process routes nothing
  std::thread router_thread_;
  mutable std::mutex failing_;
  Status failure_;               // why the process has to stop; guarded by failing_
  bool intake_stopped_ = false;  // as the log last said
  std::string webhook_trouble_;  // likewise, of webhooks
  std::string mail_trouble_;     // why pauses could not be followed last; empty: they were
  Timestamp next_retention_ = Timestamp::Min();
  std::atomic<bool> stopping_ = false;
  std::unique_ptr<Sink> sink_;
  std::unique_ptr<FeedbackService> feedback_;  // null: no provider tells anything
  std::unique_ptr<WebhookService> webhooks_;   // null: this process sends none
  std::unique_ptr<MailService> mail_;          // null: no role of this process needs it
  std::unique_ptr<http::Intake> intake_;
  std::unique_ptr<http::HttpServer> server_;
  std::string token_;       // of the instance file
  bool announced_ = false;  // the instance file tells of this process
  std::mutex reloading_;
  std::mutex backing_up_;
  std::mutex backfilling_;
};

}  // namespace sojourn::cli
