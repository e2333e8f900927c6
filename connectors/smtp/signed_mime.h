// What every transport does first: the mail as it goes to a relay, or the result where there is
// none.
//
// Pure functions; threads: any.
#pragma once

#include <string>

#include "connectors/smtp/dkim.h"
#include "engine/base/status.h"
#include "engine/deliver/mail.h"
#include "engine/deliver/transport.h"

namespace sojourn::smtp {

// WriteMime with a signature before it where `signer`, which may be null, has a key of the sender.
Result<std::string> WriteSignedMime(const deliver::Mail& mail, const DkimSigner* signer);

// The result of sending a mail for which WriteSignedMime gave `status`.
deliver::SendResult NotWritten(const deliver::Mail& mail, const Status& status);

}  // namespace sojourn::smtp
