#include "connectors/http/intake.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "engine/base/limits.h"
#include "engine/model/event_codec.h"
#include "engine/model/json_reader.h"
#include "engine/model/json_writer.h"

namespace sojourn::http {
namespace {

using model::JsonReader;
using model::JsonWriter;
using model::Value;
using model::ValueKind;

// What a body became; the events point into the arena.
struct Accepted {
  Arena arena;
  std::vector<model::Event> events;
  std::vector<RejectedCall> rejected;
  std::vector<size_t> rejected_indexes;
  Response answer;  // once all of it is durable
  size_t body_bytes = 0;
  Respond respond;
};

Response SuccessResponse(const Accepted& accepted) {
  JsonWriter json;
  json.BeginObject();
  json.Member("success", Value::Bool(true));
  if (!accepted.rejected.empty()) {
    json.Key("rejected");
    json.BeginArray();
    for (size_t i = 0; i < accepted.rejected.size(); ++i) {
      json.BeginObject();
      json.Member("index", Value::Int(static_cast<int64_t>(accepted.rejected_indexes[i])));
      json.Member("error", Value::String(accepted.rejected[i].reason));
      json.EndObject();
    }
    json.EndArray();
  }
  json.EndObject();
  return {200, json.Take() + "\n"};
}

// An event's protobuf form can be larger than its JSON, at most about this many times.
constexpr size_t kMaxGrowth = 4;

Status CheckSize(const model::Event& event, size_t body_bytes) {
  if (body_bytes * kMaxGrowth <= kMaxEventBytes) return Status::Ok();
  std::string encoded;
  model::EncodeEvent(event, nullptr, &encoded);
  if (encoded.size() <= kMaxEventBytes) return Status::Ok();
  return InvalidArgument(fmt::format("the event is over {} bytes", kMaxEventBytes));
}

std::string ToJson(const Value& value) {
  JsonWriter json;
  json.Write(value);
  return json.Take();
}

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

  // `type`: of the endpoint; empty: a batch.
  void Handle(std::string_view type, const Request& request, Respond respond) {
    auto accepted = std::make_unique<Accepted>();
    accepted->body_bytes = request.body.size();
    const Response answer = Read(type, request, accepted.get());
    if (answer.status != 200 && accepted->rejected.empty()) return respond(answer);
    accepted->answer = answer.status == 200 ? SuccessResponse(*accepted) : answer;
    std::unique_lock lock(mutex_);
    const bool full =
        waiting_bytes_ > 0 && waiting_bytes_ + accepted->body_bytes > options_.max_waiting_bytes;
    if (full) {
      lock.unlock();
      return respond(ErrorResponse(429, "too many events at once; try again"));
    }
    accepted->respond = std::move(respond);
    waiting_bytes_ += accepted->body_bytes;
    waiting_.push_back(std::move(accepted));
    lock.unlock();
    something_waits_.notify_one();
  }

 private:
  // A status other than 200 is the answer; what is to be kept of such a request is in `rejected`.
  Response Read(std::string_view type, const Request& request, Accepted* accepted) const {
    const std::optional<std::string> user = BasicUser(request);
    const bool open = options_.write_keys.empty() && options_.open_to_everyone;
    if (!open && user && !IsWriteKey(*user)) return ErrorResponse(401, "wrong write key");
    if (!open && !user && options_.write_keys.empty())
      return ErrorResponse(401, "no write key is set up");
    // Any page in a browser on this machine reaches a loopback port. Browsers name the page with
    // every POST; other clients do not.
    if (open && request.Header("origin")) {
      return ErrorResponse(403, "calls from web pages need a write key: set up write_keys");
    }
    thread_local JsonReader reader;
    // A batch's calls are inside an array inside an object.
    const int nesting = model::kMaxCallNesting + (type.empty() ? 2 : 0);
    const Result<Value> body = reader.Read(request.body, nesting, &accepted->arena);
    if (!body.ok()) {
      // Without a known sender it is noise.
      if (open || user) return Refuse(body.status(), request.body, accepted);
      return ErrorResponse(400, body.status().message());
    }
    if (!open && !user) {
      const Value* key = body->Find("writeKey");
      if (key == nullptr || key->kind() != ValueKind::kString) {
        return ErrorResponse(401, "no write key: give it as the user of HTTP Basic");
      }
      if (!IsWriteKey(key->text())) return ErrorResponse(401, "wrong write key");
    }
    return type.empty() ? ReadBatch(*body, request, accepted)
                        : ReadCall(*body, type, request, accepted);
  }

  bool IsWriteKey(std::string_view key) const {
    bool known = false;
    for (const std::string& write_key : options_.write_keys) {
      known = EqualSecrets(key, write_key) || known;
    }
    return known;
  }

  Result<model::Event> ToEvent(const Value& call, std::string_view type, Accepted* accepted) const {
    const Timestamp now = clock_->Now();
    SOJOURN_ASSIGN_OR_RETURN(model::Event event,
                             model::EventFromCall(call, type, now, &accepted->arena));
    if (event.person.empty()) return InvalidArgument("neither userId nor anonymousId");
    event.received_at = now;
    SOJOURN_RETURN_IF_ERROR(CheckSize(event, accepted->body_bytes));
    return event;
  }

  static Response Refuse(const Status& why, const std::string& body, Accepted* accepted) {
    if (!body.empty()) accepted->rejected.push_back({why.message(), body});
    return ErrorResponse(400, why.message());
  }

  Response ReadCall(const Value& call, std::string_view type, const Request& request,
                    Accepted* accepted) const {
    const Result<model::Event> event = ToEvent(call, type, accepted);
    if (!event.ok()) return Refuse(event.status(), request.body, accepted);
    accepted->events.push_back(*event);
    return {};
  }

  Response ReadBatch(const Value& body, const Request& request, Accepted* accepted) const {
    const Value* calls = body.Find("batch");
    if (calls == nullptr || calls->kind() != ValueKind::kList) {
      return Refuse(InvalidArgument("batch is no array"), request.body, accepted);
    }
    if (calls->size() > options_.max_batch_calls) {
      return ErrorResponse(413, fmt::format("over {} calls", options_.max_batch_calls));
    }
    for (uint32_t i = 0; i < calls->size(); ++i) {
      const Value& call = calls->items()[i];
      const Result<model::Event> event = ToEvent(call, "", accepted);
      if (event.ok()) {
        accepted->events.push_back(*event);
      } else {
        accepted->rejected_indexes.push_back(i);
        accepted->rejected.push_back({event.status().message(), ToJson(call)});
      }
    }
    if (!accepted->events.empty() || accepted->rejected.empty()) return {};
    return ErrorResponse(400, fmt::format("no call of the batch is an event; the first: {}",
                                          accepted->rejected.front().reason));
  }

  void AppendAll() {
    std::unique_lock lock(mutex_);
    while (true) {
      something_waits_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      const std::vector<std::unique_ptr<Accepted>> group = std::exchange(waiting_, {});
      lock.unlock();
      AppendGroup(group);
      lock.lock();
      for (const auto& accepted : group) waiting_bytes_ -= accepted->body_bytes;
    }
  }

  void AppendGroup(const std::vector<std::unique_ptr<Accepted>>& group) {
    std::vector<model::Event> events;
    std::vector<RejectedCall> rejected;
    for (const auto& accepted : group) {
      events.insert(events.end(), accepted->events.begin(), accepted->events.end());
      rejected.insert(rejected.end(), accepted->rejected.begin(), accepted->rejected.end());
    }
    const bool nothing = events.empty() && rejected.empty();
    const Status status = nothing ? Status::Ok() : sink_->Append(events, rejected);
    if (status.ok()) Count(rejected);
    for (const auto& accepted : group) {
      accepted->respond(status.ok() ? accepted->answer : ErrorResponse(503, status.message()));
    }
  }

  void Count(std::span<const RejectedCall> rejected) {
    if (telemetry_ == nullptr) return;
    for (const RejectedCall& call : rejected) {
      telemetry_->Record(telemetry::RecordDeadLettered{"http", Partition(0), Offset(0),
                                                       "undecodable", call.reason});
    }
  }

  const IntakeOptions options_;
  const runtime::SystemClock system_clock_;
  const runtime::WallClock* const clock_;
  EventSink* const sink_;
  telemetry::Telemetry* const telemetry_;

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

std::vector<Route> Intake::Routes() {
  std::vector<Route> routes;
  for (const std::string_view type : {"track", "identify", "page", "screen", "group", "alias"}) {
    routes.push_back({"POST", fmt::format("/v1/{}", type),
                      [core = core_.get(), type](const Request& request, Respond respond) {
                        core->Handle(type, request, std::move(respond));
                      }});
    routes.back().max_body_bytes = kMaxEventBytes;
  }
  routes.push_back(
      {"POST", "/v1/batch", [core = core_.get()](const Request& request, Respond respond) {
         core->Handle("", request, std::move(respond));
       }});
  routes.back().max_body_bytes = core_->options().max_batch_bytes;
  return routes;
}

}  // namespace sojourn::http
