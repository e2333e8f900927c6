#include "engine/deliver/mail_composer.h"

#include <gtest/gtest.h>

#include "engine/language/load.h"

namespace sojourn::deliver {
namespace {

constexpr Timestamp kNow{1'772'442'000'000};
constexpr const char* kCompany = R"(company: Example Shop
postal_address: Main Street 1, Berlin
topics:
  marketing: {default: opted_in}
  newsletter: {default: opted_out}
  orders: {default: opted_in, kind: transactional}
senders:
  hello: {from: "Example Shop <hello@shop.example>", reply_to: care@shop.example}
  bills: {from: billing@shop.example}
)";

std::string TemplateFile(const std::string& name, const std::string& keys,
                         const std::string& body) {
  return "---\ntemplate: " + name + "\nsubject: \"Hi {{ person.first_name }}\"\n" + keys + "---\n" +
         body + "\n";
}

class MailComposerTest : public testing::Test {
 protected:
  MailComposerTest() {
    files_["company.yaml"] = kCompany;
    files_["templates/offer.liquid"] =
        TemplateFile("offer", "",
                     "<p>Dear {{ person.first_name }}, <a href=\"https://shop.example/a?b=1\">look"
                     "</a></p>");
    files_["templates/bill.liquid"] =
        TemplateFile("bill", "from: bills\ntopic: orders\n", "<p>Your bill</p>");
    files_["templates/own.liquid"] =
        TemplateFile("own", "", "<p>Hello <a href=\"{{ unsubscribe_url }}\">stop</a></p>");
    files_["templates/broken.liquid"] =
        TemplateFile("broken", "", "{{ person.first_name | divided_by: 0 }}");
  }

  MailComposer* composer() {
    if (composer_ == nullptr) {
      MailComposerPorts ports;
      ports.rules = [this] { return Rules(); };
      ports.recipient = [this](const std::string&) { return recipient_; };
      ports.suppressed = [this](const std::string& address) {
        return Result<bool>(address == suppressed_);
      };
      ports.now = [] { return kNow; };
      auto texts = PageTexts::Read("");
      EXPECT_TRUE(texts.ok()) << texts.status().message();
      composer_ = std::make_unique<MailComposer>(options_, ports, LinkSigner({"key"}), *texts);
    }
    return composer_.get();
  }

  std::shared_ptr<const language::RuleSet> Rules() {
    const language::LoadResult loaded = language::LoadBundle(files_);
    EXPECT_NE(loaded.bundle, nullptr);
    for (const auto& diagnostic : loaded.diagnostics) {
      EXPECT_NE(diagnostic.severity, language::Severity::kError) << diagnostic.message;
    }
    std::vector<std::shared_ptr<const language::Bundle>> older;
    if (older_ != nullptr) older.push_back(older_);
    return std::make_shared<language::RuleSet>(loaded.bundle, older);
  }

  model::Action Action(const std::string& name, const std::string& topic = "marketing") {
    model::Action action;
    action.id = "act_1";
    action.kind = model::ActionKind::kSendEmail;
    action.person = "u1";
    action.journey = "win-back";
    action.template_name = name;
    action.topic = topic;
    action.address = "mia@a.example";
    action.values_json = R"({"person":{"first_name":"Mia <3"}})";
    action.time = kNow;
    const auto rules = Rules();
    const language::Template* rule = rules->current().FindTemplate(name);
    if (rule != nullptr) action.template_revision = rule->revision;
    return action;
  }

  Composition Compose(const model::Action& action, bool reopened = false) {
    return composer()->Compose(action, reopened);
  }

  std::map<std::string, std::string> files_;
  std::shared_ptr<const language::Bundle> older_;
  MailComposerOptions options_{.public_url = "https://mail.shop.example"};
  Recipient recipient_{.knowledge = Recipient::Knowledge::kKnown};
  std::string suppressed_;
  std::unique_ptr<MailComposer> composer_;
};

TEST_F(MailComposerTest, AMarketingMailHasAllItNeeds) {
  const Composition composition = Compose(Action("offer"));
  ASSERT_EQ(composition.outcome, Composition::Outcome::kReady) << composition.reason;
  const Mail& mail = composition.mail;
  EXPECT_EQ(mail.from.name, "Example Shop");
  EXPECT_EQ(mail.from.address, "hello@shop.example");
  EXPECT_EQ(mail.reply_to, "care@shop.example");
  EXPECT_EQ(mail.to, "mia@a.example");
  EXPECT_EQ(mail.subject, "Hi Mia <3");
  EXPECT_NE(mail.html.find("Dear Mia &lt;3"), std::string::npos) << mail.html;
  EXPECT_NE(mail.html.find("Main Street 1, Berlin"), std::string::npos);
  EXPECT_NE(mail.html.find("https://mail.shop.example/c/"), std::string::npos);
  EXPECT_NE(mail.html.find("https://mail.shop.example/o/"), std::string::npos);
  EXPECT_NE(mail.text.find("Dear Mia <3, look (https://shop.example/a?b=1)"), std::string::npos)
      << mail.text;
  EXPECT_NE(mail.text.find(mail.unsubscribe_url), std::string::npos);
  EXPECT_EQ(mail.list_id, "marketing.shop.example");
  EXPECT_EQ(mail.feedback_id, "win-back:offer:marketing:Example-Shop");
  EXPECT_EQ(mail.date, kNow);
  const auto claims = LinkSigner({"key"}).Verify(
      LinkKind::kUnsubscribe,
      mail.unsubscribe_url.substr(std::string("https://mail.shop.example/u/").size()));
  ASSERT_TRUE(claims.ok());
  EXPECT_EQ(claims->person, "u1");
  EXPECT_EQ(claims->topic, "marketing");
}

TEST_F(MailComposerTest, AMarkNamesTheMailAndItsAddress) {
  EXPECT_TRUE(Compose(Action("offer")).mail.marks.empty());
  options_.mark_headers = [](const std::string& token) {
    return std::vector<std::pair<std::string, std::string>>{{"X-Mark", token}};
  };
  composer_.reset();
  model::Action action = Action("offer");
  const auto claims_of = [&] {
    const Composition composition = Compose(action);
    EXPECT_EQ(composition.mail.marks.size(), 1u);
    const std::string token = composition.mail.marks.at(0).second;
    const auto claims = LinkSigner({"key"}).Verify(LinkKind::kFeedback, token);
    EXPECT_TRUE(claims.ok());
    EXPECT_FALSE(LinkSigner({"key"}).Verify(LinkKind::kUnsubscribe, token).ok());
    return claims.ok() ? *claims : LinkClaims();
  };
  LinkClaims claims = claims_of();
  EXPECT_EQ(claims.person, "u1");
  EXPECT_EQ(claims.action_id, "act_1");
  EXPECT_EQ(claims.target, "mia@a.example");
  EXPECT_EQ(claims.template_name, "offer");
  action.person = std::string(120, 'p');  // too long with the names of rules
  claims = claims_of();
  EXPECT_EQ(claims.person, action.person);
  EXPECT_EQ(claims.target, "mia@a.example");
  EXPECT_EQ(claims.template_name, "");
}

TEST_F(MailComposerTest, ATransactionalMailHasNoListHeadersAndNoFooter) {
  recipient_.consent = {{"marketing", false}};
  const Composition composition = Compose(Action("bill", "orders"));
  ASSERT_EQ(composition.outcome, Composition::Outcome::kReady) << composition.reason;
  EXPECT_EQ(composition.mail.from.address, "billing@shop.example");
  EXPECT_EQ(composition.mail.unsubscribe_url, "");
  EXPECT_EQ(composition.mail.html.find("Main Street"), std::string::npos);
}

TEST_F(MailComposerTest, AMailWithALinkOfItsOwnGetsNoSecondFooter) {
  const Composition composition = Compose(Action("own"));
  ASSERT_EQ(composition.outcome, Composition::Outcome::kReady) << composition.reason;
  EXPECT_EQ(composition.mail.html.find("Main Street"), std::string::npos);
  EXPECT_EQ(composition.mail.html.find("/c/"), std::string::npos) << "our own link is not tracked";
}

TEST_F(MailComposerTest, TheFooterSpeaksThePersonsLanguage) {
  recipient_.language = "de-AT";
  EXPECT_NE(Compose(Action("offer")).mail.html.find("Abmelden"), std::string::npos);
}

TEST_F(MailComposerTest, TrackingCanBeSwitchedOff) {
  options_.track_clicks = options_.track_opens = false;
  const std::string html = Compose(Action("offer")).mail.html;
  EXPECT_NE(html.find("https://shop.example/a?b=1"), std::string::npos);
  EXPECT_EQ(html.find("/o/"), std::string::npos);
}

TEST_F(MailComposerTest, WhatIsNotWantedAnyMoreIsSkipped) {
  const auto reason = [&](const std::string& topic = "marketing") {
    const Composition composition = Compose(Action("offer", topic));
    return composition.outcome == Composition::Outcome::kSkip ? composition.reason : "sent";
  };
  EXPECT_EQ(reason(), "sent");
  suppressed_ = "mia@a.example";
  EXPECT_EQ(reason(), "suppressed");
  suppressed_ = "";
  recipient_.consent = {{"marketing", false}};
  EXPECT_EQ(reason(), "no_consent");
  recipient_.consent = {};
  EXPECT_EQ(reason("newsletter"), "no_consent");
  recipient_.consent = {{"newsletter", true}};
  EXPECT_EQ(reason("newsletter"), "sent");
  recipient_.complained = true;
  EXPECT_EQ(reason("newsletter"), "suppressed");
  recipient_.complained = false;
  recipient_.bounced = {"mia@a.example"};
  EXPECT_EQ(reason(), "suppressed");
  recipient_.bounced = {"old@a.example"};
  EXPECT_EQ(reason(), "sent");
  recipient_.knowledge = Recipient::Knowledge::kForgotten;
  EXPECT_EQ(reason(), "erased");
  recipient_ = {};
  EXPECT_EQ(reason("newsletter"), "sent") << "what another process knows was judged at the send";
}

TEST_F(MailComposerTest, WhatCannotBeComposedFailsWithItsReason) {
  EXPECT_EQ(Compose(Action("broken")).outcome, Composition::Outcome::kFail);
  EXPECT_NE(Compose(Action("broken")).reason.find("templates/broken.liquid:"), std::string::npos);
  EXPECT_EQ(Compose(Action("broken")).failure, "render_error");
  EXPECT_EQ(Compose(Action("gone")).failure, "template_gone");
  EXPECT_EQ(Compose(Action("gone")).reason, "the template \"gone\" is gone");
  files_["company.yaml"] = "company: X\nsenders: {a: {from: a@b.example}}\n";
  files_.erase("templates/bill.liquid");
  EXPECT_EQ(Compose(Action("own")).reason,
            "marketing mail needs the key postal_address in company.yaml");
}

TEST_F(MailComposerTest, ADraftIsThereWhateverStandsInItsWay) {
  const auto draft = composer()->MakeDraft(Action("offer"));
  ASSERT_TRUE(draft.ok()) << draft.status().message();
  EXPECT_TRUE(draft->objections.empty());
  EXPECT_EQ(draft->mail.html, Compose(Action("offer")).mail.html);
  suppressed_ = "mia@a.example";
  EXPECT_EQ(composer()->MakeDraft(Action("offer"))->objections,
            std::vector<std::string>{"suppressed"});
  suppressed_ = "";
  recipient_.consent = {{"marketing", false}};
  files_["company.yaml"] = "company: X\n";
  files_.erase("templates/bill.liquid");
  const auto refused = composer()->MakeDraft(Action("offer"));
  ASSERT_TRUE(refused.ok()) << refused.status().message();
  EXPECT_EQ(
      refused->objections,
      (std::vector<std::string>{"no_consent", "company.yaml names no sender for this template"}));
  EXPECT_EQ(refused->mail.from.address, "");
  EXPECT_NE(refused->mail.html.find("Dear Mia"), std::string::npos);
  EXPECT_NE(
      composer()->MakeDraft(Action("broken")).status().message().find("templates/broken.liquid:"),
      std::string::npos);
  EXPECT_EQ(composer()->MakeDraft(Action("gone")).status().code(), StatusCode::kNotFound);
}

TEST_F(MailComposerTest, TheActionsRevisionOfTheTemplateCounts) {
  const model::Action action = Action("offer");
  older_ = language::LoadBundle(files_).bundle;
  files_["templates/offer.liquid"] = TemplateFile("offer", "", "<p>New</p>");
  EXPECT_NE(Compose(action).mail.html.find("Dear Mia"), std::string::npos);
  EXPECT_NE(Compose(action, /*reopened=*/true).mail.html.find("New"), std::string::npos);
  older_ = nullptr;
  EXPECT_EQ(Compose(action).outcome, Composition::Outcome::kFail);
}

TEST_F(MailComposerTest, ALookupThatFailsIsTriedAgain) {
  MailComposerPorts ports;
  ports.rules = [this] { return Rules(); };
  ports.suppressed = [](const std::string&) { return Result<bool>(Unavailable("away")); };
  MailComposer composer({}, ports, LinkSigner({"key"}), *PageTexts::Read(""));
  EXPECT_EQ(composer.Compose(Action("offer"), false).outcome, Composition::Outcome::kTryLater);
}

TEST(ParseMailboxTest, NamesAndAddresses) {
  const auto text = [](const std::string& mailbox) {
    const Mailbox parsed = ParseMailbox(mailbox);
    return parsed.name + "|" + parsed.address;
  };
  EXPECT_EQ(text("Example Shop <hello@shop.example>"), "Example Shop|hello@shop.example");
  EXPECT_EQ(text("\"Shop, Inc.\" <a@b.example>"), "Shop, Inc.|a@b.example");
  EXPECT_EQ(text("<a@b.example>"), "|a@b.example");
  EXPECT_EQ(text("a@b.example"), "|a@b.example");
  EXPECT_EQ(text(""), "|");
}

}  // namespace
}  // namespace sojourn::deliver
