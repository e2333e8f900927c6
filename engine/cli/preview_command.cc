// `sojourn preview`: a message as its receiver would read it. Nothing is sent.

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "connectors/smtp/directory_pages.h"
#include "connectors/smtp/header_text.h"
#include "connectors/smtp/mail_address.h"
#include "connectors/smtp/mime.h"
#include "engine/cli/commands.h"
#include "engine/cli/mail_preview.h"
#include "engine/cli/printable.h"

namespace sojourn::cli {
namespace {

constexpr size_t kMaxShownBytes = 1000;  // of a header
// In place of an address that no mail can be written with, so that there is one to look at.
constexpr char kNoSender[] = "nobody@sender.invalid";
constexpr char kNoRecipient[] = "nobody@recipient.invalid";

constexpr char kHelp[] =
    R"(Prints headers and text part, and writes TEMPLATE.html, TEMPLATE.txt and TEMPLATE.eml, as they would
be sent, but for a DKIM signature. Nothing is sent. Links lead to pages that say they are not valid.
Notes say which values the template reads and nobody gave, and what would keep the mail from being
sent. Without --person and --data the values are made up from the catalogue's types, and listed.
Exit code 1: the template does not render with these values.)";

struct Options {
  PreviewRequest request;
  std::string out = "preview";
  bool open = false;
};

Status WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << bytes;
  file.close();
  if (file) return Status::Ok();
  return Unavailable(fmt::format("cannot write {}: {}; --out names another directory", path,
                                 std::strerror(errno)));
}

Result<std::string> MakeDirectory(const std::string& out) {
  std::error_code error;
  std::filesystem::create_directories(out, error);
  if (!error) return std::filesystem::absolute(out).lexically_normal().string();
  return InvalidArgument(fmt::format("cannot make the directory {}: {}; --out names another one",
                                     out, error.message()));
}

void ReplaceAddress(const char* what, const char* replacement, std::string* address,
                    std::vector<std::string>* notes) {
  const auto checked = smtp::WireAddress(*address);
  if (checked.ok()) return;
  // That the rules name no sender has been said.
  if (!address->empty()) {
    notes->push_back(
        fmt::format("it would not be sent: the {} is wrong: {}", what, checked.status().message()));
  }
  *address = replacement;
}

void PrintHeader(const char* name, const std::string& value) {
  if (value.empty()) return;
  std::printf("%-17s %s\n", name, Printable(smtp::OneLine(value, kMaxShownBytes)).c_str());
}

void PrintMail(const deliver::Mail& mail) {
  const std::string& address = mail.from.address;
  PrintHeader("From:",
              mail.from.name.empty() ? address : fmt::format("{} <{}>", mail.from.name, address));
  PrintHeader("Reply-To:", mail.reply_to);
  PrintHeader("To:", mail.to);
  PrintHeader("Subject:", mail.subject);
  PrintHeader("List-Unsubscribe:", mail.unsubscribe_url);
  PrintHeader("List-Id:", mail.list_id);
  PrintHeader("Feedback-ID:", mail.feedback_id);
  std::printf("\n%s\n", PrintableLines(smtp::CleanText(mail.text)).c_str());
}

// In the desktop's browser. Waits until that is on its way.
Status OpenFile(const std::string& path) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    execlp("xdg-open", "xdg-open", path.c_str(), nullptr);
    _exit(127);
  }
  int ended = 0;
  while (child > 0 && waitpid(child, &ended, 0) < 0 && errno == EINTR) {
  }
  if (child > 0 && WIFEXITED(ended) && WEXITSTATUS(ended) == 0) return Status::Ok();
  return FailedPrecondition(fmt::format("{}; open file://{} in a browser",
                                        WIFEXITED(ended) && WEXITSTATUS(ended) == 127
                                            ? "--open needs xdg-open, which is not here"
                                            : "xdg-open could not open it",
                                        path));
}

Status ShowMail(const Options& options, Preview preview) {
  deliver::Mail& mail = preview.mail;
  ReplaceAddress("sender's address", kNoSender, &mail.from.address, &preview.notes);
  ReplaceAddress("receiver's address", kNoRecipient, &mail.to, &preview.notes);
  const auto message = smtp::WriteMime(mail);
  if (!message.ok()) {
    preview.notes.push_back("it would not be sent: " + message.status().message());
  }
  SOJOURN_ASSIGN_OR_RETURN(const std::string directory, MakeDirectory(options.out));
  const std::string base = directory + "/" + options.request.template_name;
  std::vector<std::pair<std::string, std::string>> files = {
      {base + ".html", smtp::MailPage(mail)}, {base + ".txt", smtp::CleanText(mail.text)}};
  if (message.ok()) files.emplace_back(base + ".eml", *message);
  for (const auto& [path, bytes] : files) SOJOURN_RETURN_IF_ERROR(WriteFile(path, bytes));
  PrintMail(mail);
  for (const auto& [path, bytes] : files) std::printf("%s\n", path.c_str());
  PrintNotes(preview.notes);
  return options.open ? OpenFile(files.front().first) : Status::Ok();
}

Status ShowText(const Options& options, const Preview& preview) {
  SOJOURN_ASSIGN_OR_RETURN(const std::string directory, MakeDirectory(options.out));
  const std::string path = directory + "/" + options.request.template_name + ".txt";
  SOJOURN_RETURN_IF_ERROR(WriteFile(path, preview.text));
  std::printf("%s\n%s\n", PrintableLines(smtp::CleanText(preview.text)).c_str(), path.c_str());
  PrintNotes(preview.notes);
  return options.open ? OpenFile(path) : Status::Ok();
}

Status Run(Options options) {
  SOJOURN_ASSIGN_OR_RETURN(const Config config, ResolvePreview(&options.request));
  SOJOURN_ASSIGN_OR_RETURN(
      Preview preview,
      MakePreview(options.request, config, "preview_" + options.request.template_name));
  if (preview.channel != model::ActionKind::kSendEmail) return ShowText(options, preview);
  return ShowMail(options, std::move(preview));
}

}  // namespace

void AddPreviewCommand(Command app, int* exit_code) {
  const Command command = app.AddSubcommand("preview", "Shows a mail as its receiver would see it");
  command.SetFooter(kHelp);
  auto options = std::make_shared<Options>();
  AddPreviewOptions(command, &options->request);
  command.AddOption("--out", &options->out, "Directory of the files").ShowDefault();
  command.AddFlag("--open", &options->open, "Open the HTML in a browser (xdg-open)");
  command.SetCallback([options, exit_code] {
    const Status shown = Run(*options);
    *exit_code = shown.ok() ? 0 : FailPreview(shown);
  });
}

}  // namespace sojourn::cli
