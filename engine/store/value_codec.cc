#include "engine/store/value_codec.h"

#include <bit>
#include <cmath>

#include "engine/base/limits.h"

namespace sojourn::store {
namespace {

using model::MapEntry;
using model::Value;
using model::ValueKind;

// One byte before each value. Part of the format: never renumber.
enum Tag : uint8_t {
  kNull = 0,
  kFalse = 1,
  kTrue = 2,
  kInt = 3,
  kUint = 4,
  kDouble = 5,
  kHundredths = 6,  // a double that is a whole number of hundredths: most prices
  kString = 7,
  kBytes = 8,
  kMilliseconds = 9,  // a timestamp of whole milliseconds
  kTimestamp = 10,
  kDuration = 11,
  kList = 12,
  kMap = 13,
  kType = 14,
  kNone = 15,  // optional
  kSome = 16,
  kError = 17,
};

constexpr double kMaxHundredths = 1e15;  // whole numbers up to here are exact in a double
constexpr int32_t kNanosecondsPerMillisecond = 1'000'000;
constexpr int32_t kNanosecondsPerSecond = 1'000'000'000;

void WriteDouble(double number, ByteWriter* writer) {
  const double scaled = std::nearbyint(number * 100);
  if (std::abs(scaled) <= kMaxHundredths) {
    const auto hundredths = static_cast<int64_t>(scaled);
    const double back = static_cast<double>(hundredths) / 100;
    if (std::bit_cast<uint64_t>(back) == std::bit_cast<uint64_t>(number)) {
      writer->Byte(kHundredths);
      writer->Signed(hundredths);
      return;
    }
  }
  writer->Byte(kDouble);
  writer->Fixed(std::bit_cast<uint64_t>(number), 8);
}

void WritePrecise(PreciseTime time, ByteWriter* writer) {
  writer->Signed(time.seconds);
  writer->Varint(static_cast<uint32_t>(time.nanoseconds));
}

void WriteTimestamp(const Value& value, Timestamp base, ByteWriter* writer) {
  const Timestamp time = value.time();
  if (Identical(Value::Time(time), value)) {
    writer->Byte(kMilliseconds);
    writer->Time(time, base);
  } else {
    writer->Byte(kTimestamp);
    WritePrecise(value.precise(), writer);
  }
}

void WriteText(Tag tag, const Value& value, ByteWriter* writer) {
  writer->Byte(tag);
  writer->Text(value.text());
}

bool WriteNested(const Value& value, Timestamp base, int depth, ByteWriter* writer);

bool WriteItems(const Value& value, Timestamp base, int depth, ByteWriter* writer) {
  for (uint32_t i = 0; i < value.size(); ++i) {
    if (!WriteNested(value.items()[i], base, depth + 1, writer)) return false;
  }
  return true;
}

bool WriteEntries(const Value& value, Timestamp base, int depth, ByteWriter* writer) {
  for (uint32_t i = 0; i < value.size(); ++i) {
    const MapEntry& entry = value.entries()[i];
    if (!WriteNested(entry.key, base, depth + 1, writer)) return false;
    if (!WriteNested(entry.value, base, depth + 1, writer)) return false;
  }
  return true;
}

bool WriteNested(const Value& value, Timestamp base, int depth, ByteWriter* writer) {
  if (depth > kMaxStoredNesting) return false;
  switch (value.kind()) {
    case ValueKind::kNull:
      writer->Byte(kNull);
      return true;
    case ValueKind::kBool:
      writer->Byte(value.bool_value() ? kTrue : kFalse);
      return true;
    case ValueKind::kInt:
      writer->Byte(kInt);
      writer->Signed(value.int_value());
      return true;
    case ValueKind::kUint:
      writer->Byte(kUint);
      writer->Varint(value.uint_value());
      return true;
    case ValueKind::kDouble:
      WriteDouble(value.double_value(), writer);
      return true;
    case ValueKind::kString:
      WriteText(kString, value, writer);
      return true;
    case ValueKind::kBytes:
      WriteText(kBytes, value, writer);
      return true;
    case ValueKind::kType:
      WriteText(kType, value, writer);
      return true;
    case ValueKind::kError:
      WriteText(kError, value, writer);
      return true;
    case ValueKind::kTimestamp:
      WriteTimestamp(value, base, writer);
      return true;
    case ValueKind::kDuration:
      writer->Byte(kDuration);
      WritePrecise(value.precise(), writer);
      return true;
    case ValueKind::kOptional:
      writer->Byte(value.size() == 0 ? kNone : kSome);
      return WriteItems(value, base, depth, writer);
    case ValueKind::kList:
      writer->Byte(kList);
      writer->Varint(value.size());
      return WriteItems(value, base, depth, writer);
    case ValueKind::kMap:
      writer->Byte(kMap);
      writer->Varint(value.size());
      return WriteEntries(value, base, depth, writer);
  }
  return false;
}

PreciseTime ReadPrecise(ByteReader* reader) {
  const int64_t seconds = reader->Signed();
  const uint32_t nanoseconds = reader->Varint32();
  if (nanoseconds >= static_cast<uint32_t>(kNanosecondsPerSecond)) reader->Fail();
  return {seconds, static_cast<int32_t>(nanoseconds)};
}

Value ReadNested(ByteReader* reader, Timestamp base, int depth, Arena* arena);

Value ReadList(ByteReader* reader, Timestamp base, int depth, Arena* arena) {
  const uint32_t count = reader->Count(1);
  Value* items = arena->AllocateArray<Value>(count);
  for (uint32_t i = 0; i < count && reader->ok(); ++i) {
    items[i] = ReadNested(reader, base, depth + 1, arena);
  }
  return Value::List(items, count);
}

Value ReadMap(ByteReader* reader, Timestamp base, int depth, Arena* arena) {
  const uint32_t count = reader->Count(2);
  MapEntry* entries = arena->AllocateArray<MapEntry>(count);
  for (uint32_t i = 0; i < count && reader->ok(); ++i) {
    entries[i].key = ReadNested(reader, base, depth + 1, arena);
    entries[i].value = ReadNested(reader, base, depth + 1, arena);
  }
  return Value::Map(entries, count);
}

Value ReadSome(ByteReader* reader, Timestamp base, int depth, Arena* arena) {
  Value* item = arena->AllocateArray<Value>(1);
  *item = ReadNested(reader, base, depth + 1, arena);
  return Value::Optional(item);
}

Value ReadNested(ByteReader* reader, Timestamp base, int depth, Arena* arena) {
  if (depth > kMaxStoredNesting) {
    reader->Fail();
    return Value::Null();
  }
  switch (reader->Byte()) {
    case kNull:
      return Value::Null();
    case kFalse:
      return Value::Bool(false);
    case kTrue:
      return Value::Bool(true);
    case kInt:
      return Value::Int(reader->Signed());
    case kUint:
      return Value::Uint(reader->Varint());
    case kDouble:
      return Value::Double(std::bit_cast<double>(reader->Fixed(8)));
    case kHundredths:
      return Value::Double(static_cast<double>(reader->Signed()) / 100);
    case kString:
      return Value::String(reader->Text());
    case kBytes:
      return Value::Bytes(reader->Text());
    case kMilliseconds:
      return Value::Time(reader->Time(base));
    case kTimestamp:
      return Value::PreciseTimestamp(ReadPrecise(reader));
    case kDuration:
      return Value::PreciseSpan(ReadPrecise(reader));
    case kList:
      return ReadList(reader, base, depth, arena);
    case kMap:
      return ReadMap(reader, base, depth, arena);
    case kType:
      return Value::Type(reader->Text());
    case kNone:
      return Value::Optional(nullptr);
    case kSome:
      return ReadSome(reader, base, depth, arena);
    case kError:
      return Value::Error(reader->Text());
    default:
      reader->Fail();
      return Value::Null();
  }
}

}  // namespace

bool WriteValue(const Value& value, Timestamp base, ByteWriter* writer) {
  return WriteNested(value, base, 0, writer);
}

Value ReadValue(ByteReader* reader, Timestamp base, Arena* arena) {
  return ReadNested(reader, base, 0, arena);
}

}  // namespace sojourn::store
