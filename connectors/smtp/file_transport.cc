#include "connectors/smtp/file_transport.h"

#include "connectors/smtp/signed_mime.h"

namespace sojourn::smtp {

using deliver::SendOutcome;
using deliver::SendResult;

SendResult FileTransport::Send(const deliver::Mail& mail, const BeforeData& before_data) {
  const auto message = WriteSignedMime(mail, signer_.get());
  if (!message.ok()) return NotWritten(mail, message.status());
  Status status = before_data();
  if (status.ok()) status = directory_->Add(mail, *message);
  if (!status.ok()) return {SendOutcome::kTryLater, 0, false, status.message()};
  return {SendOutcome::kDelivered, 0, false, "written to the directory"};
}

SendResult DryRunTransport::Send(const deliver::Mail& mail, const BeforeData& before_data) {
  const auto message = WriteSignedMime(mail, nullptr);
  if (!message.ok()) return NotWritten(mail, message.status());
  const Status status = before_data();
  if (!status.ok()) return {SendOutcome::kTryLater, 0, false, status.message()};
  ++*count_;
  return {SendOutcome::kDelivered, 0, false, "dry run: sent to nobody"};
}

}  // namespace sojourn::smtp
