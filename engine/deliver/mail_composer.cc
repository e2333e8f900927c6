#include "engine/deliver/mail_composer.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "engine/deliver/body.h"
#include "engine/deliver/rate.h"
#include "engine/language/render_message.h"
#include "engine/model/suppression.h"

namespace sojourn::deliver {
namespace {

using language::Company;
using language::ConsentTopic;
using language::Sender;

Composition Skip(std::string reason) {
  Composition composition;
  composition.outcome = Composition::Outcome::kSkip;
  composition.reason = std::move(reason);
  return composition;
}

Composition Fail(std::string failure, std::string reason) {
  Composition composition;
  composition.outcome = Composition::Outcome::kFail;
  composition.failure = std::move(failure);
  composition.reason = std::move(reason);
  return composition;
}

Composition TryLater(const Status& status) {
  Composition composition;
  composition.outcome = Composition::Outcome::kTryLater;
  composition.reason = status.message();
  return composition;
}

const Sender* FindSender(const Company& company, const std::string& name) {
  for (const Sender& sender : company.senders) {
    if (name.empty() || sender.name == name) return &sender;
  }
  return nullptr;
}

bool IsMarketing(const Company& company, const model::Action& action) {
  const ConsentTopic* topic = company.FindTopic(action.topic);
  return topic == nullptr || !topic->transactional;
}

// What the rules lack for a mail of this template: both empty where they lack nothing.
struct Lack {
  std::string failure;  // Composition::failure
  std::string reason;
};

Lack Obstacle(const Company& company, const language::Template& rule, const model::Action& action) {
  if (FindSender(company, rule.from) == nullptr) {
    return {"no_sender", "company.yaml names no sender for this template"};
  }
  if (IsMarketing(company, action) && company.postal_address.empty()) {
    return {"no_postal_address", "marketing mail needs the key postal_address in company.yaml"};
  }
  return {};
}

// List-Id and Feedback-ID have a narrow alphabet.
std::string Token(std::string_view text) {
  std::string token;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    token += std::isalnum(byte) != 0 && byte < 0x80 ? c : '-';
  }
  return token;
}

}  // namespace

struct MailComposer::Urls {
  std::string unsubscribe;
  std::string preferences;
  std::string open;
};

std::string RefusalOf(const Company& company, const model::Action& action,
                      const Recipient& recipient) {
  if (recipient.knowledge == Recipient::Knowledge::kElsewhere) return "";
  if (recipient.knowledge == Recipient::Knowledge::kForgotten) return "erased";
  const bool bounced = model::HasAddress(recipient.bounced, action.address);
  if (recipient.complained || bounced) return "suppressed";
  const ConsentTopic* topic = company.FindTopic(action.topic);
  const auto said = recipient.consent.find(action.topic);
  if (said != recipient.consent.end()) return said->second ? "" : "no_consent";
  return topic == nullptr || topic->opted_in ? "" : "no_consent";
}

const language::Template* FindTemplate(const language::RuleSet& rules, const std::string& name,
                                       const std::string& revision, bool current) {
  const language::Template* newest = rules.current().FindTemplate(name);
  if (newest != nullptr && (current || newest->revision == revision)) return newest;
  for (const auto& bundle : rules.older()) {
    const language::Template* rule = bundle->FindTemplate(name);
    if (rule != nullptr && rule->revision == revision) return rule;
  }
  return nullptr;
}

Mailbox ParseMailbox(const std::string& text) {
  const size_t open = text.rfind('<');
  if (open == std::string::npos || text.back() != '>') return {"", text};
  std::string name = text.substr(0, open);
  const size_t last = name.find_last_not_of(" \t");
  name.erase(last == std::string::npos ? 0 : last + 1);
  if (name.size() >= 2 && name.front() == '"' && name.back() == '"') {
    name = name.substr(1, name.size() - 2);
  }
  return {name, text.substr(open + 1, text.size() - open - 2)};
}

MailComposer::MailComposer(MailComposerOptions options, MailComposerPorts ports, LinkSigner signer,
                           PageTexts texts)
    : options_(std::move(options)),
      ports_(std::move(ports)),
      signer_(std::move(signer)),
      texts_(std::move(texts)) {}

std::string MailComposer::SenderOf(const model::Action& action) {
  const auto rules = ports_.rules();
  const language::Template* rule =
      FindTemplate(*rules, action.template_name, action.template_revision, false);
  const Sender* sender = FindSender(rules->current().company, rule == nullptr ? "" : rule->from);
  return sender == nullptr ? "" : ParseMailbox(sender->from).address;
}

Composition MailComposer::Compose(const model::Action& action, bool reopened) {
  const auto suppressed = ports_.suppressed(action.address);
  if (!suppressed.ok()) return TryLater(suppressed.status());
  if (*suppressed) return Skip("suppressed");
  const auto recipient = ports_.recipient(action.person);
  if (!recipient.ok()) return TryLater(recipient.status());
  const auto rules = ports_.rules();
  const std::string refusal = RefusalOf(rules->current().company, action, *recipient);
  if (!refusal.empty()) return Skip(refusal);
  const language::Template* rule =
      FindTemplate(*rules, action.template_name, action.template_revision, reopened);
  if (rule == nullptr) {
    return Fail("template_gone", fmt::format("the template \"{}\" is gone", action.template_name));
  }
  const Lack lack = Obstacle(rules->current().company, *rule, action);
  if (!lack.reason.empty()) return Fail(lack.failure, lack.reason);
  auto mail = MakeMail(rules->current().company, *rule, action, *recipient);
  if (!mail.ok()) {
    return Fail("render_error",
                fmt::format("template \"{}\", {}", rule->name, mail.status().message()));
  }
  Composition composition;
  composition.mail = *std::move(mail);
  return composition;
}

Result<Draft> MailComposer::MakeDraft(const model::Action& action) const {
  SOJOURN_ASSIGN_OR_RETURN(const bool suppressed, ports_.suppressed(action.address));
  SOJOURN_ASSIGN_OR_RETURN(const Recipient recipient, ports_.recipient(action.person));
  const auto rules = ports_.rules();
  const Company& company = rules->current().company;
  const language::Template* rule = rules->current().FindTemplate(action.template_name);
  if (rule == nullptr) return NotFound("there is no template " + action.template_name);
  Draft draft;
  const std::string refusal = suppressed ? "suppressed" : RefusalOf(company, action, recipient);
  if (!refusal.empty()) draft.objections.push_back(refusal);
  const Lack lack = Obstacle(company, *rule, action);
  if (!lack.reason.empty()) draft.objections.push_back(lack.reason);
  SOJOURN_ASSIGN_OR_RETURN(draft.mail, MakeMail(company, *rule, action, recipient));
  return draft;
}

Result<Mail> MailComposer::MakeMail(const Company& company, const language::Template& rule,
                                    const model::Action& action, const Recipient& recipient) const {
  const bool marketing = IsMarketing(company, action);
  const std::string language = texts_.Choose(recipient.language, "");
  const Urls urls = UrlsOf(ClaimsOf(action, language));
  SOJOURN_ASSIGN_OR_RETURN(
      const language::RenderedMessage rendered,
      language::RenderMessage(company, rule, action, {urls.unsubscribe, urls.preferences}));

  Mail mail;
  mail.action_id = action.id;
  if (const Sender* sender = FindSender(company, rule.from)) {
    mail.from = ParseMailbox(sender->from);
    mail.reply_to = ParseMailbox(sender->reply_to).address;
  }
  mail.to = action.address;
  mail.subject = rendered.subject;
  mail.html = rendered.body;
  mail.date = ports_.now();
  if (marketing) {
    mail.unsubscribe_url = urls.unsubscribe;
    mail.list_id = Token(action.topic) + "." + DomainOf(mail.from.address);
  }
  mail.feedback_id = fmt::format("{}:{}:{}:{}", Token(action.journey), Token(action.template_name),
                                 Token(action.topic), Token(company.name));
  if (options_.mark_headers != nullptr) mail.marks = options_.mark_headers(MarkOf(action));
  SOJOURN_RETURN_IF_ERROR(WriteBody(company, action, marketing, language, urls, &mail));
  return mail;
}

Status MailComposer::WriteBody(const Company& company, const model::Action& action, bool marketing,
                               const std::string& language, const Urls& urls, Mail* mail) const {
  if (marketing && NeedsFooter(mail->html, urls.unsubscribe, urls.preferences)) {
    Footer footer;
    footer.postal_address = company.postal_address;
    footer.unsubscribe_url = urls.unsubscribe;
    footer.preferences_url = urls.preferences;
    footer.reason = texts_.Get(language, PageText::kFooterReason, company.name);
    footer.unsubscribe = texts_.Get(language, PageText::kFooterUnsubscribe);
    footer.preferences = texts_.Get(language, PageText::kFooterPreferences);
    mail->html = AddFooter(mail->html, footer);
  }
  mail->text = TextFromHtml(mail->html);
  Tracking tracking;
  tracking.untracked = {options_.public_url + "/"};
  if (options_.track_opens) tracking.open_url = urls.open;
  if (options_.track_clicks) {
    tracking.click_url = [&, claims = ClaimsOf(action, language)](const std::string& target) {
      LinkClaims click = claims;
      click.kind = LinkKind::kClick;
      click.target = target;
      return options_.public_url + "/c/" + signer_.Sign(click);
    };
  }
  mail->html = TrackLinks(mail->html, tracking);
  return Status::Ok();
}

LinkClaims MailComposer::ClaimsOf(const model::Action& action, const std::string& language) const {
  LinkClaims claims;
  claims.action_id = action.id;
  claims.person = action.person;
  claims.journey = action.journey;
  claims.template_name = action.template_name;
  claims.topic = action.topic;
  claims.language = language;
  claims.sent_at = ports_.now();
  return claims;
}

// Providers hand back only what is short: where names of rules make it too long, they are left out.
std::string MailComposer::MarkOf(const model::Action& action) const {
  LinkClaims claims = ClaimsOf(action, "");
  claims.kind = LinkKind::kFeedback;
  claims.target = action.address;
  std::string mark = signer_.Sign(claims);
  if (mark.size() <= kMaxShortMarkBytes) return mark;
  claims.journey.clear();
  claims.template_name.clear();
  claims.topic.clear();
  return signer_.Sign(claims);
}

MailComposer::Urls MailComposer::UrlsOf(const LinkClaims& claims) const {
  const auto url = [&](LinkKind kind, std::string_view path, std::string_view ending) {
    LinkClaims of_kind = claims;
    of_kind.kind = kind;
    return fmt::format("{}/{}/{}{}", options_.public_url, path, signer_.Sign(of_kind), ending);
  };
  return {url(LinkKind::kUnsubscribe, "u", ""), url(LinkKind::kPreferences, "p", ""),
          url(LinkKind::kOpen, "o", ".gif")};
}

}  // namespace sojourn::deliver
