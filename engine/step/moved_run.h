// A run at rest that continues in another revision of its journey (`on_change: move`).
#pragma once

#include "engine/step/session.h"

namespace sojourn::step {

enum class Moved {
  kMoved,  // it stands at a step of the new revision
  kStays,  // the new revision has no place for it
  kExits,  // `moved_steps` ends it
};

// Changes the run's revision, position and what it rests for; deadlines stay.
Moved MoveRun(const language::Journey& from, const language::Journey& to, Arena* arena,
              model::Run* run);

}  // namespace sojourn::step
