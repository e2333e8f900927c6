#include "engine/deliver/reopen.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "engine/base/check.h"

namespace sojourn::deliver {
namespace {

constexpr std::array<std::string_view, 8> kNames = {"not_answered", "reopened", "under_way",
                                                    "not_failed",   "unknown",  "gone",
                                                    "elsewhere",    "not_now"};

}  // namespace

std::string_view ReopenAnswerName(ReopenAnswer answer) {
  return kNames[static_cast<size_t>(answer)];
}

std::optional<ReopenAnswer> ParseReopenAnswer(std::string_view name) {
  const auto* const found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<ReopenAnswer>(found - kNames.begin());
}

ReopenRequest::ReopenRequest(const std::vector<ReopenTarget>& targets) {
  SOJOURN_CHECK(targets.size() <= kMaxReopenedAtOnce);
  for (const ReopenTarget& target : targets) {
    by_place_[target.place] = results_.size();
    results_.push_back({target, ReopenAnswer::kNotAnswered, std::nullopt});
  }
}

std::vector<ReopenResult> ReopenRequest::Wait(Duration for_answers, Duration for_ends) {
  std::unique_lock lock(mutex_);
  const auto span = [](Duration d) { return std::chrono::milliseconds(d.milliseconds()); };
  changed_.wait_for(lock, span(for_answers), [this] { return AllAnswered(); });
  if (AllAnswered()) changed_.wait_for(lock, span(for_ends), [this] { return AllEnded(); });
  return results_;
}

std::vector<ReopenTarget> ReopenRequest::targets() const {
  const std::lock_guard lock(mutex_);
  std::vector<ReopenTarget> targets;
  for (const ReopenResult& result : results_) targets.push_back(result.target);
  return targets;
}

void ReopenRequest::Answer(const ActionPlace& place, ReopenAnswer answer,
                           std::optional<DeliveryRecord> record) {
  const std::lock_guard lock(mutex_);
  ReopenResult& result = results_[by_place_.at(place)];
  result.answer = answer;
  result.record = std::move(record);
  changed_.notify_all();
}

void ReopenRequest::Hear(const DeliveryRecord& record) {
  const std::lock_guard lock(mutex_);
  const auto found = by_place_.find(record.place);
  if (found == by_place_.end()) return;
  ReopenResult& result = results_[found->second];
  if (result.answer == ReopenAnswer::kNotAnswered) result.answer = ReopenAnswer::kReopened;
  if (result.answer != ReopenAnswer::kReopened) return;
  result.record = record;
  changed_.notify_all();
}

bool ReopenRequest::IsOver() const {
  const std::lock_guard lock(mutex_);
  return AllAnswered() && AllEnded();
}

bool ReopenRequest::AllAnswered() const {
  return std::ranges::none_of(results_, [](const ReopenResult& result) {
    return result.answer == ReopenAnswer::kNotAnswered;
  });
}

bool ReopenRequest::AllEnded() const {
  return std::ranges::all_of(results_, [](const ReopenResult& result) {
    return result.answer != ReopenAnswer::kReopened ||
           (result.record && IsFinal(result.record->state));
  });
}

}  // namespace sojourn::deliver
