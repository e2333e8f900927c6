#include "connectors/webhook/webhook_carrier.h"

#include <utility>

#include <fmt/format.h>

#include "connectors/webhook/signature.h"
#include "engine/deliver/endpoints.h"
#include "engine/deliver/webhook_verdict.h"

namespace sojourn::webhook {
namespace {

using deliver::Call;
using deliver::Composition;
using deliver::SendOutcome;
using deliver::SendResult;

constexpr int kGone = 410;

SendResult ResultOf(const HttpAnswer& answer, const std::string& endpoint) {
  SendResult result;
  result.code = answer.status;
  result.retry_after = answer.retry_after;
  result.detail = answer.status > 0 ? fmt::format("{} from {}", answer.status, endpoint)
                                    : fmt::format("{}: {}", endpoint, answer.error);
  if (answer.status >= 200 && answer.status < 300) {
    result.outcome = SendOutcome::kDelivered;
  } else if (answer.status == kGone) {
    result.outcome = SendOutcome::kRefused;
    result.failure = deliver::kDisabledFailure;
  } else if (answer.kind == HttpAnswer::Kind::kRefused) {
    result.outcome = SendOutcome::kRefused;
    result.failure = deliver::kAddressFailure;
  } else if (answer.kind == HttpAnswer::Kind::kBadUrl) {
    result.outcome = SendOutcome::kRefused;
    result.failure = deliver::kBadUrlFailure;
  }
  return result;
}

class WebhookCarrier final : public deliver::Carrier {
 public:
  WebhookCarrier(std::unique_ptr<HttpCaller> caller, CarrierPorts ports)
      : caller_(std::move(caller)), ports_(std::move(ports)) {}

  Carried Carry(const model::Action& action, bool reopened,
                const deliver::MailTransport::BeforeData& /*before_data*/) override {
    Call call;
    Carried carried;
    carried.composition = ports_.composer->Compose(action, reopened, &call);
    if (carried.composition.outcome != Composition::Outcome::kReady) return carried;
    const std::string plain_url = deliver::PlainUrlOf(call.url);
    if (ports_.disabled->Has(plain_url)) {
      carried.composition.outcome = Composition::Outcome::kFail;
      carried.composition.failure = deliver::kDisabledFailure;
      carried.composition.reason =
          fmt::format("{} has answered 410 Gone; sojourn webhooks enable lets it go on", plain_url);
      return carried;
    }
    const HttpAnswer answer = caller_->Call(RequestOf(call));
    if (answer.kind == HttpAnswer::Kind::kGaveUp) {
      carried.composition.outcome = Composition::Outcome::kTryLater;
      carried.composition.reason = "the process ends";
      return carried;
    }
    carried.result = ResultOf(answer, deliver::EndpointOf(call.url));
    return carried;
  }

  void GiveUp() override { caller_->GiveUp(); }

 private:
  HttpRequest RequestOf(const Call& call) const {
    const int64_t timestamp = ports_.now().milliseconds() / 1000;
    HttpRequest request{call.method, call.url, {}, call.body};
    if (!call.body.empty()) request.headers.emplace_back("Content-Type", "application/json");
    request.headers.emplace_back("webhook-id", call.id);
    request.headers.emplace_back("webhook-timestamp", std::to_string(timestamp));
    const std::string signature =
        SignatureHeader(ports_.keys(call.url), call.id, timestamp, call.body);
    if (!signature.empty()) request.headers.emplace_back("webhook-signature", signature);
    return request;
  }

  const std::unique_ptr<HttpCaller> caller_;
  const CarrierPorts ports_;
};

}  // namespace

std::unique_ptr<deliver::Carrier> MakeWebhookCarrier(std::unique_ptr<HttpCaller> caller,
                                                     CarrierPorts ports) {
  return std::make_unique<WebhookCarrier>(std::move(caller), std::move(ports));
}

}  // namespace sojourn::webhook
