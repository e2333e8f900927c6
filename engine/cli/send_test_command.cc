// `sojourn send-test`: a mail as its receivers would get it, to one's own address.

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>

#include "connectors/http/instance_file.h"
#include "connectors/smtp/header_text.h"
#include "connectors/smtp/mail_address.h"
#include "engine/cli/commands.h"
#include "engine/cli/mail_parts.h"
#include "engine/cli/mail_preview.h"
#include "engine/cli/printable.h"

namespace sojourn::cli {
namespace {

using deliver::SendOutcome;
using deliver::SendResult;

constexpr size_t kMaxDetailBytes = 2000;
constexpr char kSubjectMark[] = "[Test] ";

constexpr char kHelp[] =
    R"(Sends the mail of `sojourn preview`, with a mark in its subject, by the configuration's transport
(mail: {send}), whether a process runs or not. It goes to --to alone, whatever the person agreed to.
Links lead to pages that say they are not valid. Exit code 0: it was taken over; 1: it was not, or the
template does not render.)";

struct Options {
  PreviewRequest request;
  std::string to;
};

// Whether there is a way for the mail. Changes nothing.
Status CheckWay(const Config& config) {
  SOJOURN_RETURN_IF_ERROR(ValidateMailConfig(config.mail));
  if (config.mail.send == MailTransportKind::kNone) {
    return FailedPrecondition(
        "mails are not sent by this configuration (mail: {send: none}); set smtp, files or "
        "dry_run, or look at the mail with sojourn preview");
  }
  // A directory that holds only mails could not become a data directory any more.
  const bool in_data =
      config.mail.send == MailTransportKind::kFiles && config.mail.directory.empty();
  std::error_code error;
  if (in_data && !std::filesystem::exists(config.data + "/sojourn.json", error) &&
      !(config.log == LogKind::kKafka && std::filesystem::is_directory(config.data, error))) {
    return FailedPrecondition(fmt::format(
        "mails are written into DATA/mail, and there is no data directory {}: --config names a "
        "configuration with a relay (mail: {{send: smtp}}), or sojourn run makes the directory",
        config.data));
  }
  return Status::Ok();
}

// What became of it, for people; the exit code.
int Report(const Config& config, const deliver::Mail& mail, const SendResult& result) {
  const std::string detail = Printable(smtp::OneLine(result.detail, kMaxDetailBytes));
  if (result.outcome == SendOutcome::kDelivered) {
    std::printf("delivered to %s: %s\n", mail.to.c_str(), detail.c_str());
    if (config.mail.send == MailTransportKind::kFiles) {
      const auto index = std::filesystem::absolute(MailDirectoryOf(config) + "/index.html");
      std::printf("file://%s\n", index.lexically_normal().c_str());
    }
    return 0;
  }
  const char* what = result.outcome == SendOutcome::kRefused    ? "refused"
                     : result.outcome == SendOutcome::kTryLater ? "not sent, try again later"
                                                                : "perhaps sent";
  std::fprintf(stderr, "sojourn: %s: %s\n", what, detail.c_str());
  return 1;
}

Result<int> Run(Options options) {
  SOJOURN_ASSIGN_OR_RETURN(const Config config, ResolvePreview(&options.request));
  const auto to = smtp::WireAddress(options.to);
  if (!to.ok())
    return InvalidArgument("--to: " + smtp::OneLine(to.status().message(), kMaxDetailBytes));
  SOJOURN_RETURN_IF_ERROR(CheckWay(config));
  SOJOURN_ASSIGN_OR_RETURN(const std::string unique, http::NewToken());
  SOJOURN_ASSIGN_OR_RETURN(const Preview preview,
                           MakePreview(options.request, config, "test_" + unique.substr(0, 32)));
  if (preview.channel != model::ActionKind::kSendEmail) {
    return InvalidArgument(
        fmt::format("{} is no mail: it goes to phones; sojourn preview {} shows it",
                    options.request.template_name, options.request.template_name));
  }
  PrintNotes(preview.notes);
  deliver::Mail mail = preview.mail;
  if (mail.from.address.empty()) {
    std::fprintf(stderr, "sojourn: not sent: company.yaml names no sender for this template\n");
    return 1;
  }
  mail.to = *to;
  mail.subject = kSubjectMark + mail.subject;
  SOJOURN_ASSIGN_OR_RETURN(const auto make_transport, OpenTransports(config));
  const SendResult result = make_transport()->Send(mail, [] { return Status::Ok(); });
  return Report(config, mail, result);
}

}  // namespace

void AddSendTestCommand(Command app, int* exit_code) {
  const Command command = app.AddSubcommand("send-test", "Sends a mail to an address of your own");
  command.SetFooter(kHelp);
  auto options = std::make_shared<Options>();
  AddPreviewOptions(command, &options->request);
  command.AddOption("--to", &options->to, "Where to send it").Required();
  command.SetCallback([options, exit_code] {
    const Result<int> result = Run(*options);
    *exit_code = result.ok() ? *result : FailPreview(result.status());
  });
}

}  // namespace sojourn::cli
