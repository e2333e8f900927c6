// POST /v1/{track,identify,page,screen,group,alias,batch}: Segment's calls into the log.
//
// The write key is the user of HTTP Basic, or `writeKey` in the body. Answers:
//
//   200 {"success":true}   everything is durable. Of a batch: everything but what "rejected" lists,
//                          by index and reason; those calls went to the sink as dead letters
//   400  malformed, or not one event of it is valid; what came is kept as dead letters, because
//        clients throw away what is answered so
//   401  no write key, or a wrong one
//   403  without write keys: from a web page (it has an Origin)
//   413  too large
//   429  too much is waiting for the disk; with Retry-After
//   503  the sink refuses; with Retry-After. Nothing of the request was taken, or it is not known
//
// Events that arrive at the same time share one append, so that one fsync serves many requests. An
// event without `timestamp` happened when it arrived.
//
// Threads: any. The sink is called by one thread of the intake.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/http/http_server.h"
#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/model/event.h"
#include "engine/runtime/ports.h"

namespace sojourn::http {

// A call that is no valid event, or a body that is no call.
struct RejectedCall {
  std::string reason;
  std::string json;  // as it came
};

// Where events go.
class EventSink {
 public:
  virtual ~EventSink() = default;
  // All events and rejected calls or none; durable when it is ok. May wait. kResourceExhausted and
  // kUnavailable: may be tried again.
  virtual Status Append(std::span<const model::Event> events,
                        std::span<const RejectedCall> rejected) = 0;
};

struct IntakeOptions {
  std::vector<std::string> write_keys;  // none: every call is answered 401 ...
  bool open_to_everyone = false;        // ... or, so set, taken without one
  size_t max_batch_bytes = 2 << 20;     // of a body
  size_t max_batch_calls = 5000;
  size_t max_waiting_bytes = 64 << 20;        // of bodies that wait for the sink; beyond: 429
  const runtime::WallClock* clock = nullptr;  // null: the machine's; else outlives the intake
};

class Intake {
 public:
  // `sink` outlives the intake; `telemetry` too, or is null.
  Intake(IntakeOptions options, EventSink* sink, telemetry::Telemetry* telemetry);
  // Appends what is waiting, then ends. The server has stopped before.
  ~Intake();

  // For HttpServer::Start. They point to this intake.
  std::vector<Route> Routes();

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace sojourn::http
