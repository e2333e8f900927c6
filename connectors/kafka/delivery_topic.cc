#include "connectors/kafka/delivery_topic.h"

#include <fmt/format.h>

#include <charconv>

namespace sojourn::kafka {
namespace {

constexpr std::string_view kReplayFrom = "replay-from=";
constexpr std::string_view kCommit = " commit=";

}  // namespace

std::string OffsetText(Offset offset) { return std::to_string(offset.value()); }

std::optional<Offset> ParseOffset(std::string_view text) {
  int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [parsed, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || parsed != end || number < 0) return std::nullopt;
  return Offset(number);
}

std::string EncodeCommitNote(const CommitNote& note) {
  return fmt::format("{}{}{}{}", kReplayFrom, note.replay_from.value(), kCommit, note.commit);
}

std::optional<CommitNote> DecodeCommitNote(std::string_view text) {
  if (!text.starts_with(kReplayFrom)) return std::nullopt;
  text.remove_prefix(kReplayFrom.size());
  const size_t end = text.find(kCommit);
  if (end == std::string_view::npos) return std::nullopt;
  const std::optional<Offset> from = ParseOffset(text.substr(0, end));
  if (!from) return std::nullopt;
  return CommitNote{*from, std::string(text.substr(end + kCommit.size()))};
}

ReplayStarts::ReplayStarts(Offset cursor, Offset replay_from, Offset first_unknown)
    : pairs_{{cursor, replay_from}}, first_unknown_(first_unknown) {}

void ReplayStarts::NoteRead(Offset next_action, Offset next_record) {
  if (next_action < first_unknown_) return;
  first_unknown_ = next_action;
  // Close to each other where the cursor is, wider the farther away it is.
  constexpr int64_t kFineness = 32;
  const int64_t step = next_action.value() - pairs_.back().action.value();
  const int64_t distance = next_action.value() - pairs_.front().action.value();
  if (step <= distance / kFineness || next_record <= pairs_.back().record) return;
  pairs_.push_back({next_action, next_record});
  if (pairs_.size() <= kMaxPairs) return;
  // Every second one goes: a replay then begins somewhat earlier than it must.
  std::deque<Pair> kept;
  for (size_t i = 0; i < pairs_.size(); i += 2) kept.push_back(pairs_[i]);
  pairs_ = std::move(kept);
}

void ReplayStarts::NoteCursor(Offset cursor) {
  while (pairs_.size() > 1 && pairs_[1].action <= cursor) pairs_.pop_front();
}

Offset ReplayStarts::For(Offset cursor) const {
  Offset start(0);
  for (const Pair& pair : pairs_) {
    if (pair.action <= cursor) start = pair.record;
  }
  return start;
}

}  // namespace sojourn::kafka
