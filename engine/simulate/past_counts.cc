#include "engine/simulate/past_counts.h"

#include <algorithm>
#include <utility>

#include "engine/base/limits.h"
#include "engine/step/backfill.h"
#include "engine/store/person_record.h"

namespace sojourn::simulate {
namespace {

constexpr size_t kPruneAtLeast = 100'000;  // people

}  // namespace

PastCounts::PastCounts(std::shared_ptr<const language::RuleSet> rules, Counters counters,
                       Timestamp begun)
    : rules_(std::move(rules)),
      counters_(std::move(counters)),
      begun_(begun),
      prune_at_(kPruneAtLeast) {
  environment_.rules = rules_.get();
  environment_.secrets = &secrets_;
  environment_.partition = &partition_;
}

Status PastCounts::Load(const std::string& person, const Past& past) {
  person_.id = person;
  if (!past.record.empty()) return store::DecodePerson(past.record, &person_);
  person_.Reset();
  return Status::Ok();
}

Status PastCounts::Add(std::string_view person, Timestamp log_time, std::string_view bytes) {
  arena_.Reset();
  const auto event = decoder_.Decode(model::EventFormat::kProtobuf, bytes, log_time, &arena_);
  if (!event.ok()) return Status::Ok();
  const auto place = people_.try_emplace(std::string(person)).first;
  Past& past = place->second;
  if (past.began) return Status::Ok();
  if (step::BeginsBackfill(*event, begun_)) {
    // One that stands there already is of another time when the clock stood so.
    past.began = !past.asked.empty();
    return Status::Ok();
  }
  SOJOURN_RETURN_IF_ERROR(Load(place->first, past));
  output_.Clear();
  counted_.clear();
  const step::EventInput input{&*event, {"events", Partition(0), Offset(0)}, log_time};
  step::CountPast(environment_, input, counters_, &person_, &output_, &counted_);
  if (!person_.known) past.counted.clear();
  if (!counted_.empty()) past.counted.resize(counters_.size());
  for (const uint32_t index : counted_) ++past.counted[index];
  SOJOURN_RETURN_IF_ERROR(store::EncodePerson(person_, &past.record));
  if (people_.size() >= prune_at_) Prune(log_time);
  return Status::Ok();
}

// Log times never fall, so ids that are too old at this one are so from now on.
void PastCounts::Prune(Timestamp log_time) {
  std::erase_if(people_, [&](const auto& item) {
    const Past& past = item.second;
    return past.counted.empty() && past.asked.empty() &&
           (past.record.empty() || log_time - store::RecordClock(past.record) >= kRecentEventIdAge);
  });
  prune_at_ = std::max(kPruneAtLeast, 2 * people_.size());
}

std::vector<PastCounts::Tally> PastCounts::Count() const {
  std::vector<Tally> tallies(counters_.size());
  for (const auto& [person, past] : people_) {
    for (size_t i = 0; i < past.counted.size(); ++i) {
      tallies[i].events += past.counted[i];
      tallies[i].people += past.counted[i] > 0 ? 1 : 0;
    }
  }
  return tallies;
}

std::vector<std::string> PastCounts::People() const {
  std::vector<std::string> people;
  for (const auto& [person, past] : people_) {
    if (!past.counted.empty()) people.push_back(person);
  }
  std::sort(people.begin(), people.end());
  return people;
}

model::Event PastCounts::Begin(const std::string& person, uint32_t bundle, Arena* arena) {
  Past& past = people_[person];
  past.asked.clear();
  std::vector<uint64_t> ids;
  for (uint32_t i = 0; i < past.counted.size(); ++i) {
    if (past.counted[i] == 0) continue;
    past.asked.push_back(i);
    ids.push_back(counters_[i]->id);
  }
  model::Event event = step::MakeBackfillBegin(begun_, bundle, ids, arena);
  event.person = person;
  return event;
}

void PastCounts::Rewind() {
  for (auto& [person, past] : people_) past = {{}, {}, std::move(past.asked), false};
}

bool PastCounts::AllBegan() const {
  return std::all_of(people_.begin(), people_.end(), [](const auto& item) {
    return item.second.asked.empty() || item.second.began;
  });
}

Status PastCounts::Finish(const std::string& person, Arena* arena,
                          std::vector<model::Event>* records) {
  const Past& past = people_[person];
  SOJOURN_RETURN_IF_ERROR(Load(person, past));
  for (const uint32_t index : past.asked) {
    model::Counter nothing;
    nothing.id = counters_[index]->id;
    const model::Counter* counter = person_.FindCounter(nothing.id);
    records->push_back(step::MakeBackfill(begun_, counter == nullptr ? nothing : *counter, arena));
    records->back().person = person;
  }
  return Status::Ok();
}

}  // namespace sojourn::simulate
