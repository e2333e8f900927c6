// What imports are to a log: which files came in how, how far they have come, and their pieces.
//
// Threads: pure functions and plain data.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/time.h"
#include "engine/runtime/ports.h"

namespace sojourn::cli {

enum class ImportMode : uint8_t {
  kReplay,   // into an empty log, on the data's own time
  kHistory,  // brings people up to date silently
  kEvents,   // as if they happened now
};
inline constexpr ImportMode kImportModes[] = {ImportMode::kReplay, ImportMode::kHistory,
                                              ImportMode::kEvents};
std::string_view ImportModeName(ImportMode mode);
std::optional<ImportMode> ParseImportMode(std::string_view text);

// Fingerprint and mode make two imports the same.
struct ImportIdentity {
  std::string fingerprint;  // of the file's content and mapping
  ImportMode mode = ImportMode::kHistory;
  std::string name;  // of the file, for people; may be empty
};

// The identity as one word without the name, and back.
std::string ImportKeyOf(const ImportIdentity& identity);
std::optional<ImportIdentity> ParseImportKey(std::string_view key);

// How far an import has come.
struct ImportProgress {
  bool begun = false;
  bool finished = false;
  bool abandoned = false;     // ended before its file was
  uint64_t position = 0;      // events appended so far, in sorted order
  uint64_t dead_letters = 0;  // kept so far, in the file's order
  std::optional<Timestamp> begun_at;
};

// Of one fingerprint; has all modes.
using ImportLedger = std::map<ImportMode, ImportProgress>;

// An import that replays and has not finished: until it has, timers stand still.
struct OpenReplay {
  ImportIdentity identity;
  ImportProgress progress;
};

// An event to import; `time` is its own and, in a replay, its log time.
struct ImportedEvent {
  Timestamp time;
  std::string person;
  std::string bytes;  // protobuf sojourn.v1.Event
};

// What comes next of an import. First all events, then the dead letters.
struct ImportPiece {
  uint64_t position = 0;  // of the first event
  std::span<const ImportedEvent> events;
  uint64_t dead_letter_position = 0;  // of the first of them
  std::span<const runtime::DeadLetter> dead_letters;
  bool last = false;  // the import is finished behind it
};

// What a ledger keeps as the name of the file at `path`; empty where its bytes are no UTF-8.
std::string NameForPeople(const std::string& path);

// "old.ndjson" or, where it has no name, "replay-9f86d0...".
std::string ImportForPeople(const ImportIdentity& identity);

}  // namespace sojourn::cli
