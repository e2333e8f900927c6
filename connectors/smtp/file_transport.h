// Mails that reach nobody: into a directory, or only counted.
//
// Both write each mail as a relay would get it, so a mail that cannot be written is refused here,
// too. Threads: one at a time per transport; what they share is safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "connectors/smtp/dkim.h"
#include "connectors/smtp/mail_directory.h"
#include "engine/deliver/transport.h"

namespace sojourn::smtp {

// kTryLater where the directory cannot be written to. A mail is there for the next reader, but may
// be lost with the power. `signer` may be null.
class FileTransport final : public deliver::MailTransport {
 public:
  FileTransport(std::shared_ptr<MailDirectory> directory, std::shared_ptr<const DkimSigner> signer)
      : directory_(std::move(directory)), signer_(std::move(signer)) {}

  deliver::SendResult Send(const deliver::Mail& mail, const BeforeData& before_data) override;

 private:
  const std::shared_ptr<MailDirectory> directory_;
  const std::shared_ptr<const DkimSigner> signer_;
};

class DryRunTransport final : public deliver::MailTransport {
 public:
  // Adds one to `count` for each mail that would have been sent.
  explicit DryRunTransport(std::shared_ptr<std::atomic<uint64_t>> count)
      : count_(std::move(count)) {}

  deliver::SendResult Send(const deliver::Mail& mail, const BeforeData& before_data) override;

 private:
  const std::shared_ptr<std::atomic<uint64_t>> count_;
};

}  // namespace sojourn::smtp
