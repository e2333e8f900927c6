#include "connectors/http/intake.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "connectors/http/browser_settings.h"
#include "connectors/http/cors.h"
#include "connectors/http/hidden_key.h"
#include "connectors/http/recent_ids.h"
#include "connectors/http/unpack.h"
#include "engine/telemetry/log.h"

namespace sojourn::http {
namespace {

// A body on its way into the log.
struct Accepted {
  IntakeBody body;
  size_t bytes = 0;
  std::string write_key;  // its name; empty: none was asked for
  Respond respond;
};

enum class BodyKind : uint8_t { kCall, kBatch, kCloudEvents };

struct Endpoint {
  BodyKind kind = BodyKind::kCall;
  std::string_view type;  // of a call
};

// What the calls of Segment's libraries are named, also with one letter.
constexpr std::string_view kTypes[] = {"track", "identify", "page", "screen", "group", "alias"};

// Of ids that are read back at the start: some hundredths of a second.
constexpr size_t kIdsKnownFirst = 20'000;
constexpr size_t kIdsBetweenAppends = 1'000;

}  // namespace

class Intake::Core {
 public:
  Core(IntakeOptions options, EventSink* sink, telemetry::Telemetry* telemetry)
      : options_(std::move(options)),
        clock_(options_.clock != nullptr ? options_.clock : &system_clock_),
        sink_(sink),
        telemetry_(telemetry),
        thread_([this] { AppendAll(); }) {}

  ~Core() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    something_waits_.notify_one();
    thread_.join();
  }

  const IntakeOptions& options() const { return options_; }

  void Handle(const Endpoint& endpoint, const Request& request, Respond respond) {
    const auto origin = request.Header("origin");
    // Without write keys no page is to learn anything.
    if (origin && !is_open()) {
      respond = [respond = std::move(respond), origin = std::string(*origin)](Response response) {
        AllowOrigin(origin, &response);
        respond(std::move(response));
      };
    }
    auto accepted = std::make_unique<Accepted>();
    if (const auto refusal = Read(endpoint, request, accepted.get())) return respond(*refusal);
    accepted->respond = std::move(respond);
    Enqueue(std::move(accepted));
  }

  void HandleSettings(const Request& request, const Respond& respond) const {
    const std::optional<std::string> key = KeyOfSettingsPath(request.path);
    Response response = key && NameOfKey(*key) ? SettingsForBrowsers(*key, request, options_.secure)
                                               : ErrorResponse(404, "there is no such write key");
    const auto origin = request.Header("origin");
    if (origin && !is_open()) AllowOrigin(*origin, &response);
    respond(std::move(response));
  }

  // Of a request whose body the server does not take.
  void Refused(const Request& request, Response* response) const {
    if (response->status == 413) CountDropped("too_large");
    const auto origin = request.Header("origin");
    if (origin && !is_open()) AllowOrigin(*origin, response);
  }

  // Counts of how a library works are no events.
  void HandleMetrics(const Request& request, const Respond& respond) {
    CountDropped("metrics");
    Response response{200, "{\"success\":true}\n"};
    if (const auto origin = request.Header("origin")) AllowOrigin(*origin, &response);
    respond(std::move(response));
  }

 private:
  bool is_open() const { return options_.write_keys.empty() && options_.open_to_everyone; }

  // The name of the key; nullopt: it is none. Takes the same time for each.
  std::optional<std::string> NameOfKey(std::string_view key) const {
    std::optional<std::string> found;
    for (const auto& [name, write_key] : options_.write_keys) {
      if (write_key.hash.Matches(key)) found = name;
    }
    return found;
  }

  Response Drop(std::string_view reason, int status, std::string_view message) const {
    CountDropped(reason);
    return ErrorResponse(status, message);
  }

  // A refusal is of requests of which nothing is kept.
  std::optional<Response> Read(const Endpoint& endpoint, const Request& request,
                               Accepted* accepted) const {
    const std::optional<std::string> key = WriteKeyOutsideBody(request);
    if (!is_open()) {
      if (key && !NameOfKey(*key)) return Drop("unauthorized", 401, "wrong write key");
      if (options_.write_keys.empty()) {
        return Drop("unauthorized", 401, "no write key is set up");
      }
    } else if (request.Header("origin")) {
      // Any page in a browser on this machine reaches a loopback port. Browsers name the page with
      // every POST; other clients do not.
      return Drop("unauthorized", 403, "calls from web pages need a write key: set up write_keys");
    }
    const auto unpacked = Unpack(request.Header("content-encoding").value_or(""), request.body,
                                 options_.limits.max_body_bytes);
    if (!unpacked.ok()) return RefusePacked(unpacked.status());
    std::optional<Response> refusal;
    accepted->body = ReadBody(endpoint, request, *unpacked, [&](const IntakeBody& around) {
      refusal = RefuseSender(key, around, &accepted->write_key);
      if (refusal) return Sender::kStranger;
      return IsPublic(accepted->write_key) ? Sender::kPublic : Sender::kTrusted;
    });
    if (refusal) return refusal;
    for (RejectedCall& call : accepted->body.rejected) {
      HideWriteKeys(&call.json);
      call.path = request.path;
    }
    accepted->bytes = std::max(unpacked->size(), accepted->body.bytes);
    const bool nothing = accepted->body.events.empty() && accepted->body.rejected.empty();
    if (!nothing || accepted->body.answer.status == 200) return std::nullopt;
    if (accepted->body.answer.status == 413) CountDropped("too_large");
    return accepted->body.answer;
  }

  Response RefusePacked(const Status& why) const {
    const bool large = why.code() == StatusCode::kResourceExhausted;
    const bool unknown = why.code() == StatusCode::kNotFound;
    return Drop(large ? "too_large" : "unreadable",
                large     ? 413
                : unknown ? 415
                          : 400,
                why.message());
  }

  IntakeBody ReadBody(const Endpoint& endpoint, const Request& request, std::string_view body,
                      const SenderJudge& judge) const {
    thread_local model::JsonReader json;
    IntakeReader reader(options_.limits, &json, judge);
    const Timestamp now = clock_->Now();
    if (endpoint.kind == BodyKind::kCall) return reader.ReadCall(endpoint.type, body, now);
    if (endpoint.kind == BodyKind::kBatch) return reader.ReadBatch(body, now);
    return reader.ReadCloudEvents(request, body, now);
  }

  bool IsPublic(const std::string& name) const {
    const auto found = options_.write_keys.find(name);
    return found != options_.write_keys.end() && found->second.is_public;
  }

  // `key`: from outside the body, already known to be right. Else `*name` is that of the key.
  std::optional<Response> RefuseSender(const std::optional<std::string>& key,
                                       const IntakeBody& around, std::string* name) const {
    if (is_open()) return std::nullopt;
    const std::optional<std::string>& given = key ? key : around.write_key;
    if (!given) {
      // Without a known sender it is noise.
      if (!around.readable) return Drop("unreadable", 400, "malformed JSON");
      return Drop("unauthorized", 401, "no write key: give it as the user of HTTP Basic");
    }
    const auto found = NameOfKey(*given);
    if (!found) return Drop("unauthorized", 401, "wrong write key");
    *name = *found;
    return std::nullopt;
  }

  void Enqueue(std::unique_ptr<Accepted> accepted) {
    std::unique_lock lock(mutex_);
    const bool full =
        waiting_bytes_ > 0 && waiting_bytes_ + accepted->bytes > options_.max_waiting_bytes;
    if (full) {
      lock.unlock();
      return accepted->respond(ErrorResponse(429, "too many events at once; try again"));
    }
    waiting_bytes_ += accepted->bytes;
    waiting_.push_back(std::move(accepted));
    lock.unlock();
    something_waits_.notify_one();
  }

  // Libraries send what was not answered before a crash once more, with the ids that it had. Once
  // the newest are known nobody waits for the rest.
  void RememberNewest() {
    const auto now = RecentIds::Clock::now();
    const Timestamp wall = clock_->Now();
    size_t seen = 0;
    const Status read = sink_->VisitNewestIds(
        [&](std::string_view person, std::string_view id, Timestamp log_time) {
          if (++seen > kIdsKnownFirst && seen % kIdsBetweenAppends == 0) AppendWaiting();
          const Duration old = std::clamp(wall - log_time, Duration(), Days(1));
          const std::chrono::milliseconds age(old.milliseconds());
          return recent_.AddOlder(person, id, now - age, now);
        });
    if (!read.ok()) {
      telemetry::Log(telemetry::LogLevel::kWarning,
                     "repetitions of events from before the start may not be noticed",
                     {{"why", read.message()}});
    }
  }

  void AppendAll() {
    RememberNewest();
    std::unique_lock lock(mutex_);
    while (true) {
      something_waits_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      lock.unlock();
      AppendWaiting();
      lock.lock();
    }
  }

  // If anything does.
  void AppendWaiting() {
    std::unique_lock lock(mutex_);
    const std::vector<std::unique_ptr<Accepted>> group = std::exchange(waiting_, {});
    lock.unlock();
    if (group.empty()) return;
    AppendGroup(group);
    lock.lock();
    for (const auto& accepted : group) waiting_bytes_ -= accepted->bytes;
  }

  void AppendGroup(const std::vector<std::unique_ptr<Accepted>>& group) {
    const auto now = RecentIds::Clock::now();
    std::vector<model::Event> events;
    std::vector<RejectedCall> rejected;
    for (const auto& accepted : group) {
      IntakeBody& body = accepted->body;
      // One body can have the same event twice, too.
      const auto repeated = std::erase_if(body.events, [&](const model::Event& event) {
        if (recent_.Contains(event, now)) return true;
        recent_.Add(event, now);
        return false;
      });
      CountDropped("repeated", static_cast<int64_t>(repeated));
      events.insert(events.end(), body.events.begin(), body.events.end());
      rejected.insert(rejected.end(), body.rejected.begin(), body.rejected.end());
    }
    const bool nothing = events.empty() && rejected.empty();
    const Status status = nothing ? Status::Ok() : sink_->Append(events, rejected);
    if (!status.ok()) {
      for (const model::Event& event : events) recent_.Remove(event);
    }
    for (const auto& accepted : group) {
      if (status.ok()) CountTaken(*accepted);
      accepted->respond(status.ok() ? accepted->body.answer : ErrorResponse(503, status.message()));
    }
  }

  void CountTaken(const Accepted& accepted) const {
    if (telemetry_ == nullptr) return;
    const auto count = static_cast<int64_t>(accepted.body.events.size());
    if (count > 0) telemetry_->Record(telemetry::CallsTaken{accepted.write_key, count});
    for (const RejectedCall& call : accepted.body.rejected) {
      telemetry_->Record(telemetry::RecordDeadLettered{"http", Partition(0), Offset(0),
                                                       "undecodable", call.reason});
    }
    if (!accepted.body.readable && count > 0) CountDropped("envelope");
  }

  void CountDropped(std::string_view reason, int64_t count = 1) const {
    if (telemetry_ != nullptr && count > 0) {
      telemetry_->Record(telemetry::CallsDropped{reason, count});
    }
  }

  const IntakeOptions options_;
  const runtime::SystemClock system_clock_;
  const runtime::WallClock* const clock_;
  EventSink* const sink_;
  telemetry::Telemetry* const telemetry_;
  RecentIds recent_;  // of the thread's

  std::mutex mutex_;  // guards what follows
  std::condition_variable something_waits_;
  std::vector<std::unique_ptr<Accepted>> waiting_;
  size_t waiting_bytes_ = 0;  // those being appended included
  bool ending_ = false;

  std::thread thread_;
};

Intake::Intake(IntakeOptions options, EventSink* sink, telemetry::Telemetry* telemetry)
    : core_(std::make_unique<Core>(std::move(options), sink, telemetry)) {}
Intake::~Intake() = default;

namespace {

// `route`: what all of them have.
void AddRoutes(const std::string& path, const Route& route, const Handler& handler,
               std::vector<Route>* routes) {
  const auto preflight = [](const Request& request, const Respond& respond) {
    respond(AnswerPreflight(request));
  };
  for (const std::string& spelt : {path, path + "/"}) {
    Route& added = routes->emplace_back(route);
    added.path = spelt;
    added.handler = handler;
    routes->push_back({"OPTIONS", spelt, preflight});
  }
}

}  // namespace

std::vector<Route> Intake::Routes() {
  std::vector<Route> routes;
  Route route{"POST", "", nullptr};
  route.max_body_bytes = core_->options().limits.max_body_bytes;
  route.on_refusal = [core = core_.get()](const Request& request, Response* response) {
    core->Refused(request, response);
  };
  const auto add = [&](const std::string& path, Endpoint endpoint) {
    AddRoutes(
        path, route,
        [core = core_.get(), endpoint](const Request& request, Respond respond) {
          core->Handle(endpoint, request, std::move(respond));
        },
        &routes);
  };
  for (const std::string_view type : kTypes) {
    const Endpoint call{BodyKind::kCall, type};
    add(fmt::format("/v1/{}", type), call);
    add(fmt::format("/v1/{}", type.front()), call);
    add(fmt::format("/api/public/apps/{}", type), call);
  }
  for (const char* path : {"/v1/batch", "/v1/import", "/v1/b", "/api/public/apps/batch"}) {
    add(path, {BodyKind::kBatch, ""});
  }
  add("/v1/events", {BodyKind::kCloudEvents, ""});
  AddRoutes(
      "/v1/m", route,
      [core = core_.get()](const Request& request, const Respond& respond) {
        core->HandleMetrics(request, respond);
      },
      &routes);
  routes.push_back({"GET", std::string(kProjectsPath),
                    [core = core_.get()](const Request& request, const Respond& respond) {
                      core->HandleSettings(request, respond);
                    }});
  routes.back().is_prefix = true;
  return routes;
}

}  // namespace sojourn::http
