// Dead letters between commands and the process that owns a data directory, and for people.
//
// Threads: any. Errors: kDataLoss for bytes that are no letters.
#pragma once

#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/cli/backend.h"
#include "engine/runtime/ports.h"

namespace sojourn::cli {

std::string EncodeLetters(std::span<const runtime::DeadLetter> letters);
Result<std::vector<runtime::DeadLetter>> DecodeLetters(std::string_view bytes);

// Where a letter stands in the log's own letters: the last partition has those of the intake.
struct LetterPlace {
  Partition partition;
  Offset offset;
};

struct PlacedLetter {
  LetterPlace place;
  runtime::DeadLetter letter;
};

// "dead-letters/4/17"; nullopt for what is none.
std::string FormatLetterId(const LetterPlace& place);
std::optional<LetterPlace> ParseLetterId(std::string_view id);

// One JSON object; bytes that are no UTF-8 are replaced.
std::string LetterToJson(const PlacedLetter& letter);

// All letters of a log, the oldest first; a few of each partition are in memory. `backend` outlives
// it.
class LetterReader {
 public:
  explicit LetterReader(Backend* backend) : backend_(backend) {}

  // nullopt: that was the last. Errors: as Backend::ReadDeadLetters.
  Result<std::optional<PlacedLetter>> Next();
  // kNotFound where there is none.
  Result<PlacedLetter> ReadOne(const LetterPlace& place);

 private:
  struct Lane {
    Offset next;
    std::deque<runtime::DeadLetter> letters;  // those before `next`
    bool at_end = false;
  };

  Status Begin();
  Result<std::vector<runtime::DeadLetter>> Read(size_t lane, size_t max_count);
  Status Fill(size_t lane);

  Backend* const backend_;
  bool begun_ = false;
  std::vector<Lane> lanes_;  // by partition
};

}  // namespace sojourn::cli
