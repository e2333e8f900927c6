#include <fmt/format.h>

#include <array>
#include <optional>

#include "engine/base/arena.h"
#include "engine/base/limits.h"
#include "engine/base/rfc3339.h"
#include "engine/model/action_codec.h"
#include "engine/model/json_reader.h"
#include "engine/model/json_writer.h"

namespace sojourn::model {
namespace {

constexpr std::array kKinds = {ActionKind::kSendEmail, ActionKind::kSendSms, ActionKind::kSendPush,
                               ActionKind::kWebhook, ActionKind::kCoupon};

Status NoAction(std::string_view why) { return DataLoss(fmt::format("no action: {}", why)); }

// Empty where absent or no text: what says nothing is left out by the writer.
std::string TextOf(const Value& map, std::string_view name) {
  const Value* found = map.Find(name);
  if (found == nullptr || found->kind() != ValueKind::kString) return {};
  return std::string(found->text());
}

int64_t IntOf(const Value& map, std::string_view name) {
  const Value* found = map.Find(name);
  return found != nullptr && found->kind() == ValueKind::kInt ? found->int_value() : 0;
}

Result<Timestamp> TimeOf(const Value& map, std::string_view name) {
  const std::optional<Timestamp> time = ParseRfc3339(TextOf(map, name));
  if (!time) return NoAction(fmt::format("`{}` is missing or no time", name));
  return *time;
}

std::optional<ActionKind> KindOf(std::string_view name) {
  for (const ActionKind kind : kKinds) {
    if (ActionKindName(kind) == name) return kind;
  }
  return std::nullopt;
}

void ReadCoupon(const Value& coupon, Action* action) {
  action->coupon.pool = TextOf(coupon, "pool");
  action->coupon.code = TextOf(coupon, "code");
  action->coupon.expires_at = ParseRfc3339(TextOf(coupon, "expires_at")).value_or(Timestamp::Max());
}

void ReadPaths(const Value& paths, Action* action) {
  if (paths.kind() != ValueKind::kMap) return;
  for (uint32_t i = 0; i < paths.size(); ++i) {
    const MapEntry& entry = paths.entries()[i];
    if (entry.value.kind() != ValueKind::kString) continue;
    action->paths.emplace_back(entry.key.text(), entry.value.text());
  }
}

void ReadWhy(const Value& json, Why* why) {
  why->input = TextOf(json, "input");
  why->input_id = TextOf(json, "input_id");
  why->topic = TextOf(json, "topic");
  why->partition = Partition(static_cast<int32_t>(IntOf(json, "partition")));
  why->offset = Offset(IntOf(json, "offset"));
  const Value* conditions = json.Find("conditions");
  if (conditions == nullptr || conditions->kind() != ValueKind::kList) return;
  for (uint32_t i = 0; i < conditions->size(); ++i) {
    const Value& condition = conditions->items()[i];
    why->conditions.push_back(
        {TextOf(condition, "where"), TextOf(condition, "expression"), TextOf(condition, "value")});
  }
}

void ReadTexts(const Value& json, Action* action) {
  action->id = TextOf(json, "id");
  action->person = TextOf(json, "person");
  action->journey = TextOf(json, "journey");
  action->revision = TextOf(json, "revision");
  action->run_key = TextOf(json, "run_key");
  action->step = TextOf(json, "step");
  action->template_name = TextOf(json, "template");
  action->template_revision = TextOf(json, "template_revision");
  action->topic = TextOf(json, "topic");
  action->address = TextOf(json, "address");
  action->url = TextOf(json, "url");
  action->method = TextOf(json, "method");
}

}  // namespace

Result<Action> ActionFromJson(std::string_view text) {
  JsonReader reader;
  Arena arena;
  const Result<Value> read = reader.Read(text, kMaxStoredNesting, &arena);
  if (!read.ok()) return NoAction(read.status().message());
  const Value& json = *read;
  const auto kind = KindOf(TextOf(json, "kind"));
  if (!kind) return NoAction("`kind` is missing or unknown");
  Action action;
  action.kind = *kind;
  ReadTexts(json, &action);
  action.entry = static_cast<uint32_t>(IntOf(json, "entry"));
  if (const Value* coupon = json.Find("coupon")) ReadCoupon(*coupon, &action);
  if (const Value* paths = json.Find("paths")) ReadPaths(*paths, &action);
  if (const Value* values = json.Find("values")) {
    JsonWriter writer;
    writer.Write(*values);
    action.values_json = writer.Take();
  }
  SOJOURN_ASSIGN_OR_RETURN(action.time, TimeOf(json, "time"));
  SOJOURN_ASSIGN_OR_RETURN(action.useful_until, TimeOf(json, "useful_until"));
  const Value* late = json.Find("late");
  action.late = late != nullptr && late->kind() == ValueKind::kBool && late->bool_value();
  if (const Value* why = json.Find("why")) ReadWhy(*why, &action.why);
  return action;
}

}  // namespace sojourn::model
