#include "engine/model/action_codec.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "engine/base/rfc3339.h"
#include "engine/model/json_writer.h"
#include "proto/sojourn/v1/action.pb.h"

namespace sojourn::model {
namespace {

// In the order of ActionKind.
constexpr v1::ActionKind kKinds[] = {v1::ACTION_KIND_SEND_EMAIL, v1::ACTION_KIND_SEND_SMS,
                                     v1::ACTION_KIND_SEND_PUSH, v1::ACTION_KIND_WEBHOOK,
                                     v1::ACTION_KIND_COUPON};

void WhyToProto(const Why& why, v1::Why* proto) {
  proto->set_input(why.input);
  proto->set_input_id(why.input_id);
  proto->set_topic(why.topic);
  proto->set_partition(why.partition.value());
  proto->set_offset(why.offset.value());
  for (const ConditionPassed& condition : why.conditions) {
    v1::ConditionPassed* passed = proto->add_conditions();
    passed->set_where(condition.where);
    passed->set_expression(condition.expression);
    passed->set_value(condition.value);
  }
}

Why WhyFromProto(const v1::Why& proto) {
  Why why{proto.input(),          proto.input_id(),
          proto.topic(),          Partition(proto.partition()),
          Offset(proto.offset()), {}};
  for (const v1::ConditionPassed& passed : proto.conditions()) {
    why.conditions.push_back({passed.where(), passed.expression(), passed.value()});
  }
  return why;
}

void CouponToProto(const Coupon& coupon, v1::Coupon* proto) {
  proto->set_pool(coupon.pool);
  proto->set_code(coupon.code);
  if (coupon.expires_at != Timestamp::Max()) {
    proto->set_expires_at_ms(coupon.expires_at.milliseconds());
  }
}

Coupon CouponFromProto(const v1::Coupon& proto) {
  return {proto.pool(), proto.code(),
          proto.has_expires_at_ms() ? Timestamp(proto.expires_at_ms()) : Timestamp::Max()};
}

void Text(JsonWriter* json, std::string_view name, std::string_view text) {
  if (!text.empty()) json->Member(name, Value::String(text));
}

void WriteCoupon(const Coupon& coupon, JsonWriter* json) {
  if (coupon.code.empty()) return;
  json->Key("coupon");
  json->BeginObject();
  Text(json, "pool", coupon.pool);
  Text(json, "code", coupon.code);
  if (coupon.expires_at != Timestamp::Max()) {
    json->Member("expires_at", Value::Time(coupon.expires_at));
  }
  json->EndObject();
}

void WritePaths(const Action& action, JsonWriter* json) {
  if (action.paths.empty()) return;
  json->Key("paths");
  json->BeginObject();
  for (const auto& [test, path] : action.paths) json->Member(test, Value::String(path));
  json->EndObject();
}

void WriteWhy(const Why& why, JsonWriter* json) {
  json->Key("why");
  json->BeginObject();
  Text(json, "input", why.input);
  Text(json, "input_id", why.input_id);
  if (!why.topic.empty()) {
    Text(json, "topic", why.topic);
    json->Member("partition", Value::Int(why.partition.value()));
    json->Member("offset", Value::Int(why.offset.value()));
  }
  if (!why.conditions.empty()) {
    json->Key("conditions");
    json->BeginArray();
    for (const ConditionPassed& condition : why.conditions) {
      json->BeginObject();
      Text(json, "where", condition.where);
      Text(json, "expression", condition.expression);
      Text(json, "value", condition.value);
      json->EndObject();
    }
    json->EndArray();
  }
  json->EndObject();
}

}  // namespace

void EncodeAction(const Action& action, std::string* bytes) {
  v1::Action proto;
  proto.set_id(action.id);
  proto.set_kind(kKinds[static_cast<size_t>(action.kind)]);
  proto.set_person(action.person);
  proto.set_journey(action.journey);
  proto.set_revision(action.revision);
  proto.set_run_key(action.run_key);
  proto.set_entry(action.entry);
  proto.set_step(action.step);
  proto.set_template_(action.template_name);
  proto.set_template_revision(action.template_revision);
  proto.set_topic(action.topic);
  proto.set_address(action.address);
  proto.set_url(action.url);
  proto.set_method(action.method);
  if (!action.coupon.code.empty()) CouponToProto(action.coupon, proto.mutable_coupon());
  for (const auto& [test, path] : action.paths) {
    v1::PathTaken* taken = proto.add_paths();
    taken->set_test(test);
    taken->set_path(path);
  }
  proto.set_values_json(action.values_json);
  proto.set_time_ms(action.time.milliseconds());
  proto.set_useful_until_ms(action.useful_until.milliseconds());
  proto.set_late(action.late);
  WhyToProto(action.why, proto.mutable_why());
  proto.AppendToString(bytes);
}

Result<Action> DecodeAction(std::string_view bytes) {
  v1::Action proto;
  if (bytes.size() > INT32_MAX ||
      !proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return DataLoss("the bytes are no action");
  }
  const auto* kind = std::find(std::begin(kKinds), std::end(kKinds), proto.kind());
  if (kind == std::end(kKinds)) return DataLoss("an action of an unknown kind");
  Action action;
  action.id = proto.id();
  action.kind = static_cast<ActionKind>(kind - kKinds);
  action.person = proto.person();
  action.journey = proto.journey();
  action.revision = proto.revision();
  action.run_key = proto.run_key();
  action.entry = proto.entry();
  action.step = proto.step();
  action.template_name = proto.template_();
  action.template_revision = proto.template_revision();
  action.topic = proto.topic();
  action.address = proto.address();
  action.url = proto.url();
  action.method = proto.method();
  if (proto.has_coupon()) action.coupon = CouponFromProto(proto.coupon());
  for (const v1::PathTaken& taken : proto.paths()) {
    action.paths.emplace_back(taken.test(), taken.path());
  }
  action.values_json = proto.values_json();
  action.time = Timestamp(proto.time_ms());
  action.useful_until = Timestamp(proto.useful_until_ms());
  action.late = proto.late();
  action.why = WhyFromProto(proto.why());
  return action;
}

std::string ActionToJson(const Action& action) {
  JsonWriter json;
  json.BeginObject();
  Text(&json, "id", action.id);
  Text(&json, "kind", ActionKindName(action.kind));
  Text(&json, "person", action.person);
  Text(&json, "journey", action.journey);
  Text(&json, "revision", action.revision);
  Text(&json, "run_key", action.run_key);
  json.Member("entry", Value::Int(action.entry));
  Text(&json, "step", action.step);
  Text(&json, "template", action.template_name);
  Text(&json, "template_revision", action.template_revision);
  Text(&json, "topic", action.topic);
  Text(&json, "address", action.address);
  Text(&json, "url", action.url);
  Text(&json, "method", action.method);
  WriteCoupon(action.coupon, &json);
  WritePaths(action, &json);
  if (!action.values_json.empty()) {
    json.Key("values");
    json.WriteJson(action.values_json);
  }
  json.Member("time", Value::Time(action.time));
  json.Member("useful_until", Value::Time(action.useful_until));
  if (action.late) json.Member("late", Value::Bool(true));
  WriteWhy(action.why, &json);
  json.EndObject();
  return json.Take();
}

std::vector<std::pair<std::string, std::string>> CloudEventHeaders(const Action& action,
                                                                   std::string_view source,
                                                                   ActionFormat format) {
  return {
      {"ce_specversion", "1.0"},
      {"ce_id", action.id},
      {"ce_source", std::string(source)},
      {"ce_type", fmt::format("sojourn.action.{}", ActionKindName(action.kind))},
      {"ce_subject", action.person},
      {"ce_time", FormatRfc3339(action.time)},
      {"content-type", format == ActionFormat::kJson ? "application/json" : "application/protobuf"},
  };
}

}  // namespace sojourn::model
