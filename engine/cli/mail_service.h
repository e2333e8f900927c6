// The mails of `sojourn run`: the deliverer on its thread, and the pages behind the mails' links.
//
// Threads: Open, Send and Stop from one thread; the rest from any. Errors: one line each.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "connectors/http/http_server.h"
#include "connectors/http/intake.h"
#include "connectors/http/mail_pages.h"
#include "engine/base/status.h"
#include "engine/cli/backend.h"
#include "engine/cli/config.h"
#include "engine/cli/listener_config.h"
#include "engine/deliver/deliverer.h"
#include "engine/deliver/mail_channel.h"
#include "engine/deliver/mail_composer.h"
#include "engine/deliver/suppression.h"
#include "engine/runtime/rules_source.h"
#include "engine/telemetry/telemetry.h"

namespace sojourn::cli {

// What outlives the service.
struct MailEnvironment {
  Backend* backend = nullptr;
  runtime::RulesSource* rules = nullptr;
  http::EventSink* sink = nullptr;
  telemetry::Telemetry* telemetry = nullptr;
  const runtime::WallClock* clock = nullptr;
  std::vector<http::Route> public_routes;  // that the public listener has besides the pages
  const ListenerConfig* listeners = nullptr;
};

class MailService {
 public:
  // The public listener serves when it returns; nothing is sent yet. `main_address`: of the main
  // listener, which has the pages where the configuration names no public one.
  static Result<std::unique_ptr<MailService>> Open(const Config& config,
                                                   const MailEnvironment& environment,
                                                   const std::string& main_address);
  ~MailService();

  // Where the main listener has the pages: their routes.
  std::vector<http::Route> RoutesOfMainListener();
  // Reads the public listener's certificate again.
  Status ReloadTls();
  // Of that certificate; none without TLS, and where the main listener has the pages.
  std::optional<Timestamp> certificate_expires_at() const;
  // `failed` is told once why the deliverer ended by itself.
  void Send(std::function<void(const Status&)> failed);
  // What is under way comes to its end.
  void Stop();

  // Takes over what another process of the app has paused or resumed. To be called every second:
  // while a change of this process is under way it leaves that to the next call. kDataLoss: the
  // note is damaged, and all mails are held.
  Status FollowPauses();
  // "" stands for all journeys. Durable. May wait for the brokers. A change by another process that
  // was made before is kept; of two in the same milliseconds the later one counts alone. Resuming
  // all journeys also repairs a damaged note.
  Status SetPaused(const std::string& journey, bool paused);
  std::set<std::string> paused() const;
  // kFailedPrecondition where this process sends no mails.
  Status Reopen(std::shared_ptr<deliver::ReopenRequest> request);

 private:
  explicit MailService(const MailEnvironment& environment) : environment_(environment) {}
  Status Listen();
  Status OpenPages(const Config& config, const std::string& main_address);
  Status OpenDeliverer(const Config& config);
  Status TakePaused(const std::string& note);
  void TellPaused();
  Result<deliver::Recipient> FindRecipient(const std::string& id, Duration patience) const;
  void WarnOfStateElsewhere();
  std::vector<http::ConsentTopic> Topics() const;

  const MailEnvironment environment_;
  MailConfig config_;
  bool has_state_ = true;  // this process has workers, or a directory
  std::unique_ptr<http::MailPages> pages_;
  std::unique_ptr<http::HttpServer> server_;  // null: the main listener has the pages
  std::unique_ptr<deliver::Suppressions> suppressions_;
  std::unique_ptr<deliver::MailComposer> composer_;
  deliver::SenderPool::MakeTransport make_transport_;
  std::unique_ptr<deliver::MailChannel> channel_;
  std::unique_ptr<deliver::DeliveryLog> log_;
  std::unique_ptr<deliver::Deliverer> deliverer_;  // null: nothing is sent
  std::thread thread_;
  std::atomic<bool> warned_ = false;
  std::atomic<bool> stopping_ = false;  // pages look nobody up any more
  mutable std::mutex pausing_;
  std::set<std::string> paused_;  // guarded by pausing_
};

}  // namespace sojourn::cli
