// What the body of a request to the intake holds: events, and what is none.
//
// A batch is read call by call, so that one that cannot be read costs none of the others.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/http/http_message.h"
#include "connectors/http/intake_limits.h"
#include "engine/base/arena.h"
#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/model/event.h"
#include "engine/model/json_reader.h"

namespace sojourn::http {

// A call that is no valid event, or a body that is no call.
struct RejectedCall {
  std::string reason;
  std::string json;  // as it came
};

struct IntakeBody {
  Arena arena;  // the events point into it
  std::vector<model::Event> events;
  std::vector<RejectedCall> rejected;
  std::vector<size_t> rejected_indexes;  // of a batch
  bool readable = true;                  // what stands around the calls is JSON
  std::optional<std::string> write_key;  // that the body names
  Response answer;                       // once all of it is durable
};

// Threads: one owner. `json` outlives it. `now`: of the receipt.
class IntakeReader {
 public:
  IntakeReader(const IntakeLimits& limits, model::JsonReader* json)
      : limits_(limits), json_(json) {}

  // `type`: of the path.
  IntakeBody ReadCall(std::string_view type, std::string_view body, Timestamp now);
  IntakeBody ReadBatch(std::string_view body, Timestamp now);
  // CloudEvents 1.0 over HTTP: binary, structured or batch, as the headers say. `body` is the
  // request's, unpacked.
  IntakeBody ReadCloudEvents(const Request& request, std::string_view body, Timestamp now);

 private:
  // What stands around the calls of a batch.
  struct Envelope {
    model::Value context;
    Timestamp sent_at = Timestamp::Min();
  };
  void ReadItems(const std::vector<std::string_view>& items,
                 const std::function<Result<model::Event>(std::string_view)>& to_event,
                 IntakeBody* read);
  Result<model::Event> ToEvent(std::string_view type, std::string_view json,
                               const Envelope& envelope, Timestamp now, IntakeBody* read);
  Result<model::Event> StructuredEvent(std::string_view json, Timestamp now, IntakeBody* read);
  Result<model::Event> BinaryEvent(const Request& request, std::string_view body, Timestamp now,
                                   IntakeBody* read);
  Status CheckJsonSize(std::string_view json) const;

  const IntakeLimits limits_;
  model::JsonReader* const json_;
};

}  // namespace sojourn::http
