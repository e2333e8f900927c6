// Small settings of the app, such as what is paused: `<app>.notes`, key = name, value = text. Every
// process follows them; what one writes holds in all of them some milliseconds later, and after
// every restart.
//
// A topic of its own, since all processes must read all of it from the beginning: the changelog and
// the rules are long.
//
// Threads: any. Errors: kUnavailable where no broker answers. Of two that write one note in the
// same moment, the later counts. What this is made with outlives it.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "connectors/kafka/topic_follower.h"

namespace sojourn::kafka {

class KafkaNotes {
 public:
  // Returns when all notes are known.
  static Result<std::unique_ptr<KafkaNotes>> Open(const KafkaConfig& config,
                                                  EventProducer* producer, KafkaObserver* observer);

  // From memory; empty: there is none. An error where the topic cannot be read (it is gone, it is
  // forbidden), for then another process may have written a newer one.
  Result<std::string> Read(const std::string& name);
  // As it stands now, whoever wrote it: waits until all that was written before the call is known.
  Result<std::string> ReadNewest(const std::string& name);
  // Durable, and to be read, when ok.
  Status Write(const std::string& name, const std::string& text);

 private:
  KafkaNotes() = default;
  void Take(const StoredRecord& record);

  std::mutex mutex_;
  std::map<std::string, std::string> notes_;  // guarded by mutex_
  std::unique_ptr<TopicFollower> follower_;   // last: its thread writes the above
};

}  // namespace sojourn::kafka
