// Carries webhooks and gateway messages: composed, signed after Standard Webhooks, called.
//
// The headers webhook-id (the action's id, the same on every attempt), webhook-timestamp (of the
// attempt) and webhook-signature go with it. A process that is killed meanwhile calls again: an
// endpoint sees each id at least once.
//
// Threads: one at a time each, as deliver::Carrier says. What ports point to outlives it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "connectors/webhook/http_caller.h"
#include "engine/base/time.h"
#include "engine/deliver/call_composer.h"
#include "engine/deliver/disabled_endpoints.h"
#include "engine/deliver/sender_pool.h"

namespace sojourn::webhook {

struct CarrierPorts {
  const deliver::CallComposer* composer = nullptr;
  const deliver::DisabledEndpoints* disabled = nullptr;
  // The keys that sign what goes to the URL, newest first; none: it goes unsigned.
  std::function<std::vector<std::string>(const std::string& url)> keys;
  std::function<Timestamp()> now;
};

std::unique_ptr<deliver::Carrier> MakeWebhookCarrier(std::unique_ptr<HttpCaller> caller,
                                                     CarrierPorts ports);

}  // namespace sojourn::webhook
