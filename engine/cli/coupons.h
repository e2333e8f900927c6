// What became of coupons: of each pool as a whole, and of each code. Both sides of the conversation
// between `sojourn coupons` and a running process.
//
// Threads: pure functions over what they are given. Errors: the backend's; kNotFound for a pool
// that nobody knows.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "connectors/http/http_message.h"
#include "connectors/http/instance_file.h"
#include "engine/base/status.h"
#include "engine/cli/backend.h"
#include "engine/language/bundle.h"

namespace sojourn::cli {

// JSON: {"pools": [...]}, each with its kind and numbers, by partition and by journey and path.
Result<std::string> ReportCoupons(const language::Bundle& rules, Backend* backend);

enum class ExportFormat : uint8_t {
  kAll,    // CSV: every code with its state, and whom it was given to, when and where
  kCodes,  // one code a line, without a heading: what shops take in bulk
};
// Of a list: all its codes; generated: those that people have; static: the one.
Result<std::string> ExportCoupons(const language::Bundle& rules, const std::string& pool,
                                  ExportFormat format, Backend* backend);

// A pool with a list of codes.
struct ListStand {
  std::string pool;
  uint64_t codes = 0;
  uint64_t left = 0;  // not given yet
};
// Those of the newest rules. Empty where there are no rules, or none that check with this version.
Result<std::vector<ListStand>> FindLists(Backend* backend);

// The newest rules that the log knows. kFailedPrecondition where there are none.
Result<std::shared_ptr<const language::Bundle>> NewestRules(Backend* backend);

// Of the running process.
Result<std::string> AskForCoupons(const http::Instance& instance);
Result<std::string> AskForExport(const http::Instance& instance, const std::string& pool,
                                 ExportFormat format);
// The process's side: GET of /-/coupons, and of /-/coupons?export=POOL&format=codes.
http::Response HandleCoupons(const language::Bundle& rules, Backend* backend,
                             const http::Request& request);

}  // namespace sojourn::cli
