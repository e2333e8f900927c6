// Any bytes as the body of a request to the intake: the first byte says in which way it comes.
#include <algorithm>
#include <string>
#include <string_view>

#include "connectors/http/intake_body.h"
#include "connectors/http/unpack.h"
#include "engine/base/check.h"
#include "engine/model/event_codec.h"
#include "tests/fuzz/target.h"

namespace sojourn::http {
namespace {

constexpr Timestamp kNow(1'772'442'000'000);

IntakeLimits SmallLimits() {
  IntakeLimits limits;
  limits.max_event_bytes = 1000;
  limits.max_body_bytes = 20'000;
  limits.max_batch_calls = 20;
  return limits;
}

Request CloudEvent(std::string_view type) {
  Request request;
  request.headers = {{"Content-Type", std::string(type)},
                     {"ce-specversion", "1.0"},
                     {"ce-id", "1"},
                     {"ce-source", "/shop"},
                     {"ce-type", "paid"},
                     {"ce-subject", "ann"}};
  return request;
}

IntakeBody Read(char way, std::string_view body) {
  model::JsonReader json;
  const auto trusted = [](const IntakeBody&) { return Sender::kTrusted; };
  IntakeReader reader(SmallLimits(), &json, trusted);
  switch (way) {
    case 'c':
      return reader.ReadCall("track", body, kNow);
    case 'i':
      return reader.ReadCall("identify", body, kNow);
    case 'e':
      return reader.ReadCloudEvents(CloudEvent("application/json"), body, kNow);
    case 's':
      return reader.ReadCloudEvents(CloudEvent("application/cloudevents+json"), body, kNow);
    case 'l':
      return reader.ReadCloudEvents(CloudEvent("application/cloudevents-batch+json"), body, kNow);
    default:
      return reader.ReadBatch(body, kNow);
  }
}

// What is rejected stands there as it came; of a binary CloudEvent, with its headers.
void Check(char way, std::string_view body, const IntakeBody& read) {
  const int status = read.answer.status;
  SOJOURN_CHECK(status == 200 || status == 400 || status == 413);
  SOJOURN_CHECK(read.events.empty() || status == 200);
  SOJOURN_CHECK(read.events.size() + read.rejected.size() <= SmallLimits().max_batch_calls);
  for (const RejectedCall& call : read.rejected) {
    SOJOURN_CHECK(!call.reason.empty() && call.reason.find('\n') == call.reason.npos);
    SOJOURN_CHECK(way == 'e' || body.find(call.json) != body.npos);
  }
  // What was taken can be written and read again.
  model::EventDecoder decoder;
  for (const model::Event& event : read.events) {
    SOJOURN_CHECK(!event.person.empty() && !event.name.empty());
    std::string bytes;
    model::EncodeEvent(event, nullptr, &bytes);
    Arena arena;
    const auto again = decoder.Decode(model::EventFormat::kProtobuf, bytes, kNow, &arena);
    SOJOURN_CHECK(again.ok() && again->person == event.person && again->time == event.time);
  }
}

void Try(std::string_view text) {
  if (text.empty()) return;
  const char way = text.front();
  const std::string_view body = text.substr(1);
  if (way == 'g' || way == 'd') {
    const size_t most = SmallLimits().max_body_bytes;
    const auto unpacked = Unpack(way == 'g' ? "gzip" : "deflate", body, most);
    if (!unpacked.ok()) return;
    SOJOURN_CHECK(unpacked->size() <= most);
    return Check('b', *unpacked, Read('b', *unpacked));
  }
  Check(way, body, Read(way, body));
}

}  // namespace
}  // namespace sojourn::http

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  sojourn::http::Try({reinterpret_cast<const char*>(bytes), size});
  return 0;
}
