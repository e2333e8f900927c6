#include "engine/model/event_codec.h"

#include <random>

#include <fmt/format.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "engine/base/hash.h"
#include "engine/base/limits.h"
#include "engine/model/event_id.h"
#include "proto/sojourn/v1/event.pb.h"

namespace sojourn::model {
namespace {

constexpr Timestamp kLogTime(1'000'000'000'000);

// All of an event in one line.
std::string Text(const Event& event) {
  std::string text = fmt::format("{}", std::array{"track", "identify", "enroll", "begin",
                                                  "end"}[static_cast<size_t>(event.type)]);
  text += fmt::format(" \"{}\" of \"{}\"", event.name, event.person);
  if (!event.anonymous_id.empty()) text += fmt::format(" anonymous \"{}\"", event.anonymous_id);
  if (!event.id.empty()) text += fmt::format(" id \"{}\"", event.id);
  text += fmt::format(" at {}", FormatRfc3339(event.time));
  if (event.received_at != Timestamp::Min()) {
    text += fmt::format(" received {}", FormatRfc3339(event.received_at));
  }
  if (event.historical) text += " historical";
  if (!event.properties.is_null()) text += " " + DebugString(event.properties);
  if (!event.traits.is_null()) text += " traits " + DebugString(event.traits);
  return text;
}

std::string Decode(EventFormat format, std::string_view bytes) {
  EventDecoder decoder;
  Arena arena;
  // An exact copy on the heap: reading beyond its end is noticed.
  const std::vector<char> exact(bytes.begin(), bytes.end());
  const Result<Event> event =
      decoder.Decode(format, {exact.data(), exact.size()}, kLogTime, &arena);
  return event.ok() ? Text(*event) : "error: " + event.status().message();
}

std::string Json(std::string_view text) { return Decode(EventFormat::kJson, text); }

std::string Protobuf(const std::string& text) {
  v1::Event event;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &event)) << text;
  return Decode(EventFormat::kProtobuf, event.SerializeAsString());
}

// One event in both formats.
TEST(EventCodec, BothFormatsGiveTheSameEvent) {
  const std::string expected =
      R"(track "Order Completed" of "u1" id "m1" at 2026-03-02T09:00:00Z received )"
      R"(2026-03-02T09:00:01Z {"list": [1, null, {"a": false}], "order_id": "o1", "total": 20.5} )"
      R"(traits {"plan": "pro"})";
  EXPECT_EQ(Json(R"({"type":"track","messageId":"m1","userId":"u1","event":"Order Completed",
                     "timestamp":"2026-03-02T10:00:00+01:00",
                     "receivedAt":"2026-03-02T09:00:01Z","context":{"traits":{"plan":"pro"}},
                     "properties":{"total":20.5,"order_id":"o1","list":[1,null,{"a":false}]}})"),
            expected);
  EXPECT_EQ(Protobuf(R"(id: "m1" customer_id: "u1" name: "Order Completed"
        time_ms: 1772442000000 received_at_ms: 1772442001000
        properties {key: "total" value {double_value: 20.5}}
        properties {key: "order_id" value {string_value: "o1"}}
        properties {key: "list" value {list_value {values {int_value: 1} values {}
            values {map_value {fields {key: "a" value {bool_value: false}}}}}}}
        traits {key: "plan" value {string_value: "pro"}})"),
            expected);
}

TEST(EventCodec, EachCallOfSegment) {
  const std::string at = " at 2001-09-09T01:46:40Z";
  EXPECT_EQ(Json(R"({"type":"identify","userId":"u","traits":{"a":1,"b":2},
                     "context":{"traits":{"b":0,"c":3}}})"),
            "identify \"Identify\" of \"u\"" + at + R"( {"a": 1, "b": 2, "c": 3})");
  EXPECT_EQ(Json(R"({"type":"page","anonymousId":"x","name":"Home","category":"c",
                     "properties":{"url":"/","name":"own"}})"),
            "track \"Page Viewed\" of \"a:x\" anonymous \"x\"" + at +
                R"( {"category": "c", "name": "own", "url": "/"})");
  EXPECT_EQ(Json(R"({"type":"screen","userId":"u"})"),
            "track \"Screen Viewed\" of \"u\"" + at + " {}");
  EXPECT_EQ(Json(R"({"type":"group","userId":"u","groupId":"g","traits":{"name":"G"},
                     "context":{"traits":{"c":3}}})"),
            "track \"Group Joined\" of \"u\"" + at +
                R"( {"group_id": "g", "name": "G"} traits {"c": 3})");
  EXPECT_EQ(Json(R"({"type":"alias","userId":"u","previousId":"old"})"),
            "track \"Alias\" of \"u\"" + at + R"( {"previous_id": "old"})");
  EXPECT_EQ(Json(R"({"event":"E","userId":"u"})"), "track \"E\" of \"u\"" + at);
}

TEST(EventCodec, TheTypeOfAnEndpointFillsIn) {
  JsonReader reader;
  Arena arena;
  const Result<Value> call = reader.Read(R"({"userId":"u","traits":{"a":1}})", 8, &arena);
  ASSERT_TRUE(call.ok());
  const Result<Event> event = EventFromCall(*call, "identify", kLogTime, &arena);
  ASSERT_TRUE(event.ok());
  EXPECT_EQ(event->type, EventType::kIdentify);
}

TEST(EventCodec, AnEventNamedIdentifyIsAnIdentify) {
  const std::string expected = R"(identify "Identify" of "u" at 2001-09-09T01:46:40Z {"a": 1})";
  EXPECT_EQ(Json(R"({"type":"track","event":"Identify","userId":"u","properties":{"a":1}})"),
            expected);
  EXPECT_EQ(Protobuf(R"(customer_id: "u" name: "Identify"
                        properties {key: "a" value {int_value: 1}})"),
            expected);
  EXPECT_EQ(Protobuf(R"(customer_id: "u" type: EVENT_TYPE_IDENTIFY
                        traits {key: "a" value {int_value: 1}})"),
            expected);
}

TEST(EventCodec, Times) {
  const auto time_of = [](std::string_view member) {
    const std::string text = Json(fmt::format(R"({{"event":"E","userId":"u",{}}})", member));
    return text.starts_with("error") ? text : text.substr(text.find(" at ") + 4);
  };
  EXPECT_EQ(time_of(R"("originalTimestamp":"2026-03-02T09:00:00Z")"), "2026-03-02T09:00:00Z");
  EXPECT_EQ(time_of(R"("timestamp":1772442000000,"originalTimestamp":"2020-01-01T00:00:00Z")"),
            "2026-03-02T09:00:00Z");
  EXPECT_EQ(time_of(R"("timestamp":null)"), "2001-09-09T01:46:40Z");
  const std::string reason = "error: timestamp is no RFC 3339 time such as 2026-03-02T09:00:00Z";
  EXPECT_EQ(time_of(R"("timestamp":"yesterday")"), reason);
  EXPECT_EQ(time_of(R"("timestamp":1.5)"), reason);
  EXPECT_EQ(time_of(R"("timestamp":253402300799999)"), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(time_of(R"("timestamp":253402300800000)"), "error: the event's time is out of range");
  EXPECT_EQ(time_of(R"("receivedAt":253402300800000)"),
            "error: the event's time of receipt is out of range");
  const std::string seconds =
      "error: timestamp looks like seconds; write milliseconds since 1970, or a text such as "
      "2026-03-02T09:00:00Z";
  EXPECT_EQ(time_of(R"("timestamp":1772442000)"), seconds);
  EXPECT_EQ(time_of(R"("timestamp":99999999999)"), seconds);
  EXPECT_EQ(time_of(R"("timestamp":-99999999999)"), seconds);
  EXPECT_EQ(time_of(R"("timestamp":100000000000)"), "1973-03-03T09:46:40Z");
  EXPECT_EQ(time_of(R"("timestamp":-9223372036854775808)"),
            "error: the event's time is out of range");
  EXPECT_EQ(Protobuf("customer_id: 'u' name: 'E' time_ms: -9223372036854775808"),
            "error: the event's time is out of range");
  EXPECT_EQ(Protobuf("name: 'E' properties {key: 'a' value {timestamp_ms: 253402300800000}}"),
            "error: a time is out of range");
}

TEST(EventCodec, WhoItIsAbout) {
  const auto person_of = [](std::string_view members) {
    const std::string text = Json(fmt::format(R"({{"event":"E",{}}})", members));
    return text.starts_with("error") ? text : text.substr(13, text.find(" at ") - 13);
  };
  EXPECT_EQ(person_of(R"("userId":42)"), "\"42\"");
  EXPECT_EQ(person_of(R"("userId":"","anonymousId":7)"), "\"a:7\" anonymous \"7\"");
  EXPECT_EQ(person_of(R"("userId":" U ","anonymousId":"x")"), "\" U \" anonymous \"x\"");
  EXPECT_EQ(person_of(R"("userId":null)"), "\"\"");
  EXPECT_EQ(person_of(R"("userId":4.5)"), "error: userId is no text");
  EXPECT_EQ(person_of(R"("userId":"a:x")"), "error: a known person's id may not begin with \"a:\"");
  const std::string longest(kMaxPersonIdBytes, 'x');
  EXPECT_EQ(person_of(fmt::format(R"("userId":"{}")", longest)), "\"" + longest + "\"");
  EXPECT_EQ(person_of(fmt::format(R"("userId":"{}x")", longest)),
            "error: a person's id is over 256 bytes");
  const std::string anonymous(kMaxPersonIdBytes - 2, 'x');
  EXPECT_EQ(person_of(fmt::format(R"("anonymousId":"{}")", anonymous)),
            fmt::format("\"a:{}\" anonymous \"{}\"", anonymous, anonymous));
  EXPECT_EQ(person_of(fmt::format(R"("userId":"u","anonymousId":"{}x")", anonymous)),
            "error: a person's id is over 256 bytes");
}

TEST(EventCodec, PersonIds) {
  EXPECT_TRUE(IsValidPersonId("a:x"));
  EXPECT_TRUE(IsValidPersonId(std::string(kMaxPersonIdBytes, 'x')));
  EXPECT_FALSE(IsValidPersonId(std::string(kMaxPersonIdBytes + 1, 'x')));
  EXPECT_FALSE(IsValidPersonId(""));
  EXPECT_FALSE(IsValidPersonId("a:"));
  EXPECT_FALSE(IsValidPersonId("\xff"));
}

TEST(EventCodec, RefusalsOfCalls) {
  const std::pair<std::string, std::string> cases[] = {
      {"[]", "no JSON object"},
      {R"({"userId":"u"})", "type is none of track, identify, page, screen, group and alias"},
      {R"({"type":"delete","userId":"u"})",
       "type is none of track, identify, page, screen, group and alias"},
      {R"({"type":"track","userId":"u"})", "the event has no name"},
      {R"({"type":"track","event":"","userId":"u"})", "the event has no name"},
      {R"({"type":"track","event":["E"]})", "event is no text"},
      {R"({"event":"E","messageId":{}})", "messageId is no text"},
      {R"({"event":"E","properties":[1]})", "properties is no object"},
      {R"({"event":"E","context":"x"})", "context is no object"},
      {R"({"event":"E","context":{"traits":1}})", "traits is no object"},
      {R"({"event":"E")", "malformed JSON"},
  };
  for (const auto& [text, reason] : cases) EXPECT_EQ(Json(text), "error: " + reason) << text;
}

TEST(EventCodec, NamesAndIdsHaveLimits) {
  std::string name;
  for (size_t i = 0; i < kMaxEventNameCharacters; ++i) name += "ä";
  EXPECT_EQ(Json(fmt::format(R"({{"event":"{}"}})", name)).substr(0, 5), "track");
  EXPECT_EQ(Json(fmt::format(R"({{"event":"{}x"}})", name)),
            "error: the event's name is over 100 characters");
  const std::string id(kMaxEventIdBytes, 'i');
  EXPECT_EQ(Json(fmt::format(R"({{"event":"E","messageId":"{}"}})", id)).substr(0, 5), "track");
  EXPECT_EQ(Json(fmt::format(R"({{"event":"E","messageId":"{}i"}})", id)),
            "error: the event's id is over 256 bytes");
}

TEST(EventCodec, SizeHasItsLimit) {
  std::string text = R"({"event":"E"})";
  text.append(kMaxEventBytes - text.size(), ' ');
  EXPECT_EQ(Json(text).substr(0, 5), "track");
  EXPECT_EQ(Json(text + " "), "error: over 262144 bytes");
  EXPECT_EQ(Decode(EventFormat::kProtobuf, text + " "), "error: over 262144 bytes");
  // A person's record inside has its own limit.
  Event event;
  event.type = EventType::kMergedState;
  event.name = kPersonMerged;
  event.person = "u1";
  event.redirects = 3;
  const std::string record(kMaxEventBytes, 'r');
  event.person_record = record;
  std::string bytes;
  EncodeEvent(event, nullptr, &bytes);
  Arena arena;
  const auto decoded = EventDecoder().Decode(EventFormat::kProtobuf, bytes, Timestamp(5), &arena);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->person_record, record);
  EXPECT_EQ(decoded->redirects, 3u);
  EXPECT_TRUE(IsMadeByMerge(bytes));
}

// `levels` deep, the properties being the first.
std::string NestedJson(int levels) {
  return R"({"event":"E","properties":{"a":)" + std::string(levels - 1, '[') +
         std::string(levels - 1, ']') + "}}";
}
std::string NestedProtobuf(int levels) {
  std::string text;
  for (int i = 1; i < levels; ++i) text += "list_value { values {";
  for (int i = 1; i < levels; ++i) text += "} }";
  return "name: 'E' properties {key: 'a' value {" + text + "}}";
}

TEST(EventCodec, NestingHasItsLimit) {
  const std::string reason = "error: nested more than 32 deep";
  EXPECT_EQ(Json(NestedJson(kMaxEventNesting)).substr(0, 5), "track");
  EXPECT_TRUE(Json(NestedJson(kMaxEventNesting + 1)).starts_with("error: nested more than"));
  EXPECT_EQ(Protobuf(NestedProtobuf(kMaxEventNesting)).substr(0, 5), "track");
  EXPECT_EQ(Protobuf(NestedProtobuf(kMaxEventNesting + 1)), reason);

  // A reader that goes deeper, as for the items of a batch, finds the same limit.
  JsonReader reader;
  Arena arena;
  const Result<Value> call = reader.Read(NestedJson(kMaxEventNesting + 1), 100, &arena);
  ASSERT_TRUE(call.ok());
  EXPECT_EQ(EventFromCall(*call, "", kLogTime, &arena).status().message(), reason.substr(7));
}

TEST(EventCodec, ProtobufRefusesWhatIsNoEvent) {
  const auto raw = [](std::string_view bytes) { return Decode(EventFormat::kProtobuf, bytes); };
  EXPECT_EQ(raw(""), "error: the event has no name");
  EXPECT_EQ(raw("\x0a"), "error: malformed protobuf");
  EXPECT_EQ(raw("\x0a\x05x"), "error: malformed protobuf");
  EXPECT_EQ(raw("\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "error: malformed protobuf");
  EXPECT_EQ(raw("\x22\x01\xff"), "error: invalid UTF-8");
  EXPECT_EQ(raw("\x40\x07\x22\x01x"), "error: unknown type of event");
  EXPECT_EQ(Protobuf("name: 'E' properties {key: 'a' value {double_value: nan}}"),
            "error: a number is not finite");
  EXPECT_EQ(Protobuf("name: 'E' properties {key: 'a' value {double_value: -inf}}"),
            "error: a number is not finite");
}

TEST(EventCodec, ProtobufSkipsWhatItDoesNotKnow) {
  std::string bytes = v1::Event().SerializeAsString();
  bytes += "\xf8\x07\x05";                              // 127: varint
  bytes += std::string("\xf9\x07") + "12345678";        // 127: 64 bits
  bytes += std::string("\xfd\x07") + "1234";            // 127: 32 bits
  bytes += std::string("\xfa\x07\x03") + "abc";         // 127: bytes
  bytes += std::string("\x20\x07") + "\x22\x01" + "E";  // the name as a number, and as a text
  EXPECT_EQ(Decode(EventFormat::kProtobuf, bytes), "track \"E\" of \"\" at 2001-09-09T01:46:40Z");
}

TEST(EventCodec, EncodingRoundTrips) {
  EventDecoder decoder;
  Arena arena;
  for (const std::string text :
       {R"({"type":"identify","userId":"u","traits":{"a":null,"b":[1,2.0,{"c":"d"}]}})",
        R"({"event":"E","anonymousId":"x","messageId":"m","timestamp":"1969-01-01T00:00:00Z"})",
        R"({"event":"E","userId":"u","anonymousId":"x","receivedAt":1000000000005,
            "context":{"traits":{"t":true}},"properties":{"":0}})"}) {
    const Result<Event> event = decoder.Decode(EventFormat::kJson, text, kLogTime, &arena);
    ASSERT_TRUE(event.ok()) << event.status().message();
    std::string bytes;
    EncodeEvent(*event, nullptr, &bytes);
    EXPECT_EQ(Decode(EventFormat::kProtobuf, bytes), Text(*event));
    EXPECT_EQ(ReadOrigin(bytes), std::nullopt);
  }
}

TEST(EventCodec, TheProductsOwnRecords) {
  Event event;
  event.type = EventType::kEnroll;
  event.historical = true;
  event.name = "win-back";
  event.person = "u";
  const EventOrigin original{{"purchase", Partition(3), Offset(77)}, Timestamp(5000)};
  std::string bytes;
  EncodeEvent(event, &original, &bytes);
  EXPECT_EQ(Decode(EventFormat::kProtobuf, bytes),
            "enroll \"win-back\" of \"u\" at 2001-09-09T01:46:40Z historical");
  const auto read = ReadOrigin(bytes);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->place.topic, "purchase");
  EXPECT_EQ(read->place.partition, Partition(3));
  EXPECT_EQ(read->place.offset, Offset(77));
  EXPECT_EQ(read->log_time, Timestamp(5000));

  Event bracket;
  bracket.type = EventType::kImportBegin;
  bytes.clear();
  EncodeEvent(bracket, nullptr, &bytes);
  EXPECT_EQ(Decode(EventFormat::kProtobuf, bytes), "begin \"\" of \"\" at 2001-09-09T01:46:40Z");
}

// The plain members, as the generated parser sees them.
std::string Plain(const v1::Event& event) {
  return event.id() + "|" + event.name() + "|" + std::to_string(event.properties_size());
}

TEST(EventCodec, MutatedBytesNeverCrashAndAgreeWithTheGeneratedParser) {
  v1::Event proto;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"(id: "m1" customer_id: "u1" name: "Order Completed" time_ms: 1772442000000
         properties {key: "a" value {list_value {values {int_value: -1} values {bool_value: true}}}}
         properties {key: "b" value {map_value {fields {key: "c" value {double_value: 2.5}}}}}
         properties {key: "d" value {string_value: "täxt"}})",
      &proto));
  const std::string seed = proto.SerializeAsString();
  std::mt19937 random(11);
  EventDecoder decoder;
  int accepted = 0;
  for (int i = 0; i < 30'000; ++i) {
    std::string bytes = seed;
    for (int change = 0; change < 1 + i % 3; ++change) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    if (i % 7 == 0) bytes.resize(random() % bytes.size());
    Arena arena;
    const Result<Event> event = decoder.Decode(EventFormat::kProtobuf, bytes, kLogTime, &arena);
    if (!event.ok()) continue;
    ++accepted;
    v1::Event parsed;
    ASSERT_TRUE(parsed.ParseFromString(bytes)) << Hex(bytes);
    const bool is_identify = event->type == EventType::kIdentify;
    if (is_identify) continue;  // its name is not the bytes'
    EXPECT_EQ(Plain(parsed),
              fmt::format("{}|{}|{}", event->id, event->name, event->properties.size()));
  }
  EXPECT_GT(accepted, 1000);
}

TEST(EventCodec, TheStartOf1970IsATime) {
  const std::string_view call =
      R"({"event":"E","userId":"u","timestamp":"1970-01-01T00:00:00Z","originalTimestamp":)"
      R"("2020-01-01T00:00:00Z"})";
  EXPECT_EQ(Json(call), R"(track "E" of "u" at 1970-01-01T00:00:00Z)");
  EventDecoder decoder;
  Arena arena;
  const Result<Event> event = decoder.Decode(EventFormat::kJson, call, kLogTime, &arena);
  ASSERT_TRUE(event.ok());
  std::string bytes;
  EncodeEvent(*event, nullptr, &bytes);
  EXPECT_EQ(Decode(EventFormat::kProtobuf, bytes),
            R"(track "E" of "u" at 1970-01-01T00:00:00.001Z)");
}

TEST(EventCodec, AnIdIsReadByItself) {
  Event event;
  event.name = "E";
  event.person = "u";
  std::string bytes;
  EncodeEvent(event, nullptr, &bytes);
  EXPECT_EQ(ReadEventId(bytes), "");
  event.id = "m-1";
  bytes.clear();
  EncodeEvent(event, nullptr, &bytes);
  EXPECT_EQ(ReadEventId(bytes), "m-1");
  EXPECT_EQ(ReadEventId(bytes.substr(0, bytes.size() - 1)), "");
}

TEST(EventCodec, MutatedCallsNeverCrash) {
  const std::string seed =
      R"({"type":"track","messageId":"m1","userId":"u1","anonymousId":7,"event":"E","timestamp":)"
      R"("2026-03-02T09:00:00Z","context":{"traits":{"a":1}},"properties":{"b":[1,2.5,null]}})";
  std::mt19937 random(13);
  EventDecoder decoder;
  int accepted = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text = seed;
    for (int change = 0; change < 1 + i % 3; ++change) {
      text[random() % text.size()] = static_cast<char>(32 + random() % 95);
    }
    Arena arena;
    const Result<Event> event = decoder.Decode(EventFormat::kJson, text, kLogTime, &arena);
    if (!event.ok()) continue;
    ++accepted;
    std::string bytes;
    EncodeEvent(*event, nullptr, &bytes);
    EXPECT_EQ(Decode(EventFormat::kProtobuf, bytes), Text(*event)) << text;
  }
  EXPECT_GT(accepted, 1000);
}

}  // namespace
}  // namespace sojourn::model
