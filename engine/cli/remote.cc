#include "engine/cli/remote.h"

#include <fmt/format.h>
#include <signal.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>

#include "engine/cli/dead_letters.h"
#include "engine/cli/suppressions.h"

namespace sojourn::cli {
namespace {

constexpr std::string_view kNextHeader = "X-Sojourn-Next";
constexpr char kLettersPath[] = "/-/dead-letters";
constexpr Duration kAnswerTimeout = Seconds(60);
constexpr Duration kMaxFollow = Seconds(20);         // below every HTTP timeout
constexpr Duration kFollowStep = Milliseconds(500);  // a stop waits no longer for a follower

std::string_view ModeName(ImportMode mode) {
  switch (mode) {
    case ImportMode::kReplay:
      return "replay";
    case ImportMode::kHistory:
      return "history";
    case ImportMode::kEvents:
      return "events";
  }
  return "";
}

std::optional<ImportMode> ParseMode(std::string_view text) {
  for (const ImportMode mode : {ImportMode::kReplay, ImportMode::kHistory, ImportMode::kEvents}) {
    if (ModeName(mode) == text) return mode;
  }
  return std::nullopt;
}

std::optional<int64_t> ParseNumber(std::optional<std::string_view> text) {
  int64_t number = 0;
  if (!text) return std::nullopt;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || end != text->data() + text->size() || number < 0) {
    return std::nullopt;
  }
  return number;
}

std::string ImportTarget(const ImportIdentity& identity) {
  return fmt::format("/-/import?fingerprint={}&mode={}", identity.fingerprint,
                     ModeName(identity.mode));
}

// A running process as a log.
class RemoteBackend final : public Backend {
 public:
  explicit RemoteBackend(http::Instance instance)
      : instance_(std::move(instance)), suppressions_(MakeRemoteSuppressions(instance_)) {}

  int32_t partition_count() const override { return 0; }  // only the process knows
  Result<BackendWorker> MakeWorker(int, int) override { return NotHere(); }
  runtime::BundleStore* bundles() override { return nullptr; }
  Status Append(std::span<const model::Event>) override { return NotHere(); }
  Status AppendDeadLetters(std::span<const runtime::DeadLetter> letters) override {
    return AskInstance(instance_, "POST", kLettersPath, EncodeLetters(letters), kAnswerTimeout)
        .status();
  }
  Status ScanPersons(const PersonVisitor&) override { return NotHere(); }
  Result<std::unique_ptr<deliver::DeliveryLog>> MakeDeliveryLog() override { return NotHere(); }
  std::vector<std::pair<std::string, int64_t>> Sizes() override { return {}; }

  Result<deliver::SuppressionList*> suppressions() override { return suppressions_.get(); }

  Result<bool> IsEmpty() override {
    SOJOURN_ASSIGN_OR_RETURN(const auto json, AskImport({std::string(64, '0')}));
    return json.value("empty", false);
  }

  Result<ImportProgress> FindImport(const ImportIdentity& identity) override {
    SOJOURN_ASSIGN_OR_RETURN(const auto json, AskImport(identity));
    return ImportProgress{json.value("begun", false), json.value("finished", false),
                          json.value("position", uint64_t{0})};
  }

  Status AppendImport(const ImportIdentity& identity, uint64_t position,
                      std::span<const ImportedEvent> events, bool last) override {
    const std::string target =
        fmt::format("{}&position={}&last={}", ImportTarget(identity), position, last ? 1 : 0);
    return AskInstance(instance_, "POST", target, EncodeImported(events), kAnswerTimeout).status();
  }

  Result<std::vector<runtime::DeadLetter>> ReadDeadLetters(LetterCursors* cursors,
                                                           size_t max_count) override {
    const std::string target =
        fmt::format("{}?from={}&limit={}", kLettersPath, FormatCursors(*cursors), max_count);
    std::string next;
    SOJOURN_ASSIGN_OR_RETURN(const std::string body,
                             AskInstance(instance_, "GET", target, "", kAnswerTimeout, &next));
    const auto moved = ParseCursors(next, std::nullopt);
    if (!moved) return Unavailable("the running process is of another version");
    *cursors = *moved;
    return DecodeLetters(body);
  }

  Result<ActionCursors> ActionEnds() override {
    std::string ends;
    SOJOURN_RETURN_IF_ERROR(
        AskInstance(instance_, "GET", "/-/actions?limit=0&from=end", "", kAnswerTimeout, &ends)
            .status());
    const auto cursors = ParseCursors(ends, std::nullopt);
    if (!cursors) return Unavailable("the running process is of another version");
    return *cursors;
  }

  Result<std::vector<CommittedAction>> ReadActions(ActionCursors* cursors, size_t max_count,
                                                   Duration timeout) override {
    const std::string target =
        fmt::format("/-/actions?from={}&limit={}&follow={}", FormatCursors(*cursors), max_count,
                    std::min(timeout, kMaxFollow).milliseconds());
    std::string next;
    SOJOURN_ASSIGN_OR_RETURN(const std::string body,
                             AskInstance(instance_, "GET", target, "", kAnswerTimeout, &next));
    const auto moved = ParseCursors(next, std::nullopt);
    if (!moved) return Unavailable("the running process is of another version");
    *cursors = *moved;
    std::vector<CommittedAction> actions;
    for (size_t begin = 0; begin < body.size();) {
      const size_t end = std::min(body.find('\n', begin), body.size());
      actions.push_back({Partition(0), Offset(0), body.substr(begin, end - begin)});
      begin = end + 1;
    }
    return actions;
  }

 private:
  static Status NotHere() { return FailedPrecondition("not while a process runs on the data"); }

  Result<nlohmann::json> AskImport(const ImportIdentity& identity) {
    SOJOURN_ASSIGN_OR_RETURN(
        const std::string body,
        AskInstance(instance_, "POST", ImportTarget(identity), "", kAnswerTimeout));
    auto json = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object()) return Unavailable("the running process is of another version");
    return json;
  }

  const http::Instance instance_;
  const std::unique_ptr<deliver::SuppressionList> suppressions_;
};

}  // namespace

std::optional<http::Instance> FindInstance(const std::string& data_directory) {
  const Result<http::Instance> instance = http::ReadInstanceFile(data_directory);
  if (!instance.ok()) return std::nullopt;
  if (kill(static_cast<pid_t>(instance->process_id), 0) != 0 && errno == ESRCH) {
    return std::nullopt;
  }
  // Process ids are reused: only an answer under this token shows that it is ours.
  const auto answer = AskInstance(*instance, "GET", "/-/actions?limit=0", "", Seconds(10));
  if (!answer.ok()) return std::nullopt;
  return *instance;
}

Result<std::string> AskInstance(const http::Instance& instance, const std::string& method,
                                const std::string& target, const std::string& body,
                                Duration timeout, std::string* next) {
  http::Request request;
  request.method = method;
  request.path = target;
  request.headers = {{"Authorization", "Bearer " + instance.token}};
  request.body = body;
  SOJOURN_ASSIGN_OR_RETURN(const http::Response response,
                           http::Call(instance.place, request, timeout));
  for (const auto& [name, value] : response.headers) {
    if (next != nullptr && name == kNextHeader) *next = value;
  }
  if (response.status == 200) return response.body;
  const auto json = nlohmann::json::parse(response.body, nullptr, /*allow_exceptions=*/false);
  const std::string why = json.is_object() ? json.value("error", "") : "";
  const std::string message = why.empty() ? fmt::format("HTTP status {}", response.status) : why;
  if (response.status == 400) return InvalidArgument(message);
  if (response.status == 503) return Unavailable(message);
  return FailedPrecondition(message);
}

std::unique_ptr<Backend> MakeRemoteBackend(const http::Instance& instance) {
  return std::make_unique<RemoteBackend>(instance);
}

http::Response HandleImport(Backend* backend, const http::Request& request) {
  const auto mode = ParseMode(request.Query("mode").value_or(""));
  const std::string_view fingerprint = request.Query("fingerprint").value_or("");
  if (!mode || fingerprint.size() != 64) return http::ErrorResponse(400, "no such import");
  const ImportIdentity identity{std::string(fingerprint), *mode};
  if (!request.Query("position")) {
    const Result<ImportProgress> progress = backend->FindImport(identity);
    if (!progress.ok()) return http::ToResponse(progress.status());
    const Result<bool> empty = backend->IsEmpty();
    if (!empty.ok()) return http::ToResponse(empty.status());
    const nlohmann::json json = {{"begun", progress->begun},
                                 {"finished", progress->finished},
                                 {"position", progress->position},
                                 {"empty", *empty}};
    return {.body = json.dump()};
  }
  const auto position = ParseNumber(request.Query("position"));
  const auto events = DecodeImported(request.body);
  if (!position || !events) return http::ErrorResponse(400, "no piece of an import");
  return http::ToResponse(backend->AppendImport(identity, static_cast<uint64_t>(*position), *events,
                                                request.Query("last") == "1"));
}

http::Response HandleActions(Backend* backend, const http::Request& request,
                             const std::atomic<bool>& stopping) {
  const std::string_view from = request.Query("from").value_or("");
  auto cursors = ParseCursors(from == "end" ? "" : from, backend->partition_count());
  if (from == "end") {
    const auto ends = backend->ActionEnds();
    if (!ends.ok()) return http::ToResponse(ends.status());
    cursors = *ends;
  }
  if (!cursors) return http::ErrorResponse(400, "`from` is one offset for each partition");
  const int64_t limit = ParseNumber(request.Query("limit")).value_or(1000);
  Duration left =
      std::min(Milliseconds(ParseNumber(request.Query("follow")).value_or(0)), kMaxFollow);
  http::Response response{.content_type = "application/x-ndjson"};
  if (limit > 0) {
    const auto max_count = static_cast<size_t>(std::min<int64_t>(limit, 10'000));
    auto actions = backend->ReadActions(&*cursors, max_count, std::min(left, kFollowStep));
    while (actions.ok() && actions->empty() && left > kFollowStep && !stopping) {
      left = Duration(left.milliseconds() - kFollowStep.milliseconds());
      actions = backend->ReadActions(&*cursors, max_count, std::min(left, kFollowStep));
    }
    if (!actions.ok()) return http::ToResponse(actions.status());
    for (const CommittedAction& action : *actions) response.body += action.json + "\n";
  }
  response.headers.emplace_back(std::string(kNextHeader), FormatCursors(*cursors));
  return response;
}

http::Response HandleKeepDeadLetters(Backend* backend, const http::Request& request) {
  const auto letters = DecodeLetters(request.body);
  if (!letters.ok()) return http::ErrorResponse(400, letters.status().message());
  return http::ToResponse(backend->AppendDeadLetters(*letters));
}

http::Response HandleDeadLetters(Backend* backend, const http::Request& request) {
  auto cursors = ParseCursors(request.Query("from").value_or(""), std::nullopt);
  if (!cursors) return http::ErrorResponse(400, "`from` is one offset for each partition");
  constexpr int64_t kMaxLetters = 64;  // of up to 2 MiB each
  const int64_t limit = ParseNumber(request.Query("limit")).value_or(kMaxLetters);
  const auto letters =
      backend->ReadDeadLetters(&*cursors, static_cast<size_t>(std::min(limit, kMaxLetters)));
  if (!letters.ok()) return http::ToResponse(letters.status());
  http::Response response{.body = EncodeLetters(*letters),
                          .content_type = "application/octet-stream"};
  response.headers.emplace_back(std::string(kNextHeader), FormatCursors(*cursors));
  return response;
}

std::string FormatCursors(const ActionCursors& cursors) {
  std::string text;
  for (const Offset& cursor : cursors) {
    text += fmt::format("{}{}", text.empty() ? "" : ",", cursor.value());
  }
  return text;
}

std::optional<ActionCursors> ParseCursors(std::string_view text,
                                          std::optional<int32_t> partition_count) {
  ActionCursors cursors;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    const auto number = ParseNumber(text.substr(0, comma));
    if (!number) return std::nullopt;
    cursors.push_back(Offset(*number));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  if (!partition_count) return cursors;
  if (cursors.empty()) cursors.resize(static_cast<size_t>(*partition_count));
  if (cursors.size() != static_cast<size_t>(*partition_count)) return std::nullopt;
  return cursors;
}

namespace {

struct ImportedHeader {
  int64_t time = 0;
  uint32_t person_bytes = 0;
  uint32_t event_bytes = 0;
};

}  // namespace

std::string EncodeImported(std::span<const ImportedEvent> events) {
  std::string bytes;
  for (const ImportedEvent& event : events) {
    const ImportedHeader header{event.time.milliseconds(),
                                static_cast<uint32_t>(event.person.size()),
                                static_cast<uint32_t>(event.bytes.size())};
    bytes.append(reinterpret_cast<const char*>(&header), sizeof(header));
    bytes.append(event.person).append(event.bytes);
  }
  return bytes;
}

std::optional<std::vector<ImportedEvent>> DecodeImported(std::string_view bytes) {
  std::vector<ImportedEvent> events;
  while (!bytes.empty()) {
    ImportedHeader header;
    if (bytes.size() < sizeof(header)) return std::nullopt;
    std::memcpy(&header, bytes.data(), sizeof(header));
    bytes.remove_prefix(sizeof(header));
    if (bytes.size() < size_t{header.person_bytes} + header.event_bytes) return std::nullopt;
    events.push_back({Timestamp(header.time), std::string(bytes.substr(0, header.person_bytes)),
                      std::string(bytes.substr(header.person_bytes, header.event_bytes))});
    bytes.remove_prefix(size_t{header.person_bytes} + header.event_bytes);
  }
  return events;
}

}  // namespace sojourn::cli
