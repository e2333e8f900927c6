// What is behind `sojourn backup` and `sojourn restore`: a data directory of the embedded log,
// copied while a process works on it, and brought back.
//
// A backup is a data directory like any other, made whole or not at all: it is written beside its
// place and renamed. The database's files are hard links where the disk allows it.
//
// What happened after the backup is not in it: neither the events nor that a mail left. So a
// restored log holds back every mail that was decided before the restoring and has no final state
// in the backup: it may have left. Such mails are dead letters, for somebody to decide about. Which
// listed coupon codes were given since is not known either, and the search for the next one would
// find just these: so no list gives any until somebody says that the lists are free of them.
//
// Threads: any, one call at a time. Errors: one line with the way out; a backup or data directory
// that is there is never touched.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/cli/backend.h"
#include "engine/cli/config.h"
#include "engine/cli/coupons.h"

namespace sojourn::cli {

struct Restored {
  Timestamp backup_at;  // when the backup was made
  int64_t bytes = 0;
  std::vector<ListStand> lists;  // as they stood in the backup
};

// `directory` must not exist. Over Kafka kFailedPrecondition: the topics hold everything.
Status MakeBackup(const std::filesystem::path& directory, const Config& config, Timestamp now,
                  Backend* backend);

// Makes config.data, which must not exist or be empty, from a backup.
Result<Restored> RestoreBackup(const std::filesystem::path& directory, const Config& config,
                               Timestamp now);

// When this log was restored; nullopt: never.
Result<std::optional<Timestamp>> RestoredAt(Backend* backend);

// Whether listed coupon pools give no code since this log was restored; and that they may again.
Result<bool> AreListsHeld(Backend* backend);
Status ReleaseLists(Backend* backend);

}  // namespace sojourn::cli
