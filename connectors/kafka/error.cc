#include "connectors/kafka/error.h"

#include <fmt/format.h>

#include "engine/base/check.h"

namespace sojourn::kafka {
namespace {

StatusCode CodeOf(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR__WAIT_CACHE:
    case RD_KAFKA_RESP_ERR__RETRY:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT:
      return StatusCode::kUnavailable;
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
      return StatusCode::kNotFound;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
      return StatusCode::kResourceExhausted;
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
      return StatusCode::kInvalidArgument;
    default:
      return IsFencing(code) ? StatusCode::kAborted : StatusCode::kInternal;
  }
}

}  // namespace

bool IsFencing(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
      return true;
    default:
      return false;
  }
}

ErrorClass Classify(const rd_kafka_error_t* error) {
  SOJOURN_CHECK(error != nullptr);
  if (IsFencing(rd_kafka_error_code(error))) return ErrorClass::kFenced;
  if (rd_kafka_error_is_fatal(error)) return ErrorClass::kFatal;
  if (rd_kafka_error_txn_requires_abort(error)) return ErrorClass::kAbortable;
  if (rd_kafka_error_is_retriable(error)) return ErrorClass::kRetriable;
  return ErrorClass::kFatal;
}

Status StatusOf(rd_kafka_resp_err_t code, std::string_view what, std::string_view detail) {
  SOJOURN_CHECK(code != RD_KAFKA_RESP_ERR_NO_ERROR);
  const std::string_view text = detail.empty() ? rd_kafka_err2str(code) : detail;
  return Status(CodeOf(code),
                fmt::format("Kafka: {}: {} ({})", what, text, rd_kafka_err2name(code)));
}

Status StatusOf(const rd_kafka_error_t* error, std::string_view what) {
  SOJOURN_CHECK(error != nullptr);
  const Status status = StatusOf(rd_kafka_error_code(error), what, rd_kafka_error_string(error));
  if (rd_kafka_error_txn_requires_abort(error)) return Aborted(status.message());
  return status;
}

}  // namespace sojourn::kafka
