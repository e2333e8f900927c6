#include "connectors/kafka/schema_lookup.h"

#include <gtest/gtest.h>

#include <atomic>

#include "connectors/kafka/record_decoder.h"
#include "connectors/kafka/signal.h"

namespace sojourn::kafka {
namespace {

constexpr Timestamp kLogTime(1'770'000'000'000);
constexpr Duration kLong = Seconds(20);

// What is asked of it, and when it says something, is up to the test.
class HeldRegistry final : public SchemaRegistry {
 public:
  struct Control {
    Signal asked;
    std::atomic<int> questions = 0;
    std::atomic<StatusCode> answer = StatusCode::kUnavailable;
  };
  explicit HeldRegistry(Control* control) : control_(control) {}
  Result<RegisteredSchema> FindById(int32_t) override { return Answer(); }
  Result<RegisteredSchema> FindVersion(const SchemaReference&) override { return Answer(); }

 private:
  Result<RegisteredSchema> Answer() {
    ++control_->questions;
    control_->asked.Ring();
    if (control_->answer == StatusCode::kUnavailable) return Unavailable("down");
    if (control_->answer == StatusCode::kNotFound) return NotFound("none");
    return RegisteredSchema{SchemaType::kJson, "JSON", "{}", {}};
  }
  Control* const control_;
};

class LogCounter final : public KafkaObserver {
 public:
  void OnLog(LogLevel, std::string_view, std::string_view message) override {
    if (message.find("down") != std::string_view::npos) ++complaints;
  }
  std::atomic<int> complaints = 0;
};

class SchemaLookupTest : public ::testing::Test {
 protected:
  std::unique_ptr<SchemaLookup> MakeLookup() {
    return std::make_unique<SchemaLookup>(
        std::make_unique<HeldRegistry>(&registry_), [this] { answered_.Ring(); }, &log_);
  }
  HeldRegistry::Control registry_;
  Signal answered_;
  LogCounter log_;
};

TEST_F(SchemaLookupTest, AsksUntilThereIsAnAnswerAndTellsThen) {
  const auto lookup = MakeLookup();
  EXPECT_EQ(lookup->FindById(7).status().code(), StatusCode::kUnavailable);
  while (registry_.questions < 3) ASSERT_TRUE(registry_.asked.Wait(kLong));
  EXPECT_EQ(lookup->FindById(7).status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(log_.complaints, 1);
  registry_.answer = StatusCode::kOk;
  ASSERT_TRUE(answered_.Wait(kLong));
  const int questions = registry_.questions;
  EXPECT_TRUE(lookup->FindById(7).ok());
  EXPECT_TRUE(lookup->FindById(7).ok());
  EXPECT_EQ(registry_.questions, questions);
}

TEST_F(SchemaLookupTest, WhatIsNotThereIsAskedForAnewTheNextTime) {
  registry_.answer = StatusCode::kNotFound;
  const auto lookup = MakeLookup();
  const SchemaReference money{"money.proto", "money", 1};
  EXPECT_EQ(lookup->FindVersion(money).status().code(), StatusCode::kUnavailable);
  ASSERT_TRUE(answered_.Wait(kLong));
  EXPECT_EQ(lookup->FindVersion(money).status().code(), StatusCode::kNotFound);
  registry_.answer = StatusCode::kOk;
  EXPECT_EQ(lookup->FindVersion(money).status().code(), StatusCode::kUnavailable);
  ASSERT_TRUE(answered_.Wait(kLong));
  EXPECT_TRUE(lookup->FindVersion(money).ok());
}

TEST_F(SchemaLookupTest, EndsWhileNobodyAnswers) {
  auto lookup = MakeLookup();
  (void)lookup->FindById(1);
  while (registry_.questions < 1) ASSERT_TRUE(registry_.asked.Wait(kLong));
  lookup.reset();  // does not hang
}

runtime::InputRecord RecordWith(uint16_t input, std::string_view value,
                                std::span<const runtime::RecordHeader> headers = {}) {
  runtime::InputRecord record;
  record.input = input;
  record.log_time = kLogTime;
  record.key = "ann";
  record.value = value;
  record.headers = headers;
  return record;
}

TEST_F(SchemaLookupTest, AnInputsRecordIsWhatItSaysOrElseOfItsFormat) {
  KafkaConfig config;
  config.inputs = {{"web", model::EventFormat::kJson}, {"shop", model::EventFormat::kProtobuf}};
  InputDecoder decoder(config, MakeLookup());
  Arena arena;
  const std::string call = R"({"event":"Order","userId":"ann","messageId":"m1"})";
  EXPECT_EQ(decoder.Decode(RecordWith(0, call), &arena)->name, "Order");
  EXPECT_FALSE(decoder.Decode(RecordWith(1, call), &arena).ok());
  const std::vector<runtime::RecordHeader> cloud = {{"ce_specversion", "1.0"},
                                                    {"ce_id", "7"},
                                                    {"ce_source", "/shop"},
                                                    {"ce_type", "Order Placed"}};
  const auto event = decoder.Decode(RecordWith(1, "{}", cloud), &arena);
  ASSERT_TRUE(event.ok()) << event.status().message();
  EXPECT_EQ(event->name, "Order Placed");
  EXPECT_EQ(event->id, "/shop#7");
  EXPECT_EQ(event->person, "");  // the key says it
  const std::string framed = std::string("\0\0\0\0\1", 5) + call;
  registry_.answer = StatusCode::kOk;
  EXPECT_EQ(decoder.Decode(RecordWith(1, framed), &arena).status().code(),
            StatusCode::kUnavailable);
  ASSERT_TRUE(answered_.Wait(kLong));
  EXPECT_EQ(decoder.Decode(RecordWith(1, framed), &arena)->name, "Order");
}

}  // namespace
}  // namespace sojourn::kafka
