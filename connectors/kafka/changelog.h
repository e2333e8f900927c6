// What stands in a partition of `<app>.changelog` (compacted; the newest record of a key counts):
//
//   key                      value
//   the person's id          the person's encoded record; none: the person is gone
//   0xFF "meta"              the partition's encoded store::PartitionMeta, last of each transaction
//   0xFF "codes" number/pool codes of the pool that were given: store::CodeChunk of that number
//   0xFF "incarnation"       a random text, written first of all and never again: it tells a topic
//                            that was deleted and made anew from the old one
//
// No person's id begins with 0xFF, for ids are UTF-8.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sojourn::kafka {

inline constexpr std::string_view kMetaKey = "\xFFmeta";
inline constexpr std::string_view kIncarnationKey = "\xFFincarnation";

std::string NewIncarnation();

std::string CodesKey(std::string_view pool, uint32_t chunk);
// nullopt: a key of something else.
struct CodesKeyParts {
  std::string_view pool;
  uint32_t chunk = 0;
};
std::optional<CodesKeyParts> ParseCodesKey(std::string_view key);

}  // namespace sojourn::kafka
