// A send as its receiver reads it: a template's subject and body with an action's values.
//
// Pure function.
#pragma once

#include <string>

#include "engine/base/status.h"
#include "engine/language/bundle.h"
#include "engine/model/action.h"

namespace sojourn::language {

// What `unsubscribe_url` and `preferences_url` are in templates.
struct MessageLinks {
  std::string unsubscribe_url;
  std::string preferences_url;
};

struct RenderedMessage {
  std::string subject;
  std::string body;
};

// With the action's values, at its time, in the company's zone; a mail's body escaped for HTML.
// Errors: a template that does not render with these values, as file:line:column.
Result<RenderedMessage> RenderMessage(const Company& company, const Template& rule,
                                      const model::Action& action, const MessageLinks& links);

}  // namespace sojourn::language
