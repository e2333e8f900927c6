#include "engine/store/database.h"

#include <charconv>
#include <cstring>

#include <fmt/format.h>

namespace sojourn::store {
namespace {

// How a change stands in the batch's buffer: this, then key and value.
struct ChangeHeader {
  uint32_t key_bytes;
  uint32_t value_bytes;
  uint32_t family;
  WriteBatch::Kind kind;
};

constexpr std::string_view kFormatKey = "format";

}  // namespace

void WriteBatch::Add(Kind kind, Family family, std::string_view key, std::string_view value) {
  SOJOURN_CHECK(key.size() <= UINT32_MAX && value.size() <= UINT32_MAX);
  const ChangeHeader header{static_cast<uint32_t>(key.size()), static_cast<uint32_t>(value.size()),
                            family.value(), kind};
  changes_.append(reinterpret_cast<const char*>(&header), sizeof(header));
  changes_.append(key);
  changes_.append(value);
  ++count_;
}

WriteBatch::Change WriteBatch::ReadChange(const char** at) {
  ChangeHeader header;
  std::memcpy(&header, *at, sizeof(header));
  const char* const key = *at + sizeof(header);
  const char* const value = key + header.key_bytes;
  *at = value + header.value_bytes;
  return {header.kind, Family(header.family), {key, header.key_bytes}, {value, header.value_bytes}};
}

void WriteBatch::Put(Family family, std::string_view key, std::string_view value) {
  Add(Kind::kPut, family, key, value);
}

void WriteBatch::Delete(Family family, std::string_view key) {
  Add(Kind::kDelete, family, key, {});
}

void WriteBatch::DeleteRange(Family family, std::string_view begin, std::string_view end) {
  Add(Kind::kDeleteRange, family, begin, end);
}

void WriteBatch::Append(const WriteBatch& other) {
  changes_.append(other.changes_);
  count_ += other.count_;
}

void WriteBatch::Clear() {
  changes_.clear();
  count_ = 0;
}

Status CheckFormatVersion(Database* database, const std::string& name) {
  SOJOURN_ASSIGN_OR_RETURN(const std::optional<std::string> row,
                           database->Get(kMetaFamily, kFormatKey));
  if (!row) {
    const auto rows = database->NewIterator(kMetaFamily, {});
    rows->SeekToFirst();
    SOJOURN_RETURN_IF_ERROR(rows->status());
    if (rows->Valid()) {
      return FailedPrecondition(
          fmt::format("{}: holds a database that is not Sojourn's (no format version); choose "
                      "another directory",
                      name));
    }
    WriteBatch batch;
    batch.Put(kMetaFamily, kFormatKey, std::to_string(kFormatVersion));
    return database->Write(batch, Sync::kYes);
  }
  uint32_t version = 0;
  const char* const end = row->data() + row->size();
  const auto [stop, error] = std::from_chars(row->data(), end, version);
  if (error != std::errc() || stop != end || version == 0) {
    return DataLoss(fmt::format("{}: the format version is not readable", name));
  }
  if (version > kFormatVersion) {
    return FailedPrecondition(
        fmt::format("{}: has format version {}, this binary knows up to {}; use a newer sojourn",
                    name, version, kFormatVersion));
  }
  return Status::Ok();
}

}  // namespace sojourn::store
