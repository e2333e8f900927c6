#include "connectors/kafka/route.h"

#include <gtest/gtest.h>

#include <map>

#include "engine/base/hash.h"
#include "engine/base/limits.h"

namespace sojourn::kafka {
namespace {

using model::EventFormat;
using runtime::DeadLetterReason;

constexpr int32_t kPartitions = 4;
constexpr int64_t kLogTimeMs = 1'770'000'000'000;

ForeignRecord RecordWith(std::string_view value) {
  return {"shop-orders", Partition(7), Offset(42), Timestamp(kLogTimeMs), "order-1", value};
}

model::Event Decoded(const RoutedRecord& routed, Arena* arena) {
  model::EventDecoder decoder;
  return *decoder.Decode(EventFormat::kProtobuf, routed.value, Timestamp(kLogTimeMs), arena);
}

TEST(Route, KeysByThePersonAndKeepsLogTimeAndPlace) {
  Route route(kPartitions);
  const RoutedRecord routed =
      *route.Take(RecordWith(R"({"type":"track","event":"Order","userId":"ann","messageId":"m1"})"),
                  EventFormat::kJson);
  ASSERT_TRUE(routed.is_event);
  EXPECT_EQ(routed.person, "ann");
  EXPECT_EQ(routed.partition.value(), PartitionOfKey("ann", kPartitions));
  const std::map<std::string, std::string> headers(routed.headers.begin(), routed.headers.end());
  EXPECT_EQ(headers, (std::map<std::string, std::string>{{"sojourn-log-time", "1770000000000"},
                                                         {"sojourn-topic", "shop-orders"},
                                                         {"sojourn-partition", "7"},
                                                         {"sojourn-offset", "42"}}));
  Arena arena;
  const model::Event event = Decoded(routed, &arena);
  EXPECT_EQ(event.id, "m1");
  EXPECT_EQ(event.name, "Order");
  EXPECT_EQ(event.person, "ann");
  EXPECT_EQ(event.time, Timestamp(kLogTimeMs));  // it names none
}

TEST(Route, MakesAnIdFromThePlaceWhereThereIsNone) {
  Route route(kPartitions);
  const std::string_view call = R"({"type":"track","event":"Order","anonymousId":"x"})";
  Arena arena;
  const RoutedRecord routed = *route.Take(RecordWith(call), EventFormat::kJson);
  EXPECT_EQ(routed.person, "a:x");
  EXPECT_EQ(Decoded(routed, &arena).id, "shop-orders[7]@42");
  const std::string longest(249, 't');
  ForeignRecord record = RecordWith(call);
  record.topic = longest;
  record.offset = Offset(1'000'000);
  const std::string id(Decoded(*route.Take(record, EventFormat::kJson), &arena).id);
  EXPECT_EQ(id.size(), 64u);
  record.offset = Offset(1'000'001);
  EXPECT_NE(Decoded(*route.Take(record, EventFormat::kJson), &arena).id, id);
}

TEST(Route, TakesProtobuf) {
  model::Event event;
  event.name = "Order";
  event.person = "ann";
  event.id = "m2";
  std::string bytes;
  model::EncodeEvent(event, nullptr, &bytes);
  Route route(kPartitions);
  EXPECT_EQ(route.Take(RecordWith(bytes), EventFormat::kProtobuf)->person, "ann");
  event.type = model::EventType::kImportBegin;
  bytes.clear();
  model::EncodeEvent(event, nullptr, &bytes);
  const RoutedRecord reserved = *route.Take(RecordWith(bytes), EventFormat::kProtobuf);
  EXPECT_FALSE(reserved.is_event);
  EXPECT_EQ(reserved.letter.reason, DeadLetterReason::kReservedType);
}

TEST(Route, MakesADeadLetterOfWhatIsNoEvent) {
  Route route(kPartitions);
  // 2 bytes each as JSON, more as protobuf.
  std::string growing = R"({"type":"track","event":"Order","userId":"ann","properties":{"n":[1)";
  while (growing.size() < kMaxEventBytes - 100) growing += ",1";
  growing += "]}}";
  const std::map<std::string, DeadLetterReason> wrong = {
      {"{", DeadLetterReason::kUndecodable},
      {"", DeadLetterReason::kUndecodable},
      {std::string(kMaxEventBytes + 1, ' '), DeadLetterReason::kUndecodable},
      {growing, DeadLetterReason::kUndecodable},
      {R"({"type":"track","event":"Order"})", DeadLetterReason::kBadPersonId}};
  for (const auto& [value, reason] : wrong) {
    const RoutedRecord routed = *route.Take(RecordWith(value), EventFormat::kJson);
    ASSERT_FALSE(routed.is_event) << value.substr(0, 80);
    const runtime::DeadLetter& letter = routed.letter;
    EXPECT_EQ(letter.reason, reason) << value.substr(0, 80);
    EXPECT_FALSE(letter.message.empty());
    EXPECT_EQ(letter.topic, "shop-orders");
    EXPECT_EQ(letter.partition, Partition(7));
    EXPECT_EQ(letter.offset, Offset(42));
    EXPECT_EQ(letter.log_time, Timestamp(kLogTimeMs));
    EXPECT_EQ(letter.key, "order-1");
    EXPECT_EQ(letter.value, value);
  }
}

}  // namespace
}  // namespace sojourn::kafka
