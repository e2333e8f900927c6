// The flat record of a person: the bytes in the cache, in RocksDB and in the changelog. FORMAT.md
// has grammar and a worked example.
//
// Threads: pure functions. The person's id is the key and not part of the record.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/model/person.h"

namespace sojourn::store {

inline constexpr uint8_t kPersonRecordVersion = 7;
inline constexpr size_t kPersonRecordHeaderBytes = 22;

// Replaces `*bytes` with the record; its capacity is reused. Errors: kResourceExhausted where a
// value is nested deeper than kMaxStoredNesting. bytes->size() is the record's size, which the
// caller compares with kMaxPersonRecordBytes.
Status EncodePerson(const model::Person& person, std::string* bytes);

// Replaces all of `*person` but its id. The record is copied into the person's arena once; texts
// point into that copy, so `bytes` may die. Takes any bytes: what is no record is kDataLoss, a
// record of a newer version kFailedPrecondition, and the person is then empty.
Status DecodePerson(std::string_view bytes, model::Person* person);

// Whether the accessors below may be used: the header is whole and of a known version. Errors as of
// DecodePerson.
Status CheckPersonRecord(std::string_view bytes);

namespace internal {
inline uint64_t LoadLittleEndian(const char* at, int count) {
  uint64_t number = 0;
  for (int i = count - 1; i >= 0; --i) number = number << 8 | static_cast<uint8_t>(at[i]);
  return number;
}
}  // namespace internal

// Straight from the bytes. Each requires a record that passed CheckPersonRecord, or came from
// EncodePerson.
inline uint32_t RecordBundle(std::string_view record) {
  return static_cast<uint32_t>(internal::LoadLittleEndian(record.data() + 2, 4));
}
inline Timestamp RecordClock(std::string_view record) {
  return Timestamp(static_cast<int64_t>(internal::LoadLittleEndian(record.data() + 6, 8)));
}
inline Timestamp RecordNextDeadline(std::string_view record) {
  return Timestamp(static_cast<int64_t>(internal::LoadLittleEndian(record.data() + 14, 8)));
}

}  // namespace sojourn::store
