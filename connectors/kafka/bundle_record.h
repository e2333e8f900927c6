// Rules bundles as records of `<app>.rules`.
//
//   key     NUMBER "/" PART         10 decimal digits each, PART from 0
//   value   part count (u32), then a piece of the bundle
//   bundle  { name length (u32), name, content length (u32), content }, by name; large files cut
//           (engine/store/bundle_pieces.h)
//
//   key     "piece/" SHA-256        in hexadecimal
//   value   that piece of a large file; bundles share them
//
// Numbers are little-endian. Threads: pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/status.h"
#include "engine/runtime/ports.h"

namespace sojourn::kafka {

// Of a bundle without its pieces of large files.
inline constexpr size_t kBundlePieceBytes = 512 * 1024;

// The key of a piece; the first of a bundle has part 0.
std::string BundleRecordKey(uint32_t number, size_t part);

// Whether the key is that of a piece of a file: the same whatever bundle it was written with.
bool IsPieceKey(std::string_view key);

// Keys and values, in order: pieces of files, then the bundle.
std::vector<std::pair<std::string, std::string>> EncodeBundle(
    uint32_t number, const std::map<std::string, std::string>& files);

// Takes records in any order and any bytes. kDataLoss: a bundle is not whole or not readable.
Result<std::vector<runtime::StoredBundle>> DecodeBundles(
    const std::map<std::string, std::string>& records);

}  // namespace sojourn::kafka
