// A send as its receiver reads it; for the expectations `subject` and `body_contains`.
//
// Pure function.
#pragma once

#include <string>

#include "engine/base/status.h"
#include "engine/language/bundle.h"
#include "engine/model/action.h"

namespace sojourn::simulate {

struct RenderedMessage {
  std::string subject;
  std::string body;
};

// With the action's values, at its time, in the company's zone; a mail's body escaped for HTML. The
// unsubscribe and preferences links are fixed samples. Errors: a template that does not render with
// these values, with line and column.
Result<RenderedMessage> RenderMessage(const language::Bundle& bundle, const model::Action& action);

}  // namespace sojourn::simulate
