#include "engine/step/trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "engine/base/civil.h"
#include "engine/base/duration_text.h"
#include "engine/base/limits.h"
#include "engine/base/rfc3339.h"
#include "engine/step/bucket.h"
#include "engine/step/gates.h"

namespace sojourn::step {
namespace {

using language::Company;
using language::Journey;
using model::RestKind;

std::string_view RestText(RestKind rest) {
  switch (rest) {
    case RestKind::kWait:
      return "wait";
    case RestKind::kWaitEvent:
      return "event";
    case RestKind::kWaitSegment:
      return "segment";
    case RestKind::kWaitCondition:
      return "condition";
    case RestKind::kQuietHours:
      return "quiet_hours";
  }
  return "";
}

std::string Clock(TimeOfDay time) { return fmt::format("{:02}:{:02}", time.hour, time.minute); }

std::string QuietText(Walk& walk) {
  const auto& quiet = *walk.journey->quiet_hours;
  const TimeZone& zone = walk.session.Zone(*walk.journey);
  const cctz::civil_second local = cctz::convert(
      cctz::time_point<cctz::seconds>(cctz::seconds(walk.session.now.milliseconds() / 1000)), zone);
  return fmt::format("it is {:02}:{:02} in {}, quiet from {} to {}", local.hour(), local.minute(),
                     zone.name(), Clock(quiet.from), Clock(quiet.to));
}

std::string BucketText(const Session& session, std::string_view journey, int held_out) {
  if (session.environment.overrides != nullptr) return "the test says so";
  return fmt::format("bucket {} of {} is one of the lowest {}",
                     Bucket(BucketKind::kHoldout, journey, {}, session.person.id), kBuckets,
                     held_out);
}

// The journey's control group, or the company's.
std::string HoldoutText(const Session& session, const Journey& journey) {
  if (HeldOutOfJourney(session, journey)) {
    return "control group of the journey: " +
           BucketText(session, journey.name, journey.holdout_buckets);
  }
  return "held out of all marketing: " +
         BucketText(session, {}, session.rules.current().company.holdout_buckets);
}

std::string AddressText(const Walk& walk, model::ActionKind channel) {
  const std::string_view trait = AddressTrait(channel);
  const model::Value* value = walk.session.person.FindTrait(trait);
  if (value == nullptr) return fmt::format("person.{} is absent", trait);
  return fmt::format("person.{} is {}", trait, model::DebugString(*value));
}

std::string SuppressedText(const model::Person& person) {
  if (person.complained) return "a mail was marked as spam";
  const model::Value* address = person.FindTrait("email");
  return fmt::format("{} bounced for good", address == nullptr ? "" : address->text());
}

std::string ConsentText(const model::Person& person, std::string_view topic) {
  for (const model::ConsentChoice& choice : person.consent) {
    if (choice.topic == topic) return fmt::format("topic {}: unsubscribed", topic);
  }
  return fmt::format("topic {}: opted out by default, and never subscribed", topic);
}

// The first cap that is full.
std::string CapText(const Session& session, std::string_view topic) {
  const Company& company = session.rules.current().company;
  for (const language::FrequencyCap& cap : company.frequency_caps) {
    if (!cap.topic.empty() && cap.topic != topic) continue;
    std::string sent;
    int count = 0;
    for (const model::SentMark& mark : session.person.sent) {
      if (session.now - mark.time >= cap.per) continue;
      if (!cap.topic.empty() && mark.topic != cap.topic) continue;
      ++count;
      sent += (sent.empty() ? "" : ", ") + FormatRfc3339(mark.time);
    }
    if (count < cap.max) continue;
    return fmt::format("{} of at most {} in {}{}: {}", count, cap.max, FormatDuration(cap.per),
                       cap.topic.empty() ? "" : " of topic " + cap.topic, sent);
  }
  return "";
}

}  // namespace

void Explain(Session& session, std::string_view detail) {
  session.output.facts.back().detail = session.output.arena.Copy(detail);
}

void TraceRest(Walk& walk) {
  if (!walk.session.environment.tracing) return;
  model::Fact& fact = walk.session.Note(model::FactKind::kRests, walk.Here());
  fact.reason = RestText(walk.run.rest);
  const bool quiet = walk.run.rest == RestKind::kQuietHours;
  std::string detail = "until " + FormatRfc3339(walk.run.deadline);
  if (walk.run.flip_at < walk.run.deadline) {
    detail += ", judged again " + FormatRfc3339(walk.run.flip_at);
  }
  if (quiet) detail += ": " + QuietText(walk);
  Explain(walk.session, detail);
}

void TraceSkippedSend(Walk& walk, const language::SendStep& send, std::string_view reason) {
  Session& session = walk.session;
  if (!session.environment.tracing) return;
  if (reason == "no_address") {
    Explain(session, AddressText(walk, send.channel));
  } else if (reason == "suppressed") {
    Explain(session, SuppressedText(session.person));
  } else if (reason == "no_consent") {
    Explain(session, ConsentText(session.person, send.topic));
  } else if (reason == "holdout") {
    Explain(session, HoldoutText(session, *walk.journey));
  } else if (reason == "frequency_cap") {
    Explain(session, CapText(session, send.topic));
  } else if (reason == "quiet_hours") {
    Explain(session, QuietText(walk));
  }
}

void TraceHoldout(Session& session, const Journey& journey) {
  if (session.environment.tracing) Explain(session, HoldoutText(session, journey));
}

void TraceReentry(Session& session, const Journey& journey, Timestamp last_entry) {
  if (!session.environment.tracing) return;
  const bool never = journey.reentry == language::ReentryKind::kNever;
  Explain(session, fmt::format("entered on {}; reentry: {}", FormatRfc3339(last_entry),
                               never ? "never" : "after " + FormatDuration(journey.reentry_after)));
}

void TraceRunning(Session& session, const model::Run& run) {
  if (!session.environment.tracing) return;
  Explain(session, "entered on " + FormatRfc3339(run.entered_at) + " and still on the way");
}

void TraceInactive(Session& session, const Journey& journey) {
  if (!session.environment.tracing) return;
  if (journey.active_from && session.now < *journey.active_from) {
    Explain(session, "active from " + FormatRfc3339(*journey.active_from));
  } else if (journey.active_until && session.now >= *journey.active_until) {
    Explain(session, "active until " + FormatRfc3339(*journey.active_until));
  } else {
    Explain(session, "retired");
  }
}

}  // namespace sojourn::step
