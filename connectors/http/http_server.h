// A small HTTP/1.1 server: routes, keep-alive, limits on everything, a graceful end. Whatever a
// HEAD is answered, it is sent without its body.
//
// Threads: Listen, Serve, Start and Stop from one thread; handlers run on the server's threads,
// several at once. A route that may wait (for a disk, for new actions) says so and runs on threads
// of its own. ReloadTls and what tells of the certificate: from any. Errors: kFailedPrecondition
// where the port is in use, kInvalidArgument where the address is none or the certificate cannot be
// used.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/http/http_message.h"
#include "connectors/http/request_head.h"
#include "connectors/http/tls_options.h"
#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/telemetry/telemetry.h"

namespace sojourn::http {

// `request` lives until the response was given.
using Handler = std::function<void(const Request& request, Respond respond)>;

struct Route {
  std::string method;
  std::string path;  // matched exactly ...
  Handler handler;
  bool may_wait = false;
  size_t max_body_bytes = size_t{64} * 1024;  // more: 413
  bool is_prefix = false;                     // ... or what the request's path begins with
  // Sees what is answered in the handler's place where a request's body cannot be taken, as one
  // that is too large, and may add to it. `request` has no body.
  std::function<void(const Request& request, Response* response)> on_refusal = nullptr;
};

struct ServerOptions {
  std::string address = "127.0.0.1";  // to listen on; "0.0.0.0" or "::": all
  uint16_t port = 8080;               // 0: any free one
  int threads = 2;
  int waiting_threads = 4;        // for routes that may wait
  std::optional<TlsOptions> tls;  // none: plain HTTP
  // Who comes when there are so many, in all or from one address, takes the place of the connection
  // that has been idle longest; where none is idle, it is answered 503.
  size_t max_connections = 4000;
  size_t max_client_connections = 1000;
  HeadLimits head;
  Duration handshake_timeout = Seconds(10);
  Duration read_timeout = Seconds(30);  // for a request's head and for its body, each
  Duration idle_timeout = Seconds(60);  // between requests of one connection
  Duration write_timeout = Seconds(30);
};

class HttpServer {
 public:
  // Has the port when it returns; who connects waits until Serve. `telemetry` may be null, else
  // outlives the server.
  static Result<std::unique_ptr<HttpServer>> Listen(const ServerOptions& options,
                                                    telemetry::Telemetry* telemetry);
  // Once.
  void Serve(std::vector<Route> routes);
  // Both at once.
  static Result<std::unique_ptr<HttpServer>> Start(const ServerOptions& options,
                                                   std::vector<Route> routes,
                                                   telemetry::Telemetry* telemetry);
  // Stops without grace.
  ~HttpServer();

  uint16_t port() const;
  // Reads certificate and key again, where there are any; connections that are open keep theirs.
  Status ReloadTls();
  // SHA-256 of the certificate in use, hexadecimal; "" without TLS.
  std::string certificate_fingerprint() const;
  // When the certificate in use ends; none without TLS.
  std::optional<Timestamp> certificate_expires_at() const;

  // No new connection; idle ones close; requests under way have `grace` to finish. Handlers that
  // wait learn of it from `stopping`.
  void Stop(Duration grace);
  bool stopping() const;

 private:
  class Core;
  explicit HttpServer(std::unique_ptr<Core> core);
  std::unique_ptr<Core> core_;
};

}  // namespace sojourn::http
