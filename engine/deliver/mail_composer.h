// Composes mails from the rules, and asks once more whether they may go.
//
// The order: may it still go (suppression list, complaint, bounce, consent as it is now), which
// template (the revision that the action pinned), rendering, footer, text part, tracked links,
// headers.
//
// Threads: any; the ports are called by several threads at once.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/status.h"
#include "engine/deliver/composer.h"
#include "engine/deliver/links.h"
#include "engine/deliver/page_texts.h"
#include "engine/language/bundle.h"

namespace sojourn::deliver {

// What is known now about the person a mail goes to.
struct Recipient {
  enum class Knowledge : uint8_t {
    kKnown,
    kElsewhere,  // another process has their state: what the rules saw when they decided counts
    kForgotten,  // erased since
  };
  Knowledge knowledge = Knowledge::kElsewhere;
  bool complained = false;
  std::vector<std::string> bounced;     // addresses
  std::map<std::string, bool> consent;  // what they said, by topic
  std::string language;                 // trait `language`, else `locale`; empty: unknown
};

// A mail as people look at it before it is sent.
struct Draft {
  Mail mail;
  // Why Compose would not give it, in its words: names of skip reasons, lines for people.
  std::vector<std::string> objections;
};

struct MailComposerPorts {
  std::function<std::shared_ptr<const language::RuleSet>()> rules;
  std::function<Result<Recipient>(const std::string& person)> recipient;
  // Whether the address is on the suppression list.
  std::function<Result<bool>(const std::string& address)> suppressed;
  std::function<Timestamp()> now;
};

// What a mail's marks say (Mail::marks), from the token of kFeedback.
using MarkHeaders =
    std::function<std::vector<std::pair<std::string, std::string>>(const std::string& token)>;

struct MailComposerOptions {
  std::string public_url;  // where the public listener is reached, without a slash at its end
  bool track_opens = true;
  bool track_clicks = true;
  MarkHeaders mark_headers;  // none: mails have no marks
};

class MailComposer final : public Composer {
 public:
  MailComposer(MailComposerOptions options, MailComposerPorts ports, LinkSigner signer,
               PageTexts texts);

  Composition Compose(const model::Action& action, bool reopened) override;
  std::string SenderOf(const model::Action& action) override;

  // The mail of Compose with the template as it is now, whether it may go or not. Without a sender
  // it has no From address. Errors: what cannot be looked up, no such template, one that fails.
  Result<Draft> MakeDraft(const model::Action& action) const;

 private:
  struct Urls;

  Result<Mail> MakeMail(const language::Company& company, const language::Template& rule,
                        const model::Action& action, const Recipient& recipient) const;
  Status WriteBody(const language::Company& company, const model::Action& action, bool marketing,
                   const std::string& language, const Urls& urls, Mail* mail) const;
  LinkClaims ClaimsOf(const model::Action& action, const std::string& language) const;
  Urls UrlsOf(const LinkClaims& claims) const;
  std::string MarkOf(const model::Action& action) const;

  const MailComposerOptions options_;
  const MailComposerPorts ports_;
  const LinkSigner signer_;
  const PageTexts texts_;
};

// The gates of suppression and consent, as they stand now: the name of a skip reason; empty: it may
// go.
std::string RefusalOf(const language::Company& company, const model::Action& action,
                      const Recipient& recipient);

// The template of that name and revision in any bundle, or, `current`, as it is now.
const language::Template* FindTemplate(const language::RuleSet& rules, const std::string& name,
                                       const std::string& revision, bool current);

// "Example Shop <hello@shop.example>" or an address alone.
Mailbox ParseMailbox(const std::string& text);

}  // namespace sojourn::deliver
