#include "engine/cli/dead_letters.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>

#include "connectors/embedded/rows.h"
#include "engine/base/json_text.h"
#include "engine/base/rfc3339.h"

namespace sojourn::cli {
namespace {

constexpr std::string_view kIdPrefix = "dead-letters/";
constexpr Offset kBehindAll{INT64_MAX};
constexpr size_t kLettersPerRead = 16;  // of up to 2 MiB each, from every partition

}  // namespace

std::string EncodeLetters(std::span<const runtime::DeadLetter> letters) {
  std::string bytes;
  for (const runtime::DeadLetter& letter : letters) {
    const std::string row = embedded::EncodeDeadLetter(letter);
    const auto size = static_cast<uint32_t>(row.size());
    bytes.append(reinterpret_cast<const char*>(&size), sizeof(size));
    bytes.append(row);
  }
  return bytes;
}

Result<std::vector<runtime::DeadLetter>> DecodeLetters(std::string_view bytes) {
  std::vector<runtime::DeadLetter> letters;
  while (!bytes.empty()) {
    uint32_t size = 0;
    if (bytes.size() < sizeof(size)) return DataLoss("dead letters are cut short");
    std::memcpy(&size, bytes.data(), sizeof(size));
    bytes.remove_prefix(sizeof(size));
    if (bytes.size() < size) return DataLoss("dead letters are cut short");
    SOJOURN_ASSIGN_OR_RETURN(runtime::DeadLetter letter,
                             embedded::DecodeDeadLetter(bytes.substr(0, size)));
    letters.push_back(std::move(letter));
    bytes.remove_prefix(size);
  }
  return letters;
}

std::string FormatLetterId(const LetterPlace& place) {
  return fmt::format("{}{}/{}", kIdPrefix, place.partition.value(), place.offset.value());
}

std::optional<LetterPlace> ParseLetterId(std::string_view id) {
  if (!id.starts_with(kIdPrefix)) return std::nullopt;
  id.remove_prefix(kIdPrefix.size());
  int32_t partition = 0;
  int64_t offset = 0;
  const char* const end = id.data() + id.size();
  const auto first = std::from_chars(id.data(), end, partition);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != '/') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, offset);
  if (second.ec != std::errc() || second.ptr != end || partition < 0 || offset < 0) {
    return std::nullopt;
  }
  return LetterPlace{Partition(partition), Offset(offset)};
}

// Where the partitions begin; which there are, the log says with nothing read.
Status LetterReader::Begin() {
  if (begun_) return Status::Ok();
  LetterCursors cursors;
  SOJOURN_RETURN_IF_ERROR(backend_->ReadDeadLetters(&cursors, 0).status());
  lanes_.resize(cursors.size());
  begun_ = true;
  return Status::Ok();
}

// Of one partition alone: the others' cursors stand behind their ends.
Result<std::vector<runtime::DeadLetter>> LetterReader::Read(size_t lane, size_t max_count) {
  LetterCursors cursors(lanes_.size(), kBehindAll);
  cursors[lane] = lanes_[lane].next;
  SOJOURN_ASSIGN_OR_RETURN(auto letters, backend_->ReadDeadLetters(&cursors, max_count));
  lanes_[lane].next = cursors[lane];
  return letters;
}

Status LetterReader::Fill(size_t lane) {
  if (lanes_[lane].at_end || !lanes_[lane].letters.empty()) return Status::Ok();
  SOJOURN_ASSIGN_OR_RETURN(auto letters, Read(lane, kLettersPerRead));
  lanes_[lane].at_end = letters.empty();
  for (runtime::DeadLetter& letter : letters) lanes_[lane].letters.push_back(std::move(letter));
  return Status::Ok();
}

Result<std::optional<PlacedLetter>> LetterReader::Next() {
  SOJOURN_RETURN_IF_ERROR(Begin());
  std::optional<size_t> oldest;
  for (size_t i = 0; i < lanes_.size(); ++i) {
    SOJOURN_RETURN_IF_ERROR(Fill(i));
    if (lanes_[i].letters.empty()) continue;
    const Timestamp time = lanes_[i].letters.front().log_time;
    if (!oldest || time < lanes_[*oldest].letters.front().log_time) oldest = i;
  }
  if (!oldest) return std::optional<PlacedLetter>();
  Lane& lane = lanes_[*oldest];
  // Offsets have no holes.
  const auto behind = static_cast<int64_t>(lane.letters.size());
  PlacedLetter placed{
      {Partition(static_cast<int32_t>(*oldest)), Offset(lane.next.value() - behind)},
      std::move(lane.letters.front())};
  lane.letters.pop_front();
  return std::optional<PlacedLetter>(std::move(placed));
}

Result<PlacedLetter> LetterReader::ReadOne(const LetterPlace& place) {
  SOJOURN_RETURN_IF_ERROR(Begin());
  const auto lane = static_cast<size_t>(place.partition.value());
  if (lane < lanes_.size()) {
    lanes_[lane].next = place.offset;
    SOJOURN_ASSIGN_OR_RETURN(auto letters, Read(lane, 1));
    if (!letters.empty()) return PlacedLetter{place, std::move(letters.front())};
  }
  return NotFound(fmt::format("there is no letter {}; sojourn dead-letters list names all",
                              FormatLetterId(place)));
}

std::string LetterToJson(const PlacedLetter& placed) {
  const runtime::DeadLetter& letter = placed.letter;
  const nlohmann::ordered_json json = {{"kind", "event"},
                                       {"id", FormatLetterId(placed.place)},
                                       {"time", FormatRfc3339(letter.log_time)},
                                       {"reason", runtime::DeadLetterReasonName(letter.reason)},
                                       {"message", letter.message},
                                       {"topic", letter.topic},
                                       {"partition", letter.partition.value()},
                                       {"offset", letter.offset.value()},
                                       {"key", letter.key},
                                       {"value", letter.value}};
  return DumpJson(json);
}

}  // namespace sojourn::cli
