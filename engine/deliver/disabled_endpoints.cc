#include "engine/deliver/disabled_endpoints.h"

#include <nlohmann/json.hpp>

#include "engine/base/json_text.h"

namespace sojourn::deliver {

bool DisabledEndpoints::Has(std::string_view url) const {
  const std::lock_guard lock(mutex_);
  return kept_.contains(url) || unwritten_.contains(url);
}

DisabledEndpoints::Urls DisabledEndpoints::urls() const {
  const std::lock_guard lock(mutex_);
  Urls all = kept_;
  all.insert(unwritten_.begin(), unwritten_.end());
  return all;
}

bool DisabledEndpoints::Disable(const std::string& url, Timestamp now) {
  const std::lock_guard lock(mutex_);
  return !kept_.contains(url) && unwritten_.emplace(url, now).second;
}

void DisabledEndpoints::Take(Urls kept) {
  const std::lock_guard lock(mutex_);
  kept_ = std::move(kept);
  std::erase_if(unwritten_, [this](const auto& entry) { return kept_.contains(entry.first); });
}

DisabledEndpoints::Urls DisabledEndpoints::unwritten() const {
  const std::lock_guard lock(mutex_);
  return unwritten_;
}

std::string EncodeDisabled(const DisabledEndpoints::Urls& urls) {
  nlohmann::json json = nlohmann::json::object();
  for (const auto& [url, since] : urls) json[url] = since.milliseconds();
  return DumpJson(json);
}

Result<DisabledEndpoints::Urls> DecodeDisabled(std::string_view text) {
  DisabledEndpoints::Urls urls;
  if (text.empty()) return urls;
  const auto json = ParseJson(text);
  const auto broken = [] { return DataLoss("the note of disabled webhook URLs is damaged"); };
  if (!json.is_object()) return broken();
  for (const auto& [url, since] : json.items()) {
    if (!since.is_number_integer()) return broken();
    urls[url] = Timestamp(since.get<int64_t>());
  }
  return urls;
}

}  // namespace sojourn::deliver
