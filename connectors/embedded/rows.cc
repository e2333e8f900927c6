#include "connectors/embedded/rows.h"

#include <algorithm>
#include <initializer_list>

#include "engine/base/check.h"
#include "engine/store/byte_codec.h"

namespace sojourn::embedded {
namespace {

using store::ByteReader;
using store::ByteWriter;

constexpr uint8_t kRowVersion = 1;
constexpr uint8_t kImportVersion = 2;  // of an import's place
constexpr std::string_view kBundlePrefix = "bundle:";
constexpr std::string_view kPiecePrefix = "piece:";

void AppendBigEndian(std::string* key, uint64_t number, size_t count) {
  for (size_t i = count; i > 0; --i) key->push_back(static_cast<char>(number >> (8 * (i - 1))));
}

uint64_t LoadBigEndian(std::string_view bytes) {
  uint64_t number = 0;
  for (const char byte : bytes) number = number << 8 | static_cast<uint8_t>(byte);
  return number;
}

Timestamp ReadTime(ByteReader* reader) { return Timestamp(static_cast<int64_t>(reader->Fixed(8))); }

void WriteTime(Timestamp time, ByteWriter* writer) {
  writer->Fixed(static_cast<uint64_t>(time.milliseconds()), 8);
}

// Every row begins with its version.
bool ReadVersion(ByteReader* reader) { return reader->Byte() == kRowVersion; }

// A time and texts: what records of the log and actions consist of.
std::string EncodeTimed(Timestamp time, std::initializer_list<std::string_view> texts) {
  std::string bytes;
  ByteWriter writer(&bytes);
  writer.Byte(kRowVersion);
  WriteTime(time, &writer);
  for (const std::string_view text : texts) writer.Text(text);
  writer.Finish();
  return bytes;
}

bool DecodeTimed(std::string_view bytes, Timestamp* time,
                 std::initializer_list<std::string_view*> texts) {
  ByteReader reader(bytes);
  const bool known = ReadVersion(&reader);
  *time = ReadTime(&reader);
  for (std::string_view* text : texts) *text = reader.Text();
  return known && reader.ok() && reader.at_end();
}

Status Damaged(const char* what) { return DataLoss(std::string(what) + " is damaged"); }

}  // namespace

std::string RowKey(Partition partition, Offset offset) {
  std::string key;
  key.reserve(12);
  AppendBigEndian(&key, static_cast<uint32_t>(partition.value()), 4);
  AppendBigEndian(&key, static_cast<uint64_t>(offset.value()), 8);
  return key;
}

std::optional<Offset> OffsetOfRowKey(std::string_view key) {
  if (key.size() != 12) return std::nullopt;
  return Offset(static_cast<int64_t>(LoadBigEndian(key.substr(4))));
}

store::KeyRange RowRange(Partition partition, Offset from, Offset to) {
  return {RowKey(partition, from), RowKey(partition, to)};
}

std::string EncodeLogRow(const LogRow& row) {
  return EncodeTimed(row.log_time, {row.key, row.event});
}

Result<LogRow> DecodeLogRow(std::string_view bytes) {
  LogRow row;
  if (!DecodeTimed(bytes, &row.log_time, {&row.key, &row.event})) {
    return Damaged("a record of the log");
  }
  return row;
}

std::string EncodeActionRow(const ActionRow& row) {
  return EncodeTimed(row.committed_at, {row.action});
}

Result<ActionRow> DecodeActionRow(std::string_view bytes) {
  ActionRow row;
  if (!DecodeTimed(bytes, &row.committed_at, {&row.action})) return Damaged("a stored action");
  return row;
}

std::string EncodeDeadLetter(const runtime::DeadLetter& letter) {
  std::string bytes;
  ByteWriter writer(&bytes);
  writer.Byte(kRowVersion);
  writer.Byte(static_cast<uint8_t>(letter.reason));
  writer.Text(letter.message);
  writer.Text(letter.topic);
  writer.Signed(letter.partition.value());
  writer.Signed(letter.offset.value());
  WriteTime(letter.log_time, &writer);
  writer.Text(letter.key);
  writer.Text(letter.value);
  writer.Finish();
  return bytes;
}

Result<runtime::DeadLetter> DecodeDeadLetter(std::string_view bytes) {
  ByteReader reader(bytes);
  const bool known = ReadVersion(&reader);
  runtime::DeadLetter letter;
  const uint8_t reason = reader.Byte();
  letter.reason = static_cast<runtime::DeadLetterReason>(reason);
  letter.message = reader.Text();
  letter.topic = reader.Text();
  letter.partition = Partition(static_cast<int32_t>(reader.Signed()));
  letter.offset = Offset(reader.Signed());
  letter.log_time = ReadTime(&reader);
  letter.key = reader.Text();
  letter.value = reader.Text();
  const bool reason_known =
      reason <= static_cast<uint8_t>(runtime::DeadLetterReason::kPersonTooLarge);
  if (!known || !reason_known || !reader.ok() || !reader.at_end()) {
    return Damaged("a stored dead letter");
  }
  return letter;
}

std::string ImportKey(std::string_view fingerprint) { return "import:" + std::string(fingerprint); }

std::string EncodeImport(const ImportState& state) {
  std::string bytes;
  ByteWriter writer(&bytes);
  writer.Byte(kImportVersion);
  writer.Varint(state.position);
  writer.Byte(state.replay ? 1 : 0);
  writer.Byte(state.finished ? 1 : 0);
  writer.Byte(state.abandoned ? 1 : 0);
  writer.Varint(state.dead_letters);
  WriteTime(state.begun_at, &writer);
  writer.Text(state.name);
  writer.Finish();
  return bytes;
}

Result<ImportState> DecodeImport(std::string_view bytes) {
  ByteReader reader(bytes);
  const uint8_t version = reader.Byte();
  ImportState state;
  state.position = reader.Varint();
  state.replay = reader.Byte() != 0;
  state.finished = reader.Byte() != 0;
  if (version == kImportVersion) {
    state.abandoned = reader.Byte() != 0;
    state.dead_letters = reader.Varint();
    state.begun_at = ReadTime(&reader);
    state.name = reader.Text();
  }
  const bool known = version == kRowVersion || version == kImportVersion;
  if (!known || !reader.ok() || !reader.at_end()) return Damaged("an import's place");
  return state;
}

std::string ReaderKey(std::string_view reader) { return "reader:" + std::string(reader); }
std::string NoteKey(std::string_view name) { return "note:" + std::string(name); }

std::string BundleTimeNote(uint32_t number) { return "bundle_stored_at:" + std::to_string(number); }

std::string EncodeCursors(const Cursors& cursors) {
  std::string bytes;
  ByteWriter writer(&bytes);
  writer.Byte(kRowVersion);
  writer.Varint(cursors.size());
  for (const Offset offset : cursors) writer.Signed(offset.value());
  writer.Finish();
  return bytes;
}

Result<Cursors> DecodeCursors(std::string_view bytes) {
  ByteReader reader(bytes);
  const bool known = ReadVersion(&reader);
  Cursors cursors(reader.Count(1));
  for (Offset& offset : cursors) offset = Offset(reader.Signed());
  if (!known || !reader.ok() || !reader.at_end()) return Damaged("a reader's place");
  return cursors;
}

std::string SuppressionKey(const deliver::AddressHash& hash) { return {hash.begin(), hash.end()}; }

std::string EncodeSuppression(const deliver::Suppression& entry) {
  std::string bytes;
  ByteWriter writer(&bytes);
  writer.Byte(kRowVersion);
  writer.Byte(static_cast<uint8_t>(entry.reason));
  WriteTime(entry.since, &writer);
  writer.Finish();
  return bytes;
}

Result<deliver::Suppression> DecodeSuppression(std::string_view key, std::string_view bytes) {
  ByteReader reader(bytes);
  const bool known = ReadVersion(&reader);
  deliver::Suppression entry;
  entry.reason = static_cast<deliver::SuppressionReason>(reader.Byte());
  entry.since = ReadTime(&reader);
  if (!known || !reader.ok() || !reader.at_end() || key.size() != entry.hash.size() ||
      deliver::SuppressionReasonName(entry.reason).empty()) {
    return Damaged("a row of the suppression list");
  }
  std::copy(key.begin(), key.end(), entry.hash.begin());
  return entry;
}

std::string PieceKey(std::string_view hash) { return std::string(kPiecePrefix).append(hash); }

std::string BundleKey(uint32_t number) {
  std::string key(kBundlePrefix);
  AppendBigEndian(&key, number, 4);
  return key;
}

store::KeyRange BundleRange() { return {std::string(kBundlePrefix), "bundle;"}; }

std::optional<uint32_t> NumberOfBundleKey(std::string_view key) {
  if (key.size() != kBundlePrefix.size() + 4) return std::nullopt;
  return static_cast<uint32_t>(LoadBigEndian(key.substr(kBundlePrefix.size())));
}

std::string EncodeBundle(const std::map<std::string, std::string>& files) {
  std::string bytes;
  ByteWriter writer(&bytes);
  writer.Byte(kRowVersion);
  writer.Varint(files.size());
  for (const auto& [path, content] : files) {
    writer.Text(path);
    writer.Text(content);
  }
  writer.Finish();
  return bytes;
}

Result<std::map<std::string, std::string>> DecodeBundle(std::string_view bytes) {
  ByteReader reader(bytes);
  const bool known = ReadVersion(&reader);
  std::map<std::string, std::string> files;
  for (uint32_t left = reader.Count(2); left > 0; --left) {
    const std::string path(reader.Text());
    files[path] = reader.Text();
  }
  if (!known || !reader.ok() || !reader.at_end()) return Damaged("a stored rules bundle");
  return files;
}

}  // namespace sojourn::embedded
