// Ids that turn out to be one person: how one becomes part of another.
//
// An identify with both ids, an alias, or `Person Merged {from}` says to the person at hand (the
// one who stays) that another id was them. The two may live in different partitions, so:
//
//   1. The one who stays notes the id among `merged_ids` and asks it: kMergeAsked {into}.
//   2. The other hands over all that it is: kMergedState {from}, with its record in it. From then
//      on it is a redirect (`moved_to`), and sends on every event that still comes for it. The ids
//      that it had asked before are told to follow: kMergeAsked {into, from}.
//   3. The one who stays takes the record over, by the rules in rules/REFERENCE.md.
//
// Each is an event of the product's own, committed with what led to it, so it happens once. An id
// that has gone into another already stays there: two known people never become one because they
// used the same device; who asked hears so (kMergeRefused {from}). Whoever is erased takes their
// redirects along: kMergeUndone {into}.
//
// Requests that contradict each other (a into b, b into a) can make a circle. What an id has handed
// over then comes back to it, and it is a person again. So is the id at which an event stands after
// kMaxRedirects.
#pragma once

#include "engine/step/session.h"

namespace sojourn::step {

// Handles what is not for the person themselves: a record about a merge, or any record for an id
// that has moved. False: it is an event like others.
bool HandleMerge(Session& session, const EventInput& input);

// Asks the ids to merge that the event, which the person has taken in, says were theirs.
void AskToMerge(Session& session, const model::Event& event);

// `Person Merged {from}` from outside.
void AskByName(Session& session, const EventInput& input);

// The person is about to be forgotten: so are their redirects.
void UndoMerges(Session& session);

// Makes `from`, who is used up, part of the person.
void TakeOver(Session& session, const EventInput& input, model::Person* from);

}  // namespace sojourn::step
