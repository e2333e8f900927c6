#include "engine/cli/enroll.h"

#include <fmt/format.h>

#include <set>

#include "engine/base/hash.h"
#include "engine/base/limits.h"
#include "engine/base/suggest.h"
#include "engine/step/bucket.h"
#include "engine/store/person_record.h"

namespace sojourn::cli {
namespace {

constexpr size_t kEnrolmentsPerAppend = 1000;

Timestamp MomentOf(const EnrollRequest& request, const std::string& person, Timestamp now) {
  if (request.spread == Duration(0)) return now;
  const int64_t bucket = step::Bucket(step::BucketKind::kSpread, request.journey, "", person);
  return now + Duration(request.spread.milliseconds() * bucket / kBuckets);
}

std::string NameOf(const std::unique_ptr<const language::Journey>& journey) {
  return journey->name;
}
std::string NameOf(const language::Segment& segment) { return segment.name; }

// "the rules have no WHAT NAME; did you mean ...?"
template <typename Rules>
Status NoSuch(std::string_view what, const std::string& name, const Rules& rules) {
  std::vector<std::string> names;
  for (const auto& rule : rules) names.push_back(NameOf(rule));
  const std::string hint = DidYouMean(name, names);
  return InvalidArgument(
      fmt::format("the rules have no {} {}{}{}", what, name, hint.empty() ? "" : "; ", hint));
}

}  // namespace

Result<std::vector<std::string>> FindCandidates(const EnrollRequest& request,
                                                const language::Bundle& bundle, Backend* backend) {
  if (bundle.FindJourney(request.journey) == nullptr) {
    return NoSuch("journey", request.journey, bundle.journeys);
  }
  const uint64_t segment = StableHash64(request.segment);
  if (!request.segment.empty() && bundle.FindSegment(segment) == nullptr) {
    return NoSuch("segment", request.segment, bundle.segments);
  }
  std::set<std::string> people;
  const auto visit = [&](std::string_view id, std::string_view record) -> Status {
    bool matches = !record.empty();
    if (matches) {
      model::Person person;
      SOJOURN_RETURN_IF_ERROR(store::DecodePerson(record, &person));
      matches = person.moved_to.empty() && (request.segment.empty() || person.InSegment(segment));
    }
    if (matches) {
      people.emplace(id);
    } else {
      people.erase(std::string(id));
    }
    return Status::Ok();
  };
  SOJOURN_RETURN_IF_ERROR(backend->ScanPersons(visit));
  return std::vector<std::string>(people.begin(), people.end());
}

Status Enroll(const EnrollRequest& request, const std::vector<std::string>& people, Timestamp now,
              Backend* backend) {
  for (size_t begin = 0; begin < people.size(); begin += kEnrolmentsPerAppend) {
    const size_t end = std::min(people.size(), begin + kEnrolmentsPerAppend);
    std::vector<std::string> ids(end - begin);
    std::vector<model::MapEntry> entries(end - begin);
    std::vector<model::Event> events(end - begin);
    for (size_t i = 0; i < events.size(); ++i) {
      const std::string& person = people[begin + i];
      ids[i] = fmt::format("enroll-{}-{}", request.journey, now.milliseconds());
      entries[i] = {model::Value::String("at"),
                    model::Value::Int(MomentOf(request, person, now).milliseconds())};
      events[i].type = model::EventType::kEnroll;
      events[i].id = ids[i];
      events[i].person = person;
      events[i].name = request.journey;
      events[i].time = now;
      events[i].properties = model::Value::Map(&entries[i], 1);
    }
    SOJOURN_RETURN_IF_ERROR(backend->Append(events));
  }
  return Status::Ok();
}

}  // namespace sojourn::cli
