#include "engine/deliver/delivery.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "engine/base/json_text.h"

namespace sojourn::deliver {
namespace {

constexpr std::array<std::string_view, 8> kNames = {"started", "waiting", "delivered", "refused",
                                                    "expired", "unknown", "skipped",   "failed"};

}  // namespace

bool IsFinal(DeliveryState state) {
  return state != DeliveryState::kStarted && state != DeliveryState::kWaiting;
}

std::string_view DeliveryStateName(DeliveryState state) {
  return kNames[static_cast<size_t>(state)];
}

std::string EncodeDelivery(const DeliveryRecord& record) {
  nlohmann::ordered_json json = {{"action", record.action_id},
                                 {"state", DeliveryStateName(record.state)},
                                 {"attempts", record.attempts},
                                 {"at_ms", record.at.milliseconds()}};
  if (record.code != 0) json["code"] = record.code;
  if (!record.detail.empty()) json["detail"] = record.detail;
  if (!record.failure.empty()) json["failure"] = record.failure;
  if (!record.template_name.empty()) json["template"] = record.template_name;
  if (!record.channel.empty()) json["channel"] = record.channel;
  if (record.reopened) json["reopened"] = true;
  if (record.state == DeliveryState::kWaiting) {
    json["next_attempt_ms"] = record.next_attempt.milliseconds();
  }
  // A relay's words may be any bytes.
  return DumpJson(json);
}

Result<DeliveryRecord> DecodeDelivery(const ActionPlace& place, std::string_view bytes) {
  const auto broken = [&](std::string_view what) {
    return DataLoss(fmt::format("the delivery of action {}/{} is no record: {}",
                                place.partition.value(), place.offset.value(), what));
  };
  const auto json = ParseJson(bytes);
  if (!json.is_object()) return broken("no JSON object");
  DeliveryRecord record;
  record.place = place;
  try {
    record.action_id = json.at("action").get<std::string>();
    const auto name = json.at("state").get<std::string>();
    const auto* const found = std::find(kNames.begin(), kNames.end(), name);
    if (found == kNames.end()) return broken("no such state");
    record.state = static_cast<DeliveryState>(found - kNames.begin());
    record.attempts = json.at("attempts").get<int>();
    record.at = Timestamp(json.at("at_ms").get<int64_t>());
    record.code = json.value("code", 0);
    record.detail = json.value("detail", "");
    record.failure = json.value("failure", "");
    record.template_name = json.value("template", "");
    record.channel = json.value("channel", "");
    record.reopened = json.value("reopened", false);
    record.next_attempt = Timestamp(json.value("next_attempt_ms", int64_t{0}));
  } catch (const nlohmann::json::exception& error) {
    return broken(error.what());
  }
  return record;
}

}  // namespace sojourn::deliver
