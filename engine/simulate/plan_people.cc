// People in flight under a change of rules.

#include <algorithm>
#include <utility>

#include "engine/simulate/plan.h"
#include "engine/step/step.h"
#include "engine/store/person_record.h"

namespace sojourn::simulate {
namespace {

using language::RuleSet;

struct RunBefore {
  uint64_t journey = 0;
  uint64_t revision = 0;
  uint32_t entry = 0;
  uint32_t position = 0;
};

const model::Run* FindRun(const model::Person& person, const RunBefore& before) {
  for (const model::Run& run : person.runs) {
    if (run.journey == before.journey && run.entry == before.entry) return &run;
  }
  return nullptr;
}

std::string StepOf(const RuleSet::JourneyRevision& revision, uint32_t position) {
  if (revision.journey == nullptr || position >= revision.journey->steps.size()) return "";
  return revision.journey->steps[position].id;
}

}  // namespace

std::string_view FateName(Fate fate) {
  switch (fate) {
    case Fate::kStays:
      return "stays";
    case Fate::kFinishes:
      return "finishes";
    case Fate::kMoves:
      return "moves";
    case Fate::kEnds:
      return "ends";
  }
  return "";
}

// What the change is held against.
struct PeoplePlanner::Before {
  std::vector<RunBefore> runs;
  std::vector<uint64_t> segments;  // that they are a member of
  uint32_t planned = 0;
};

PeoplePlanner::PeoplePlanner(std::shared_ptr<const RuleSet> before,
                             std::shared_ptr<const RuleSet> after, Timestamp now)
    : before_(std::move(before)), after_(std::move(after)), now_(now) {
  for (const auto& journey : after_->current().journeys) {
    if (after_->FirstBundle(journey->id) < after_->current().number) continue;
    for (const language::Trigger& trigger : journey->triggers) {
      if (trigger.kind != language::TriggerKind::kEntersSegment) continue;
      plan_.new_journeys.emplace(journey->name, NewSegmentJourney{trigger.segment, 0, 0});
    }
  }
}

Status PeoplePlanner::Add(std::string_view id, std::string_view record) {
  model::Person person;
  person.id = id;
  SOJOURN_RETURN_IF_ERROR(store::DecodePerson(record, &person));
  if (!person.known || !person.moved_to.empty()) return Status::Ok();
  ++plan_.people;
  Before before;
  for (const model::Run& run : person.runs) {
    before.runs.push_back({run.journey, run.revision, run.entry, run.position});
  }
  for (const model::Membership& membership : person.memberships) {
    if (membership.member) before.segments.push_back(membership.segment);
  }
  before.planned = person.planned_entries.size();
  const step::Secrets secrets;
  step::PartitionState partition;
  step::StepOutput output;
  const step::Environment environment{after_.get(), &secrets, &partition};
  step::UpgradePerson(environment, std::max(now_, person.clock), &person, &output);
  CountRuns(before, person);
  CountMemberships(before, person);
  return Status::Ok();
}

void PeoplePlanner::CountRuns(const Before& before, const model::Person& person) {
  for (const RunBefore& old : before.runs) {
    const auto old_rules = before_->Find(old.journey, old.revision);
    InFlight flight;
    if (old_rules.journey != nullptr) {
      flight.journey = old_rules.journey->name;
      flight.revision = old_rules.journey->revision_text;
    }
    flight.step = StepOf(old_rules, old.position);
    const model::Run* run = FindRun(person, old);
    const language::Journey* current = after_->FindCurrent(old.journey);
    if (run == nullptr) {
      flight.fate = Fate::kEnds;
    } else if (run->revision != old.revision) {
      flight.fate = Fate::kMoves;
      flight.to = StepOf(after_->Find(run->journey, run->revision), run->position);
    } else if (current == nullptr || current->revision != run->revision) {
      flight.fate = Fate::kFinishes;
      flight.no_place = current != nullptr && current->move_on_change;
    }
    ++plan_.in_flight[flight];
  }
}

void PeoplePlanner::CountMemberships(const Before& before, const model::Person& person) {
  for (const language::Segment& segment : after_->current().segments) {
    const bool was = std::find(before.segments.begin(), before.segments.end(), segment.id) !=
                     before.segments.end();
    const bool is = person.InSegment(segment.id);
    if (is && !was) ++plan_.silently_in[segment.name];
    if (was && !is) ++plan_.silently_out[segment.name];
  }
  for (auto& [name, journey] : plan_.new_journeys) {
    const language::Journey* rule = after_->current().FindJourney(name);
    const auto is_planned = [&](const model::PlannedEntry& entry) {
      return entry.journey == rule->id && entry.segment != 0;
    };
    const auto& planned = person.planned_entries;
    if (std::any_of(planned.begin() + before.planned, planned.end(), is_planned)) {
      ++journey.enter;
      continue;
    }
    const bool member = std::any_of(
        rule->triggers.begin(), rule->triggers.end(), [&](const language::Trigger& trigger) {
          return trigger.kind == language::TriggerKind::kEntersSegment &&
                 person.InSegment(trigger.segment_id);
        });
    if (member) ++journey.left_out;
  }
}

}  // namespace sojourn::simulate
