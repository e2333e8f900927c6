// `sojourn dead-letters`: what was no event and which mails failed, with the reasons.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <tuple>

#include "engine/base/json_text.h"
#include "engine/base/rfc3339.h"
#include "engine/cli/commands.h"
#include "engine/cli/dead_letters.h"
#include "engine/cli/dead_letters_retry.h"
#include "engine/cli/listener_config.h"
#include "engine/cli/mail_letters.h"
#include "engine/cli/printable.h"
#include "engine/cli/remote.h"

namespace sojourn::cli {
namespace {

using deliver::DeliveryRecord;
using deliver::DeliveryState;
using Json = nlohmann::ordered_json;

constexpr size_t kMailsPerRead = 10'000;
// In memory at once, to be sorted; a template that fails for everybody makes more.
constexpr size_t kMaxListedMails = 100'000;

struct Options {
  std::shared_ptr<CommonOptions> common;
  std::string kind;    // "events", "mails", "webhooks"; empty: all
  std::string reason;  // empty: all
  std::string format = "text";
  std::string id;

  bool as_json() const { return format == "json"; }
};

struct Opened {
  OpenedBackend backend;
  std::unique_ptr<MailLetters> mails;
};

Result<Opened> OpenLetters(const Config& config) {
  Opened opened;
  SOJOURN_ASSIGN_OR_RETURN(opened.backend, OpenForCommand(config, /*need_existing=*/true));
  const auto instance = opened.backend.remote ? FindInstance(config.data) : std::nullopt;
  opened.mails = instance ? MakeRemoteMailLetters(*instance)
                          : MakeLocalMailLetters(opened.backend.backend.get());
  return opened;
}

// False: nobody reads any more.
bool PrintLine(const std::string& line) { return std::printf("%s\n", line.c_str()) >= 0; }

// ---- list --------------------------------------------------------------------------------------

std::string Line(const PlacedLetter& placed) {
  const runtime::DeadLetter& letter = placed.letter;
  return Printable(fmt::format("{}  {:<17} {:<12} {:<17} {}", FormatRfc3339(letter.log_time),
                               FormatLetterId(placed.place), letter.topic,
                               runtime::DeadLetterReasonName(letter.reason), letter.message));
}

std::string_view KindOf(const DeliveryRecord& record) {
  return record.channel.empty() ? "mail" : "webhook";
}

std::string Line(const DeliveryRecord& record) {
  return Printable(fmt::format("{}  {} {:<12} {:<17} {}", FormatRfc3339(record.at),
                               record.action_id, KindOf(record), record.failure, record.detail));
}

Json ToJson(const DeliveryRecord& record) {
  return {{"kind", KindOf(record)},
          {"id", record.action_id},
          {"time", FormatRfc3339(record.at)},
          {"state", deliver::DeliveryStateName(record.state)},
          {"reason", record.failure},
          {"message", record.detail},
          {"template", record.template_name},
          {"attempts", record.attempts},
          {"partition", record.place.partition.value()},
          {"offset", record.place.offset.value()}};
}

Status PrintEvents(const Options& options, Backend* backend) {
  LetterReader reader(backend);
  while (true) {
    SOJOURN_ASSIGN_OR_RETURN(const auto letter, reader.Next());
    if (!letter) return Status::Ok();
    const std::string_view reason = runtime::DeadLetterReasonName(letter->letter.reason);
    if (!options.reason.empty() && options.reason != reason) continue;
    if (!PrintLine(options.as_json() ? LetterToJson(*letter) : Line(*letter))) return Status::Ok();
  }
}

Status PrintMails(const Options& options, MailLetters* letters) {
  std::vector<DeliveryRecord> mails;
  ActionCursors cursors;
  size_t left_out = 0;
  while (true) {
    SOJOURN_ASSIGN_OR_RETURN(auto page, letters->List(&cursors, kMailsPerRead));
    if (page.empty()) break;
    for (DeliveryRecord& record : page) {
      if (!options.reason.empty() && options.reason != record.failure) continue;
      const bool webhook = KindOf(record) == "webhook";
      if (!options.kind.empty() && (options.kind == "webhooks") != webhook) continue;
      if (mails.size() == kMaxListedMails) {
        ++left_out;
      } else {
        mails.push_back(std::move(record));
      }
    }
  }
  std::ranges::sort(mails, [](const DeliveryRecord& a, const DeliveryRecord& b) {
    return std::tie(a.at, a.place) < std::tie(b.at, b.place);
  });
  for (const DeliveryRecord& record : mails) {
    if (!PrintLine(options.as_json() ? DumpJson(ToJson(record)) : Line(record))) break;
  }
  if (left_out > 0) {
    fmt::print(stderr, "sojourn: {} more failed mails are not listed\n", left_out);
  }
  return Status::Ok();
}

Status List(const Options& options) {
  SOJOURN_ASSIGN_OR_RETURN(const Config config, ResolveConfig(*options.common));
  SOJOURN_ASSIGN_OR_RETURN(const Opened opened, OpenLetters(config));
  if (options.kind.empty() || options.kind == "events") {
    const Status printed = PrintEvents(options, opened.backend.backend.get());
    // Over Kafka they are elsewhere; that must not hide the mails.
    const bool elsewhere = printed.code() == StatusCode::kFailedPrecondition;
    if (!printed.ok() && (!elsewhere || options.kind == "events")) return printed;
    if (elsewhere) fmt::print(stderr, "sojourn: {}\n", printed.message());
  }
  return options.kind == "events" ? Status::Ok() : PrintMails(options, opened.mails.get());
}

// ---- show --------------------------------------------------------------------------------------

// The same path, for it says what kind of call it was.
std::string WayBackOverHttp(const std::string& path, const Config& config, bool secure) {
  constexpr std::string_view kFeedback = "/feedback/";
  if (path.starts_with(kFeedback)) {
    return fmt::format("{} told it, and only what {} has signed is taken: have it told again there",
                       path.substr(kFeedback.size()), path.substr(kFeedback.size()));
  }
  const bool many = path.empty() || path.find("/batch") != path.npos ||
                    path.starts_with("/v1/import") || path.starts_with("/v1/b");
  const bool cloud_event = path.starts_with("/v1/events");
  return fmt::format(
      "correct the {0} and send it again: curl {1}://{2}{3}{4} -H 'Content-Type: "
      "application/{5}json' -d '{6}'",
      cloud_event ? "event" : "call", secure ? "https" : "http", config.listen,
      path.empty() ? "/v1/batch" : path,
      config.write_keys.empty() ? "" : " -u KEY:", cloud_event ? "cloudevents+" : "",
      many          ? "{\"batch\": [CALL]}"
      : cloud_event ? "EVENT"
                    : "CALL");
}

// How an event gets in after all.
std::string WayBack(const runtime::DeadLetter& letter, const Config& config, bool secure) {
  if (letter.topic == "http") return WayBackOverHttp(letter.key, config, secure);
  if (letter.topic == "import") {
    return "correct the line in a file of its own, then import that as the first one was: sojourn "
           "import FILE --as events, or --people FILE with its mapping";
  }
  return fmt::format("correct the event and send it again, to POST {}://{}/v1/batch",
                     secure ? "https" : "http", config.listen);
}

Status ShowEvent(const Options& options, const LetterPlace& place) {
  SOJOURN_ASSIGN_OR_RETURN(const Config config, ResolveConfig(*options.common));
  SOJOURN_ASSIGN_OR_RETURN(const Opened opened, OpenLetters(config));
  SOJOURN_ASSIGN_OR_RETURN(const ListenerConfig listeners, ReadListenerConfig(config.file));
  LetterReader reader(opened.backend.backend.get());
  SOJOURN_ASSIGN_OR_RETURN(const PlacedLetter placed, reader.ReadOne(place));
  const runtime::DeadLetter& letter = placed.letter;
  if (options.as_json()) {
    PrintLine(LetterToJson(placed));
    return Status::Ok();
  }
  fmt::print("event      {}\n", FormatLetterId(place));
  fmt::print("time       {}\n", FormatRfc3339(letter.log_time));
  fmt::print("reason     {}: {}\n", runtime::DeadLetterReasonName(letter.reason),
             Printable(letter.message));
  fmt::print("from       {} [{}] {}\n", Printable(letter.topic), letter.partition.value(),
             letter.offset.value());
  fmt::print("{:<10} {}\n", letter.topic == "http" ? "path" : "key", Printable(letter.key));
  fmt::print("record     {}\n", Printable(letter.value));
  fmt::print("to send    {}\n", WayBack(letter, config, listeners.tls.has_value()));
  return Status::Ok();
}

void PrintMail(const DeliveryRecord& record, const Json& action) {
  fmt::print("{:<10} {}\n", KindOf(record), record.action_id);
  fmt::print("state      {} at {}, attempts: {}\n", deliver::DeliveryStateName(record.state),
             FormatRfc3339(record.at), record.attempts);
  fmt::print("reason     {}{}{}\n", Printable(record.failure), record.failure.empty() ? "" : ": ",
             Printable(record.detail));
  fmt::print("place      partition {}, offset {}\n", record.place.partition.value(),
             record.place.offset.value());
  if (action.is_null()) {
    fmt::print("action     gone: the log does not keep actions for ever, so it cannot be sent\n");
    return;
  }
  fmt::print("action     as it was decided\n");
  const std::string text = DumpJson(action, 2);
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    fmt::print("  {}\n", Printable(std::string_view(text).substr(begin, end - begin)));
    begin = end + 1;
  }
  if (record.state != DeliveryState::kFailed) return;
  fmt::print("to send    {}, then sojourn dead-letters retry {}\n",
             record.template_name.empty() ? "see to what the reason says" : "correct the template",
             record.action_id);
}

Status ShowMail(const Options& options) {
  SOJOURN_ASSIGN_OR_RETURN(const Config config, ResolveConfig(*options.common));
  SOJOURN_ASSIGN_OR_RETURN(const Opened opened, OpenLetters(config));
  SOJOURN_ASSIGN_OR_RETURN(const auto found, opened.mails->Find({options.id}));
  if (found.empty()) {
    return NotFound(fmt::format(
        "nothing is known of a mail {}; sojourn dead-letters list names those that failed",
        Printable(options.id)));
  }
  SOJOURN_ASSIGN_OR_RETURN(const std::string text, opened.mails->ReadAction(found[0].place));
  const Json action = text.empty() ? Json() : Json::parse(text, nullptr, false);
  if (!options.as_json()) {
    PrintMail(found[0], action);
    return Status::Ok();
  }
  Json json = ToJson(found[0]);
  json["action"] = action;  // null: gone
  PrintLine(DumpJson(json));
  return Status::Ok();
}

Status Show(const Options& options) {
  const auto place = ParseLetterId(options.id);
  return place ? ShowEvent(options, *place) : ShowMail(options);
}

void AddFormat(Command command, Options* options) {
  command.AddOption("--format", &options->format, "text or json (one a line)")
      .OneOf({"text", "json"});
}

std::shared_ptr<Options> AddListOptions(Command command) {
  auto options = std::make_shared<Options>();
  options->common = AddCommonOptions(command);
  AddFormat(command, options.get());
  command.AddOption("--kind", &options->kind, "Only events, mails or webhooks")
      .OneOf({"events", "mails", "webhooks"});
  command.AddOption("--reason", &options->reason, "Only of this reason, such as render_error");
  return options;
}

}  // namespace

void AddDeadLettersCommand(Command app, int* exit_code) {
  const Command command = app.AddSubcommand(
      "dead-letters",
      "Lists records, calls and lines of files that were no events, and mails and webhooks that "
      "failed, with their reasons; shows one; sends again what failed");
  command.RequireSubcommands(0, 1);
  const auto run = [exit_code](const Status& status) {
    if (!status.ok()) *exit_code = Fail(status);
  };
  const auto whole = AddListOptions(command);
  command.SetCallback([=] {
    if (!command.subcommand_given()) run(List(*whole));
  });
  const Command list = command.AddSubcommand("list", "All, the oldest first; so is no subcommand");
  const auto listed = AddListOptions(list);
  list.SetCallback([=] { run(List(*listed)); });

  const Command show = command.AddSubcommand(
      "show", "Everything about one: the record, or the action and why it could not be a mail");
  auto shown = std::make_shared<Options>();
  shown->common = AddCommonOptions(show);
  AddFormat(show, shown.get());
  show.AddOption("ID", &shown->id, "As listed").Required();
  show.SetCallback([=] { run(Show(*shown)); });
  AddRetryCommand(command, exit_code);
}

}  // namespace sojourn::cli
