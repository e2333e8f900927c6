// Messages as receivers would read them, before any is sent: what `preview` and `send-test` share.
//
// The deliverer's own composer makes them, from the rules directory as it is now. Their links do
// not live: they are signed with a key that is made for the call and thrown away, so a click, an
// open or a press of the mailbox's unsubscribe button is answered "not valid" and changes nothing,
// and a forwarded preview gives nobody a token of a person's.
//
// Threads: one; reads files, and the data directory or the process that runs on it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/base/status.h"
#include "engine/cli/commands.h"
#include "engine/deliver/mail.h"
#include "engine/model/action.h"

namespace sojourn::cli {

struct PreviewRequest {
  CommonOptions common;
  std::string template_name;
  std::string person;     // values of their record and newest action; empty: none
  std::string data_file;  // values of a file; neither: made-up ones
  std::string journey;    // that sends it; empty: that of the newest action, else the first
  std::string language;   // in place of the person's
};

// TEMPLATE and the options that both commands have.
void AddPreviewOptions(Command command, PreviewRequest* request);

// The configuration; makes a --data that names a file the request's data_file.
Result<Config> ResolvePreview(PreviewRequest* request);

struct Preview {
  model::ActionKind channel = model::ActionKind::kSendEmail;
  deliver::Mail mail;              // mails; without a sender there is no From address
  std::string text;                // other channels
  std::vector<std::string> notes;  // what to know about it, one line each
};

// `action_id` makes the Message-ID. Errors: kAborted where the template does not render with these
// values, with its place; all others say what is wrong with the request. Mistakes in the rules are
// printed to stderr.
Result<Preview> MakePreview(const PreviewRequest& request, const Config& config,
                            const std::string& action_id);

// 1 for a template that does not render, 2 for the rest. Prints the message to stderr.
int FailPreview(const Status& status);

void PrintNotes(const std::vector<std::string>& notes);

}  // namespace sojourn::cli
