// What the body of a request to the intake holds: events, and what is none.
//
// A batch is read call by call, so that one that cannot be read costs none of the others. What
// stands around the calls is read first; then the sender is judged, and a stranger's calls cost
// nothing more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connectors/http/http_message.h"
#include "connectors/http/intake_limits.h"
#include "engine/base/arena.h"
#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/model/event.h"
#include "engine/model/json_reader.h"

namespace sojourn::http {

// Of all calls of one request together, with what their batch's context adds to each.
constexpr size_t MaxRequestBytes(const IntakeLimits& limits) { return 16 * limits.max_body_bytes; }

// A call that is no valid event, or a body that is no call.
struct RejectedCall {
  std::string reason;
  std::string json;  // as it came; of a binary CloudEvent the structured one that says the same
  std::string path = {};  // that it came to, such as "/v1/track"
};

struct IntakeBody {
  Arena arena;  // the events point into it
  std::vector<model::Event> events;
  std::vector<RejectedCall> rejected;
  std::vector<size_t> rejected_indexes;  // of a batch
  bool readable = true;                  // what stands around the calls is JSON
  std::optional<std::string> write_key;  // that the body names
  size_t bytes = 0;                      // of the calls, with what the context adds to each
  Response answer;                       // once all of it is durable
};

// kPublic: with a key that anybody can read, as one in a web page. It says nothing of what only
// servers know.
enum class Sender : uint8_t { kStranger, kPublic, kTrusted };

// Asked once for each body. `around` has what is read of it so far: all but its calls.
using SenderJudge = std::function<Sender(const IntakeBody& around)>;

// Threads: one owner. `json` outlives it. `now`: of the receipt. Of a stranger's body there are
// neither events nor rejected calls.
class IntakeReader {
 public:
  IntakeReader(const IntakeLimits& limits, model::JsonReader* json, SenderJudge judge)
      : limits_(limits), json_(json), judge_(std::move(judge)) {}

  // `type`: of the path.
  IntakeBody ReadCall(std::string_view type, std::string_view body, Timestamp now);
  IntakeBody ReadBatch(std::string_view body, Timestamp now);
  // CloudEvents 1.0 over HTTP: binary, structured or batch, as the headers say. `body` is the
  // request's, unpacked.
  IntakeBody ReadCloudEvents(const Request& request, std::string_view body, Timestamp now);

 private:
  // What stands around the calls of a batch.
  struct Envelope {
    model::Value context;      // what events are made of: its traits alone; null: it has none
    size_t context_bytes = 0;  // encoded
    Timestamp sent_at = Timestamp::Min();
  };
  bool IsStranger(const IntakeBody& around);
  Envelope ReadEnvelope(const Result<model::Value>& around, IntakeBody* read) const;
  void ReadItems(const std::vector<std::string_view>& items,
                 const std::function<Result<model::Event>(std::string_view)>& to_event,
                 IntakeBody* read);
  Result<model::Value> ReadDocument(std::string_view json, int max_nesting, IntakeBody* read);
  Result<model::Event> ToEvent(std::string_view type, const model::Value& document,
                               size_t json_bytes, const Envelope& envelope, Timestamp now,
                               IntakeBody* read);
  Result<model::Event> StructuredEvent(std::string_view json, Timestamp now, IntakeBody* read);
  Result<model::Event> BinaryEvent(const Request& request, std::string_view body, Timestamp now,
                                   IntakeBody* read);
  std::string StructuredForm(const Request& request, std::string_view body, IntakeBody* read);
  Status CheckJsonSize(std::string_view json) const;
  // What holds for an event of whatever form; `bytes`: of its JSON, with what was added to it.
  Status FinishEvent(size_t bytes, Timestamp now, model::Event* event) const;

  const IntakeLimits limits_;
  model::JsonReader* const json_;
  const SenderJudge judge_;
  Sender sender_ = Sender::kStranger;
};

}  // namespace sojourn::http
