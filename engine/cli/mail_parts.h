// What mails are made and sent with, the same for the process that delivers them and for commands
// that show them.
//
// Threads: any. Errors: one line for people.
#pragma once

#include <string>

#include "engine/base/status.h"
#include "engine/cli/config.h"
#include "engine/deliver/mail_composer.h"
#include "engine/deliver/sender_pool.h"
#include "engine/model/person.h"

namespace sojourn::cli {

// `main_address`: of the main listener, which has the pages behind links where the configuration
// names no public one.
deliver::MailComposerOptions ComposerOptionsOf(const MailConfig& mail,
                                               const std::string& main_address);

// Null where nothing is sent. Options that cannot be used are told now, not with the first mail;
// makes the directory of files.
Result<deliver::SenderPool::MakeTransport> OpenTransports(const Config& config);

// Where mails go as files: `mail: {directory}`, else DATA/mail.
std::string MailDirectoryOf(const Config& config);

// What is known of them that decides about mails to them.
deliver::Recipient RecipientOf(const model::Person& person);
// `person`, with what was refused under an id that has become part of them.
deliver::Recipient WithRefusalsOf(const deliver::Recipient& old_id, deliver::Recipient person);

}  // namespace sojourn::cli
