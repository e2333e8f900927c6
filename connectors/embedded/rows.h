// The rows of the embedded log in the database (FORMAT.md). Pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "connectors/embedded/embedded_log.h"
#include "engine/base/status.h"
#include "engine/base/strong.h"
#include "engine/base/time.h"
#include "engine/deliver/suppression.h"
#include "engine/runtime/ports.h"
#include "engine/store/database.h"

namespace sojourn::embedded {

inline constexpr store::Family kLogFamily = store::ExtraFamily(0);
inline constexpr store::Family kActionsFamily = store::ExtraFamily(1);
inline constexpr store::Family kDeadLettersFamily = store::ExtraFamily(2);
inline constexpr store::Family kControlFamily = store::ExtraFamily(3);
inline constexpr store::Family kDeliveriesFamily = store::ExtraFamily(4);
inline constexpr store::Family kSuppressionsFamily = store::ExtraFamily(5);

// log, actions, dead_letters, deliveries: partition ‖ offset, both big-endian.
std::string RowKey(Partition partition, Offset offset);
// The offset of such a key; nullopt where it is none.
std::optional<Offset> OffsetOfRowKey(std::string_view key);
// All rows of a partition from `from` up to, not including, `to`.
store::KeyRange RowRange(Partition partition, Offset from, Offset to);
inline constexpr Offset kLastOffset{INT64_MAX};

struct LogRow {
  Timestamp log_time;
  std::string_view key;    // empty for brackets
  std::string_view event;  // protobuf sojourn.v1.Event
};
std::string EncodeLogRow(const LogRow& row);
Result<LogRow> DecodeLogRow(std::string_view bytes);  // points into `bytes`

struct ActionRow {
  Timestamp committed_at;
  std::string_view action;  // protobuf sojourn.v1.Action
};
std::string EncodeActionRow(const ActionRow& row);
Result<ActionRow> DecodeActionRow(std::string_view bytes);

std::string EncodeDeadLetter(const runtime::DeadLetter& letter);
Result<runtime::DeadLetter> DecodeDeadLetter(std::string_view bytes);

// control: the one row of the import that replays now, if any; its value is the fingerprint.
inline constexpr std::string_view kReplayKey = "replay";
std::string ImportKey(std::string_view fingerprint);
std::string EncodeImport(const ImportState& state);
Result<ImportState> DecodeImport(std::string_view bytes);

std::string ReaderKey(std::string_view reader);
std::string EncodeCursors(const Cursors& cursors);
Result<Cursors> DecodeCursors(std::string_view bytes);

std::string SuppressionKey(const deliver::AddressHash& hash);
std::string EncodeSuppression(const deliver::Suppression& entry);
Result<deliver::Suppression> DecodeSuppression(std::string_view key, std::string_view bytes);

std::string NoteKey(std::string_view name);

// A piece of a large file, by its hash; all bundles share them.
std::string PieceKey(std::string_view hash);
std::string BundleKey(uint32_t number);
store::KeyRange BundleRange();
std::optional<uint32_t> NumberOfBundleKey(std::string_view key);
std::string EncodeBundle(const std::map<std::string, std::string>& files);
Result<std::map<std::string, std::string>> DecodeBundle(std::string_view bytes);

}  // namespace sojourn::embedded
