// Whom a send goes to, as the state knows them now.
//
// Threads: any, as Backend::ReadPerson. Errors: those of ReadPerson.
#pragma once

#include <string>

#include "engine/base/status.h"
#include "engine/cli/backend.h"
#include "engine/deliver/mail_composer.h"

namespace sojourn::cli {

// An id that has merged since is whom it has become; what it had refused holds on the way there.
Result<deliver::Recipient> FindRecipient(Backend* backend, const std::string& id,
                                         Duration patience);

}  // namespace sojourn::cli
