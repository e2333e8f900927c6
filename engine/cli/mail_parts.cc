#include "engine/cli/mail_parts.h"

#include <atomic>
#include <memory>

#include "connectors/smtp/file_transport.h"
#include "connectors/smtp/mail_directory.h"
#include "connectors/smtp/smtp_transport.h"

namespace sojourn::cli {
namespace {

using deliver::SenderPool;

Result<std::shared_ptr<const smtp::DkimSigner>> OpenSigner(const MailConfig& config) {
  if (config.dkim.empty()) return std::shared_ptr<const smtp::DkimSigner>();
  SOJOURN_ASSIGN_OR_RETURN(smtp::DkimSigner signer, smtp::DkimSigner::Load(config.dkim));
  return std::shared_ptr<const smtp::DkimSigner>(
      std::make_shared<smtp::DkimSigner>(std::move(signer)));
}

std::string TextOf(const model::Value* value) {
  const bool text = value != nullptr && value->kind() == model::ValueKind::kString;
  return text ? std::string(value->text()) : "";
}

}  // namespace

deliver::MailComposerOptions ComposerOptionsOf(const MailConfig& mail,
                                               const std::string& main_address) {
  deliver::MailComposerOptions options;
  options.public_url = mail.public_url;
  if (options.public_url.empty()) {
    options.public_url = "http://" + (mail.listen.empty() ? main_address : mail.listen);
  }
  options.track_opens = mail.track_opens;
  options.track_clicks = mail.track_clicks;
  return options;
}

Result<SenderPool::MakeTransport> OpenTransports(const Config& config) {
  const MailConfig& mail = config.mail;
  SOJOURN_ASSIGN_OR_RETURN(const auto signer, OpenSigner(mail));
  switch (mail.send) {
    case MailTransportKind::kNone:
      break;
    case MailTransportKind::kFiles: {
      SOJOURN_ASSIGN_OR_RETURN(const auto directory,
                               smtp::MailDirectory::Open(MailDirectoryOf(config)));
      return SenderPool::MakeTransport(
          [directory, signer] { return std::make_unique<smtp::FileTransport>(directory, signer); });
    }
    case MailTransportKind::kDryRun:
      return SenderPool::MakeTransport([count = std::make_shared<std::atomic<uint64_t>>(0)] {
        return std::make_unique<smtp::DryRunTransport>(count);
      });
    case MailTransportKind::kSmtp:
      SOJOURN_RETURN_IF_ERROR(smtp::OpenSmtpTransport(mail.smtp, signer).status());
      return SenderPool::MakeTransport(
          [options = mail.smtp, signer] { return *smtp::OpenSmtpTransport(options, signer); });
  }
  return SenderPool::MakeTransport();
}

std::string MailDirectoryOf(const Config& config) {
  return config.mail.directory.empty() ? config.data + "/mail" : config.mail.directory;
}

deliver::Recipient RecipientOf(const model::Person& person) {
  deliver::Recipient recipient;
  recipient.knowledge = deliver::Recipient::Knowledge::kKnown;
  recipient.complained = person.complained;
  for (const std::string_view address : person.bounced) recipient.bounced.emplace_back(address);
  for (const model::ConsentChoice& choice : person.consent) {
    recipient.consent[std::string(choice.topic)] = choice.opted_in;
  }
  recipient.language = TextOf(person.FindTrait("language"));
  if (recipient.language.empty()) recipient.language = TextOf(person.FindTrait("locale"));
  return recipient;
}

deliver::Recipient WithRefusalsOf(const deliver::Recipient& old_id, deliver::Recipient person) {
  person.complained |= old_id.complained;
  person.bounced.insert(person.bounced.end(), old_id.bounced.begin(), old_id.bounced.end());
  for (const auto& [topic, opted_in] : old_id.consent) {
    if (!opted_in) person.consent[topic] = false;
  }
  return person;
}

}  // namespace sojourn::cli
