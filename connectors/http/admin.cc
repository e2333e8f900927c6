#include "connectors/http/admin.h"

#include <memory>
#include <optional>
#include <utility>

#include "engine/base/check.h"
#include "engine/telemetry/log.h"

namespace sojourn::http {
namespace {

constexpr char kExpositionType[] = "text/plain; version=0.0.4; charset=utf-8";

Response TextResponse(int status, std::string text) {
  return {status, std::move(text) + "\n", "text/plain; charset=utf-8"};
}

using Tokens = std::map<std::string, SecretHash>;

constexpr char kInstanceFile[] = "";  // the name of its token; no operator's is empty

// The name of the token that the request has.
std::optional<std::string> WhoAsks(const Request& request, const Tokens& tokens) {
  std::optional<std::string> who;
  const auto given = BearerToken(request);
  if (!given) return who;
  for (const auto& [name, hash] : tokens) {
    if (hash.Matches(*given)) who = name;
  }
  return who;
}

Handler Guarded(std::shared_ptr<const Tokens> tokens,
                std::function<Response(const Request&)> handler) {
  return [tokens = std::move(tokens), handler = std::move(handler)](const Request& request,
                                                                    const Respond& respond) {
    if (const auto who = WhoAsks(request, *tokens)) {
      if (*who != kInstanceFile && request.method != "GET") {
        telemetry::Log(telemetry::LogLevel::kInfo, "an operator asks over HTTP",
                       {{"operator", *who}, {"path", request.path}});
      }
      return respond(handler(request));
    }
    Response refusal = ErrorResponse(
        401,
        "this path needs a bearer token: one of admin_tokens, or the data directory's instance "
        "file has one");
    refusal.headers = {{"WWW-Authenticate", "Bearer realm=\"sojourn\""}};
    respond(std::move(refusal));
  };
}

}  // namespace

std::vector<Route> AdminRoutes(AdminOptions options, AdminHandlers handlers) {
  SOJOURN_CHECK(!options.token.empty() && handlers.ready && handlers.metrics);
  auto tokens = std::make_shared<Tokens>(std::move(options.tokens));
  tokens->insert_or_assign(kInstanceFile, SecretHash::Of(options.token));
  std::vector<Route> routes;
  routes.push_back(
      {"GET", "/metrics",
       [metrics = std::move(handlers.metrics)](const Request&, const Respond& respond) {
         respond({200, metrics(), kExpositionType});
       }});
  routes.push_back({"GET", "/-/healthy", [](const Request&, const Respond& respond) {
                      respond(TextResponse(200, "healthy"));
                    }});
  routes.push_back({"GET", "/-/ready",
                    [ready = std::move(handlers.ready)](const Request&, const Respond& respond) {
                      const Status status = ready();
                      respond(status.ok() ? TextResponse(200, "ready")
                                          : TextResponse(503, status.message()));
                    }});
  const auto add = [&](const char* method, const char* path,
                       std::function<Response(const Request&)> handler) {
    if (!handler) return;
    routes.push_back({method, path, Guarded(tokens, std::move(handler)), true});
  };
  add("POST", "/-/reload", std::move(handlers.reload));
  add("GET", "/-/actions", std::move(handlers.actions));
  add("GET", "/-/person", std::move(handlers.person));
  add("GET", "/-/log", std::move(handlers.log));
  add("GET", "/-/explain", std::move(handlers.explain));
  add("POST", "/-/enroll", std::move(handlers.enroll));
  add("POST", "/-/backfill", std::move(handlers.backfill));
  add("POST", "/-/backup", std::move(handlers.backup));
  add("POST", "/-/pause", std::move(handlers.pause));
  add("GET", "/-/webhooks", handlers.webhooks);
  add("POST", "/-/webhooks", std::move(handlers.webhooks));
  add("GET", "/-/dead-letters", std::move(handlers.dead_letters));
  add("GET", "/-/suppressions", handlers.suppressions);
  add("GET", "/-/coupons", std::move(handlers.coupons));
  add("GET", "/-/mails", std::move(handlers.mails));
  add("POST", "/-/mails", std::move(handlers.retry_mails));
  const auto add_pieces = [&](const char* path, std::function<Response(const Request&)> handler) {
    if (!handler) return;
    add("POST", path, std::move(handler));
    routes.back().max_body_bytes = options.max_import_body_bytes;
  };
  add_pieces("/-/import", std::move(handlers.import));
  add_pieces("/-/plan", std::move(handlers.plan));
  add_pieces("/-/dead-letters", std::move(handlers.keep_dead_letters));
  add_pieces("/-/suppressions", std::move(handlers.suppressions));
  return routes;
}

Response ToResponse(const Status& status) {
  switch (status.code()) {
    case StatusCode::kOk:
      return {200, "{\"success\":true}\n"};
    case StatusCode::kInvalidArgument:
      return ErrorResponse(400, status.message());
    case StatusCode::kNotFound:
      return ErrorResponse(404, status.message());
    case StatusCode::kFailedPrecondition:
    case StatusCode::kAborted:
      return ErrorResponse(409, status.message());
    case StatusCode::kUnavailable:
    case StatusCode::kResourceExhausted:
      return ErrorResponse(503, status.message());
    default:
      return ErrorResponse(500, status.message());
  }
}

}  // namespace sojourn::http
