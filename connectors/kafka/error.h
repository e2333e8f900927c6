// librdkafka's errors as ours.
//
// Threads: pure functions.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engine/base/status.h"

namespace sojourn::kafka {

// What may be done after a transactional call failed.
enum class ErrorClass : uint8_t {
  kRetriable,  // call again
  kAbortable,  // abort the transaction, then go on with this client
  kFenced,     // another process uses our transactional id or group instance id
  kFatal,      // the client is of no use any more
};

struct ErrorDeleter {
  void operator()(rd_kafka_error_t* error) const { rd_kafka_error_destroy(error); }
};
using ErrorPtr = std::unique_ptr<rd_kafka_error_t, ErrorDeleter>;

// Another process took over our name.
bool IsFencing(rd_kafka_resp_err_t code);

// Requires an error.
ErrorClass Classify(const rd_kafka_error_t* error);

// `what` says what was tried ("committing a transaction"). kUnavailable for what may heal by
// itself, kAborted where the transaction must be aborted or another process took over, kInternal
// for the rest.
Status StatusOf(rd_kafka_resp_err_t code, std::string_view what, std::string_view detail = {});
Status StatusOf(const rd_kafka_error_t* error, std::string_view what);

}  // namespace sojourn::kafka
