// Date and schedule triggers: the moments planned for one person.
#pragma once

#include <optional>

#include "engine/step/session.h"

namespace sojourn::step {

// Plans the next moment of every date and schedule trigger anew: traits, time zone or rules have
// changed. What is due now and would be planned again stays due.
void PlanDates(Session& session);

// The first planned date due at `due` or before, by journey name and place in the file.
std::optional<uint32_t> FirstDueDate(const Session& session, Timestamp due);

struct DueDate {
  const language::Journey* journey = nullptr;  // null: its rule is gone
  const language::Trigger* trigger = nullptr;
};
// Notes that the planned date at `index` is judged and plans its next moment.
DueDate TakeDueDate(Session& session, uint32_t index);

}  // namespace sojourn::step
