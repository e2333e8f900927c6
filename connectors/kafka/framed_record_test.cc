#include "connectors/kafka/framed_record.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "connectors/kafka/cloud_record.h"
#include "connectors/kafka/route.h"

namespace sojourn::kafka {
namespace {

constexpr int64_t kLogTimeMs = 1'770'000'000'000;

constexpr char kOrderSchema[] = R"(
syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
import "google/protobuf/struct.proto";
import "money.proto";
message Ignored { int32 x = 1; }
message OrderPlaced {
  enum Channel { WEB = 0; STORE = 1; }
  message Line { string sku = 1; uint32 count = 2; }
  string user_id = 1;
  string message_id = 2;
  google.protobuf.Timestamp timestamp = 3;
  shop.Money total = 4;
  repeated Line lines = 5;
  Channel channel = 6;
  map<string, int64> points = 7;
  optional string note = 8;
  google.protobuf.Struct more = 9;
  bytes raw = 10;
  string type = 11;
}
)";
constexpr char kMoneySchema[] =
    "syntax = \"proto3\"; package shop; message Money { int64 cents = 1; string currency = 2; }";

// What a registry has, as far as it answers at all.
struct Shelf {
  std::map<int32_t, RegisteredSchema> by_id;
  std::map<std::string, RegisteredSchema> by_subject;
  bool answers = true;
  int asked = 0;
};

class ShelfRegistry final : public SchemaRegistry {
 public:
  explicit ShelfRegistry(Shelf* shelf) : shelf_(shelf) {}
  Result<RegisteredSchema> FindById(int32_t id) override { return Find(shelf_->by_id, id); }
  Result<RegisteredSchema> FindVersion(const SchemaReference& reference) override {
    return Find(shelf_->by_subject, reference.subject);
  }

 private:
  template <typename Map, typename Key>
  Result<RegisteredSchema> Find(const Map& map, const Key& key) {
    ++shelf_->asked;
    if (!shelf_->answers) return Unavailable("no answer");
    const auto found = map.find(key);
    if (found == map.end()) return NotFound("no such schema");
    return found->second;
  }
  Shelf* const shelf_;
};

class FramedRecord : public ::testing::Test {
 protected:
  FramedRecord() {
    shelf_.by_id[1] = {SchemaType::kJson, "JSON", "{}", {}};
    shelf_.by_id[2] = {
        SchemaType::kProtobuf, "PROTOBUF", kOrderSchema, {{"money.proto", "money", 1}}};
    shelf_.by_id[3] = {SchemaType::kOther, "AVRO", "{}", {}};
    shelf_.by_id[4] = {SchemaType::kProtobuf,
                       "PROTOBUF",
                       "syntax = \"proto3\"; package sojourn.v1; message Event {}",
                       {}};
    shelf_.by_id[5] = {SchemaType::kProtobuf, "PROTOBUF", "message {", {}};
    shelf_.by_id[6] = {
        SchemaType::kProtobuf, "PROTOBUF", kOrderSchema, {{"money.proto", "none", 1}}};
    shelf_.by_subject["money"] = {SchemaType::kProtobuf, "PROTOBUF", kMoneySchema, {}};
  }

  static std::string Frame(int32_t id, const std::string& rest) {
    return std::string("\0\0\0\0", 4) + static_cast<char>(id) + rest;
  }

  Result<model::Event> Decode(const std::string& value) {
    value_ = value;
    return decoder_.Decode(value_, Timestamp(kLogTimeMs), &arena_);
  }

  void ExpectRefused(const std::string& value, const std::string& word) {
    const auto event = Decode(value);
    ASSERT_FALSE(event.ok());
    EXPECT_EQ(event.status().code(), StatusCode::kInvalidArgument);
    EXPECT_NE(event.status().message().find(word), std::string::npos) << event.status().message();
  }

  Shelf shelf_;
  FramedDecoder decoder_{std::make_unique<ShelfRegistry>(&shelf_)};
  std::string value_;
  Arena arena_;
};

// A field of wire type 2.
std::string Bytes(int number, const std::string& bytes) {
  return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(bytes.size())} + bytes;
}
std::string Varint(int number, int value) {
  return {static_cast<char>(number << 3), static_cast<char>(value)};
}

std::string Order() {
  return Bytes(1, "ada") + Bytes(2, "m1") + Bytes(3, Varint(1, 100) + "\x10\x80\xca\xb5\xee\x01") +
         Bytes(4, "\x08\xd2\x09" + Bytes(2, "EUR")) + Bytes(5, Bytes(1, "hat") + Varint(2, 2)) +
         Varint(6, 1) + Bytes(7, Bytes(1, "gold") + Varint(2, 7)) +
         Bytes(9, Bytes(1, Bytes(1, "gift") + Bytes(2, Varint(4, 1)))) + Bytes(10, "\xff\x01") +
         Bytes(11, "express");
}

TEST_F(FramedRecord, JsonIsACall) {
  const auto event =
      Decode(Frame(1, R"({"type":"track","event":"Order","userId":"ann","messageId":"m1"})"));
  ASSERT_TRUE(event.ok()) << event.status().message();
  EXPECT_EQ(event->name, "Order");
  EXPECT_EQ(event->person, "ann");
  ExpectRefused(Frame(1, "{"), "JSON");
}

TEST_F(FramedRecord, AMessageIsReadByItsFieldsNames) {
  const auto event = Decode(Frame(2, std::string("\x02\x02", 2) + Order()));
  ASSERT_TRUE(event.ok()) << event.status().message();
  EXPECT_EQ(event->name, "Order Placed");
  EXPECT_EQ(event->person, "ada");
  EXPECT_EQ(event->id, "m1");
  EXPECT_EQ(event->time, Timestamp(100'500));
  const model::Value& properties = event->properties;
  EXPECT_EQ(properties.Find("total")->Find("cents")->int_value(), 1234);
  EXPECT_EQ(properties.Find("total")->Find("currency")->text(), "EUR");
  EXPECT_EQ(properties.Find("lines")->items()[0].Find("sku")->text(), "hat");
  EXPECT_EQ(properties.Find("lines")->items()[0].Find("count")->int_value(), 2);
  EXPECT_EQ(properties.Find("channel")->text(), "STORE");
  EXPECT_EQ(properties.Find("points")->Find("gold")->int_value(), 7);
  EXPECT_TRUE(properties.Find("more")->Find("gift")->bool_value());
  EXPECT_EQ(properties.Find("raw")->text(), "/wE=");
  EXPECT_EQ(properties.Find("type")->text(), "express");  // of the order, not of a call
  EXPECT_EQ(properties.Find("note"), nullptr);
  EXPECT_EQ(properties.Find("user_id"), nullptr);
}

TEST_F(FramedRecord, SchemasAreAskedForOnce) {
  const std::string value = Frame(2, std::string("\x02\x02", 2) + Order());
  ASSERT_TRUE(Decode(value).ok());
  const int asked = shelf_.asked;
  EXPECT_EQ(asked, 2);  // the schema, and what it imports
  shelf_.answers = false;
  EXPECT_TRUE(Decode(value).ok());
  EXPECT_EQ(shelf_.asked, asked);
}

TEST_F(FramedRecord, ARegistryThatDoesNotAnswerIsWaitedFor) {
  shelf_.answers = false;
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(Decode(Frame(1, "{}")).status().code(), StatusCode::kUnavailable);
  }
  shelf_.answers = true;
  EXPECT_TRUE(Decode(Frame(1, R"({"event":"Order","userId":"ann"})")).ok());
}

TEST_F(FramedRecord, SaysWhyItIsNone) {
  ExpectRefused(Frame(9, "{}"), "no schema 9");
  ExpectRefused(Frame(3, "{}"), "AVRO");
  ExpectRefused(Frame(5, std::string(1, '\0')), "no protobuf");
  ExpectRefused(Frame(6, std::string(1, '\0')), "imports");
  ExpectRefused(Frame(2, ""), "which message");
  ExpectRefused(Frame(2, "\x02\x06"), "no message at that place");
  ExpectRefused(Frame(2, "\x02\x01"), "which message");  // a negative index
  ExpectRefused(Frame(2, std::string("\x02\x02", 2) + "\x0a\x7f"), "no message of its schema");
  ExpectRefused(std::string("\0\0\0", 3), "ends inside");
  FramedDecoder nowhere(nullptr);
  EXPECT_NE(nowhere.Decode(Frame(1, "{}"), Timestamp(kLogTimeMs), &arena_)
                .status()
                .message()
                .find("schema.registry.url"),
            std::string::npos);
}

// Rows without content say all of their fields in JSON.
TEST_F(FramedRecord, ASmallRecordDoesNotBecomeALargeCall) {
  std::string schema = "syntax = \"proto3\"; message Wide { string user_id = 1; ";
  schema += "repeated Row rows = 2; } message Row { ";
  for (int i = 1; i <= 100; ++i) schema += fmt::format("int64 field{} = {}; ", i, i);
  shelf_.by_id[7] = {SchemaType::kProtobuf, "PROTOBUF", schema + "}", {}};
  std::string rows;
  for (int i = 0; i < 60'000; ++i) rows += Bytes(2, "");
  const std::string first(1, '\0');
  ExpectRefused(Frame(7, first + Bytes(1, "ada") + rows), "too large");
  EXPECT_TRUE(Decode(Frame(7, first + Bytes(1, "ada") + Bytes(2, ""))).ok());
}

// A copy of the registry that lags behind has it a moment later.
TEST_F(FramedRecord, AnImportThatIsMissingIsNotMissingForEver) {
  const std::string order = Frame(2, std::string(1, '\0') + Order());
  FramedDecoder impatient(std::make_unique<ShelfRegistry>(&shelf_), std::chrono::seconds(0));
  RegisteredSchema money = shelf_.by_subject.extract("money").mapped();
  ExpectRefused(order, "imports");
  EXPECT_FALSE(impatient.Decode(order, Timestamp(kLogTimeMs), &arena_).ok());
  shelf_.by_subject["money"] = std::move(money);
  const int asked = shelf_.asked;
  ExpectRefused(order, "imports");
  EXPECT_EQ(shelf_.asked, asked) << "not with each record";
  EXPECT_TRUE(impatient.Decode(order, Timestamp(kLogTimeMs), &arena_).ok());
}

TEST_F(FramedRecord, TheProductsOwnMessageIsItself) {
  model::Event own;
  own.name = "Order";
  own.person = "ann";
  own.id = "m2";
  std::string bytes;
  model::EncodeEvent(own, nullptr, &bytes);
  const auto event = Decode(Frame(4, std::string(1, '\0') + bytes));
  ASSERT_TRUE(event.ok()) << event.status().message();
  EXPECT_EQ(event->person, "ann");
  EXPECT_EQ(event->id, "m2");
}

TEST(MessageIndexes, AreZigzagVarints) {
  const auto take = [](std::string bytes) {
    std::string_view rest = bytes;
    return TakeMessageIndexes(&rest);
  };
  EXPECT_EQ(take(std::string(1, '\0')), std::vector<int>{0});
  EXPECT_EQ(take("\x02\x02"), std::vector<int>{1});
  EXPECT_EQ(take(std::string("\x04\x02\x00", 3)), (std::vector<int>{1, 0}));
  EXPECT_EQ(take("\x02\xd8\x04"), std::vector<int>{300});
  for (const char* broken : {"", "\x01", "\x02", "\x02\x80", "\xff\xff\xff\xff\xff\x01", "\x7e"}) {
    EXPECT_EQ(take(broken), std::nullopt) << broken;
  }
}

TEST(SchemaRegistryOptions, ComeFromProperties) {
  const auto none = SchemaRegistryOptionsOf({{"client.id", "x"}});
  ASSERT_TRUE(none.ok());
  EXPECT_FALSE(*none);
  const auto options =
      SchemaRegistryOptionsOf({{"schema.registry.url", "https://registry:8081/"},
                               {"schema.registry.basic.auth.user.info", "ada:a:secret"}});
  ASSERT_TRUE(options.ok());
  EXPECT_EQ((*options)->url, "https://registry:8081");
  EXPECT_EQ((*options)->user, "ada");
  EXPECT_EQ((*options)->password, "a:secret");
  for (const char* url : {"", "registry:8081", "http://ada:secret@registry"}) {
    const auto refused = SchemaRegistryOptionsOf({{"schema.registry.url", url}});
    ASSERT_FALSE(refused.ok()) << url;
    EXPECT_EQ(refused.status().message().find("secret"), std::string::npos);
  }
  EXPECT_FALSE(SchemaRegistryOptionsOf({{"schema.registry.uri", "http://x"}}).ok());
}

TEST(RegisteredSchema, IsReadFromTheAnswer) {
  const auto schema = ParseRegisteredSchema(
      R"({"schema":"s","schemaType":"PROTOBUF","references":[{"name":"a.proto","subject":"a","version":3}]})");
  ASSERT_TRUE(schema.ok());
  EXPECT_EQ(schema->type, SchemaType::kProtobuf);
  ASSERT_EQ(schema->references.size(), 1u);
  EXPECT_EQ(schema->references[0].subject, "a");
  EXPECT_EQ(schema->references[0].version, 3);
  EXPECT_EQ(ParseRegisteredSchema(R"({"schema":"{}"})")->type_name, "AVRO");
  for (const char* other : {"", "[]", "{}", R"({"schema":1})"}) {
    EXPECT_FALSE(ParseRegisteredSchema(other).ok()) << other;
  }
}

ForeignRecord CloudRecord(std::span<const HeaderView> headers, std::string_view value) {
  return {"shop", Partition(0), Offset(1), Timestamp(kLogTimeMs), "k", value, headers};
}

TEST(CloudRecord, BinaryAndStructured) {
  const std::vector<HeaderView> binary = {
      {"ce_specversion", "1.0"},   {"ce_id", "7"},        {"ce_source", "/shop"},
      {"ce_type", "Order Placed"}, {"ce_subject", "ada"}, {"content-type", "application/json"}};
  Route route(4);
  const auto first =
      route.Take(CloudRecord(binary, R"({"total":12})"), model::EventFormat::kProtobuf);
  ASSERT_TRUE(first.ok() && first->is_event) << first->letter.message;
  EXPECT_EQ(first->person, "ada");
  const std::vector<HeaderView> structured = {
      {"Content-Type", "application/cloudevents+json; charset=utf-8"}};
  const auto second = route.Take(
      CloudRecord(
          structured,
          R"({"specversion":"1.0","id":"8","source":"/shop","type":"Order Placed","subject":"bob"})"),
      model::EventFormat::kJson);
  ASSERT_TRUE(second.ok() && second->is_event) << second->letter.message;
  EXPECT_EQ(second->person, "bob");
}

TEST(CloudRecord, WhatIsNoneIsADeadLetter) {
  Route route(4);
  const std::vector<HeaderView> batch = {{"content-type", "application/cloudevents-batch+json"}};
  const std::vector<HeaderView> bare = {{"ce_specversion", "1.0"}, {"ce_id", "7"}};
  for (const auto& headers : {batch, bare}) {
    const auto routed = route.Take(CloudRecord(headers, "{}"), model::EventFormat::kJson);
    ASSERT_TRUE(routed.ok());
    EXPECT_FALSE(routed->is_event);
    EXPECT_FALSE(routed->letter.message.empty());
  }
}

}  // namespace
}  // namespace sojourn::kafka
