#include "engine/cli/dead_letters_retry.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <map>
#include <set>
#include <thread>

#include "engine/cli/commands.h"
#include "engine/cli/dead_letters.h"
#include "engine/cli/mail_letters.h"
#include "engine/cli/printable.h"
#include "engine/cli/remote.h"

namespace sojourn::cli {
namespace {

using deliver::DeliveryRecord;
using deliver::DeliveryState;
using deliver::ReopenAnswer;
using deliver::ReopenResult;
using deliver::ReopenTarget;
using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPause(1);          // before the queue is asked for room again
constexpr std::chrono::seconds kLongestStill(60);  // without any room

struct RetryOptions {
  std::shared_ptr<CommonOptions> common;
  std::vector<std::string> ids;
  bool all = false;
  std::string template_name;
  int64_t wait_seconds = 10;
};

// What became of one that was reopened. `*good`: it was sent, or will be.
std::string DescribeReopened(const DeliveryRecord& record, bool* good) {
  const std::string_view state = deliver::DeliveryStateName(record.state);
  switch (record.state) {
    case DeliveryState::kStarted:
    case DeliveryState::kWaiting:
      *good = true;
      return "reopened; it waits to be sent";
    case DeliveryState::kDelivered:
      *good = true;
      return "reopened and delivered";
    case DeliveryState::kFailed:
      return fmt::format("reopened and failed again: {}", record.detail);
    default:
      return fmt::format("reopened and {}: {}", state, record.detail);
  }
}

std::string Describe(const ReopenResult& result, bool* good) {
  switch (result.answer) {
    case ReopenAnswer::kReopened:
      return DescribeReopened(*result.record, good);
    case ReopenAnswer::kUnderWay:
      *good = true;
      return "reopened before and still under way";
    case ReopenAnswer::kNotFailed:
      return fmt::format("has not failed: it is {}",
                         deliver::DeliveryStateName(result.record->state));
    case ReopenAnswer::kUnknown:
      return "unknown: no mail of this id is in the log";
    case ReopenAnswer::kGone:
      return "its action is not in the log any more, so it cannot be sent";
    case ReopenAnswer::kElsewhere:
      return fmt::format(
          "another process has partition {}; retry with the configuration of that one",
          result.target.place.partition.value());
    case ReopenAnswer::kNotAnswered:
      return fmt::format("not answered yet; it may still be sent: see sojourn dead-letters show {}",
                         result.target.action_id);
    case ReopenAnswer::kNotNow:
      break;
  }
  return "not reopened: its log does not answer now; retry later";
}

class Retry {
 public:
  Retry(const RetryOptions& options, http::Instance instance)
      : options_(options),
        instance_(std::move(instance)),
        letters_(MakeRemoteMailLetters(instance_)),
        waits_until_(SteadyClock::now() + std::chrono::seconds(options.wait_seconds)) {}

  Status Run() { return options_.all ? RetryAll() : RetryNamed(); }
  bool all_good() const { return all_good_; }

 private:
  Status RetryNamed() {
    const std::set<std::string> ids(options_.ids.begin(), options_.ids.end());
    if (ids.size() > deliver::kMaxReopenedAtOnce) {
      return InvalidArgument(
          fmt::format("at most {} at once, or --all", deliver::kMaxReopenedAtOnce));
    }
    SOJOURN_ASSIGN_OR_RETURN(const auto found, letters_->Find(ids));
    std::set<std::string> unknown = ids;
    std::map<std::string, std::vector<ReopenTarget>> targets;
    for (const DeliveryRecord& record : found) {
      unknown.erase(record.action_id);
      targets[record.channel].push_back({record.place, record.action_id});
    }
    for (const std::string& id : unknown) {
      Print({{{}, id}, ReopenAnswer::kUnknown, std::nullopt});
    }
    return AskChannels(std::move(targets));
  }

  Status RetryAll() {
    ActionCursors cursors;
    size_t count = 0;
    while (true) {
      SOJOURN_ASSIGN_OR_RETURN(const auto page,
                               letters_->List(&cursors, deliver::kMaxReopenedAtOnce));
      if (page.empty()) break;
      std::map<std::string, std::vector<ReopenTarget>> targets;
      for (const DeliveryRecord& record : page) {
        const bool wanted =
            options_.template_name.empty() || options_.template_name == record.template_name;
        if (!wanted) continue;
        targets[record.channel].push_back({record.place, record.action_id});
        ++count;
      }
      SOJOURN_RETURN_IF_ERROR(AskChannels(std::move(targets)));
    }
    if (count == 0) fmt::print("no such mail has failed\n");
    return Status::Ok();
  }

  // Each channel has a deliverer of its own.
  Status AskChannels(std::map<std::string, std::vector<ReopenTarget>> by_channel) {
    for (auto& [channel, targets] : by_channel) {
      SOJOURN_RETURN_IF_ERROR(Ask(channel, std::move(targets)));
    }
    return Status::Ok();
  }

  // What finds no room is asked for again.
  Status Ask(const std::string& channel, std::vector<ReopenTarget> targets) {
    auto still_since = SteadyClock::now();
    while (!targets.empty()) {
      SOJOURN_ASSIGN_OR_RETURN(const auto results,
                               RetryMails(instance_, channel, targets, WaitLeft()));
      const bool patient = SteadyClock::now() < still_since + kLongestStill;
      const size_t asked = targets.size();
      targets.clear();
      for (const ReopenResult& result : results) {
        if (result.answer == ReopenAnswer::kNotNow && patient) {
          targets.push_back(result.target);
        } else {
          Print(result);
        }
      }
      if (targets.size() < asked) still_since = SteadyClock::now();
      if (!targets.empty()) std::this_thread::sleep_for(kPause);
    }
    return Status::Ok();
  }

  Duration WaitLeft() const {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(waits_until_ - SteadyClock::now());
    return std::max(Milliseconds(left.count()), Duration(0));
  }

  void Print(const ReopenResult& result) {
    bool good = false;
    const std::string text = Describe(result, &good);
    fmt::print("{}  {}\n", Printable(result.target.action_id), Printable(text));
    std::fflush(stdout);
    all_good_ = all_good_ && good;
  }

  const RetryOptions& options_;
  const http::Instance instance_;
  const std::unique_ptr<MailLetters> letters_;
  const SteadyClock::time_point waits_until_;
  bool all_good_ = true;
};

Status CheckOptions(const RetryOptions& options) {
  for (const std::string& id : options.ids) {
    if (!ParseLetterId(id)) continue;
    return InvalidArgument(
        fmt::format("{} was no event and would be none again: correct it and send it anew; sojourn "
                    "dead-letters show {} says how",
                    id, id));
  }
  if (options.ids.empty() == options.all) return Status::Ok();
  return InvalidArgument("name the mails to be sent again, or --all of them, not both");
}

Status RunRetry(const RetryOptions& options, int* exit_code) {
  SOJOURN_RETURN_IF_ERROR(CheckOptions(options));
  SOJOURN_ASSIGN_OR_RETURN(const Config config, ResolveConfig(*options.common));
  const auto instance = FindInstance(config.data);
  if (!instance) {
    return FailedPrecondition(fmt::format(
        "no process runs on {}, so no mails leave; start sojourn run, then retry", config.data));
  }
  Retry retry(options, *instance);
  SOJOURN_RETURN_IF_ERROR(retry.Run());
  if (!retry.all_good()) *exit_code = 1;
  return Status::Ok();
}

}  // namespace

void AddRetryCommand(Command dead_letters, int* exit_code) {
  const Command command = dead_letters.AddSubcommand(
      "retry",
      "Has the running process send failed mails again, with the templates as they are now and the "
      "values that the old ones read. One whose latest useful time has passed is not sent: it ends "
      "as expired");
  auto options = std::make_shared<RetryOptions>();
  options->common = AddCommonOptions(command);
  command.AddOption("ID", &options->ids, "Mails, as listed");
  const Option all = command.AddFlag("--all", &options->all, "Every mail that has failed");
  command.AddOption("--template", &options->template_name, "With --all: only of this template")
      .Needs(all);
  command
      .AddOption("--wait", &options->wait_seconds,
                 "Seconds to wait for what becomes of them (default: 10)")
      .Range(0, 3600);
  command.SetCallback([options, exit_code] {
    const Status retried = RunRetry(*options, exit_code);
    if (!retried.ok()) *exit_code = Fail(retried);
  });
}

}  // namespace sojourn::cli
