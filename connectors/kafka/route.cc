#include "connectors/kafka/route.h"

#include <fmt/format.h>

#include <optional>

#include "connectors/kafka/place_headers.h"
#include "engine/base/hash.h"
#include "engine/base/limits.h"

namespace sojourn::kafka {
namespace {

using runtime::DeadLetterReason;

// The same whenever the record is routed.
std::string IdOf(const ForeignRecord& record) {
  std::string id =
      fmt::format("{}[{}]@{}", record.topic, record.partition.value(), record.offset.value());
  if (id.size() <= kMaxEventIdBytes) return id;
  const Sha256Digest digest = Sha256(id);
  return Hex(digest.data(), digest.size());
}

struct Rejection {
  DeadLetterReason reason = DeadLetterReason::kUndecodable;
  std::string message;
};

std::optional<Rejection> CheckEvent(const model::Event& event) {
  if (event.type != model::EventType::kTrack && event.type != model::EventType::kIdentify) {
    return Rejection{DeadLetterReason::kReservedType, "a record of a reserved type"};
  }
  if (event.person.empty()) {
    return Rejection{DeadLetterReason::kBadPersonId,
                     "it names no person: userId or anonymousId is wanted"};
  }
  if (!model::IsValidPersonId(event.person)) {
    return Rejection{
        DeadLetterReason::kBadPersonId,
        fmt::format("it names no person: an id has 1 to {} bytes of UTF-8", kMaxPersonIdBytes)};
  }
  return std::nullopt;
}

RoutedRecord Reject(const ForeignRecord& record, Rejection rejection) {
  RoutedRecord routed;
  runtime::DeadLetter& letter = routed.letter;
  letter.reason = rejection.reason;
  letter.message = std::move(rejection.message);
  letter.topic = record.topic;
  letter.partition = record.partition;
  letter.offset = record.offset;
  letter.log_time = record.log_time;
  letter.key = record.key;
  letter.value = record.value;
  return routed;
}

}  // namespace

Result<RoutedRecord> Route::Take(const ForeignRecord& record, model::EventFormat format) {
  arena_.Reset();
  Result<model::Event> decoded =
      decoder_.Decode(record.headers, record.value, format, record.log_time, &arena_);
  if (decoded.status().code() == StatusCode::kUnavailable) return decoded.status();
  if (!decoded.ok()) {
    return Reject(record, {DeadLetterReason::kUndecodable, decoded.status().message()});
  }
  model::Event& event = *decoded;
  if (auto rejection = CheckEvent(event)) return Reject(record, *std::move(rejection));
  if (event.id.empty()) event.id = arena_.Copy(IdOf(record));
  value_.clear();
  model::EncodeEvent(event, nullptr, &value_);
  if (value_.size() > kMaxEventBytes) {
    return Reject(record, {DeadLetterReason::kUndecodable,
                           fmt::format("over {} bytes as protobuf", kMaxEventBytes)});
  }
  RoutedRecord routed;
  routed.is_event = true;
  routed.partition = Partition(PartitionOfKey(event.person, partition_count_));
  routed.person = event.person;
  routed.value = value_;
  routed.headers =
      PlaceHeaders({std::string(record.topic), record.partition, record.offset, record.log_time});
  return routed;
}

}  // namespace sojourn::kafka
