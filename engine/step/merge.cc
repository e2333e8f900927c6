#include "engine/step/merge.h"

#include <algorithm>

#include "engine/base/limits.h"
#include "engine/model/event_codec.h"
#include "engine/step/input.h"

namespace sojourn::step {
namespace {

using model::Event;
using model::EventType;
using model::FactKind;
using model::Value;

constexpr std::string_view kInto = "into";
constexpr std::string_view kFrom = "from";

std::string_view TextOf(const Event& event, std::string_view name) {
  const Value* value = event.properties.Find(name);
  const bool is_text = value != nullptr && value->kind() == model::ValueKind::kString;
  return is_text ? value->text() : std::string_view();
}

void Refuse(Session& session, std::string_view reason) {
  session.Note(FactKind::kMergeRefused).reason = reason;
}

// A record about a merge, for the person `to`, with the ids that it names.
OwnEvent& Write(Session& session, EventType type, std::string_view to,
                std::initializer_list<std::pair<std::string_view, std::string_view>> ids) {
  Arena* arena = &session.output.arena;
  auto* entries = arena->AllocateArray<model::MapEntry>(ids.size());
  uint32_t count = 0;
  for (const auto& [name, id] : ids) {
    entries[count++] = {Value::String(name), Value::String(arena->Copy(id))};
  }
  OwnEvent& own = session.output.events.emplace_back();
  own.event.type = type;
  own.event.name = model::kPersonMerged;
  own.event.person = arena->Copy(to);
  own.event.time = session.now;
  own.event.properties = Value::Map(entries, count);
  own.event.historical = session.historical;
  return own;
}

void Ask(Session& session, std::string_view other) {
  model::Person& person = session.person;
  if (other == person.id) return Refuse(session, "same_id");
  const bool known_into_anonymous =
      person.id.starts_with(model::kAnonymousPrefix) && !other.starts_with(model::kAnonymousPrefix);
  if (known_into_anonymous) return Refuse(session, "known_into_anonymous");
  for (const std::string_view asked : person.merged_ids) {
    if (asked == other) return;
  }
  if (person.merged_ids.size() >= kMaxMergedIds) return Refuse(session, "limit");
  person.merged_ids.Append(&person.arena, person.arena.Copy(other));
  Write(session, EventType::kMergeAsked, other, {{kInto, person.id}});
}

void AskAnonymous(Session& session, std::string_view anonymous) {
  if (anonymous.empty() || anonymous.size() > kMaxPersonIdBytes - model::kAnonymousPrefix.size()) {
    return;
  }
  Ask(session, std::string(model::kAnonymousPrefix).append(anonymous));
}

// Mails that were already decided may still leave under the old id.
void KeepRefusals(const model::Person& from, model::Person* redirect) {
  Arena* arena = &redirect->arena;
  redirect->complained = from.complained;
  for (const std::string_view address : from.bounced) {
    redirect->bounced.Append(arena, arena->Copy(address));
  }
  for (const model::ConsentChoice& choice : from.consent) {
    if (!choice.opted_in) redirect->consent.Append(arena, {arena->Copy(choice.topic), false});
  }
}

// The id becomes a redirect. Whom nobody knew has nothing to hand over.
void HandOver(Session& session, std::string_view into) {
  model::Person& person = session.person;
  for (const std::string_view id : person.merged_ids) {
    Write(session, EventType::kMergeAsked, id, {{kInto, into}, {kFrom, person.id}});
  }
  if (person.known) {
    OwnEvent& own =
        Write(session, EventType::kMergedState, into, {{kFrom, std::string_view(person.id)}});
    own.state = person.TakeOut();
    KeepRefusals(*own.state, &person);
  }
  person.known = true;
  person.clock = session.now;
  person.moved_to = person.arena.Copy(into);
}

void BeAsked(Session& session, const Event& event) {
  model::Person& person = session.person;
  const std::string_view into = TextOf(event, kInto);
  if (into.empty() || into == person.id || into == person.moved_to) return;
  if (person.moved_to.empty()) return HandOver(session, into);
  // Where it had gone has gone on itself.
  if (TextOf(event, kFrom) == person.moved_to) {
    person.moved_to = person.arena.Copy(into);
    return;
  }
  Refuse(session, "merged_elsewhere");
  Write(session, EventType::kMergeRefused, into, {{kFrom, std::string_view(person.id)}});
}

// They may ask again, when the id is free.
void BeRefused(Session& session, const Event& event) {
  auto& ids = session.person.merged_ids;
  for (uint32_t i = ids.size(); i-- > 0;) {
    if (ids[i] == TextOf(event, kFrom)) ids.Erase(i);
  }
}

void BeUndone(Session& session, const Event& event) {
  const bool is_this =
      !session.person.moved_to.empty() && session.person.moved_to == TextOf(event, kInto);
  if (is_this) session.person.Reset();
}

// To whom the id has moved, as it came, with the place where it came from.
void SendOn(Session& session, const EventInput& input) {
  Arena* arena = &session.output.arena;
  OwnEvent& own = session.output.events.emplace_back();
  own.event = *input.event;
  own.event.person = arena->Copy(session.person.moved_to);
  ++own.event.redirects;
  auto* original = arena->AllocateArray<model::EventOrigin>(1);
  *original = {input.origin, input.log_time};
  own.event.original = original;
  session.Note(FactKind::kSentOn);
}

bool IsBackfill(EventType type) {
  return type == EventType::kBackfillBegin || type == EventType::kBackfill;
}

// Requests that contradict each other lead in circles: what an id has handed over comes back to it,
// and an event that has gone round is taken where it is.
bool GoesInCircles(const model::Person& person, const Event& event) {
  const bool came_back = event.type == EventType::kMergedState && TextOf(event, kFrom) == person.id;
  return came_back || event.redirects >= kMaxRedirects;
}

bool HandleMoved(Session& session, const EventInput& input) {
  if (GoesInCircles(session.person, *input.event)) {
    session.person.Reset();
    return false;
  }
  if (IsBackfill(input.event->type)) {
    session.Note(FactKind::kEventDropped).reason = "merged";
  } else {
    SendOn(session, input);
  }
  return true;
}

bool WasAsked(const model::Person& person, std::string_view id) {
  return std::find(person.merged_ids.begin(), person.merged_ids.end(), id) !=
         person.merged_ids.end();
}

// Nobody may come back whom this person, erased since, had asked.
void BeGiven(Session& session, const EventInput& input) {
  const std::string_view from = TextOf(*input.event, kFrom);
  const bool wanted = WasAsked(session.person, from) || GoesInCircles(session.person, *input.event);
  if (input.merged == nullptr) return Refuse(session, "no_state");
  if (wanted) return TakeOver(session, input, input.merged);
  Refuse(session, "erased");
  for (const std::string_view id : input.merged->merged_ids) {  // they were told to follow
    Write(session, EventType::kMergeUndone, id, {{kInto, session.person.id}});
  }
}

}  // namespace

bool HandleMerge(Session& session, const EventInput& input) {
  const Event& event = *input.event;
  if (event.type == EventType::kMergeAsked) {
    BeAsked(session, event);
    return true;
  }
  if (event.type == EventType::kMergeUndone) {
    BeUndone(session, event);
    return true;
  }
  if (!session.person.moved_to.empty() && HandleMoved(session, input)) return true;
  if (event.type == EventType::kMergedState) {
    BeGiven(session, input);
  } else if (event.type == EventType::kMergeRefused) {
    BeRefused(session, event);
  } else {
    return false;
  }
  return true;
}

void AskToMerge(Session& session, const Event& event) {
  if (session.person.id.starts_with(model::kAnonymousPrefix) || !session.person.known) return;
  if (event.type == EventType::kIdentify) AskAnonymous(session, event.anonymous_id);
  if (event.type == EventType::kTrack && event.name == model::kAlias) {
    AskAnonymous(session, TextOf(event, "previous_id"));
  }
}

void AskByName(Session& session, const EventInput& input) {
  const std::string from(TextOf(*input.event, kFrom));
  if (!model::IsValidPersonId(from)) return Refuse(session, "no_id");
  Item item;
  item.traits = input.event->traits;
  item.cause = {model::kPersonMerged, input.event->id, input.origin, true, input.log_time};
  session.item = &item;
  TakeIn(session, /*external=*/true, session.historical, &item);
  if (!session.historical) HandleInput(session, std::move(item));
  if (session.person.known) Ask(session, from);
}

void UndoMerges(Session& session) {
  for (const std::string_view id : session.person.merged_ids) {
    Write(session, EventType::kMergeUndone, id, {{kInto, session.person.id}});
  }
}

}  // namespace sojourn::step
