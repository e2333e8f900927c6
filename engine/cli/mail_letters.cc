#include "engine/cli/mail_letters.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

#include "connectors/http/admin.h"
#include "engine/cli/remote.h"

namespace sojourn::cli {
namespace {

using deliver::ActionPlace;
using deliver::DeliveryRecord;
using deliver::DeliveryState;
using deliver::ReopenAnswer;
using deliver::ReopenResult;
using deliver::ReopenTarget;

constexpr char kPath[] = "/-/mails";
constexpr char kNextHeader[] = "X-Sojourn-Next";
constexpr Offset kEnd{INT64_MAX};  // the cursor of a partition that is read
constexpr int64_t kRecordsPerPage = 10'000;
constexpr size_t kIdsPerRequest = 200;           // of some 40 bytes in a request's line
constexpr Duration kAnswerTimeout = Minutes(2);  // a whole topic may have to be read
constexpr Duration kLongestAnswer = Seconds(20);
constexpr Duration kLongestWait = Seconds(20);  // below every HTTP timeout
constexpr Duration kWaitStep = Milliseconds(200);

Status OtherVersion() { return Unavailable("the running process is of another version"); }

// ---- the log itself ----------------------------------------------------------------------------

// The first failed mails of a partition, whatever the order in which records come.
class FailedMails {
 public:
  explicit FailedMails(size_t max_count) : max_count_(max_count) {}

  void Take(const DeliveryRecord& record) {
    const Offset offset = record.place.offset;
    if (offset >= next_) return;
    if (record.state != DeliveryState::kFailed) {
      failed_.erase(offset);
      return;
    }
    failed_.insert_or_assign(offset, record);
    if (failed_.size() <= max_count_) return;
    const auto last = std::prev(failed_.end());
    next_ = last->first;
    failed_.erase(last);
  }

  // Where the next page goes on.
  Offset next() const { return next_; }
  void MoveTo(std::vector<DeliveryRecord>* records) {
    for (auto& [offset, record] : failed_) records->push_back(std::move(record));
  }

 private:
  const size_t max_count_;
  Offset next_ = kEnd;
  std::map<Offset, DeliveryRecord> failed_;
};

class LocalMailLetters final : public MailLetters {
 public:
  explicit LocalMailLetters(Backend* backend) : backend_(backend) {}

  Result<std::vector<DeliveryRecord>> List(ActionCursors* cursors, size_t max_count) override {
    cursors->resize(static_cast<size_t>(backend_->partition_count()));
    std::vector<DeliveryRecord> found;
    for (size_t p = 0; p < cursors->size(); ++p) {
      while (found.size() < max_count && (*cursors)[p] < kEnd) {
        SOJOURN_RETURN_IF_ERROR(
            ListPartition(Partition(static_cast<int32_t>(p)), max_count, &(*cursors)[p], &found));
      }
    }
    return found;
  }

  Result<std::vector<DeliveryRecord>> Find(const std::set<std::string>& ids) override {
    std::map<ActionPlace, DeliveryRecord> found;
    for (int32_t p = 0; p < backend_->partition_count(); ++p) {
      SOJOURN_RETURN_IF_ERROR(
          backend_->ScanDeliveries(Partition(p), Offset(0), [&](const DeliveryRecord& record) {
            if (ids.contains(record.action_id)) found.insert_or_assign(record.place, record);
            return !backend_->deliveries_come_once() || found.size() < ids.size();
          }));
    }
    std::vector<DeliveryRecord> records;
    for (auto& [place, record] : found) records.push_back(std::move(record));
    return records;
  }

  Result<std::string> ReadAction(const ActionPlace& place) override {
    SOJOURN_ASSIGN_OR_RETURN(ActionCursors cursors, backend_->ActionEnds());
    const auto index = static_cast<size_t>(place.partition.value());
    if (index >= cursors.size() || place.offset >= cursors[index]) return std::string();
    cursors[index] = place.offset;
    SOJOURN_ASSIGN_OR_RETURN(auto actions, backend_->ReadActions(&cursors, 1, Duration(0)));
    const bool there = !actions.empty() && actions[0].partition == place.partition &&
                       actions[0].offset == place.offset;
    return there ? std::move(actions[0].json) : std::string();
  }

 private:
  Status ListPartition(Partition partition, size_t max_count, Offset* cursor,
                       std::vector<DeliveryRecord>* found) {
    FailedMails failed(max_count - found->size());
    SOJOURN_RETURN_IF_ERROR(
        backend_->ScanDeliveries(partition, *cursor, [&](const DeliveryRecord& record) {
          failed.Take(record);
          return !backend_->deliveries_come_once() || failed.next() == kEnd;
        }));
    failed.MoveTo(found);
    *cursor = failed.next();
    return Status::Ok();
  }

  Backend* const backend_;
};

// ---- the conversation --------------------------------------------------------------------------

// "0 17": partition and offset.
std::string PlaceText(const ActionPlace& place) {
  return fmt::format("{} {}", place.partition.value(), place.offset.value());
}

std::string_view TakeWord(std::string_view* text) {
  const size_t space = std::min(text->find(' '), text->size());
  const std::string_view word = text->substr(0, space);
  text->remove_prefix(std::min(space + 1, text->size()));
  return word;
}

std::string_view TakeLine(std::string_view* text) {
  const size_t end = std::min(text->find('\n'), text->size());
  const std::string_view line = text->substr(0, end);
  text->remove_prefix(std::min(end + 1, text->size()));
  return line;
}

template <typename Number>
bool ParseNumber(std::string_view text, Number* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc() && end == text.data() + text.size() && *number >= 0;
}

std::optional<ActionPlace> TakePlace(std::string_view* text) {
  int32_t partition = 0;
  int64_t offset = 0;
  if (!ParseNumber(TakeWord(text), &partition) || !ParseNumber(TakeWord(text), &offset)) {
    return std::nullopt;
  }
  return ActionPlace{Partition(partition), Offset(offset)};
}

std::string RecordLines(const std::vector<DeliveryRecord>& records) {
  std::string lines;
  for (const DeliveryRecord& record : records) {
    lines += fmt::format("{} {}\n", PlaceText(record.place), deliver::EncodeDelivery(record));
  }
  return lines;
}

Result<std::vector<DeliveryRecord>> ParseRecordLines(std::string_view text) {
  std::vector<DeliveryRecord> records;
  while (!text.empty()) {
    std::string_view line = TakeLine(&text);
    const auto place = TakePlace(&line);
    if (!place) return OtherVersion();
    SOJOURN_ASSIGN_OR_RETURN(DeliveryRecord record, deliver::DecodeDelivery(*place, line));
    records.push_back(std::move(record));
  }
  return records;
}

// "0 17 reopened {...}", the record where one is known.
Result<ReopenResult> ParseResult(std::string_view line) {
  ReopenResult result;
  const auto place = TakePlace(&line);
  const auto answer = deliver::ParseReopenAnswer(TakeWord(&line));
  if (!place || !answer) return OtherVersion();
  result.target.place = *place;
  result.answer = *answer;
  if (!line.empty()) {
    SOJOURN_ASSIGN_OR_RETURN(result.record, deliver::DecodeDelivery(*place, line));
  }
  return result;
}

class RemoteMailLetters final : public MailLetters {
 public:
  explicit RemoteMailLetters(http::Instance instance) : instance_(std::move(instance)) {}

  Result<std::vector<DeliveryRecord>> List(ActionCursors* cursors, size_t max_count) override {
    std::string next;
    SOJOURN_ASSIGN_OR_RETURN(
        const std::string body,
        Ask(fmt::format("from={}&limit={}", FormatCursors(*cursors), max_count), &next));
    const auto moved = ParseCursors(next, std::nullopt);
    if (!moved) return OtherVersion();
    *cursors = *moved;
    return ParseRecordLines(body);
  }

  Result<std::vector<DeliveryRecord>> Find(const std::set<std::string>& ids) override {
    std::vector<DeliveryRecord> found;
    for (auto next = ids.begin(); next != ids.end();) {
      std::string query;
      for (size_t count = 0; count < kIdsPerRequest && next != ids.end(); ++count, ++next) {
        query += (query.empty() ? "ids=" : ",") + http::EncodeQueryText(*next);
      }
      SOJOURN_ASSIGN_OR_RETURN(const std::string body, Ask(query, nullptr));
      SOJOURN_ASSIGN_OR_RETURN(auto records, ParseRecordLines(body));
      std::move(records.begin(), records.end(), std::back_inserter(found));
    }
    return found;
  }

  Result<std::string> ReadAction(const ActionPlace& place) override {
    return Ask("action=" + http::EncodeQueryText(PlaceText(place)), nullptr);
  }

 private:
  Result<std::string> Ask(const std::string& query, std::string* next) {
    return AskInstance(instance_, "GET", fmt::format("{}?{}", kPath, query), "", kAnswerTimeout,
                       next);
  }

  const http::Instance instance_;
};

http::Response ListResponse(MailLetters* letters, Backend* backend, const http::Request& request) {
  auto cursors = ParseCursors(request.Query("from").value_or(""), backend->partition_count());
  int64_t limit = 0;
  if (!cursors || !ParseNumber(request.Query("limit").value_or("1000"), &limit)) {
    return http::ErrorResponse(400, "`from` is one offset for each partition, `limit` a number");
  }
  const int64_t count = std::clamp<int64_t>(limit, 1, kRecordsPerPage);
  const auto records = letters->List(&*cursors, static_cast<size_t>(count));
  if (!records.ok()) return http::ToResponse(records.status());
  http::Response response{.body = RecordLines(*records), .content_type = "text/plain"};
  response.headers.emplace_back(kNextHeader, FormatCursors(*cursors));
  return response;
}

std::set<std::string> SplitIds(std::string_view text) {
  std::set<std::string> ids;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    ids.emplace(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return ids;
}

std::optional<std::vector<ReopenTarget>> ParseTargets(std::string_view text) {
  std::vector<ReopenTarget> targets;
  std::set<ActionPlace> places;
  while (!text.empty()) {
    std::string_view line = TakeLine(&text);
    const auto place = TakePlace(&line);
    if (!place || line.empty() || !places.insert(*place).second) return std::nullopt;
    targets.push_back({*place, std::string(line)});
  }
  if (targets.size() > deliver::kMaxReopenedAtOnce) return std::nullopt;
  return targets;
}

}  // namespace

std::unique_ptr<MailLetters> MakeLocalMailLetters(Backend* backend) {
  return std::make_unique<LocalMailLetters>(backend);
}

std::unique_ptr<MailLetters> MakeRemoteMailLetters(const http::Instance& instance) {
  return std::make_unique<RemoteMailLetters>(instance);
}

Result<std::vector<ReopenResult>> RetryMails(const http::Instance& instance,
                                             const std::string& channel,
                                             const std::vector<ReopenTarget>& targets,
                                             Duration wait) {
  std::string lines;
  for (const ReopenTarget& target : targets) {
    lines += fmt::format("{} {}\n", PlaceText(target.place), target.action_id);
  }
  const auto milliseconds = std::min(wait, kLongestWait).milliseconds();
  SOJOURN_ASSIGN_OR_RETURN(
      const std::string body,
      AskInstance(instance, "POST",
                  fmt::format("{}?wait_ms={}&channel={}", kPath, milliseconds, channel), lines,
                  kAnswerTimeout));
  std::vector<ReopenResult> results;
  for (std::string_view text = body; !text.empty();) {
    SOJOURN_ASSIGN_OR_RETURN(ReopenResult result, ParseResult(TakeLine(&text)));
    if (results.size() == targets.size()) return OtherVersion();
    result.target = targets[results.size()];
    results.push_back(std::move(result));
  }
  return results.size() == targets.size() ? Result<std::vector<ReopenResult>>(std::move(results))
                                          : OtherVersion();
}

http::Response HandleMailLetters(Backend* backend, const http::Request& request) {
  LocalMailLetters letters(backend);
  if (const auto ids = request.Query("ids")) {
    const auto found = letters.Find(SplitIds(*ids));
    if (!found.ok()) return http::ToResponse(found.status());
    return {.body = RecordLines(*found), .content_type = "text/plain"};
  }
  if (auto text = request.Query("action")) {
    const auto place = TakePlace(&*text);
    if (!place) return http::ErrorResponse(400, "`action` is a partition and an offset");
    auto action = letters.ReadAction(*place);
    if (!action.ok()) return http::ToResponse(action.status());
    return {.body = *std::move(action)};
  }
  return ListResponse(&letters, backend, request);
}

http::Response HandleRetryMails(const Reopen& reopen, const http::Request& request,
                                const std::atomic<bool>& stopping) {
  const auto targets = ParseTargets(request.body);
  int64_t wait_ms = 0;
  if (!targets || !ParseNumber(request.Query("wait_ms").value_or("0"), &wait_ms)) {
    return http::ErrorResponse(400, "each line is a partition, an offset and an action's id");
  }
  const auto reopening = std::make_shared<deliver::ReopenRequest>(*targets);
  const Status taken = reopen(reopening);
  if (!taken.ok()) return http::ToResponse(taken);
  // Until all is answered, then for the ends; a stop waits for nobody.
  std::vector<ReopenResult> results = reopening->Wait(kWaitStep, Duration(0));
  const auto answered = [&] {
    return std::ranges::none_of(results, [](const ReopenResult& result) {
      return result.answer == ReopenAnswer::kNotAnswered;
    });
  };
  const int64_t step_ms = kWaitStep.milliseconds();
  for (int64_t left_ms = kLongestAnswer.milliseconds(); left_ms > 0 && !answered() && !stopping;
       left_ms -= step_ms) {
    results = reopening->Wait(kWaitStep, Duration(0));
  }
  for (int64_t left_ms = std::min(wait_ms, kLongestWait.milliseconds());
       left_ms > 0 && !reopening->IsOver() && !stopping; left_ms -= step_ms) {
    results = reopening->Wait(Duration(0), kWaitStep);
  }
  http::Response response{.content_type = "text/plain"};
  for (const ReopenResult& result : results) {
    response.body += fmt::format("{} {}", PlaceText(result.target.place),
                                 deliver::ReopenAnswerName(result.answer));
    if (result.record) response.body += fmt::format(" {}", EncodeDelivery(*result.record));
    response.body += '\n';
  }
  return response;
}

}  // namespace sojourn::cli
