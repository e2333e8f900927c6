#include "engine/cli/backfill_fill.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/cli/partition_log.h"
#include "engine/store/person_record.h"

namespace sojourn::cli {
namespace {

using simulate::PastCounts;

constexpr size_t kPeoplePerAppend = 200;
constexpr std::chrono::seconds kPatience(60);  // while nothing moves
constexpr std::chrono::milliseconds kLookAgain(50);

// Waits until `done`, as long as something moves. `look` tells whether it did.
Status WaitUntil(const Filling& filling, const std::string& complaint,
                 const std::function<Result<bool>()>& look, const std::function<bool()>& done) {
  auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    SOJOURN_ASSIGN_OR_RETURN(const bool moved, look());
    if (done()) return Status::Ok();
    if (filling.stop()) return BackfillStopped();
    const auto now = std::chrono::steady_clock::now();
    if (moved) deadline = now + kPatience;
    if (now > deadline) return Unavailable(complaint);
    std::this_thread::sleep_for(kLookAgain);
  }
}

// The records of some people at once, made by `make`, into the log.
using RecordMaker =
    std::function<Status(const std::string& person, Arena*, std::vector<model::Event>*)>;
Status AppendAll(const std::vector<std::string>& people, const RecordMaker& make,
                 const Filling& filling) {
  for (size_t begin = 0; begin < people.size(); begin += kPeoplePerAppend) {
    if (filling.stop()) return BackfillStopped();
    Arena arena;
    std::vector<model::Event> records;
    const size_t end = std::min(people.size(), begin + kPeoplePerAppend);
    for (size_t i = begin; i < end; ++i) {
      SOJOURN_RETURN_IF_ERROR(make(people[i], &arena, &records));
    }
    SOJOURN_RETURN_IF_ERROR(filling.backend->Append(records));
  }
  return Status::Ok();
}

Status AppendBegins(const std::vector<std::string>& people, const Filling& filling,
                    PastCounts* past) {
  const auto begin = [&](const std::string& person, Arena* arena,
                         std::vector<model::Event>* records) {
    records->push_back(past->Begin(person, filling.bundle, arena));
    return Status::Ok();
  };
  return AppendAll(people, begin, filling);
}

Status AppendPast(const std::vector<std::string>& people, const Filling& filling,
                  PastCounts* past) {
  const auto finish = [&](const std::string& person, Arena* arena,
                          std::vector<model::Event>* records) {
    return past->Finish(person, arena, records);
  };
  return AppendAll(people, finish, filling);
}

// Where retention has taken something away that the person who was asked believed to be there.
Status CheckPast(const PartitionLog& log, const Filling& filling) {
  if (filling.past_is_lost || !log.lost_its_past()) return Status::Ok();
  return Unavailable("retention has just removed a part of the log; run sojourn backfill again");
}

// ---- one sequence ----------------------------------------------------------------------------

// What is counted between a person's two records must be counted by these rules.
Status WaitForRules(Partition partition, const Filling& filling) {
  uint32_t bundle = 0;
  const auto look = [&]() -> Result<bool> {
    SOJOURN_ASSIGN_OR_RETURN(const auto progress, filling.backend->ProgressOf(partition.value()));
    if (progress) bundle = progress->bundle;
    return false;
  };
  return WaitUntil(
      filling,
      fmt::format("partition {} does not go by the newest rules yet; try again when it has "
                  "caught up",
                  partition.value()),
      look, [&] { return bundle >= filling.bundle; });
}

Result<int64_t> FillSequence(Partition partition, const Filling& filling) {
  if (filling.running) SOJOURN_RETURN_IF_ERROR(WaitForRules(partition, filling));
  PastCounts past(filling.rules, filling.counters, filling.begun);
  SOJOURN_ASSIGN_OR_RETURN(PartitionLog log, PartitionLog::Open(partition, filling.backend));
  const auto visit = [&](size_t, const LoggedEvent& event) {
    if (filling.stop()) return BackfillStopped();
    return past.Add(event.person, event.log_time, event.bytes);
  };
  SOJOURN_RETURN_IF_ERROR(log.ReadOn(visit));
  SOJOURN_RETURN_IF_ERROR(CheckPast(log, filling));
  const std::vector<std::string> people = past.People();
  SOJOURN_RETURN_IF_ERROR(AppendBegins(people, filling, &past));
  SOJOURN_RETURN_IF_ERROR(log.ReadOn(visit));
  if (!past.AllBegan()) return Internal("records that were just appended are not in the log");
  SOJOURN_RETURN_IF_ERROR(AppendPast(people, filling, &past));
  return static_cast<int64_t>(people.size());
}

// ---- several topics --------------------------------------------------------------------------

// Follows what a partition commits.
class Commits {
 public:
  Commits(Partition partition, const Filling& filling) : partition_(partition), filling_(filling) {}

  Status WaitForRules() {
    const auto nobody = [](std::string_view, std::string_view) { return Status::Ok(); };
    return Wait([&] { return Follow(nobody); }, [&] { return bundle_ >= filling_.bundle; });
  }

  // Until the record at `offset` of the input is taken in. By then everybody's backfill has begun
  // who is still there.
  Status WaitForBegins(size_t input, Offset offset) {
    const auto note = [this](std::string_view id, std::string_view record) {
      return NoteTaken(id, record);
    };
    return Wait([&] { return Follow(note); },
                [&] { return input < taken_in_.size() && taken_in_[input] > offset; });
  }

  // Whether the record was taken in before the person's backfill began.
  bool StandsBefore(std::string_view person, size_t input, Offset offset) const {
    const auto found = taken_.find(std::string(person));
    return found != taken_.end() && input < found->second.size() && offset < found->second[input];
  }
  bool HasBegun(const std::string& person) const { return taken_.contains(person); }

 private:
  Status Wait(const std::function<Result<bool>()>& look, const std::function<bool()>& done) {
    return WaitUntil(filling_,
                     fmt::format("partition {} takes nothing in, or does not go by the newest "
                                 "rules: over Kafka a sojourn run of the app has to be at work; "
                                 "then run sojourn backfill again",
                                 partition_.value()),
                     look, done);
  }

  Result<bool> Follow(const Backend::PersonVisitor& visit) {
    SOJOURN_ASSIGN_OR_RETURN(const StateScan scan,
                             filling_.backend->ScanState(partition_, next_, visit));
    const bool moved = scan.next > next_;
    next_ = scan.next;
    if (!scan.meta) return moved;
    bundle_ = scan.meta->bundle;
    taken_in_.clear();
    for (const store::InputPosition& input : scan.meta->inputs) {
      taken_in_.push_back(input.next_offset);
    }
    return moved;
  }

  Status NoteTaken(std::string_view id, std::string_view record) {
    taken_.erase(std::string(id));
    if (record.empty()) return Status::Ok();
    SOJOURN_RETURN_IF_ERROR(store::DecodePerson(record, &person_));
    for (const model::CounterBackfill& backfill : person_.backfills) {
      if (backfill.begun != filling_.begun) continue;
      taken_[std::string(id)] = {backfill.taken.begin(), backfill.taken.end()};
    }
    return Status::Ok();
  }

  const Partition partition_;
  const Filling& filling_;
  Offset next_{0};
  uint32_t bundle_ = 0;
  std::vector<Offset> taken_in_;  // by input, as last committed
  std::unordered_map<std::string, std::vector<Offset>> taken_;
  model::Person person_;
};

// The last record that stands behind what `log` has read. `people` were asked for.
Result<std::pair<size_t, Offset>> FindLastRecord(const Filling& filling, PartitionLog* log) {
  std::pair<size_t, Offset> last{0, Offset(-1)};
  SOJOURN_RETURN_IF_ERROR(log->ReadOn([&](size_t input, const LoggedEvent& event) {
    if (filling.stop()) return BackfillStopped();
    if (input >= last.first) last = {input, event.offset};  // the product's own topic is the last
    return Status::Ok();
  }));
  if (last.second < Offset(0)) return Internal("records that were just appended are not there");
  return last;
}

Result<int64_t> FillTopics(Partition partition, const Filling& filling) {
  Commits commits(partition, filling);
  SOJOURN_RETURN_IF_ERROR(commits.WaitForRules());
  PastCounts past(filling.rules, filling.counters, filling.begun);
  SOJOURN_ASSIGN_OR_RETURN(PartitionLog log, PartitionLog::Open(partition, filling.backend));
  SOJOURN_RETURN_IF_ERROR(log.ReadOn([&](size_t, const LoggedEvent& event) {
    if (filling.stop()) return BackfillStopped();
    return past.Add(event.person, event.log_time, event.bytes);
  }));
  SOJOURN_RETURN_IF_ERROR(CheckPast(log, filling));
  std::vector<std::string> people = past.People();
  if (people.empty()) return 0;
  SOJOURN_RETURN_IF_ERROR(AppendBegins(people, filling, &past));
  SOJOURN_ASSIGN_OR_RETURN(const auto last, FindLastRecord(filling, &log));
  SOJOURN_RETURN_IF_ERROR(commits.WaitForBegins(last.first, last.second));

  past.Rewind();
  SOJOURN_ASSIGN_OR_RETURN(PartitionLog again, PartitionLog::Open(partition, filling.backend));
  SOJOURN_RETURN_IF_ERROR(again.ReadOn([&](size_t input, const LoggedEvent& event) {
    if (filling.stop()) return BackfillStopped();
    if (!commits.StandsBefore(event.person, input, event.offset)) return Status::Ok();
    return past.Add(event.person, event.log_time, event.bytes);
  }));
  std::erase_if(people, [&](const std::string& person) { return !commits.HasBegun(person); });
  SOJOURN_RETURN_IF_ERROR(AppendPast(people, filling, &past));
  return static_cast<int64_t>(people.size());
}

}  // namespace

Status BackfillStopped() { return Unavailable("stopping; run sojourn backfill again"); }

Result<int64_t> FillPartition(Partition partition, const Filling& filling) {
  return filling.backend->shows_commits() ? FillTopics(partition, filling)
                                          : FillSequence(partition, filling);
}

}  // namespace sojourn::cli
