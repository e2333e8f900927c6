// What an event changes about the person before any journey looks at it (6.3 a and b): repetitions,
// traits, consent, suppression and history.
#pragma once

#include "engine/step/session.h"

namespace sojourn::step {

// True where this person had an event with this id within kRecentEventIdAge; else remembers it. An
// empty id is never a repetition.
bool IsRepetition(Session& session, std::string_view event_id);

// Counts the properties whose value is not of the catalogue's type: they are read as absent.
void NoteWrongTypes(Session& session, const expr::EventView& event);

// Sets every trait of the map (null: none); notes what changed.
void ChangeTraits(Session& session, const model::Value& traits, Changes* changes);

// Applies traits, consent, suppression and counters of the event; notes what changed.
void RememberEvent(Session& session, const expr::EventView& event, Changes* changes);

// Sets a trait (null deletes) and notes the change.
void ChangeTrait(Session& session, std::string_view name, const model::Value& value,
                 Changes* changes);

// Notes the person's choice; the caller judges who may change it.
void Choose(model::Person* person, std::string_view topic, bool opted_in);

// Extends an unsubscription from all marketing topics to those that the rules have gained since.
void ApplyGeneralUnsubscription(Session& session);

}  // namespace sojourn::step
