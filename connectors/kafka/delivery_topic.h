// What stands in a partition of `<app>.deliveries` (compacted; the newest record of a key counts):
//
//   key                        value
//   an action's offset, "17"   the encoded deliver::DeliveryRecord of that action
//   a reader's cursor_key,     the offset before which every action of that reader is final, "12";
//   "cursor"                   for a group whose offsets the broker has forgotten
//
// and what a reader's group commits beside each offset of `<app>.actions`, as its metadata:
//
//   replay-from=40 commit=5f0c...-12
//
// Threads: values and pure functions; ReplayStarts has one owner.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/strong.h"

namespace sojourn::kafka {

// "17"; nullopt for what is no offset.
std::string OffsetText(Offset offset);
std::optional<Offset> ParseOffset(std::string_view text);

struct CommitNote {
  Offset replay_from;  // records of actions at or behind the cursor stand from here on
  std::string commit;  // unlike that of every other commit
};

std::string EncodeCommitNote(const CommitNote& note);
// nullopt: somebody else wrote it, such as a tool that sets offsets.
std::optional<CommitNote> DecodeCommitNote(std::string_view text);

// From where a partition of the deliveries must be replayed for a given cursor: a few pairs of
// offsets, "no record of an action from A on stands before D".
class ReplayStarts {
 public:
  // As restored: holds for the cursor of then. Actions before `first_unknown` may have records
  // already.
  ReplayStarts(Offset cursor, Offset replay_from, Offset first_unknown);

  // Actions from `next_action` on were never read, and all records so far stand before
  // `next_record`.
  void NoteRead(Offset next_action, Offset next_record);
  // Forgets what only smaller cursors need.
  void NoteCursor(Offset cursor);
  // 0, the beginning, where nothing better is known.
  Offset For(Offset cursor) const;

  static constexpr size_t kMaxPairs = 256;

 private:
  struct Pair {
    Offset action;
    Offset record;
  };
  std::deque<Pair> pairs_;  // ascending, never empty
  Offset first_unknown_;
};

}  // namespace sojourn::kafka
