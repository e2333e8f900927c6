// Actions as bytes: protobuf `sojourn.v1.Action` for machines, JSON for people and tools.
//
// Pure functions; safe everywhere. Equal actions give equal bytes.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/status.h"
#include "engine/model/action.h"

namespace sojourn::model {

enum class ActionFormat : uint8_t { kJson, kProtobuf };

// Appends the action as protobuf.
void EncodeAction(const Action& action, std::string* bytes);

// Bytes that EncodeAction, or a later version of it, wrote. kDataLoss: they are something else.
Result<Action> DecodeAction(std::string_view bytes);

// One JSON document on one line, the members in the order of model::Action under the names of
// action.proto (times as RFC 3339, `values` and `paths` as objects). Members that say nothing
// (empty texts, no coupon, `late` that is false) are left out.
std::string ActionToJson(const Action& action);

// Text that ActionToJson wrote. Members of other names are ignored; `values` comes out in canonical
// form, `paths` in the order of their names. kDataLoss: it is something else.
Result<Action> ActionFromJson(std::string_view json);

// Kafka headers of the CloudEvents 1.0 binary mode, as (name, value): ce_specversion, ce_id,
// ce_source, ce_type ("sojourn.action.send_email"), ce_subject (the person), ce_time (logical) and
// content-type. `source` names the running application as a URI reference, such as "/sojourn/shop".
std::vector<std::pair<std::string, std::string>> CloudEventHeaders(const Action& action,
                                                                   std::string_view source,
                                                                   ActionFormat format);

}  // namespace sojourn::model
