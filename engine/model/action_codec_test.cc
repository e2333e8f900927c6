#include "engine/model/action_codec.h"

#include <random>

#include <gtest/gtest.h>

#include "engine/model/json_reader.h"

namespace sojourn::model {
namespace {

Action FullAction() {
  Action action;
  action.id = "act_0123456789abcdef0123456789abcdef";
  action.kind = ActionKind::kSendEmail;
  action.person = "u1";
  action.journey = "win-back";
  action.revision = "0011223344556677";
  action.run_key = "o1";
  action.entry = 2;
  action.step = "3.then.1";
  action.template_name = "winback-coupon";
  action.template_revision = "8899aabbccddeeff";
  action.topic = "marketing";
  action.address = "u1@shop.example";
  action.coupon = {"winback-15", "BACK-1", Timestamp(1772442000000)};
  action.paths = {{"offer", "coupon"}, {"tone", "warm"}};
  action.values_json = R"({"person":{"first_name":"Ana \"A\""}})";
  action.time = Timestamp(1772442000250);
  action.useful_until = Timestamp(1772528400250);
  action.late = true;
  action.why = {"Order Completed", "m1",
                "purchase",        Partition(3),
                Offset(77),        {{"trigger", "event.total > 20", "true (event.total = 50.0)"}}};
  return action;
}

TEST(ActionCodec, ProtobufKeepsEverything) {
  const Action action = FullAction();
  std::string bytes;
  EncodeAction(action, &bytes);
  const Result<Action> decoded = DecodeAction(bytes);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(ActionToJson(*decoded), ActionToJson(action));
  std::string again;
  EncodeAction(*decoded, &again);
  EXPECT_EQ(again, bytes);
}

TEST(ActionCodec, EveryKindRoundTrips) {
  for (const ActionKind kind : {ActionKind::kSendEmail, ActionKind::kSendSms, ActionKind::kSendPush,
                                ActionKind::kWebhook, ActionKind::kCoupon}) {
    Action action;
    action.kind = kind;
    std::string bytes;
    EncodeAction(action, &bytes);
    const Result<Action> decoded = DecodeAction(bytes);
    ASSERT_TRUE(decoded.ok());
    EXPECT_EQ(decoded->kind, kind);
    EXPECT_EQ(decoded->coupon.expires_at, Timestamp::Max());
  }
}

TEST(ActionCodec, JsonIsStable) {
  EXPECT_EQ(
      ActionToJson(FullAction()),
      R"({"id":"act_0123456789abcdef0123456789abcdef","kind":"send_email","person":"u1",)"
      R"("journey":"win-back","revision":"0011223344556677","run_key":"o1","entry":2,)"
      R"("step":"3.then.1","template":"winback-coupon","template_revision":"8899aabbccddeeff",)"
      R"("topic":"marketing","address":"u1@shop.example","coupon":{"pool":"winback-15",)"
      R"("code":"BACK-1","expires_at":"2026-03-02T09:00:00Z"},"paths":{"offer":"coupon",)"
      R"("tone":"warm"},"values":{"person":{"first_name":"Ana \"A\""}},)"
      R"("time":"2026-03-02T09:00:00.250Z","useful_until":"2026-03-03T09:00:00.250Z",)"
      R"("late":true,"why":{"input":"Order Completed","input_id":"m1","topic":"purchase",)"
      R"("partition":3,"offset":77,"conditions":[{"where":"trigger",)"
      R"x("expression":"event.total > 20","value":"true (event.total = 50.0)"}]}})x");
}

TEST(ActionCodec, JsonLeavesOutWhatSaysNothing) {
  Action action;
  action.id = "act_1";
  action.kind = ActionKind::kWebhook;
  action.person = "u1";
  action.why.input = "timer";
  EXPECT_EQ(ActionToJson(action),
            R"({"id":"act_1","kind":"webhook","person":"u1","entry":0,)"
            R"("time":"1970-01-01T00:00:00Z","useful_until":"1970-01-01T00:00:00Z",)"
            R"("why":{"input":"timer"}})");
}

TEST(ActionCodec, JsonKeepsEverything) {
  const Action action = FullAction();
  const Result<Action> read = ActionFromJson(ActionToJson(action));
  ASSERT_TRUE(read.ok()) << read.status().message();
  std::string bytes;
  EncodeAction(*read, &bytes);
  std::string expected;
  EncodeAction(action, &expected);
  EXPECT_EQ(bytes, expected);
}

TEST(ActionCodec, JsonOfEveryKindRoundTrips) {
  for (const ActionKind kind : {ActionKind::kSendEmail, ActionKind::kSendSms, ActionKind::kSendPush,
                                ActionKind::kWebhook, ActionKind::kCoupon}) {
    Action action;
    action.kind = kind;
    const Result<Action> read = ActionFromJson(ActionToJson(action));
    ASSERT_TRUE(read.ok()) << read.status().message();
    EXPECT_EQ(read->kind, kind);
    EXPECT_EQ(read->coupon.expires_at, Timestamp::Max());
  }
}

TEST(ActionCodec, RefusesJsonThatIsNoAction) {
  const auto why = [](std::string_view json) {
    const Status status = ActionFromJson(json).status();
    EXPECT_EQ(status.code(), StatusCode::kDataLoss) << json;
    return status.message();
  };
  EXPECT_EQ(why("not JSON"), "no action: neither a JSON object nor an array");
  EXPECT_EQ(why("[]"), "no action: `kind` is missing or unknown");
  EXPECT_EQ(why(R"({"kind":"fax"})"), "no action: `kind` is missing or unknown");
  EXPECT_EQ(why(R"({"kind":"coupon","useful_until":"2026-03-02T09:00:00Z"})"),
            "no action: `time` is missing or no time");
  EXPECT_EQ(why(R"({"kind":"coupon","time":"2026-03-02T09:00:00Z","useful_until":7})"),
            "no action: `useful_until` is missing or no time");
}

TEST(ActionCodec, MutatedJsonNeverCrashes) {
  const std::string seed = ActionToJson(FullAction());
  std::mt19937 random(18);
  int accepted = 0;
  for (int i = 0; i < 5'000; ++i) {
    std::string json = seed;
    json[random() % json.size()] = static_cast<char>(random() % 128);
    if (i % 9 == 0) json.resize(random() % json.size());
    const Result<Action> action = ActionFromJson(json);
    accepted += action.ok() ? 1 : 0;
    EXPECT_TRUE(action.ok() || action.status().code() == StatusCode::kDataLoss) << json;
  }
  EXPECT_GT(accepted, 500);
}

TEST(ActionCodec, CloudEvents) {
  const auto headers = CloudEventHeaders(FullAction(), "/sojourn/shop", ActionFormat::kProtobuf);
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"ce_specversion", "1.0"},
      {"ce_id", "act_0123456789abcdef0123456789abcdef"},
      {"ce_source", "/sojourn/shop"},
      {"ce_type", "sojourn.action.send_email"},
      {"ce_subject", "u1"},
      {"ce_time", "2026-03-02T09:00:00.250Z"},
      {"content-type", "application/protobuf"}};
  EXPECT_EQ(headers, expected);
}

TEST(ActionCodec, RefusesWhatIsNoAction) {
  EXPECT_EQ(DecodeAction("\xff").status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(DecodeAction("").status().message(), "an action of an unknown kind");
  EXPECT_EQ(DecodeAction("\x10\x63").status().message(), "an action of an unknown kind");
}

TEST(ActionCodec, MutatedBytesNeverCrash) {
  std::string seed;
  EncodeAction(FullAction(), &seed);
  std::mt19937 random(17);
  JsonReader reader;
  int accepted = 0;
  for (int i = 0; i < 5'000; ++i) {
    std::string bytes = seed;
    bytes[random() % bytes.size()] = static_cast<char>(random());
    if (i % 9 == 0) bytes.resize(random() % bytes.size());
    const Result<Action> action = DecodeAction(bytes);
    if (!action.ok()) continue;
    ++accepted;
    Action copy = *action;
    copy.values_json.clear();  // text that is taken as it is
    Arena arena;
    EXPECT_TRUE(reader.Read(ActionToJson(copy), 8, &arena).ok()) << ActionToJson(copy);
  }
  EXPECT_GT(accepted, 500);
}

}  // namespace
}  // namespace sojourn::model
