#include "engine/cli/config.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "engine/cli/listener_config.h"

namespace sojourn::cli {
namespace {

class ConfigTest : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::path directory = testing::TempDir();
    file_ = (directory / (std::string("sojourn-config-") +
                          testing::UnitTest::GetInstance()->current_test_info()->name() + ".yaml"))
                .string();
  }
  void TearDown() override { std::filesystem::remove(file_); }

  Result<Config> Read(const std::string& yaml) {
    std::ofstream(file_) << yaml;
    return ReadConfig(file_);
  }

  void ExpectRefused(const std::string& yaml, const std::string& place, const std::string& word) {
    const Result<Config> config = Read(yaml);
    ASSERT_FALSE(config.ok()) << yaml;
    EXPECT_EQ(config.status().code(), StatusCode::kInvalidArgument);
    const std::string& message = config.status().message();
    EXPECT_TRUE(message.starts_with(file_ + ":" + place + ": ")) << message;
    EXPECT_NE(message.find(word), std::string::npos) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos);
  }

  std::string file_;
};

constexpr char kRouted[] =
    "log: kafka\n"
    "kafka:\n"
    "  bootstrap_servers: broker:9092\n"
    "  inputs: []\n"
    "  route:\n"
    "    - {topic: shop-orders}\n"
    "    - {topic: clicks, format: protobuf}\n"
    "mail: {send: files}\n";

TEST_F(ConfigTest, RunsEverythingWhereNoRolesAreNamed) {
  const Result<Config> config = Read(kRouted);
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_TRUE(config->roles.router && config->roles.engine && config->roles.deliver);
  EXPECT_TRUE(config->kafka.inputs.empty());
  ASSERT_EQ(config->kafka.routes.size(), 2u);
  EXPECT_EQ(config->kafka.routes[0].name, "shop-orders");
  EXPECT_EQ(config->kafka.routes[0].format, model::EventFormat::kJson);
  EXPECT_EQ(config->kafka.routes[1].format, model::EventFormat::kProtobuf);
}

TEST_F(ConfigTest, ReadsRoles) {
  const auto router = Read(std::string(kRouted) + "roles: [router]\n");
  ASSERT_TRUE(router.ok()) << router.status().message();
  EXPECT_TRUE(router->roles.router);
  EXPECT_FALSE(router->roles.engine || router->roles.deliver || router->roles.needs_rules());
  EXPECT_TRUE(ValidateConfig(*router).ok()) << ValidateConfig(*router).message();
  const auto others = Read(std::string(kRouted) + "roles: [deliver, engine]\n");
  ASSERT_TRUE(others.ok()) << others.status().message();
  EXPECT_FALSE(others->roles.router);
  EXPECT_TRUE(others->roles.engine && others->roles.deliver);
  // Who walks people or sends mails needs keys.
  EXPECT_NE(ValidateConfig(*others).message().find("secrets"), std::string::npos);
}

TEST_F(ConfigTest, RefusesRolesThatMeanNothing) {
  const std::string routed = kRouted;
  ExpectRefused(routed + "roles: [engine, rooter]\n", "9:17", "rooter");
  ExpectRefused(routed + "roles: []\n", "9:8", "empty");
  ExpectRefused(routed + "roles: router\n", "9:8", "list");
  ExpectRefused(routed + "roles: [engine, engine]\n", "9:17", "twice");
  const std::string unrouted = "log: kafka\nkafka: {bootstrap_servers: b}\n";
  ExpectRefused(unrouted + "roles: [engine, router]\n", "3:17", "kafka: {route");
  ExpectRefused(unrouted + "roles: [deliver]\n", "3:9", "mail: {send: smtp}");
  ExpectRefused("roles: [engine]\n", "1:8", "log: kafka");
}

TEST_F(ConfigTest, RefusesRoutesThatMeanNothing) {
  ExpectRefused("kafka: {bootstrap_servers: b, route: [{topic: t}]}\n", "1:38", "embedded");
  ExpectRefused("log: kafka\nkafka: {bootstrap_servers: b, route: []}\n", "2:38", "empty");
  ExpectRefused("log: kafka\nkafka: {bootstrap_servers: b, route: [clicks]}\n", "2:39", "topic");
}

TEST_F(ConfigTest, ReadsTheLimitsOfTheIntake) {
  const auto usual = Read("app: shop\n");
  ASSERT_TRUE(usual.ok()) << usual.status().message();
  EXPECT_EQ(usual->intake.max_event_bytes, 32768u);
  EXPECT_EQ(usual->intake.max_body_bytes, 512000u);
  EXPECT_EQ(usual->intake.max_batch_calls, 2500u);
  const auto config =
      Read("intake: {max_event_bytes: 262144, max_body_bytes: 2097152, max_batch_calls: 10}\n");
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->intake.max_event_bytes, 262144u);
  EXPECT_EQ(config->intake.max_body_bytes, 2097152u);
  EXPECT_EQ(config->intake.max_batch_calls, 10u);
  ExpectRefused("intake: {max_event_bytes: 262145}\n", "1:27", "262144");
  ExpectRefused("intake: {max_event_byte: 1024}\n", "1:10", "max_event_bytes");
}

TEST_F(ConfigTest, ReadsSecretsFromWhereTheyAre) {
  const std::filesystem::path key = std::filesystem::path(file_).replace_extension(".key");
  std::ofstream(key) << "a key in a file\n";
  setenv("SOJOURN_CONFIG_TEST", "a key of the environment", 1);
  const auto config = Read(
      "write_keys: {web: plain, shop: {file: " + key.filename().string() +
      "}, app: {env: SOJOURN_CONFIG_TEST}}\n"
      "secrets:\n"
      "  coupon_key: {file: " +
      key.string() +
      "}\n"
      "  link_keys: [{env: SOJOURN_CONFIG_TEST}, another key of links]\n"
      "mail: {send: smtp, smtp: {host: relay, password: {env: SOJOURN_CONFIG_TEST}}}\n"
      "kafka: {bootstrap_servers: b, properties: {sasl.password: {env: SOJOURN_CONFIG_TEST}}}\n");
  std::filesystem::remove(key);
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->write_keys.at("web"), http::SecretHash::Of("plain").ToText());
  EXPECT_EQ(config->write_keys.at("shop"), http::SecretHash::Of("a key in a file").ToText());
  EXPECT_EQ(config->write_keys.at("app"),
            http::SecretHash::Of("a key of the environment").ToText());
  EXPECT_EQ(config->coupon_key, "a key in a file");
  ASSERT_EQ(config->link_keys.size(), 2u);
  EXPECT_EQ(config->link_keys[0], "a key of the environment");
  EXPECT_EQ(config->mail.smtp.password, "a key of the environment");
  EXPECT_EQ(config->kafka.properties.at("sasl.password"), "a key of the environment");
}

TEST_F(ConfigTest, RefusesSecretsThatAreNotThere) {
  const std::string empty = std::filesystem::path(file_).replace_extension(".empty").string();
  std::ofstream(empty) << "\n";
  setenv("SOJOURN_CONFIG_EMPTY", "", 1);
  setenv("SOJOURN_CONFIG_LONG", "a key of the environment", 1);
  unsetenv("SOJOURN_CONFIG_UNSET");
  ExpectRefused("write_keys: {web: {file: /nowhere/key}}\n", "1:26", "/nowhere/key");
  ExpectRefused("write_keys: {web: {file: " + testing::TempDir() + "}}\n", "1:26",
                "not a regular file");
  ExpectRefused("write_keys: {web: {file: " + empty + "}}\n", "1:26", "empty");
  ExpectRefused("write_keys: {web: {env: SOJOURN_CONFIG_UNSET}}\n", "1:25", "not set");
  ExpectRefused("write_keys: {web: {env: SOJOURN_CONFIG_EMPTY}}\n", "1:25", "empty");
  ExpectRefused("write_keys: {web: \"\"}\n", "1:19", "empty");
  ExpectRefused("write_keys: {web: {fiel: /nowhere/key}}\n", "1:20", "file");
  ExpectRefused("write_keys: {web: {file: a, env: B}}\n", "1:29", "env");
  ExpectRefused("secrets: {link_keys: [{env: SOJOURN_CONFIG_LONG}, short]}\n", "1:51", "16");
  std::filesystem::remove(empty);
}

constexpr char kP256[] =
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEMLduYsWuUwZGiywFxcvCepPBP6nvKqCo90QL20Ne4VRO"
    "plvoJCaeVsT/a4Swx+DSPEXns8MYmIXcAKEeya2O2w==";

TEST_F(ConfigTest, ReadsWhoTellsOfMails) {
  const Result<Config> config = Read(
      std::string("feedback:\n"
                  "  ses: {topics: ['arn:aws:sns:eu-west-1:123456789012:a'], ca_file: ca.pem}\n"
                  "  sendgrid: {public_key: ") +
      kP256 +
      "}\n"
      "  postmark: {user: a, password: b, headers: {X-Hook: c}}\n"
      "  mailgun: {signing_keys: [new, old]}\n");
  ASSERT_TRUE(config.ok()) << config.status().message();
  const FeedbackConfig& feedback = config->feedback;
  EXPECT_TRUE(feedback.ses->topics.contains("arn:aws:sns:eu-west-1:123456789012:a"));
  EXPECT_TRUE(feedback.ses->ca_file.starts_with("/"));
  EXPECT_EQ(feedback.sendgrid_keys.size(), 1u);
  EXPECT_EQ(feedback.postmark->headers.at("X-Hook"), "c");
  EXPECT_EQ(feedback.mailgun_keys, (std::vector<std::string>{"new", "old"}));
  EXPECT_FALSE(Read("app: x\n")->feedback.any());
}

TEST_F(ConfigTest, RefusesFeedbackThatAnybodyCouldForge) {
  ExpectRefused("feedback: {ses: {}}\n", "1:17", "topics");
  ExpectRefused("feedback:\n  ses: {topics: [bounces]}\n", "2:18", "is no ARN");
  ExpectRefused("feedback:\n  sendgrid: {public_key: abc}\n", "2:26", "P-256");
  ExpectRefused("feedback:\n  sendgrid: {}\n", "2:13", "public_key is missing");
  ExpectRefused("feedback:\n  postmark: {user: a}\n", "2:13", "belong together");
  ExpectRefused("feedback:\n  postmark: {}\n", "2:13", "Postmark signs nothing");
  ExpectRefused("feedback:\n  mailgun: {signing_key: ''}\n", "2:26", "is empty");
  ExpectRefused("feedback: {mailgun: {signing_kee: x}}\n", "1:22", "signing_key");
}

constexpr char kSecret[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

TEST_F(ConfigTest, ReadsWhoseSecretsSignAWebhook) {
  const std::string other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
  const std::string third = "whsec_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB";
  const Result<Config> config = Read(
      "webhooks:\n"
      "  secrets: [" +
      std::string(kSecret) +
      "]\n"
      "  endpoints:\n"
      "    - {host: CRM.example, secrets: [" +
      other +
      "]}\n"
      "    - {url: \"https://crm.example/own\", secrets: [" +
      third + ", " + other +
      "]}\n"
      "  gateways: {sms: {url: \"http://localhost:9/sms\", secrets: [" +
      third +
      "]}}\n"
      "  allow_private: [localhost, 10.0.0.0/8]\n"
      "  timeout_seconds: 7\n");
  ASSERT_TRUE(config.ok()) << config.status().message();
  const WebhookConfig& webhooks = config->webhooks;
  ASSERT_EQ(webhooks.keys.size(), 1u);
  EXPECT_EQ(webhooks.KeysFor("https://erp.example/x"), webhooks.keys);
  EXPECT_EQ(webhooks.KeysFor("https://crm.example:8443/x?y").size(), 1u);
  EXPECT_NE(webhooks.KeysFor("https://crm.example:8443/x?y"), webhooks.keys);
  EXPECT_EQ(webhooks.KeysFor("https://crm.example/own?y").size(), 2u);
  EXPECT_EQ(webhooks.KeysFor("http://localhost:9/sms")[0],
            webhooks.KeysFor("https://crm.example/own")[0]);
  EXPECT_EQ(webhooks.gateways.sms_url, "http://localhost:9/sms");
  EXPECT_TRUE(webhooks.gateways.push_url.empty());
  EXPECT_EQ(webhooks.timeout, Seconds(7));
  EXPECT_TRUE(webhooks.send);
}

TEST_F(ConfigTest, OverKafkaWebhooksAreOthersUnlessSaidSo) {
  const Result<Config> config = Read(kRouted);
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_FALSE(config->webhooks.send);
}

TEST_F(ConfigTest, RefusesWebhookSettingsThatMeanNothing) {
  ExpectRefused("webhooks: {secrets: [secret]}\n", "1:22", "whsec_");
  ExpectRefused("webhooks: {allow_private: [127.1]}\n", "1:28", "127.1");
  ExpectRefused("webhooks: {endpoints: [{secrets: [x]}]}\n", "1:24", "url or a host");
  ExpectRefused("webhooks: {endpoints: [{host: a/b, secrets: [x]}]}\n", "1:31", "name alone");
  ExpectRefused("webhooks: {gateways: {sms: {url: \"http://sms.example\"}}}\n", "1:34", "https");
  ExpectRefused("webhooks: {time_out: 3}\n", "1:12", "timeout_seconds");
  const Result<Config> config = Read("webhooks: {secrets: [MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw]}\n");
  EXPECT_EQ(config.status().message().find("MfKQ"), std::string::npos);
}

TEST_F(ConfigTest, KeepsOnlyHashesOfKeys) {
  const std::string hash = http::SecretHash::Of("a key").ToText();
  const auto config = Read("write_keys: {web: \"" + hash + "\", shop: a key}\n");
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->write_keys.at("web"), hash);
  EXPECT_EQ(config->write_keys.at("shop"), hash);
  ExpectRefused("write_keys: {web: \"sha256:12\"}\n", "1:19", "64");
  ExpectRefused("write_keys: {web: {key: \"sha265:12\", public: true}}\n", "1:25", "sha256:");
}

TEST_F(ConfigTest, WriteKeysMayBePublic) {
  setenv("SOJOURN_CONFIG_PUBLIC", "a key of sixteen", 1);
  const auto read = Read(
      "write_keys:\n"
      "  website: {key: {env: SOJOURN_CONFIG_PUBLIC}, public: true}\n"
      "  app: {key: another key, public: false}\n"
      "  shop: CHANGE-ME-CHANGE-ME\n");
  ASSERT_TRUE(read.ok()) << read.status().message();
  const auto config = ReadListenerConfig(file_);
  ASSERT_TRUE(config.ok()) << config.status().message();
  const http::WriteKey& website = config->write_keys.at("website");
  EXPECT_TRUE(website.hash.Matches("a key of sixteen"));
  EXPECT_TRUE(website.is_public);
  EXPECT_FALSE(website.is_weak);
  EXPECT_FALSE(config->write_keys.at("app").is_public);
  EXPECT_FALSE(config->write_keys.at("shop").is_public);
  ExpectRefused("write_keys: {web: {key: k, public: maybe}}\n", "1:36", "true or false");
  ExpectRefused("write_keys: {web: {key: k, pubic: true}}\n", "1:28", "public");
  ExpectRefused("write_keys: {web: {public: true}}\n", "1:20", "key");
  ExpectRefused("write_keys: {web: {key: \"\", public: true}}\n", "1:25", "empty");
}

TEST_F(ConfigTest, KnowsWeakWriteKeys) {
  const auto is_weak = [&](const std::string& key) {
    EXPECT_TRUE(Read("write_keys: {web: \"" + key + "\"}\n").ok());
    const auto config = ReadListenerConfig(file_);
    EXPECT_TRUE(config.ok()) << config.status().message();
    return config.ok() && config->write_keys.at("web").is_weak;
  };
  EXPECT_TRUE(is_weak("fifteen letters"));
  EXPECT_FALSE(is_weak("sixteen letters!"));
  EXPECT_TRUE(is_weak("CHANGE-ME"));
  EXPECT_TRUE(is_weak("CHANGE-ME CHANGE-ME"));
  EXPECT_FALSE(is_weak(http::SecretHash::Of("k").ToText()));
}

TEST_F(ConfigTest, ReadsListeners) {
  const std::string yaml =
      "tls: {certificate: /etc/c.pem, key: k.pem, minimum_version: 1.3}\n"
      "connections: {total: 50, per_client: 5}\n"
      "admin_tokens: {ada: a token of sixteen}\n"
      "mail: {send: files, listen: \"127.0.0.1:1\", tls: {certificate: a.pem, key: b.pem}}\n";
  const auto config = Read(yaml);
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->mail.public_url, "https://127.0.0.1:1");
  const auto listeners = ReadListenerConfig(file_);
  ASSERT_TRUE(listeners.ok()) << listeners.status().message();
  EXPECT_EQ(listeners->tls->certificate, "/etc/c.pem");
  EXPECT_EQ(listeners->tls->key,
            (std::filesystem::path(file_).parent_path() / "k.pem").lexically_normal());
  EXPECT_EQ(listeners->tls->minimum_version, http::TlsVersion::k13);
  EXPECT_EQ(listeners->mail_tls->minimum_version, http::TlsVersion::k12);
  EXPECT_EQ(listeners->max_connections, 50u);
  EXPECT_EQ(listeners->max_client_connections, 5u);
  EXPECT_TRUE(listeners->admin_tokens.at("ada").Matches("a token of sixteen"));
  ExpectRefused("tls: {certificate: c}\n", "1:6", "key");
  ExpectRefused("tls: {certificate: c, key: k, minimum_version: 1.1}\n", "1:48", "1.2");
  std::ofstream(file_) << "admin_tokens: {ada: short}\n";
  EXPECT_NE(ReadListenerConfig(file_).status().message().find("1:21: ada needs at least 16"),
            std::string::npos);
}

}  // namespace
}  // namespace sojourn::cli
