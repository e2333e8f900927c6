#include "engine/cli/remote.h"

#include <fmt/format.h>
#include <signal.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>

#include "connectors/embedded/embedded_log.h"
#include "engine/base/json_text.h"
#include "engine/cli/dead_letters.h"
#include "engine/cli/persons.h"
#include "engine/cli/remote_log.h"
#include "engine/cli/suppressions.h"

namespace sojourn::cli {
namespace {

constexpr std::string_view kNextHeader = "X-Sojourn-Next";
constexpr char kLettersPath[] = "/-/dead-letters";
constexpr Duration kAnswerTimeout = Seconds(60);
constexpr Duration kMaxFollow = Seconds(20);         // below every HTTP timeout
constexpr Duration kFollowStep = Milliseconds(500);  // a stop waits no longer for a follower

std::optional<int64_t> ParseNumber(std::optional<std::string_view> text) {
  int64_t number = 0;
  if (!text) return std::nullopt;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || end != text->data() + text->size() || number < 0) {
    return std::nullopt;
  }
  return number;
}

constexpr char kImportPath[] = "/-/import";

std::string ImportTarget(const ImportIdentity& identity) {
  return fmt::format("{}?import={}&name={}", kImportPath, ImportKeyOf(identity),
                     http::EncodeQueryText(identity.name));
}

nlohmann::json ToJson(const ImportProgress& progress) {
  nlohmann::json json = {{"begun", progress.begun},
                         {"finished", progress.finished},
                         {"abandoned", progress.abandoned},
                         {"position", progress.position},
                         {"dead_letters", progress.dead_letters}};
  if (progress.begun_at) json["begun_at_ms"] = progress.begun_at->milliseconds();
  return json;
}

ImportProgress ProgressFrom(const nlohmann::json& json) {
  ImportProgress progress;
  if (!json.is_object()) return progress;
  progress.begun = json.value("begun", false);
  progress.finished = json.value("finished", false);
  progress.abandoned = json.value("abandoned", false);
  progress.position = json.value("position", uint64_t{0});
  progress.dead_letters = json.value("dead_letters", uint64_t{0});
  if (json.contains("begun_at_ms")) {
    progress.begun_at = Timestamp(json.value("begun_at_ms", int64_t{0}));
  }
  return progress;
}

// A running process as a log.
class RemoteBackend final : public Backend {
 public:
  explicit RemoteBackend(http::Instance instance)
      : instance_(std::move(instance)), suppressions_(MakeRemoteSuppressions(instance_)) {}

  int32_t partition_count() const override { return 0; }  // only the process knows
  Result<BackendWorker> MakeWorker(int, int) override { return NotHere(); }
  runtime::BundleStore* bundles() override { return nullptr; }
  Status AppendBoth(std::span<const model::Event>, std::span<const runtime::DeadLetter>) override {
    return NotHere();
  }
  Status AppendDeadLetters(std::span<const runtime::DeadLetter> letters) override {
    return AskInstance(instance_, "POST", kLettersPath, EncodeLetters(letters), kAnswerTimeout)
        .status();
  }
  Status ScanPersons(const PersonVisitor&) override { return NotHere(); }
  Result<std::optional<std::string>> ReadPerson(const std::string& id, Duration) override {
    return AskForPerson(instance_, id);
  }
  Result<std::unique_ptr<deliver::DeliveryLog>> MakeDeliveryLog(const std::string&) override {
    return NotHere();
  }
  std::vector<std::pair<std::string, int64_t>> Sizes() override { return {}; }

  Result<deliver::SuppressionList*> suppressions() override { return suppressions_.get(); }

  Result<bool> IsEmpty() override {
    SOJOURN_ASSIGN_OR_RETURN(const auto json, AskImports(fmt::format("{}?empty=1", kImportPath)));
    return json.value("empty", false);
  }

  Result<ImportLedger> FindImports(const std::string& fingerprint) override {
    SOJOURN_ASSIGN_OR_RETURN(
        const auto json, AskImports(fmt::format("{}?fingerprint={}", kImportPath, fingerprint)));
    ImportLedger ledger;
    for (const ImportMode mode : kImportModes) {
      const auto found = json.find(std::string(ImportModeName(mode)));
      ledger[mode] = found == json.end() ? ImportProgress() : ProgressFrom(*found);
    }
    return ledger;
  }

  Result<std::optional<OpenReplay>> FindOpenReplay() override {
    SOJOURN_ASSIGN_OR_RETURN(const auto json, AskImports(fmt::format("{}?open=1", kImportPath)));
    auto identity = ParseImportKey(json.value("import", ""));
    if (!identity) return std::optional<OpenReplay>();
    identity->name = json.value("name", "");
    return std::optional<OpenReplay>({*identity, ProgressFrom(json.value("progress", json))});
  }

  Status AppendImport(const ImportIdentity& identity, const ImportPiece& piece) override {
    const std::string target =
        fmt::format("{}&position={}&letters={}&last={}", ImportTarget(identity), piece.position,
                    piece.dead_letter_position, piece.last ? 1 : 0);
    const std::string events = EncodeImported(piece.events);
    return AskInstance(instance_, "POST", fmt::format("{}&event_bytes={}", target, events.size()),
                       events + EncodeLetters(piece.dead_letters), kAnswerTimeout)
        .status();
  }

  Status AbandonImport(const ImportIdentity& identity) override {
    return AskInstance(instance_, "POST", ImportTarget(identity) + "&abandon=1", "", kAnswerTimeout)
        .status();
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

  Result<int32_t> LogParts() override {
    SOJOURN_ASSIGN_OR_RETURN(const ActionCursors ends, ActionEnds());
    return static_cast<int32_t>(ends.size());
  }

  Result<LogScan> ScanLog(int32_t part, Offset from, const std::string& person,
                          const LogVisitor& visit) override {
    LogScan scan{from, from, false};
    while (!scan.ended) {
      const Offset begin = scan.next;
      SOJOURN_ASSIGN_OR_RETURN(const LogPage page, AskLog(instance_, part, begin, person));
      if (begin == from) scan.first = page.scan.first;
      for (size_t i = 0; i < page.events.size(); ++i) {
        const ImportedEvent& event = page.events[i];
        scan.next = Offset(page.offsets[i].value() + 1);
        if (!visit({embedded::kEventsTopic, Partition(part), page.offsets[i], event.time,
                    event.person, event.bytes})) {
          return scan;
        }
      }
      scan.next = page.scan.next;
      scan.ended = page.scan.ended;
    }
    return scan;
  }

 private:
  static Status NotHere() { return FailedPrecondition("not while a process runs on the data"); }

  Result<nlohmann::json> AskImports(const std::string& target) {
    SOJOURN_ASSIGN_OR_RETURN(const std::string body,
                             AskInstance(instance_, "POST", target, "", kAnswerTimeout));
    auto json = ParseJson(body);
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
  const auto json = ParseJson(response.body);
  const std::string why = json.is_object() ? json.value("error", "") : "";
  const std::string message = why.empty() ? fmt::format("HTTP status {}", response.status) : why;
  if (response.status == 400) return InvalidArgument(message);
  if (response.status == 503) return Unavailable(message);
  return FailedPrecondition(message);
}

std::unique_ptr<Backend> MakeRemoteBackend(const http::Instance& instance) {
  return std::make_unique<RemoteBackend>(instance);
}

namespace {

http::Response JsonResponse(const nlohmann::json& json) { return {.body = DumpJson(json)}; }

http::Response ShowImports(Backend* backend, std::string_view fingerprint) {
  const Result<ImportLedger> ledger = backend->FindImports(std::string(fingerprint));
  if (!ledger.ok()) return http::ToResponse(ledger.status());
  nlohmann::json json = nlohmann::json::object();
  for (const auto& [mode, progress] : *ledger) {
    json[std::string(ImportModeName(mode))] = ToJson(progress);
  }
  return JsonResponse(json);
}

http::Response ShowOpenReplay(Backend* backend) {
  const auto open = backend->FindOpenReplay();
  if (!open.ok()) return http::ToResponse(open.status());
  if (!*open) return JsonResponse(nlohmann::json::object());
  return JsonResponse({{"import", ImportKeyOf((*open)->identity)},
                       {"name", (*open)->identity.name},
                       {"progress", ToJson((*open)->progress)}});
}

http::Response AppendPiece(Backend* backend, const ImportIdentity& identity,
                           const http::Request& request) {
  const auto position = ParseNumber(request.Query("position"));
  const auto letter_position = ParseNumber(request.Query("letters"));
  const auto event_bytes = ParseNumber(request.Query("event_bytes"));
  const std::string_view body = request.body;
  if (!position || !letter_position || !event_bytes ||
      static_cast<size_t>(*event_bytes) > body.size()) {
    return http::ErrorResponse(400, "no piece of an import");
  }
  const auto events = DecodeImported(body.substr(0, static_cast<size_t>(*event_bytes)));
  const auto letters = DecodeLetters(body.substr(static_cast<size_t>(*event_bytes)));
  if (!events || !letters.ok()) return http::ErrorResponse(400, "no piece of an import");
  return http::ToResponse(backend->AppendImport(
      identity, {static_cast<uint64_t>(*position), *events, static_cast<uint64_t>(*letter_position),
                 *letters, request.Query("last") == "1"}));
}

}  // namespace

http::Response HandleImport(Backend* backend, const http::Request& request) {
  if (const auto fingerprint = request.Query("fingerprint")) {
    return ShowImports(backend, *fingerprint);
  }
  if (request.Query("open")) return ShowOpenReplay(backend);
  if (request.Query("empty")) {
    const Result<bool> empty = backend->IsEmpty();
    if (!empty.ok()) return http::ToResponse(empty.status());
    return JsonResponse({{"empty", *empty}});
  }
  auto identity = ParseImportKey(request.Query("import").value_or(""));
  if (!identity || identity->fingerprint.size() != 64) {
    return http::ErrorResponse(400, "no such import");
  }
  identity->name = request.Query("name").value_or("");
  if (request.Query("abandon")) return http::ToResponse(backend->AbandonImport(*identity));
  return AppendPiece(backend, *identity, request);
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
