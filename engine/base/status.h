// Outcome of an operation that can fail for operational reasons (disk, network, configuration).
//
// A marketer's mistake is a language::Diagnostic and a programmer's error a SOJOURN_CHECK;
// everything else that can go wrong travels as a Status or a Result<T>. No exception crosses a
// module border.
//
// Threads: values, freely copied. Errors: the message is one line, names the thing (file, address,
// option) and, where there is one, the way out.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "engine/base/check.h"

namespace sojourn {

enum class StatusCode {
  kOk,
  kInvalidArgument,     // what the caller or the user's configuration said is wrong: exit code 2
  kNotFound,            // the named thing does not exist
  kFailedPrecondition,  // right request, wrong state: directory in use, newer format
  kUnavailable,         // a peer does not answer; trying again may help
  kAborted,             // rolled back as a whole; nothing of it took effect
  kUnknown,             // may or may not have taken effect
  kResourceExhausted,   // a named limit or the disk is full
  kDataLoss,            // stored bytes are not what was written
  kInternal,            // an error of a library that fits nothing above
};

class [[nodiscard]] Status {
 public:
  Status() = default;  // ok
  Status(StatusCode code, std::string message) : code_(code), message_(std::move(message)) {}

  bool ok() const { return code_ == StatusCode::kOk; }
  StatusCode code() const { return code_; }
  const std::string& message() const { return message_; }

  static Status Ok() { return Status(); }

 private:
  StatusCode code_ = StatusCode::kOk;
  std::string message_;
};

// The name of the code as logs and metrics print it ("ok", "invalid_argument", ...).
const char* StatusCodeName(StatusCode code);

Status InvalidArgument(std::string message);
Status NotFound(std::string message);
Status FailedPrecondition(std::string message);
Status Unavailable(std::string message);
Status Aborted(std::string message);
Status Unknown(std::string message);
Status ResourceExhausted(std::string message);
Status DataLoss(std::string message);
Status Internal(std::string message);

// Either a value or the Status that says why there is none.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : value_(std::move(value)) {}  // NOLINT: implicit, so that `return value;` reads well
  Result(Status status) : status_(std::move(status)) {  // NOLINT: likewise
    SOJOURN_CHECK(!status_.ok());
  }

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }

  T& value() & {
    SOJOURN_CHECK(ok());
    return *value_;
  }
  const T& value() const& {
    SOJOURN_CHECK(ok());
    return *value_;
  }
  T&& value() && {
    SOJOURN_CHECK(ok());
    return *std::move(value_);
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  Status status_;
  std::optional<T> value_;
};

}  // namespace sojourn

// Leaves the enclosing function with the Status of `expression` unless it is ok.
#define SOJOURN_RETURN_IF_ERROR(expression)                                      \
  do {                                                                           \
    if (::sojourn::Status sojourn_status_ = (expression); !sojourn_status_.ok()) \
      return sojourn_status_;                                                    \
  } while (false)

#define SOJOURN_CONCAT_INNER(a, b) a##b
#define SOJOURN_CONCAT(a, b) SOJOURN_CONCAT_INNER(a, b)

// SOJOURN_ASSIGN_OR_RETURN(auto x, F()): x = the value of F(), or leave with its Status.
#define SOJOURN_ASSIGN_OR_RETURN(declaration, expression)        \
  auto SOJOURN_CONCAT(sojourn_result_, __LINE__) = (expression); \
  if (!SOJOURN_CONCAT(sojourn_result_, __LINE__).ok())           \
    return SOJOURN_CONCAT(sojourn_result_, __LINE__).status();   \
  declaration = std::move(SOJOURN_CONCAT(sojourn_result_, __LINE__)).value()
