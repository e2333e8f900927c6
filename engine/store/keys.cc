#include "engine/store/keys.h"

#include "engine/base/hash.h"

namespace sojourn::store {
namespace {

constexpr size_t kPartitionBytes = 4;
constexpr size_t kHashBytes = 8;
constexpr size_t kTimeBytes = 8;
constexpr size_t kChunkBytes = 4;
constexpr std::string_view kCodesPrefix = "codes:";

void AppendBigEndian(std::string* key, uint64_t number, size_t count) {
  for (size_t i = count; i > 0; --i) key->push_back(static_cast<char>(number >> (8 * (i - 1))));
}

uint64_t LoadBigEndian(const char* at, size_t count) {
  uint64_t number = 0;
  for (size_t i = 0; i < count; ++i) number = number << 8 | static_cast<uint8_t>(at[i]);
  return number;
}

// Numbers below zero sort first.
uint64_t Ordered(int64_t number) { return static_cast<uint64_t>(number) ^ (uint64_t{1} << 63); }

}  // namespace

std::string StateKey(Partition partition, std::string_view person) {
  std::string key;
  key.reserve(kPartitionBytes + kHashBytes + person.size());
  AppendBigEndian(&key, static_cast<uint32_t>(partition.value()), kPartitionBytes);
  AppendBigEndian(&key, StableHash64(person), kHashBytes);
  key.append(person);
  return key;
}

std::optional<std::string_view> PersonOfStateKey(std::string_view key) {
  if (key.size() <= kPartitionBytes + kHashBytes) return std::nullopt;
  return key.substr(kPartitionBytes + kHashBytes);
}

std::string TimerKey(Partition partition, Timestamp time, std::string_view person) {
  std::string key;
  key.reserve(kPartitionBytes + kTimeBytes + person.size());
  AppendBigEndian(&key, static_cast<uint32_t>(partition.value()), kPartitionBytes);
  AppendBigEndian(&key, Ordered(time.milliseconds()), kTimeBytes);
  key.append(person);
  return key;
}

std::optional<TimerKeyParts> ParseTimerKey(std::string_view key) {
  if (key.size() < kPartitionBytes + kTimeBytes) return std::nullopt;
  const uint64_t ordered = LoadBigEndian(key.data() + kPartitionBytes, kTimeBytes);
  const Timestamp time(static_cast<int64_t>(ordered ^ (uint64_t{1} << 63)));
  return TimerKeyParts{time, key.substr(kPartitionBytes + kTimeBytes)};
}

std::string PartitionMetaKey(Partition partition) {
  std::string key = "partition:";
  AppendBigEndian(&key, static_cast<uint32_t>(partition.value()), kPartitionBytes);
  return key;
}

std::string CodesKey(Partition partition, std::string_view pool, uint32_t chunk) {
  std::string key(kCodesPrefix);
  AppendBigEndian(&key, static_cast<uint32_t>(partition.value()), kPartitionBytes);
  key.append(pool);
  AppendBigEndian(&key, chunk, kChunkBytes);
  return key;
}

KeyRange CodesRange(Partition partition) {
  KeyRange range{std::string(kCodesPrefix), std::string(kCodesPrefix)};
  AppendBigEndian(&range.lower, static_cast<uint32_t>(partition.value()), kPartitionBytes);
  AppendBigEndian(&range.upper, static_cast<uint32_t>(partition.value()) + 1, kPartitionBytes);
  return range;
}

std::optional<CodesKeyParts> ParseCodesKey(std::string_view key) {
  const size_t begin = kCodesPrefix.size() + kPartitionBytes;
  if (key.size() <= begin + kChunkBytes) return std::nullopt;
  const size_t end = key.size() - kChunkBytes;
  return CodesKeyParts{key.substr(begin, end - begin),
                       static_cast<uint32_t>(LoadBigEndian(key.data() + end, kChunkBytes))};
}

KeyRange PartitionRange(Partition partition) {
  KeyRange range;
  AppendBigEndian(&range.lower, static_cast<uint32_t>(partition.value()), kPartitionBytes);
  AppendBigEndian(&range.upper, static_cast<uint32_t>(partition.value()) + 1, kPartitionBytes);
  return range;
}

std::string KeyBehind(std::string_view key) { return std::string(key) + '\0'; }

}  // namespace sojourn::store
