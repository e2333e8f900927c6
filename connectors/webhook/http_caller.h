// One HTTP request to somebody else's server, as guarded as it must be: addresses are checked when
// the socket is opened, nothing is followed, and every wait, header and body has its limit.
//
// Threads: one at a time each; GiveUp from any. Errors: never a Status but from Open; every call
// has an answer that says what came of it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "connectors/webhook/address_rules.h"
#include "engine/base/status.h"
#include "engine/base/time.h"

namespace sojourn::webhook {

// Of what an endpoint answers; the rest is not read.
inline constexpr size_t kMaxAnswerBytes = 64 << 10;
inline constexpr size_t kMaxHeaderBytes = 64 << 10;

struct CallerOptions {
  AddressRules rules;
  std::string ca_file;  // PEM; empty: the machine's authorities
  Duration connect_timeout = Seconds(5);
  Duration timeout = Seconds(15);  // for the whole
  // "HOST:PORT:ADDRESS", known without asking the resolver. For tests.
  std::vector<std::string> resolved;
};

struct HttpRequest {
  std::string method;
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;  // empty: none
};

struct HttpAnswer {
  enum class Kind : uint8_t {
    kAnswered,  // with `status`
    kNoAnswer,  // no connection, no TLS, too late
    kRefused,   // the address may not be called: no connection was made
    kBadUrl,    // likewise
    kGaveUp,    // the process ends; it may have arrived
  };
  Kind kind = Kind::kNoAnswer;
  int status = 0;
  Duration retry_after;  // as the header says; 0: it does not
  std::string error;     // one line, where there is no status; without the URL's user and query
};

class HttpCaller {
 public:
  // kInvalidArgument where an option cannot be used.
  static Result<std::unique_ptr<HttpCaller>> Open(CallerOptions options);
  virtual ~HttpCaller() = default;

  virtual HttpAnswer Call(const HttpRequest& request) = 0;
  // A call under way ends within a few seconds, now and later.
  virtual void GiveUp() = 0;
};

}  // namespace sojourn::webhook
