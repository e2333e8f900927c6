#include "engine/model/cloud_event.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/base/limits.h"

namespace sojourn::model {
namespace {

constexpr Timestamp kLogTime(1'000'000'000'000);

std::string Text(const Result<Event>& event) {
  if (!event.ok()) return "error: " + event.status().message();
  return fmt::format("{} {} of \"{}\" id {} at {} {}",
                     event->type == EventType::kIdentify ? "identify" : "track", event->name,
                     event->person, event->id, FormatRfc3339(event->time),
                     DebugString(event->properties));
}

std::string Structured(std::string_view json) {
  JsonReader reader;
  Arena arena;
  const auto document = reader.Read(json, kMaxCloudEventNesting, &arena);
  if (!document.ok()) return "unread: " + document.status().message();
  return Text(EventFromStructuredCloudEvent(*document, kLogTime, &reader, &arena));
}

std::string Binary(CloudEventAttributes attributes, std::string_view data) {
  JsonReader reader;
  Arena arena;
  return Text(EventFromBinaryCloudEvent(attributes, data, kLogTime, &reader, &arena));
}

CloudEventAttributes Whole() {
  CloudEventAttributes attributes;
  attributes.specversion = "1.0";
  attributes.id = "1";
  attributes.source = "/shop";
  attributes.type = "order.paid";
  return attributes;
}

TEST(CloudEvent, BothModesGiveTheSameEvent) {
  const std::string expected =
      R"(track order.paid of "u1" id /shop#1 at 2026-03-02T09:00:00Z {"total": 20.5})";
  EXPECT_EQ(Structured(R"({"specversion":"1.0","id":"1","source":"/shop","type":"order.paid",
                           "subject":"u1","time":"2026-03-02T10:00:00+01:00",
                           "datacontenttype":"application/json","other":7,
                           "data":{"total":20.5}})"),
            expected);
  CloudEventAttributes attributes = Whole();
  attributes.subject = "u1";
  attributes.time = "2026-03-02T09:00:00Z";
  attributes.datacontenttype = "Application/vnd.shop+JSON ; charset=utf-8";
  EXPECT_EQ(Binary(attributes, R"({"total":20.5})"), expected);
}

TEST(CloudEvent, WhoItIsAbout) {
  const std::string rest = " at 2001-09-09T01:46:40Z ";
  EXPECT_EQ(Binary(Whole(), R"({"userId":"u"})"),
            R"(track order.paid of "u" id /shop#1)" + rest + R"({"userId": "u"})");
  EXPECT_EQ(
      Binary(Whole(), R"({"userId":7,"anonymousId":"x"})"),
      R"(track order.paid of "7" id /shop#1)" + rest + R"({"anonymousId": "x", "userId": 7})");
  EXPECT_EQ(Binary(Whole(), R"({"anonymousId":"x"})"),
            R"(track order.paid of "a:x" id /shop#1)" + rest + R"({"anonymousId": "x"})");
  EXPECT_EQ(Binary(Whole(), ""), R"(track order.paid of "" id /shop#1)" + rest + "null");
  EXPECT_EQ(Binary(Whole(), R"({"userId":[]})"), "error: userId of the data is no text");
  CloudEventAttributes anonymous = Whole();
  anonymous.subject = "a:x";
  EXPECT_EQ(Binary(anonymous, ""), R"(error: a known person's id may not begin with "a:")");
}

TEST(CloudEvent, AnIdentifyHasTraits) {
  CloudEventAttributes attributes = Whole();
  attributes.type = kIdentify;
  attributes.subject = "u";
  EXPECT_EQ(Binary(attributes, R"({"email":"u@shop.example"})"),
            R"(identify Identify of "u" id /shop#1 at 2001-09-09T01:46:40Z )"
            R"({"email": "u@shop.example"})");
}

TEST(CloudEvent, EqualIdsOfTwoSourcesAreTwo) {
  CloudEventAttributes other = Whole();
  other.source = std::string_view("/blog");
  EXPECT_NE(Binary(Whole(), ""), Binary(other, ""));
  const std::string long_source(kMaxEventIdBytes, 's');
  other.source = long_source;
  const std::string hashed = Binary(other, "");
  EXPECT_EQ(hashed.substr(0, hashed.find(" at ")).size(),
            std::string(R"(track order.paid of "" id )").size() + 64);
  other.id = "2";
  EXPECT_NE(Binary(other, ""), hashed);
}

TEST(CloudEvent, DataInBase64) {
  const std::string head = R"({"specversion":"1.0","id":"1","source":"/shop","type":"t",)";
  // {"a":1}
  EXPECT_EQ(Structured(head + R"("data_base64":"eyJhIjoxfQ=="})"),
            R"(track t of "" id /shop#1 at 2001-09-09T01:46:40Z {"a": 1})");
  EXPECT_EQ(Structured(head + R"("data_base64":"!"})"), "error: data_base64 is no Base64");
  EXPECT_EQ(Structured(head + R"("data_base64":7})"), "error: data_base64 is no Base64");
  EXPECT_EQ(Structured(head + R"("data_base64":"eyI="})"), "error: malformed JSON");
}

TEST(CloudEvent, WhatIsNoneIsRefused) {
  const auto without = [](std::string_view CloudEventAttributes::*member, std::string_view value) {
    CloudEventAttributes attributes = Whole();
    attributes.*member = value;
    return Binary(attributes, "{}");
  };
  using Attributes = CloudEventAttributes;
  EXPECT_EQ(without(&Attributes::specversion, ""), "error: no CloudEvent: specversion is missing");
  EXPECT_EQ(without(&Attributes::specversion, "0.3"),
            "error: only CloudEvents of specversion 1.0 are understood");
  EXPECT_EQ(without(&Attributes::id, ""), "error: the CloudEvent has no id");
  EXPECT_EQ(without(&Attributes::source, ""), "error: the CloudEvent has no source");
  EXPECT_EQ(without(&Attributes::type, ""), "error: the CloudEvent has no type");
  EXPECT_EQ(without(&Attributes::type, "\xff"), "error: invalid UTF-8");
  EXPECT_EQ(without(&Attributes::time, "yesterday"),
            "error: time is no RFC 3339 time such as 2026-03-02T09:00:00Z");
  EXPECT_EQ(without(&Attributes::datacontenttype, "application/xml"),
            "error: the CloudEvent's datacontenttype is not JSON");
  EXPECT_EQ(Binary(Whole(), "[1]"), "error: the CloudEvent's data is no JSON object");
  EXPECT_EQ(Binary(Whole(), "{"), "error: malformed JSON");
  EXPECT_EQ(Structured(R"([1])"), "error: no JSON object");
  EXPECT_EQ(Structured(R"({"specversion":"1.0","id":1})"), "error: id is no text");
}

TEST(CloudEvent, NestingHasItsLimit) {
  const auto data = [](int levels) {
    return R"({"a":)" + std::string(levels - 1, '[') + std::string(levels - 1, ']') + "}";
  };
  const auto structured = [&](int levels) {
    return Structured(R"({"specversion":"1.0","id":"1","source":"s","type":"t","data":)" +
                      data(levels) + "}");
  };
  EXPECT_TRUE(structured(kMaxEventNesting).starts_with("track"));
  EXPECT_TRUE(structured(kMaxEventNesting + 1).starts_with("unread: nested"));
  EXPECT_TRUE(Binary(Whole(), data(kMaxEventNesting)).starts_with("track"));
  EXPECT_EQ(Binary(Whole(), data(kMaxEventNesting + 1)), "error: nested more than 32 deep");
}

}  // namespace
}  // namespace sojourn::model
