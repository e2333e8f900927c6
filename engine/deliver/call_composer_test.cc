#include "engine/deliver/call_composer.h"

#include <gtest/gtest.h>

#include "engine/language/load.h"

namespace sojourn::deliver {
namespace {

using Outcome = Composition::Outcome;

class CallComposerTest : public testing::Test {
 protected:
  CallComposerTest() {
    const language::LoadResult loaded = language::LoadBundle(
        {{"company.yaml",
          "company: Example Shop\npostal_address: Main Street 1, Berlin\n"
          "topics:\n  marketing: {default: opted_in}\n"},
         {"templates/note.liquid",
          "---\ntemplate: note\nchannel: sms\n---\nHi {{ person.first_name }} & all"},
         {"templates/broken.liquid",
          "---\ntemplate: broken\nchannel: sms\n---\n{{ person.first_name | divided_by: 0 }}"}});
    for (const auto& diagnostic : loaded.diagnostics) {
      EXPECT_NE(diagnostic.severity, language::Severity::kError) << diagnostic.message;
    }
    EXPECT_NE(loaded.bundle, nullptr);
    rules_ = std::make_shared<language::RuleSet>(
        loaded.bundle, std::vector<std::shared_ptr<const language::Bundle>>());
  }

  Composition Compose(const model::Action& action) {
    CallComposerPorts ports;
    ports.rules = [this] { return rules_; };
    ports.recipient = [this](const std::string&) { return recipient_; };
    ports.suppressed = [this](const std::string& address) {
      return Result<bool>(address == suppressed_);
    };
    call_ = {};
    return CallComposer({"https://sms.example/send", ""}, ports).Compose(action, false, &call_);
  }

  static model::Action Webhook(
      const std::string& values = R"({"data":{"order":"a1","none":null}})") {
    model::Action action;
    action.id = "act_1";
    action.kind = model::ActionKind::kWebhook;
    action.person = "u1";
    action.journey = "orders";
    action.step = "tell";
    action.entry = 2;
    action.url = "https://crm.example/hook?key=1";
    action.method = "PUT";
    action.values_json = values;
    action.time = Timestamp(1'772'442'000'000);
    return action;
  }

  model::Action Sms(const std::string& name = "note") {
    model::Action action = Webhook(R"({"person":{"first_name":"Mia"}})");
    action.kind = model::ActionKind::kSendSms;
    action.template_name = name;
    action.topic = "marketing";
    action.address = "+491701234567";
    const language::Template* rule = rules_->current().FindTemplate(name);
    if (rule != nullptr) action.template_revision = rule->revision;
    return action;
  }

  std::shared_ptr<const language::RuleSet> rules_;
  Recipient recipient_{.knowledge = Recipient::Knowledge::kKnown};
  std::string suppressed_;
  Call call_;
};

TEST_F(CallComposerTest, AWebhookSaysWhatTheStepGives) {
  ASSERT_EQ(Compose(Webhook()).outcome, Outcome::kReady);
  EXPECT_EQ(call_.id, "act_1");
  EXPECT_EQ(call_.url, "https://crm.example/hook?key=1");
  EXPECT_EQ(call_.method, "PUT");
  EXPECT_EQ(call_.body,
            R"({"type":"webhook","timestamp":"2026-03-02T09:00:00Z","data":{"person":"u1",)"
            R"("journey":"orders","step":"tell","entry":2,"order":"a1","none":null}})");
}

TEST_F(CallComposerTest, NamesOfTheStepComeBeforeOurs) {
  Compose(Webhook(R"({"data":{"person":"mia@a.example"}})"));
  EXPECT_NE(call_.body.find(R"("person":"mia@a.example")"), std::string::npos) << call_.body;
  EXPECT_EQ(call_.body.find(R"("u1")"), std::string::npos) << call_.body;
}

TEST_F(CallComposerTest, AGetHasNoBody) {
  model::Action action = Webhook();
  action.method = "GET";
  EXPECT_EQ(Compose(action).outcome, Outcome::kReady);
  EXPECT_EQ(call_.body, "");
}

TEST_F(CallComposerTest, NothingIsToldOfWhoWasErased) {
  recipient_.knowledge = Recipient::Knowledge::kForgotten;
  const Composition composition = Compose(Webhook());
  EXPECT_EQ(composition.outcome, Outcome::kSkip);
  EXPECT_EQ(composition.reason, "erased");
  recipient_ = {.knowledge = Recipient::Knowledge::kKnown, .consent = {{"marketing", false}}};
  EXPECT_EQ(Compose(Webhook()).outcome, Outcome::kReady) << "consent is about messages";
}

TEST_F(CallComposerTest, AMessageGoesToItsGatewayAsText) {
  ASSERT_EQ(Compose(Sms()).outcome, Outcome::kReady);
  EXPECT_EQ(call_.url, "https://sms.example/send");
  EXPECT_EQ(call_.method, "POST");
  EXPECT_EQ(call_.body,
            R"({"type":"sms","timestamp":"2026-03-02T09:00:00Z","data":{"person":"u1",)"
            R"("journey":"orders","step":"tell","entry":2,"template":"note","topic":"marketing",)"
            R"("to":"+491701234567","text":"Hi Mia & all"}})");
}

TEST_F(CallComposerTest, AMessageStopsAtSuppressionAndConsent) {
  suppressed_ = "+491701234567";
  EXPECT_EQ(Compose(Sms()).reason, "suppressed");
  suppressed_ = "";
  recipient_.consent["marketing"] = false;
  const Composition composition = Compose(Sms());
  EXPECT_EQ(composition.outcome, Outcome::kSkip);
  EXPECT_EQ(composition.reason, "no_consent");
}

TEST_F(CallComposerTest, AMessageThatCannotBeMadeFails) {
  EXPECT_EQ(Compose(Sms("broken")).failure, "render_error");
  EXPECT_EQ(Compose(Sms("gone")).failure, "template_gone");
}

TEST(Gateways, TakeMessagesOnlyWhereTheyAre) {
  const Gateways gateways{"https://sms.example", ""};
  EXPECT_TRUE(gateways.Takes(model::ActionKind::kWebhook));
  EXPECT_TRUE(gateways.Takes(model::ActionKind::kSendSms));
  EXPECT_FALSE(gateways.Takes(model::ActionKind::kSendPush));
  EXPECT_FALSE(gateways.Takes(model::ActionKind::kSendEmail));
  EXPECT_FALSE(gateways.Takes(model::ActionKind::kCoupon));
}

}  // namespace
}  // namespace sojourn::deliver
