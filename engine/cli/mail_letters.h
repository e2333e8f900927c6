// Mails that failed, for operators: found in the log, or asked of the process that runs on it, and
// sent again by it.
//
// Threads: as of Backend. Errors: kUnavailable where the process does not answer.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/http/http_message.h"
#include "connectors/http/instance_file.h"
#include "engine/base/status.h"
#include "engine/cli/backend.h"
#include "engine/deliver/reopen.h"

namespace sojourn::cli {

class MailLetters {
 public:
  virtual ~MailLetters() = default;

  // Failed mails by place; reads on from `cursors` and moves them. Nothing: the end.
  virtual Result<std::vector<deliver::DeliveryRecord>> List(ActionCursors* cursors,
                                                            size_t max_count) = 0;
  // What has become of these actions' mails, whatever that is; unknown ones are left out. Reads all
  // that is known of mails.
  virtual Result<std::vector<deliver::DeliveryRecord>> Find(const std::set<std::string>& ids) = 0;
  // The action there as JSON; "": it is not in the log any more.
  virtual Result<std::string> ReadAction(const deliver::ActionPlace& place) = 0;
};

// `backend` outlives it.
std::unique_ptr<MailLetters> MakeLocalMailLetters(Backend* backend);
// Those of the running process.
std::unique_ptr<MailLetters> MakeRemoteMailLetters(const http::Instance& instance);

// Asks the running process to send these again, and waits at most `wait` for what comes of it. At
// most deliver::kMaxReopenedAtOnce.
Result<std::vector<deliver::ReopenResult>> RetryMails(
    const http::Instance& instance, const std::string& channel,
    const std::vector<deliver::ReopenTarget>& targets, Duration wait);

// The process's side of it: GET and POST of /-/mails. `stopping` ends the waiting.
http::Response HandleMailLetters(Backend* backend, const http::Request& request);
using Reopen = std::function<Status(std::shared_ptr<deliver::ReopenRequest>)>;
http::Response HandleRetryMails(const Reopen& reopen, const http::Request& request,
                                const std::atomic<bool>& stopping);

}  // namespace sojourn::cli
