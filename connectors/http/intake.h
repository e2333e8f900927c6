// Events over HTTP into the log: the calls of Segment's libraries and of those that speak likewise,
// and CloudEvents.
//
//   POST /v1/{identify,track,page,screen,group,alias}, /v1/{i,t,p,s,g,a}     one call
//   POST /v1/{batch,import,b}                                               many
//   POST /api/public/apps/{identify,...,batch}                              the same, for
//                                                                           Dittofeed's libraries
//   POST /v1/events                                                         CloudEvents 1.0
//   POST /v1/m                                                              a library's counts of
//                                                                           itself: dropped, 200
//
//   GET /v1/projects/KEY/settings    where a library in a browser is to send to
//                                    (browser_settings.h); 404: no such write key
//
// Those that take POST each also with a '/' at its end, with OPTIONS for browsers, and with
// whatever Content-Type (but CloudEvents). Bodies may be packed (gzip, deflate). The write key is
// the user of HTTP Basic, an Authorization that is the key alone, or `writeKey` in the query or in
// the body. Answers:
//
//   200 {"success":true}   everything is durable. Of a batch: everything but what "rejected" lists,
//                          by index and reason; those calls went to the sink as dead letters.
//                          Among them is what a public key may not report (write_key.h)
//   400  malformed, or not one event of it is valid; what came is kept as dead letters, because
//        clients throw away what is answered so
//   401  no write key, or a wrong one
//   403  without write keys: from a web page (it has an Origin)
//   413  too large (IntakeLimits); a single event that is too large is kept as a dead letter, of
//        a batch that is too large nothing
//   415  packed in another way, or no CloudEvent
//   429  too much is waiting for the disk; with Retry-After
//   503  the sink refuses; with Retry-After. Nothing of the request was taken, or it is not known
//
// Events that arrive at the same time share one append, so that one fsync serves many requests. An
// event without `timestamp` happened when it arrived; others are corrected by what the sender's
// clock is off (engine/model/sent_time.h). A batch's `context` is below that of its calls.
//
// What came within the last hour is known by its id and not appended again, also after a restart
// where the sink can tell: its newest ids are read before the first append, the others beside.
//
// Threads: any. The sink is called by one thread of the intake.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/http/http_server.h"
#include "connectors/http/intake_body.h"
#include "connectors/http/write_key.h"
#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/model/event.h"
#include "engine/runtime/ports.h"

namespace sojourn::http {

// Where events go.
class EventSink {
 public:
  virtual ~EventSink() = default;
  // All events and rejected calls or none (over Kafka an error may leave some); durable when it is
  // ok. May wait. kResourceExhausted and kUnavailable: may be tried again.
  virtual Status Append(std::span<const model::Event> events,
                        std::span<const RejectedCall> rejected) = 0;

  // Ids of what was appended before, the newest first, until `visit` gives false; nothing where it
  // cannot be told. `visit` may append.
  using IdVisitor =
      std::function<bool(std::string_view person, std::string_view id, Timestamp log_time)>;
  virtual Status VisitNewestIds(const IdVisitor& /*visit*/) { return Status::Ok(); }
};

struct IntakeOptions {
  std::map<std::string, WriteKey> write_keys;  // by name; none: every call is answered 401 ...
  bool open_to_everyone = false;               // ... or, so set, taken without one
  bool secure = false;                         // the listener has TLS
  IntakeLimits limits;
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
