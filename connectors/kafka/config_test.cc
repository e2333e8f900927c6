#include "connectors/kafka/config.h"

#include <gtest/gtest.h>

#include "connectors/kafka/cluster.h"

namespace sojourn::kafka {
namespace {

KafkaConfig Valid() {
  KafkaConfig config;
  config.bootstrap_servers = "broker:9092";
  return config;
}

TEST(KafkaConfig, TakesTheDefaults) { EXPECT_TRUE(Validate(Valid()).ok()); }

TEST(KafkaConfig, NamesTheProductsTopicsAfterTheApp) {
  KafkaConfig config = Valid();
  config.app = "shop";
  EXPECT_EQ(EventsTopic(config), "shop.events");
  EXPECT_EQ(ActionsTopic(config), "shop.actions");
  EXPECT_EQ(ChangelogTopic(config), "shop.changelog");
  EXPECT_EQ(DeadLettersTopic(config), "shop.dead-letters");
  EXPECT_EQ(RulesTopic(config), "shop.rules");
  EXPECT_EQ(InputTopicNames(config),
            (std::vector<std::string>{"web", "email", "purchase", "shop.events"}));
}

TEST(KafkaConfig, LetsSecurityAndTuningPass) {
  KafkaConfig config = Valid();
  config.properties = {{"security.protocol", "SASL_SSL"},
                       {"sasl.mechanisms", "SCRAM-SHA-512"},
                       {"sasl.username", "shop"},
                       {"linger.ms", "1"}};
  EXPECT_TRUE(Validate(config).ok()) << Validate(config).message();
}

TEST(KafkaConfig, RefusesWhatWouldBreakExactlyOnce) {
  for (const char* name : {"enable.auto.commit", "isolation.level", "transactional.id", "acks",
                           "enable.idempotence", "auto.offset.reset", "group.id"}) {
    KafkaConfig config = Valid();
    config.properties[name] = "1";
    const Status status = Validate(config);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_NE(status.message().find(name), std::string::npos) << status.message();
    EXPECT_EQ(status.message().find('\n'), std::string::npos);
  }
}

TEST(KafkaConfig, RefusesMisspeltPropertiesAndWrongValues) {
  KafkaConfig config = Valid();
  config.properties = {{"security.protocl", "ssl"}};
  EXPECT_NE(Validate(config).message().find("security.protocl"), std::string::npos);
  config.properties = {{"security.protocol", "carrier-pigeon"}};
  EXPECT_NE(Validate(config).message().find("carrier-pigeon"), std::string::npos);
}

TEST(KafkaConfig, RefusesWrongNamesAndTimes) {
  KafkaConfig config = Valid();
  config.bootstrap_servers.clear();
  EXPECT_EQ(Validate(config).code(), StatusCode::kInvalidArgument);
  config = Valid();
  config.app = "my shop";
  EXPECT_EQ(Validate(config).code(), StatusCode::kInvalidArgument);
  config = Valid();
  config.inputs.push_back({"web"});
  EXPECT_NE(Validate(config).message().find("web"), std::string::npos);
  config = Valid();
  config.inputs.push_back({"sojourn.actions"});
  EXPECT_NE(Validate(config).message().find("sojourn.actions"), std::string::npos);
  config = Valid();
  config.transaction_timeout = config.session_timeout + Milliseconds(1);
  EXPECT_NE(Validate(config).message().find("transaction_timeout"), std::string::npos);
}

TEST(KafkaConfig, RefusesRoutesThatAreInputsOrTheProductsOwn) {
  KafkaConfig config = Valid();
  config.routes = {{"shop-orders"}, {"clicks", model::EventFormat::kProtobuf}};
  EXPECT_TRUE(Validate(config).ok()) << Validate(config).message();
  config.inputs.clear();
  EXPECT_TRUE(Validate(config).ok()) << Validate(config).message();
  config = Valid();
  for (const char* name : {"web", "sojourn.events", "sojourn.dead-letters", "no name"}) {
    config.routes = {{name}};
    const Status status = Validate(config);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_NE(status.message().find("kafka.route"), std::string::npos) << status.message();
    EXPECT_NE(status.message().find(name), std::string::npos) << status.message();
  }
  config.routes = {{"clicks"}, {"clicks"}};
  EXPECT_NE(Validate(config).message().find("twice"), std::string::npos);
  config.routes.clear();
  config.inputs.clear();
  EXPECT_NE(Validate(config).message().find("kafka.route"), std::string::npos);
}

TEST(Cluster, SaysWhereNoBrokerAnswers) {
  KafkaConfig config = Valid();
  config.bootstrap_servers = "127.0.0.1:1";
  config.start_timeout = Seconds(1);
  KafkaObserver observer;
  const auto cluster = Cluster::Connect(config, &observer);
  ASSERT_EQ(cluster.status().code(), StatusCode::kUnavailable);
  const std::string& message = cluster.status().message();
  EXPECT_NE(message.find("127.0.0.1:1"), std::string::npos) << message;
  EXPECT_NE(message.find("refused"), std::string::npos) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace sojourn::kafka
