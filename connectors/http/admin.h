// The operator's paths: /metrics and /-/...
//
//   GET  /metrics      Prometheus
//   GET  /-/healthy    200 while the process serves
//   GET  /-/ready      200, or 503 with the reason (restoring, stopping)
//   POST /-/reload     loads the rules anew
//   GET  /-/actions    actions as JSON lines; see AdminHandlers
//   GET  /-/person     one person's record
//   GET  /-/log        recorded events, page by page
//   GET  /-/explain    one person's past
//   POST /-/plan       people under a change of rules
//   POST /-/import, POST /-/enroll, POST /-/backfill, GET and POST /-/dead-letters and
//   /-/suppressions and /-/webhooks
//   GET  /-/coupons    coupon pools
//   GET  /-/mails      what became of mails; POST: sends again what has failed
//
// From reload on they change or reveal things, so they need "Authorization: Bearer TOKEN", also
// from this machine: other users and web pages of a local browser reach a loopback port too. One
// token stands in the instance file, which only the owner of the data directory can read
// (instance_file.h); others are given to operators by name. What is changed with one of these is
// logged with the name.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "connectors/http/http_server.h"
#include "connectors/http/secret_hash.h"
#include "engine/base/status.h"

namespace sojourn::http {

struct AdminHandlers {
  std::function<Status()> ready;  // never waits; ok: ready
  std::function<std::string()> metrics;
  // These may wait. An empty one: its path does not exist.
  std::function<Response(const Request&)> reload;
  // Query: `from` (where to begin), `limit`, `follow` (how long to wait for news). The handler
  // answers with JSON lines and where to go on.
  std::function<Response(const Request&)> actions;
  std::function<Response(const Request&)> person;  // query: `id`
  // Query: `part`, `from` and `person` (none: everybody).
  std::function<Response(const Request&)> log;
  // Query: `person`, `journey`, `template`, `format`.
  std::function<Response(const Request&)> explain;
  // Body: the new rules' files, JSON by path.
  std::function<Response(const Request&)> plan;
  std::function<Response(const Request&)> import;
  std::function<Response(const Request&)> enroll;
  // Query: `dry_run` (1: only say what), `bundle` (the rules it was said of).
  std::function<Response(const Request&)> backfill;
  std::function<Response(const Request&)> backup;  // query: `directory`
  std::function<Response(const Request&)> dead_letters;
  std::function<Response(const Request&)> keep_dead_letters;
  std::function<Response(const Request&)> suppressions;  // GET and POST
  // GET. Query: `export` (a pool: its codes as CSV), `format`.
  std::function<Response(const Request&)> coupons;
  std::function<Response(const Request&)> mails;        // GET
  std::function<Response(const Request&)> retry_mails;  // POST
  // Query: `journey` (none: all), `resume` (1: the other way).
  std::function<Response(const Request&)> pause;
  std::function<Response(const Request&)> webhooks;  // GET, and POST with query `enable`
};

struct AdminOptions {
  std::string token;                         // of the instance file; not empty
  std::map<std::string, SecretHash> tokens;  // of operators, by their names
  size_t max_import_body_bytes = 16 << 20;   // of one piece of a file
};

std::vector<Route> AdminRoutes(AdminOptions options, AdminHandlers handlers);

// For handlers: what an operation's Status becomes. ok: 200 {"success":true}.
Response ToResponse(const Status& status);

}  // namespace sojourn::http
