// What is behind `sojourn migrate-to-kafka`: the people of an embedded log go on over Kafka.
//
// Everything goes into the topics in one transaction: rules, people and where their partitions
// stand, mails and webhooks that have not come to their end with what was tried of them, those that
// failed, dead letters, suppressed addresses, notes (pauses and disabled URLs among them), and
// those events of the log that nobody has taken in yet. The rest of the log stays behind, for
// replaying it would make every action again; so do what was delivered and the ledger of imports.
//
// A note in the directory says that it was moved, or was about to be: from then on no process works
// on it, or mails would leave twice. The same note stands in the topics when all is there. So a
// move that ended on the way is made again by moving again, and one that came to its end is known.
//
// Threads: one call at a time. Errors: one line with the way out.
#pragma once

#include <cstdint>
#include <string>

#include "connectors/kafka/observer.h"
#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/cli/config.h"

namespace sojourn::cli {

// What one deliverer of the directory had still to do.
struct MovedSends {
  int64_t open = 0;    // not at their end
  int64_t failed = 0;  // dead letters, to be retried
  // It never worked on the directory: what it would send is for whoever reads its actions.
  bool never_sent = false;
};

struct Moved {
  bool before = false;  // an earlier call did it; the rest is 0 then
  int64_t people = 0;
  int64_t bundles = 0;
  MovedSends mails;
  MovedSends webhooks;  // messages through gateways among them
  int64_t events = 0;   // not taken in yet
  int64_t dead_letters = 0;
  int64_t suppressions = 0;
  int64_t dropped_backfills = 0;  // people whose counters wait for a backfill that never ended
  bool signs_otherwise = false;   // webhooks, not with the secret that the directory made
};

// `config` is that of Kafka, `directory` the embedded data directory. kFailedPrecondition: the
// directory is in use, newer or of another app; the topics hold something or are wrong; the keys
// differ; an import or backfill is not worked off.
Result<Moved> MoveToKafka(const Config& config, const std::string& directory, Timestamp now,
                          kafka::KafkaObserver* observer);

// Gives the directory back to the embedded log, where the move did not come to its end.
Status AbandonMove(const Config& config, const std::string& directory,
                   kafka::KafkaObserver* observer);

}  // namespace sojourn::cli
