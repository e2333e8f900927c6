#include "connectors/smtp/signed_mime.h"

#include "connectors/smtp/mail_address.h"
#include "connectors/smtp/mime.h"

namespace sojourn::smtp {

using deliver::SendOutcome;
using deliver::SendResult;

Result<std::string> WriteSignedMime(const deliver::Mail& mail, const DkimSigner* signer) {
  SOJOURN_ASSIGN_OR_RETURN(std::string message, WriteMime(mail));
  if (signer == nullptr) return message;
  SOJOURN_ASSIGN_OR_RETURN(const Envelope envelope, EnvelopeOf(mail));
  SOJOURN_ASSIGN_OR_RETURN(std::string signature,
                           signer->Sign(message, DomainOf(envelope.from), mail.date));
  return signature += message;
}

SendResult NotWritten(const deliver::Mail& mail, const Status& status) {
  const bool for_good = status.code() == StatusCode::kInvalidArgument;
  return {for_good ? SendOutcome::kRefused : SendOutcome::kTryLater, 0,
          for_good && !IsMailAddress(mail.to), status.message()};
}

}  // namespace sojourn::smtp
